"""Addresses: where a webhook may point."""

from ipaddress import ip_address

import httpx2


class AddressRefused(Exception):  # noqa: N818 - it reads as what happened
    """No webhook may point there; the message says why and what to do."""


def check_address(address: str, *, plain_http: bool) -> str:
    """Return an address that messages may be sent to; raises AddressRefused.

    Without `plain_http`, http:// goes to this machine only: on a network anybody in between
    could read along. Private addresses are fine, as only the operator adds any.
    """
    try:
        url = httpx2.URL(address)
    except (httpx2.InvalidURL, TypeError) as error:
        raise AddressRefused(f"{address} is no URL: {error}.") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise AddressRefused(f"{address} is not an address like https://host/path.")
    if url.userinfo:
        raise AddressRefused(
            "Leave name and password out of the address: messages are signed instead."
        )
    if url.scheme == "http" and not (plain_http or _is_loopback(url.host)):
        raise AddressRefused(
            f"http:// to {url.host} would not be encrypted. Use https://, or allow it in your own "
            "network with FRONTDESK_WEBHOOK_HTTP=true."
        )
    return address


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
