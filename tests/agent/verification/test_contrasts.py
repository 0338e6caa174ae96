import pytest

from agent.verification.contrasts import (
    find_dropped_condition,
    find_role_swaps,
    find_strengthening,
    find_swaps,
    makes_promise,
)
from agent.verification.words import content_stems, read_words


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("after check-in", "before check-in"),
        ("the host pays the fee", "the guest pays the fee"),
        ("taxes are included", "taxes are excluded"),
        ("the minimum is 5", "the maximum is 5"),
        ("a partial refund", "a full refund"),
        ("international transfers", "domestic transfers"),
        ("it is paid monthly", "it is paid weekly"),
        ("the first night", "the last night"),
    ],
)
def test_a_word_swapped_for_its_opposite_is_found(claim: str, source: str) -> None:
    assert find_swaps(read_words(claim), read_words(source))
    assert not find_swaps(read_words(source), read_words(source))


def test_roles_that_changed_places_are_found() -> None:
    claim, source = "Guests pay hosts after the stay.", "Hosts pay guests after the stay."
    assert find_role_swaps(read_words(claim), read_words(source))
    assert not find_role_swaps(read_words(source), read_words(source))


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("Any guest can cancel.", "A guest can cancel."),
        ("The fee is always refunded.", "The fee is refunded."),
        ("A refund is guaranteed.", "A refund is possible."),
        ("The money comes immediately.", "The money comes."),
        ("Cancelling is free.", "Cancelling is possible."),
        ("You get a full refund.", "You get a refund."),
        ("You must send a photo.", "You can send a photo."),
        ("Only hosts may see it.", "Hosts may see it."),
        ("The account is closed permanently.", "The account is closed."),
    ],
)
def test_a_claim_stronger_than_its_source_is_found(claim: str, source: str) -> None:
    assert find_strengthening(read_words(claim), read_words(source))
    assert not find_strengthening(read_words(source), read_words(claim))


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("You get a refund.", "You get a refund if the home is dirty."),
        ("You get a refund.", "You get a refund only when the host agrees."),
        ("You get a refund.", "You get a refund unless the booking is strict."),
        ("The deposit is returned.", "The deposit is returned as long as nothing is broken."),
        ("The fee is refunded.", "The fee is refunded, except for instalments."),
    ],
)
def test_a_condition_left_out_is_found(claim: str, source: str) -> None:
    assert find_dropped_condition(claim, source, frozenset())
    assert not find_dropped_condition(source, source, frozenset())


def test_a_condition_that_the_customer_meets_may_go() -> None:
    known = content_stems(read_words("What if the home is dirty?"))
    assert not find_dropped_condition(
        "You get a refund.", "You get a refund if the home is dirty.", known
    )


def test_even_if_is_no_condition() -> None:
    source = "The policy stays with your booking even if the host changes it."
    assert not find_dropped_condition("The policy stays with your booking.", source, frozenset())


@pytest.mark.parametrize(
    "claim",
    [
        "I have refunded your booking.",
        "I'll send you a voucher.",
        "We have cancelled your stay.",
        "We refunded the fee.",
        "Your refund has been approved.",
        "It is done, as you requested.",
    ],
)
def test_a_promise_to_this_customer_is_found(claim: str) -> None:
    assert makes_promise(claim)


@pytest.mark.parametrize(
    "claim",
    [
        "We refund the fee within 24 hours.",
        "Your bank can find the refund.",
        "A refund is sent within 24 hours.",
    ],
)
def test_what_is_done_for_everybody_is_no_promise(claim: str) -> None:
    assert not makes_promise(claim)
