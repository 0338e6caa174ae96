"""Customers: who begins a conversation, and on which site."""

from datetime import datetime

from api.identity import IdentityRefused, read_user
from api.refusals import OriginRefused
from api.schemas import NewConversation
from api.storage.ledger import Customer
from api.storage.sites import Site, SiteNotFound, Sites


def find_site(sites: Sites, key: str) -> Site:
    """Return a site that is in use; raises SiteNotFound."""
    site = sites.find(key)
    if site.disabled_at is not None or site.key != key:
        raise SiteNotFound(key)
    return site


def require_allowed(origin: str | None, site: Site | None) -> None:
    """Raise OriginRefused for a page of another website that is not the site's."""
    if origin is not None and (site is None or not site.allows(origin)):
        raise OriginRefused


def read_customer(
    new: NewConversation, sites: Sites, now: datetime, origin: str | None = None
) -> Customer:
    """Return who begins a conversation, from another website's page if `origin` is given.

    Raises SiteNotFound, OriginRefused or IdentityRefused.
    """
    site = find_site(sites, new.key) if new.key else None
    require_allowed(origin, site)
    if new.user_token is not None and site is None:
        raise IdentityRefused("A user token needs the `key` of the site that signed it.")
    user = read_user(new.user_token, site, now) if new.user_token and site else None
    return Customer(site.id if site else None, new.visitor, user, new.locale)
