"""A file that is sent to be triaged: what is said about it, and whether it holds tickets."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.triage.errors import TriageError
from agent.triage.exports import ID, TEXT, Columns, recognise
from agent.triage.reading import open_source
from api.tickets.refusals import FileRefused

UTF8 = "utf-8-sig"
# What heads a table may be the whole of a file that is none.
LONGEST_WHY = 1_000


@dataclass(frozen=True, slots=True)
class Options:
    """What is said about a file: its columns by what they hold (id, text), and its encoding.

    `threshold`, from 0 to 1, is the least confidence to decide; None takes what was learnt.
    """

    mapping: dict[str, str] = field(default_factory=dict)
    encoding: str = UTF8
    threshold: float | None = None


PLAIN = Options()


def read_options(pairs: Sequence[str], encoding: str, threshold: float | None) -> Options:
    """Return what is said about a file, its columns as WHAT=COLUMN; raises FileRefused."""
    mapping = dict(_split(pair) for pair in pairs)
    try:
        "a".encode(encoding)
    except (LookupError, ValueError) as error:
        raise FileRefused(
            "encoding: there is no such encoding of text; it should be a name such as utf-8, "
            "cp1252 or utf-16."
        ) from error
    return Options(mapping, encoding, threshold)


def _split(pair: str) -> tuple[str, str]:
    what, _, column = pair.partition("=")
    if what not in {ID, TEXT} or not column.strip():
        raise FileRefused(
            "map: it should be id=COLUMN or text=COLUMN; several columns of text with commas, "
            "text=subject,body."
        )
    return what, column


def survey(path: Path, name: str, options: Options) -> Columns:
    """Return the columns of a file that its sender calls `name`; raises FileRefused."""
    try:
        with open_source(path, encoding=options.encoding) as source:
            return recognise(source.header, options.mapping)
    except TriageError as error:
        raise FileRefused(retell(error, path, name)) from error


def count_rows(path: Path, encoding: str) -> int:
    """Return how many rows a file has; raises TriageError where it is damaged or cut off."""
    with open_source(path, encoding=encoding) as source:
        return sum(1 for _ in source.rows)


def retell(error: Exception, path: Path, name: str) -> str:
    """Return what is wrong with a file in its sender's words: not ours for it, nor a command's."""
    told = str(error).replace(str(path), name)
    for ours, theirs in (("--map ", "map="), ("--encoding", "encoding")):
        told = told.replace(ours, theirs)
    return told if len(told) <= LONGEST_WHY else told[: LONGEST_WHY - 1] + "…"
