from hypothesis import given
from hypothesis import strategies as st

from agent.models.emission import Emission


def emit(text: str, sizes: list[int], *stops: str) -> str:
    emission = Emission(stops)
    shown = ""
    while text and not emission.stopped:
        size = sizes[0] if sizes else 1
        sizes = sizes[1:]
        piece, text = text[:size], text[size:]
        shown += emission.push(piece)
    return shown + emission.finish()


SIZES = st.lists(st.integers(1, 5))


@given(st.text(alphabet="ab<>/"), SIZES)
def test_text_without_markers_is_shown_whole(text: str, sizes: list[int]) -> None:
    assert emit(text, sizes, "xyz") == text


@given(st.text(alphabet="ab\n"), SIZES)
def test_text_ends_before_the_first_stop_however_it_is_cut(text: str, sizes: list[int]) -> None:
    assert emit(text, sizes, "\nb") == text.split("\nb", maxsplit=1)[0]


@given(SIZES)
def test_thoughts_are_left_out_however_they_are_cut(sizes: list[int]) -> None:
    assert emit("<think>\nHm. Stop?\n</think>\n\nYes.", sizes, "Stop") == "Yes."


@given(SIZES)
def test_an_unfinished_thought_is_never_shown(sizes: list[int]) -> None:
    assert emit("Well <think>they want", sizes) == "Well "


def test_a_marker_that_does_not_come_about_is_shown_at_the_end() -> None:
    assert emit("a <thin", []) == "a <thin"
