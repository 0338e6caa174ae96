from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.verification.sentences import SentenceStream, read_citations, split_sentences


def stream(pieces: list[str]) -> list[str]:
    sentences = SentenceStream()
    let_out = [sentence for piece in pieces for sentence in sentences.feed(piece)]
    return [*let_out, *sentences.finish()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \n ", []),
        ("One sentence.", ["One sentence."]),
        ("First one. Second one.", ["First one.", "Second one."]),
        ("First one [1]. Second one [2].", ["First one [1].", "Second one [2]."]),
        ("First one. [1] Second one. [2]", ["First one. [1]", "Second one. [2]"]),
        (
            "It costs $4.50 a day. It is due at once.",
            ["It costs $4.50 a day.", "It is due at once."],
        ),
        ("Bring e.g. a passport. Or a card.", ["Bring e.g. a passport.", "Or a card."]),
        ("A line\nAnother line", ["A line", "Another line"]),
    ],
)
def test_text_is_split_into_sentences_with_their_marks(text: str, expected: list[str]) -> None:
    assert split_sentences(text) == expected


@pytest.mark.parametrize(
    ("sentence", "plain", "numbers"),
    [
        ("Yes [1].", "Yes.", (1,)),
        ("Yes [1, 3].", "Yes.", (1, 3)),
        ("Yes [2][1][2].", "Yes.", (2, 1)),
        ("- A list item [1]", "A list item", (1,)),
        ("1. A numbered item [2]", "A numbered item", (2,)),
        ("No mark at all.", "No mark at all.", ()),
        ("A year [2024] is no mark.", "A year [2024] is no mark.", ()),
    ],
)
def test_citation_marks_are_taken_out(sentence: str, plain: str, numbers: tuple[int, ...]) -> None:
    assert read_citations(sentence) == (plain, numbers)


SENTENCES = st.sampled_from(
    [
        "Refunds arrive in 5 to 7 business days [1].",
        "The fee is $4.50 a night [2].",
        "Larkstay sends it within 24 hours. [1]",
        "Hosts are paid after check-in [1, 2].",
        "Is it refunded?",
        "Write to help@larkstay.example [3].",
        "Ask Dr. Smith or the host!",
        "NO ANSWER",
        "Check-in is from 15:00 [1].",
    ]
)


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text of some sentences, and the same text in pieces of any size."""
    parts = draw(st.lists(SENTENCES, min_size=1, max_size=5))
    text = draw(st.sampled_from([" ", "\n", "\n\n"])).join(parts)
    cuts = draw(st.sets(st.integers(0, len(text)), max_size=len(text)))
    return text, [text[start:end] for start, end in pairwise([0, *sorted(cuts), len(text)])]


@given(cut_texts())
def test_a_stream_in_pieces_of_any_size_gives_the_sentences_of_the_whole(
    cut: tuple[str, list[str]],
) -> None:
    text, pieces = cut
    assert stream(pieces) == split_sentences(text)


def test_a_sentence_is_let_out_as_soon_as_the_next_has_begun() -> None:
    sentences = SentenceStream()
    assert list(sentences.feed("First one [1].")) == []
    assert list(sentences.feed(" Second")) == ["First one [1]."]
    assert list(sentences.finish()) == ["Second"]


def test_finishing_twice_yields_nothing_more() -> None:
    sentences = SentenceStream()
    list(sentences.feed("Only one."))
    assert list(sentences.finish()) == ["Only one."]
    assert list(sentences.finish()) == []
