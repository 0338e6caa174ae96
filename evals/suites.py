"""Suites: articles, and conversations that end with a question about them."""

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agent.state import Message
from evals.errors import SuiteError
from knowledge_base.articles import Article
from knowledge_base.readers import read_articles

CASES = "cases.jsonl"
ARTICLES = "articles.jsonl"
SAMPLING_SEED = 20261123


class Case(BaseModel):
    """A question with its history, and what people say should come of it.

    `relevant` are the ids of the articles that hold the answer, `reference` is a person's answer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    history: tuple[Message, ...] = ()
    question: str
    expect: Literal["answer", "clarify", "abstain"]
    relevant: tuple[str, ...] = ()
    reference: str = ""


@dataclass(frozen=True)
class Suite:
    """Articles and cases, and the hash of the files that they were read from."""

    name: str
    articles: tuple[Article, ...]
    cases: tuple[Case, ...]
    sha256: str

    def sample(self, limit: int | None, cases: Sequence[Case] | None = None) -> list[Case]:
        """Return the cases, or as many of them as `limit` after a shuffle that never changes."""
        drawn = list(self.cases if cases is None else cases)
        if limit is None or limit >= len(drawn):
            return drawn
        random.Random(SAMPLING_SEED).shuffle(drawn)  # noqa: S311 - a sample, not a secret
        return drawn[:limit]


def read_suite(folder: Path) -> Suite:
    """Read a folder's articles.jsonl and cases.jsonl; raises SuiteError."""
    files = [folder / ARTICLES, folder / CASES]
    for path in files:
        if not path.is_file():
            raise SuiteError(
                f"{path} is missing: a suite is a folder with {ARTICLES} and {CASES}, one JSON "
                "object a line."
            )
    articles = read_folder(files[0])
    cases = _read_cases(files[1])
    _check(cases, articles, files[1])
    digest = _hash(path.read_bytes() for path in files)
    return Suite(folder.resolve().name, tuple(articles), tuple(cases), digest)


def read_folder(path: Path) -> list[Article]:
    """Return the articles below a path, or in it; raises SuiteError if one cannot be read."""
    articles: list[Article] = []
    for item in read_articles([path]):
        if not isinstance(item, Article):
            raise SuiteError(f"{item.path}: {item.reason}")
        articles.append(item)
    if not articles:
        raise SuiteError(f"{path} holds no articles.")
    return articles


def hash_articles(articles: Iterable[Article]) -> str:
    """Return a hash of all that the articles say."""
    return _hash(article.content_hash.encode() for article in articles)


def _read_cases(path: Path) -> list[Case]:
    cases = [
        _read_case(path, number, line)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.strip()
    ]
    if not cases:
        raise SuiteError(f"{path} holds no cases.")
    return cases


def _read_case(path: Path, number: int, line: str) -> Case:
    try:
        row: Any = json.loads(line)
    except ValueError as error:
        raise SuiteError(f"{path}, line {number} is not JSON ({error}); mend it.") from error
    try:
        return Case.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the line"
        raise SuiteError(f"{path}, line {number}: {where}: {first['msg']}; mend it.") from error


def _check(cases: Sequence[Case], articles: Sequence[Article], path: Path) -> None:
    known = {article.id for article in articles}
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise SuiteError(f"{path}: two cases have the id {case.id!r}; give each its own.")
        seen.add(case.id)
        missing = next(_list_missing(case, known), None)
        if missing is not None:
            raise SuiteError(
                f"{path}: case {case.id!r} calls {missing!r} relevant, and no article has that id."
            )


def _list_missing(case: Case, known: set[str]) -> Iterator[str]:
    return (article for article in case.relevant if article not in known)


def _hash(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()
