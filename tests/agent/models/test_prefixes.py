import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agent.models.prefixes import Kept, Prefixes, Text

BYTES_PER_TOKEN = 10
LOGITS = np.zeros(1, np.float32)


def make(*tokens: int, audience: str = "public") -> Kept:
    state = np.zeros(BYTES_PER_TOKEN * len(tokens), np.uint8)
    return Kept(audience, np.asarray(tokens, np.int32), state, LOGITS)


def test_the_longest_shared_beginning_is_found() -> None:
    prefixes = Prefixes(10_000)
    for kept in (make(1, 2, 3), make(1, 2, 9, 9), make(5, 6)):
        prefixes.keep(kept)
    found = prefixes.find("public", [1, 2, 9, 4])
    assert found is not None
    assert (found.shared, found.whole) == (3, False)
    whole = prefixes.find("public", [5, 6, 7])
    assert whole is not None
    assert whole.whole
    assert prefixes.find("public", [7, 1, 2]) is None


def test_nothing_is_shared_between_audiences() -> None:
    prefixes = Prefixes(10_000)
    prefixes.keep(make(1, 2, 3, audience="staff"))
    assert prefixes.find("public", [1, 2, 3]) is None
    prefixes.keep(make(1, 2, 3, 4))
    assert prefixes.find("staff", [1, 2, 3]) is not None
    assert len(prefixes) == 2


def test_what_another_prompt_begins_with_is_kept_once() -> None:
    prefixes = Prefixes(10_000)
    prefixes.keep(make(1, 2))
    prefixes.keep(make(1, 2, 3))
    assert len(prefixes) == 1


def test_what_is_asked_for_often_outlives_what_is_not() -> None:
    size = make(1, 2, 3).size
    prefixes = Prefixes(3 * size)
    for first in (10, 20, 30):
        prefixes.keep(make(first, 2, 3))
    for _ in range(3):
        assert prefixes.find("public", [10, 2, 3])
    for first in (40, 50, 60):
        prefixes.keep(make(first, 2, 3))
    assert prefixes.find("public", [10, 2, 3])
    assert not prefixes.find("public", [20, 2, 3])


def test_old_fame_fades() -> None:
    prefixes = Prefixes(2 * make(1, 2, 3).size)
    prefixes.keep(make(1, 2, 3))
    for _ in range(4):
        prefixes.find("public", [1, 2, 3])
    for first in range(10, 60):
        prefixes.keep(make(first, 2, 3))
    assert not prefixes.find("public", [1, 2, 3])


def test_what_is_larger_than_the_budget_is_not_kept() -> None:
    prefixes = Prefixes(5)
    prefixes.keep(make(1, 2, 3))
    assert len(prefixes) == prefixes.size == 0


def test_what_is_of_no_use_is_forgotten_once() -> None:
    prefixes, kept = Prefixes(10_000), make(1, 2, 3)
    prefixes.keep(kept)
    prefixes.forget(kept)
    prefixes.forget(kept)
    assert prefixes.size == 0


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=9), max_size=40))
def test_the_budget_holds_whatever_comes(prompts: list[list[int]]) -> None:
    prefixes = Prefixes(300)
    for tokens in prompts:
        found = prefixes.find("public", tokens)
        assert found is None or list(found.kept.tokens[: found.shared]) == tokens[: found.shared]
        prefixes.keep(make(*tokens))
        assert 0 <= prefixes.size <= 300


def test_a_whole_prompt_is_looked_up_with_the_text_that_it_led_to() -> None:
    prefixes = Prefixes(10_000)
    prefixes.keep(make(1, 2, 3))
    prefixes.note("public", [1, 2, 3], Text((7, 8), ended=False))
    prefixes.note("public", [1, 2, 3], Text((7,), ended=False))
    prefixes.note("public", [9], Text((7,), ended=True))
    kept = prefixes.look_up("public", [1, 2, 3])
    assert kept is not None
    assert kept.text == Text((7, 8), ended=False)
    assert prefixes.look_up("public", [1, 2]) is None
    assert prefixes.look_up("staff", [1, 2, 3]) is None


def test_a_text_reaches_as_far_as_it_was_written_or_everywhere_if_it_ended() -> None:
    assert Text((7, 8), ended=False).reaches(2)
    assert not Text((7, 8), ended=False).reaches(3)
    assert Text((7, 8), ended=True).reaches(3)
