"""Tickets that other help desks send: their signatures, and what of it is a customer's message."""

import base64
import hashlib
import hmac
import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import nh3

from api.tickets.refusals import SignatureRefused

FRESH = timedelta(minutes=5)
CUSTOMER = "customer"
INCOMING = frozenset({"incoming", 0})


@dataclass(frozen=True, slots=True)
class Inbound:
    """A customer's message as a ticket; `id` is the one that the help desk knows."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Sender:
    """How a help desk signs and what it sends."""

    check: Callable[[bytes, Mapping[str, str], bytes, datetime], bool]
    read: Callable[[dict[str, Any]], Inbound | None]


def receive(
    sender: Sender, secret: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> None:
    """Check a request's signature; raises SignatureRefused."""
    try:
        genuine = sender.check(secret.encode(), headers, body, now)
    except (KeyError, ValueError, OverflowError):
        genuine = False
    if not genuine:
        raise SignatureRefused


def _check_zendesk(secret: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    sent = headers["x-zendesk-webhook-signature-timestamp"]
    made = hmac.new(secret, sent.encode() + body, hashlib.sha256).digest()
    given = headers["x-zendesk-webhook-signature"]
    return _is_same(base64.b64encode(made).decode(), given) and _is_fresh(
        datetime.fromisoformat(sent), now
    )


def _check_chatwoot(secret: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    sent = headers["x-chatwoot-timestamp"]
    made = hmac.new(secret, f"{sent}.".encode() + body, hashlib.sha256).hexdigest()
    return _is_same(f"sha256={made}", headers["x-chatwoot-signature"]) and _is_fresh(
        datetime.fromtimestamp(int(sent), now.tzinfo), now
    )


def _check_zammad(secret: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    del now  # Zammad signs no time
    made = hmac.new(secret, body, hashlib.sha1).hexdigest()
    return _is_same(f"sha1={made}", headers["x-hub-signature"])


def _is_same(made: str, given: str) -> bool:
    return hmac.compare_digest(made.encode(), given.encode())


def _is_fresh(sent: datetime, now: datetime) -> bool:
    return abs(now - sent) <= FRESH


def _read_zendesk(payload: dict[str, Any]) -> Inbound | None:
    """Read an event of a ticket (`detail`), or a trigger's own JSON (`ticket`, or flat)."""
    ticket = payload.get("detail") or payload.get("ticket") or payload
    said = [ticket.get("subject") or ticket.get("title"), ticket.get("description")]
    return _make(ticket.get("id"), *said)


def _read_chatwoot(payload: dict[str, Any]) -> Inbound | None:
    """Read what a customer wrote; what staff wrote, and private notes, are no tickets."""
    if payload.get("event") != "message_created" or payload.get("private"):
        return None
    if payload.get("message_type") not in INCOMING:
        return None
    return _make((payload.get("conversation") or {}).get("id"), payload.get("content"))


def _read_zammad(payload: dict[str, Any]) -> Inbound | None:
    """Read the customer's article, with the ticket's title before the first one."""
    ticket, article = payload.get("ticket") or {}, payload.get("article") or {}
    if str(article.get("sender", CUSTOMER)).lower() != CUSTOMER or article.get("internal"):
        return None
    first = int(ticket.get("article_count") or 1) == 1
    title = ticket.get("title") if first else None
    return _make(ticket.get("number") or ticket.get("id"), title, article.get("body"))


def _make(ticket_id: object, *parts: object) -> Inbound | None:
    said = [html.unescape(nh3.clean(str(part), tags=set())).strip() for part in parts if part]
    text = "\n\n".join(part for part in said if part)
    if not text or ticket_id is None:
        return None
    return Inbound(str(ticket_id), text)


SENDERS = {
    "zendesk": Sender(_check_zendesk, _read_zendesk),
    "chatwoot": Sender(_check_chatwoot, _read_chatwoot),
    "zammad": Sender(_check_zammad, _read_zammad),
}
