import pytest
from sqlalchemy import Engine

from api.storage.sites import DEMO_LOOK, Look, OriginInvalid, SiteNotFound, Sites, normalise_origin
from tests.api.conftest import make_clock, make_ids


@pytest.fixture
def sites(database: Engine) -> Sites:
    return Sites(database, make_clock(), make_ids())


def test_a_site_is_found_by_its_key_and_by_its_id(sites: Sites) -> None:
    added = sites.add("Shop", ["https://Shop.example:443/"])
    assert sites.find(added.id) == sites.find(added.key) == added
    assert added.origins == ("https://shop.example",)
    assert added.look.title == "Shop"
    assert added.key.startswith("fd_")
    with pytest.raises(SiteNotFound, match="frontdesk site list"):
        sites.find("fd_other")


def test_what_is_changed_stays_changed_and_the_rest_as_it_was(sites: Sites) -> None:
    added = sites.add("Shop", ["https://shop.example"])
    look = Look(title="Ask us", accent="#003366", questions=("Where is my parcel?",))
    changed = sites.change(added.id, look=look)
    assert (changed.look, changed.origins, changed.name) == (look, added.origins, "Shop")
    assert sites.change(added.id, name="Store").look == look
    assert sites.rotate_secret(added.id).identity_secret != added.identity_secret
    assert sites.disable(added.id).disabled_at
    assert sites.enable(added.id).disabled_at is None
    with pytest.raises(OriginInvalid):
        sites.change(added.id, origins=["shop.example"])
    assert sites.find(added.id).origins == added.origins


def test_the_demo_s_site_is_made_once(sites: Sites) -> None:
    assert sites.find_or_add_demo() == sites.find_or_add_demo()
    assert [site.look for site in sites.all()] == [DEMO_LOOK]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://www.example.com", "https://www.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://example.com:80/", "http://example.com"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://*.example.com", "https://*.example.com"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(given: str, kept: str) -> None:
    assert normalise_origin(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "example.com",
        "ftp://example.com",
        "https://example.com/shop",
        "https://user@example.com",
        "https://*",
        "https://a.*.com",
        "https://example.com:99999",
        "*",
        "",
    ],
)
def test_what_is_no_origin_is_refused_with_an_example(given: str) -> None:
    with pytest.raises(OriginInvalid, match=r"https://www\.example\.com|no host"):
        normalise_origin(given)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://a.example.com", True),
        ("https://b.a.example.com", True),
        ("https://example.com", False),
        ("http://a.example.com", False),
        ("https://aexample.com", False),
        ("https://a.example.com.evil.net", False),
    ],
)
def test_a_wildcard_stands_for_what_is_below_a_host(
    sites: Sites, origin: str, *, allowed: bool
) -> None:
    assert sites.add("Shop", ["https://*.example.com"]).allows(origin) is allowed
