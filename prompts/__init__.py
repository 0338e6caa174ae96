"""Prompts as Markdown templates: `render` fills one in, or raises if a value is missing."""

import hashlib
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError

FOLDER = Path(__file__).parent


class MissingValue(LookupError):  # noqa: N818 - it reads as what happened
    """A template names a value that it was not given."""


@lru_cache(maxsize=1)
def _environment() -> Environment:
    # What comes out is a prompt, not a page: HTML escapes would change what the model reads.
    return Environment(  # noqa: S701  # nosec B701
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        keep_trailing_newline=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(name: str, /, **values: object) -> str:
    """Return the template `name`.md filled with values; raise MissingValue if one is missing."""
    try:
        return _environment().get_template(f"{name}.md").render(**values).strip()
    except UndefinedError as error:
        raise MissingValue(f"prompts/{name}.md: {error.message}") from error


@lru_cache(maxsize=1)
def read_version() -> str:
    """Return twelve hex digits that change when any template does."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.md")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
