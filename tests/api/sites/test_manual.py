"""The manual's example signs what the service takes."""

import re
from pathlib import Path

from api.identity import read_user
from api.storage.articles import read_utc
from api.storage.sites import Look, Site

MANUAL = Path(__file__).parents[3] / "docs" / "sites.md"
SECRET = "a-secret-of-the-site-that-is-long-enough"


def test_the_example_signs_who_the_customer_is() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(example, names)
    sign = names["sign_user"]
    assert callable(sign)
    token = sign("u1", "Kim", "fd_shop", SECRET)
    site = Site("s1", "Shop", "fd_shop", (), SECRET, Look(), read_utc(), None)
    assert read_user(token, site, read_utc()) == {"id": "u1", "name": "Kim"}
