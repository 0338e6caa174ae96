"""What comes out of the editor, and what may be wrong with it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Form

from api.desk.drafts import Draft
from api.desk.library import Library
from api.desk.masking import find_personal
from knowledge_base.articles import PUBLIC
from knowledge_base.formats import clean
from knowledge_base.readers import AUDIENCE

LONGEST_TITLE = 200
LONGEST_TEXT = 200_000


@dataclass(frozen=True, slots=True)
class Edited:
    """An article as it left the editor.

    `opened` is the hash of what was opened, empty for a new one; `ours` says that addresses and
    numbers in it are the company's own.
    """

    draft: Draft
    opened: str = ""
    ours: bool = False


async def read_edited(  # noqa: PLR0913, PLR0917 - the form's fields
    title: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    audience: Annotated[str, Form()] = PUBLIC,
    article_id: Annotated[str, Form(alias="id")] = "",
    opened: Annotated[str, Form()] = "",
    ours: Annotated[bool, Form()] = False,  # noqa: FBT002 - a box that is not ticked is not sent
) -> Edited:
    """Return the form's article; any text is taken, so that nobody's writing is lost."""
    named = " ".join(clean(title).split())
    return Edited(Draft(clean(article_id), named, clean(text).strip(), audience), opened, ours)


def find_faults(edited: Edited, library: Library) -> list[str]:
    """Return what has to be mended before the article can be stored, in words for its author."""
    draft = edited.draft
    faults = [
        (not draft.title, "Give it a title: what a customer would ask."),
        (len(draft.title) > LONGEST_TITLE, f"Keep the title under {LONGEST_TITLE} characters."),
        (not draft.text, "Write something: there is no text yet."),
        (len(draft.text) > LONGEST_TEXT, "It is too long; make several articles of it."),
        (not AUDIENCE.fullmatch(draft.audience), "Choose who may read it."),
        (_has_changed(edited, library), "It has been changed since you opened it; open it anew."),
    ]
    return [said for wrong, said in faults if wrong] + _list_personal(edited)


def _list_personal(edited: Edited) -> list[str]:
    found = find_personal(f"{edited.draft.title}\n{edited.draft.text}")
    if edited.ours or not found:
        return []
    return [
        f"Take out personal data: {', '.join(found)}. If it is the company's own, say so below."
    ]


def _has_changed(edited: Edited, library: Library) -> bool:
    if not edited.draft.id:
        return False
    current = library.find(edited.draft.id)
    return current is None or current.content_hash != edited.opened
