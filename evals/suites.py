"""Suites: articles, and conversations that end with a question about them."""

import hashlib
import json
import random
from collections.abc import Collection, Iterable, Sequence
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

    def draw_answerable(self, count: int) -> list[Case]:
        """Return cases that can be answered from known articles, the same ones each time.

        Raises SuiteError if there are none.
        """
        answerable = [case for case in self.cases if case.expect == "answer" and case.relevant]
        if not answerable:
            raise SuiteError("The suite has no case with expect = answer and relevant articles.")
        return self.sample(count, answerable)


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
    cases = _read_cases(files[1], {article.id for article in articles})
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
    _refuse_twins(articles, path)
    return articles


def hash_articles(articles: Iterable[Article]) -> str:
    """Return a hash of all that the articles say."""
    return _hash(article.content_hash.encode() for article in articles)


def _refuse_twins(articles: Sequence[Article], path: Path) -> None:
    seen: set[str] = set()
    for article in articles:
        if article.id in seen:
            raise SuiteError(f"{path}: two articles have the id {article.id!r}; give each its own.")
        seen.add(article.id)


def _read_cases(path: Path, known: Collection[str]) -> list[Case]:
    lines = _read_text(path).split("\n")  # a string may hold what splitlines takes for line ends
    cases: dict[str, Case] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            case = _read_case(path, number, line)
            _check(case, cases, known, f"{path}, line {number}")
            cases[case.id] = case
    if not cases:
        raise SuiteError(f"{path} holds no cases.")
    return list(cases.values())


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path} cannot be read ({error}); it has to be UTF-8.") from error


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


def _check(case: Case, before: Collection[str], known: Collection[str], where: str) -> None:
    if case.id in before:
        raise SuiteError(f"{where}: two cases have the id {case.id!r}; give each its own.")
    for article in case.relevant:
        if article not in known:
            raise SuiteError(
                f"{where}: case {case.id!r} calls {article!r} relevant, and no article has that "
                f"id; mend the case, or add the article to {ARTICLES}."
            )


def _hash(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()
