from collections import defaultdict
from dataclasses import dataclass

import pytest

from evals.pairs import Kind, Pair, make_pairs

TEXTS = {
    "refunds": "A refund to a Visa card arrives within 7 business days after Larkstay sends it.",
    "parking": "Guests may park 2 cars in front of the home. The garage in Lisbon is closed.",
    "pool": "The pool in Oslo opens at 9 in the morning. Children may not swim alone.",
    "pets": "Every animal needs the host's written permission before the booking is confirmed.",
}


@dataclass(frozen=True)
class Case:
    id: str
    relevant: tuple[str, ...]
    reference: str


CASES = (
    Case(
        "refund",
        ("refunds",),
        "A refund to a Visa card arrives within 7 business days. I hope this helps!",
    ),
    Case("cars", ("parking",), "In front of the home, guests may park 2 cars in Lisbon."),
    Case("swim", ("pool",), "In Oslo the pool opens at 9 in the morning. Is that early?"),
    Case("pets", ("pets",), "Every animal needs written permission before the booking."),
    Case("unanswerable", (), "I do not have that information."),
)


def by_kind(pairs: list[Pair]) -> dict[Kind, list[Pair]]:
    kinds = defaultdict(list)
    for pair in pairs:
        kinds[pair.kind].append(pair)
    return kinds


def test_the_same_seed_makes_the_same_pairs_and_ids_are_unique() -> None:
    pairs = make_pairs(CASES, TEXTS, 1)
    assert pairs == make_pairs(CASES, TEXTS, 1)
    assert len({pair.id for pair in pairs}) == len(pairs)


def test_a_reference_s_statements_are_supported_and_its_courtesies_are_no_pairs() -> None:
    supported = [pair for pair in make_pairs(CASES, TEXTS, 1) if pair.supported]
    assert [pair.case_id for pair in supported] == ["refund", "cars", "swim", "pets"]
    assert not any("hope" in pair.sentence or "?" in pair.sentence for pair in supported)
    assert supported[0].articles == ("refunds",)


@pytest.mark.parametrize("seed", range(5))
def test_every_other_pair_differs_in_what_its_kind_says(seed: int) -> None:
    pairs = make_pairs(CASES, TEXTS, seed)
    references = {pair.case_id: pair for pair in pairs if pair.supported}
    for pair in (pair for pair in pairs if not pair.supported):
        reference = references[pair.case_id]
        elsewhere = pair.kind in {Kind.NEAR_PASSAGES, Kind.RANDOM_PASSAGES}
        assert (pair.articles != reference.articles) is elsewhere
        assert (pair.sentence == reference.sentence) is elsewhere


def test_changed_numbers_are_numbers_that_the_articles_do_not_hold() -> None:
    changed = by_kind(make_pairs(CASES, TEXTS, 3))[Kind.CHANGED_NUMBER]
    assert {pair.case_id for pair in changed} == {"refund", "cars", "swim"}
    assert not any(" 7 " in pair.sentence for pair in changed if pair.case_id == "refund")


def test_conditions_are_added_to_a_sentence_that_had_none() -> None:
    added = by_kind(make_pairs(CASES, TEXTS, 3))[Kind.MADE_UP_CONDITION]
    assert {pair.case_id for pair in added} == {"refund", "cars", "swim", "pets"}
    pairs = {pair.case_id: pair for pair in make_pairs(CASES, TEXTS, 3) if pair.supported}
    assert all(len(pair.sentence) > len(pairs[pair.case_id].sentence) for pair in added)


def test_a_case_without_relevant_articles_makes_no_pairs() -> None:
    assert "unanswerable" not in {pair.case_id for pair in make_pairs(CASES, TEXTS, 1)}
