import pytest

from agent.relevance import gives_what_is_asked


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
