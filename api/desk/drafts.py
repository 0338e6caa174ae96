"""A draft article out of what staff wrote to customers who asked for what no article says."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from api.desk.masking import mask
from api.storage.questions import PersonWords
from knowledge_base.articles import PUBLIC, WRITTEN

LONGEST_TITLE = 80
SLUG = re.compile(r"[^a-z0-9]+")
# «Hi Anna,» and «Best wishes, Mia» are said to one customer; an article speaks to all.
GREETING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hallo|guten tag|liebe[rs]?|"
    r"sehr geehrte[rs]?|hola|buenos días|estimad[oa]|bonjour|ciao)\b[^.?!\n]{0,40}[,!.]?",
    re.IGNORECASE,
)
CLOSING = re.compile(
    r"(?:best|kind|warm)?\s?(?:wishes|regards|thanks|cheers|yours|"
    r"(?:viele|liebe|beste|freundliche) grüße|saludos|cordialement)\b.{0,40}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Draft:
    """An article that is not stored yet; `id` is empty until it is."""

    id: str
    title: str
    text: str
    audience: str = PUBLIC


def write_draft(question: str, words: Sequence[PersonWords]) -> Draft:
    """Return a draft: its title is the question, its text what persons wrote, masked."""
    title = _make_title(mask(question, [name for said in words for name in said.customer_names]))
    texts = [_tell_all(said) for said in words]
    return Draft("", title, "\n\n".join(dict.fromkeys(filter(None, texts))))


def make_id(title: str, taken: Iterable[str]) -> str:
    """Return an id for an article that is written at the desk; none that is taken."""
    slug = SLUG.sub("-", title.lower()).strip("-")[:LONGEST_TITLE] or "article"
    wanted, number, known = f"{WRITTEN}{slug}", 1, set(taken)
    while wanted in known:
        number += 1
        wanted = f"{WRITTEN}{slug}-{number}"
    return wanted


def _make_title(question: str) -> str:
    """Return the last question in a message, which is what it is about, or its beginning."""
    line = " ".join(question.split())
    asked = re.findall(r"[^.?!]+\?", line)
    title = (asked[-1] if asked else line).strip()
    if len(title) > LONGEST_TITLE:
        title = title[:LONGEST_TITLE].rsplit(" ", 1)[0] + "…"
    return title[:1].upper() + title[1:]


def _tell_all(said: PersonWords) -> str:
    lines = said.text.strip().splitlines()
    kept = [line for line in lines if not _is_personal(line.strip(), said.staff_name)]
    return mask("\n".join(kept).strip(), said.customer_names)


def _is_personal(line: str, staff_name: str) -> bool:
    names = {staff_name.casefold(), *staff_name.casefold().split()}
    return bool(
        line.casefold().strip(" ,.–-") in names
        or GREETING.fullmatch(line)
        or CLOSING.fullmatch(line)
    )
