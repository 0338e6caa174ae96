import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.verification.quantities import Bound, Quantity, read_quantities, read_ranges


def read(text: str) -> list[tuple[float, str, Bound]]:
    return [(q.value, q.unit, q.bound) for q in read_quantities(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 days", [(5, "day", Bound.EXACT)]),
        ("five days", [(5, "day", Bound.EXACT)]),
        ("$1,500", [(1500, "dollar", Bound.EXACT)]),
        ("4.50 euros", [(4.5, "euro", Bound.EXACT)]),
        ("12%", [(12, "percent", Bound.EXACT)]),
        ("12 percent", [(12, "percent", Bound.EXACT)]),
        ("half of the price", [(50, "percent", Bound.EXACT)]),
        ("at least 48 hours", [(48, "hour", Bound.LOWER)]),
        ("5 or more days", [(5, "day", Bound.LOWER)]),
        ("5 days or more", [(5, "day", Bound.LOWER)]),
        ("28 nights or longer", [(28, "night", Bound.LOWER)]),
        ("up to 4 guests", [(4, "guest", Bound.UPPER)]),
        ("up to $500", [(500, "dollar", Bound.UPPER)]),
        ("no more than 48 hours", [(48, "hour", Bound.UPPER)]),
        ("not more than 48 hours", [(48, "hour", Bound.UPPER)]),
        ("more than 48 hours", [(48, "hour", Bound.LOWER)]),
        ("no later than 24 hours", [(24, "hour", Bound.UPPER)]),
        ("less than 7 days", [(7, "day", Bound.UPPER)]),
        ("within 12 hours", [(12, "hour", Bound.UPPER)]),
        ("a maximum of 3 photos", [(3, "photo", Bound.UPPER)]),
        ("a 24-hour deadline", [(24, "hour", Bound.EXACT)]),
        ("3pm", [(3, "pm", Bound.EXACT)]),
        ("3 p.m.", [(3, "pm", Bound.EXACT)]),
        ("one of the ways", []),
        ("no number here", []),
    ],
)
def test_numbers_are_read_with_unit_and_bound(
    text: str, expected: list[tuple[float, str, Bound]]
) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text", ["5 to 7 business days", "5–7 business days", "5-7 business days", "5 — 7 working days"]
)
def test_both_ends_of_a_range_have_its_unit(text: str) -> None:
    quantities = read_quantities(text)
    assert [(q.value, q.unit) for q in quantities] == [(5, "day"), (7, "day")]
    assert all(q.working_days for q in quantities)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 8:00 to 22:00", {("8:00", "22:00")}),
        ("8:00–22:00", {("8:00", "22:00")}),
        ("at 8:00 and at 22:00", set()),
    ],
)
def test_ranges_are_read_as_written(text: str, expected: set[tuple[str, str]]) -> None:
    assert read_ranges(text) == expected


@pytest.mark.parametrize(
    ("said", "stated"),
    [
        ("5 days", "5 days"),
        ("five days", "5 days"),
        ("5 days", "within 5 days"),
        ("5", "5 days"),
        ("at least 5 days", "5 days or more"),
        ("50%", "half of it"),
        ("$1500", "$1,500"),
        ("5 working days", "5 business days"),
        ("5 days before check-in", "5 days before check-in"),
        ("24 h", "24 hours"),
    ],
)
def test_a_quantity_agrees_with_one_that_says_the_same(said: str, stated: str) -> None:
    assert read_quantities(said)[0].agrees_with(read_quantities(stated)[0])


@pytest.mark.parametrize(
    ("said", "stated"),
    [
        ("5 days", "6 days"),
        ("5 days", "5 hours"),
        ("$5", "€5"),
        ("5%", "$5"),
        ("5 days", "5 business days"),
        ("5 business days", "5 days"),
        ("at least 5 days", "up to 5 days"),
        ("up to 5 days", "at least 5 days"),
        ("up to 5 days", "5 days"),
        ("more than 5 days", "5 days"),
        ("5 days", "at least 5 days"),
        ("5 days after check-in", "5 days before check-in"),
    ],
)
def test_a_quantity_does_not_agree_with_one_that_says_something_else(
    said: str, stated: str
) -> None:
    assert not read_quantities(said)[0].agrees_with(read_quantities(stated)[0])


@given(st.floats(0, 1e6), st.sampled_from(["day", "dollar", ""]), st.sampled_from(Bound))
def test_every_quantity_agrees_with_itself(value: float, unit: str, bound: Bound) -> None:
    quantity = Quantity(value, unit, bound)
    assert quantity.agrees_with(quantity)


@given(st.integers(0, 999_999), st.sampled_from(["days", "hours", "guests", "kg"]))
def test_any_number_with_its_unit_is_read(number: int, unit: str) -> None:
    for written in (f"{number} {unit}", f"{number:,} {unit}"):
        assert [q.value for q in read_quantities(f"It is {written} in all.")] == [number]


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    read_quantities(text)
    read_ranges(text)
