"""Where an article can be read."""

from urllib.parse import quote

PLACE = "{id}"


def link_article(template: str | None, article_id: str) -> str:
    """Return the article's address on the help site; a name that leads nowhere without one."""
    quoted = quote(article_id, safe="")
    return template.replace(PLACE, quoted) if template else f"urn:frontdesk:article:{quoted}"
