import pytest

from agent.relevance import gives_what_is_asked, speaks_of_what_is_named
from tests.agent.scenes import make_passage


@pytest.mark.parametrize(
    ("question", "answer", "gives"),
    [
        ("How long does a wire transfer take?", "A wire costs $10.", False),
        ("How long does a wire transfer take?", "A wire arrives within 3 days.", True),
        ("When are hosts paid?", "The payout is sent 24 hours after check-in.", True),
        ("When are hosts paid?", "The name on the account must be the host's own.", False),
        ("What is the host fee?", "The host fee depends on the policy.", False),
        ("What is the host fee?", "The host fee is 4%.", True),
        ("How much is the deposit?", "The deposit is free.", True),
        ("Can I bring a friend?", "Each listing has a largest number of guests.", True),
    ],
)
def test_a_time_or_an_amount_is_given_where_it_is_asked_for(
    question: str, answer: str, *, gives: bool
) -> None:
    assert gives_what_is_asked(question, answer) is gives


SILVER = make_passage("The silver account of Larkstay Bank pays 2% a year in Spain.")


@pytest.mark.parametrize(
    ("question", "speaks"),
    [
        ("What does the Silver account pay?", True),
        ("What does the Bronze account pay?", False),
        ("What does the account pay in Spain?", True),
        ("I think I'm owed something by the Silver account?", True),
        ("Interest Rates For Beginners", True),
    ],
)
def test_a_passage_speaks_of_what_is_named(question: str, *, speaks: bool) -> None:
    assert speaks_of_what_is_named(question, SILVER) is speaks


def test_one_name_in_three_may_be_missing_where_it_is_allowed() -> None:
    question = "does the Silver account of Larkstay pay in Italy"
    assert not speaks_of_what_is_named(question, SILVER)
    assert speaks_of_what_is_named(question, SILVER, most_missing=1 / 3)
    assert not speaks_of_what_is_named("does Bronze pay in Spain", SILVER, most_missing=1 / 3)


def test_the_company_need_not_be_named() -> None:
    assert speaks_of_what_is_named("is Acme's account Silver", SILVER, frozenset({"acm"}))
