import pytest

from agent.verification.polarity import find_reversals, read_polarity, split_clauses
from agent.verification.words import stem


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("Pets are allowed.", "Pets are not allowed."),
        ("Pets are not allowed.", "Pets are allowed."),
        ("Pets aren't allowed.", "Pets are allowed."),
        ("Guests can smoke inside.", "Guests can't smoke inside."),
        ("Guests can smoke inside.", "Guests cannot smoke inside."),
        ("The fee is refunded.", "The fee is never refunded."),
        ("Parties are welcome.", "Parties are never welcome."),
        ("Cameras indoors are permitted.", "Cameras indoors are prohibited, not permitted."),
        ("You pay a fee.", "You pay no fee."),
    ],
)
def test_a_denial_turned_round_is_found(claim: str, source: str) -> None:
    assert find_reversals(claim, source)


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("Pets are not allowed.", "Pets are not allowed."),
        ("Pets aren't allowed.", "Pets are not allowed."),
        ("Guests can't smoke inside.", "Guests cannot smoke inside."),
        ("It is sent no later than 24 hours.", "It is sent within 24 hours."),
        ("Not only hosts may write reviews.", "Hosts may write reviews."),
        ("The fee is refunded.", "If you do not cancel late, the fee is refunded."),
    ],
)
def test_what_agrees_is_not_taken_for_a_reversal(claim: str, source: str) -> None:
    assert not find_reversals(claim, source)


def test_a_negator_does_not_reach_beyond_its_clause() -> None:
    ways = read_polarity("Pets are not allowed, but children are welcome.")
    assert ways[stem("allowed")] == {True}
    assert False in ways[stem("welcome")]


def test_the_context_counts_where_the_source_is_silent() -> None:
    assert find_reversals("Cameras are allowed.", "Cameras in bedrooms.", "What is not allowed")
    assert not find_reversals("Cameras are allowed.", "Cameras are allowed.", "What is not allowed")


def test_clauses_end_at_punctuation_and_conjunctions() -> None:
    assert split_clauses("It is free, but not for hosts (ever)") == [
        "It is free",
        "not for hosts",
        "ever",
    ]
