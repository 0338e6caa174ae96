"""`frontdesk webhook`: addresses that are told what happens."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import anyio
import typer
from rich.markup import escape
from rich.table import Table

from api.assembly import make_id, open_storage
from api.settings import Settings, read_settings
from api.storage.articles import read_utc
from api.storage.deliveries import Deliveries, Delivery, Errand
from api.storage.outbox import KINDS
from api.storage.webhooks import Webhook, WebhookError, Webhooks
from api.webhooks.addresses import AddressRefused, check_address
from api.webhooks.sender import Answer, Sender, open_client
from commands.terminal import DataOption, Exit, JsonOption, fail, out, print_json

app = typer.Typer(no_args_is_help=True)
TEST_KIND = "webhook.test"
# A terminal has room for little; what is typed again must stay in one piece.
ONLY_IN_JSON = frozenset({"webhook", "status", "created_at", "next_at"})
WHOLE = frozenset({"id", "state", "attempts"})

WebhookId = Annotated[
    str, typer.Argument(metavar="ID", help="The webhook's id, from `frontdesk webhook list`.")
]


@dataclass(frozen=True, slots=True)
class _Storage:
    settings: Settings
    webhooks: Webhooks
    deliveries: Deliveries


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="Where to post to, https://…")],
    *,
    kinds: Annotated[
        str, typer.Option(help="What it is told of, separated by commas.", metavar="KINDS")
    ] = ",".join(KINDS),
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell an address what happens from now on; its secret is shown this once."""
    wanted = _check_kinds(kinds)
    with _open(data) as storage:
        _check(url, storage.settings)
        added = storage.webhooks.add(url, wanted)
    if as_json:
        print_json({**_describe(added), "secret": added.secret})
        return
    out.print(f"Webhook {added.id} is told of {', '.join(added.kinds)}.")
    out.print("Its secret, which is not shown again; the receiver checks signatures with it:")
    out.print(added.secret, markup=False)
    out.print(f"Try it: frontdesk webhook test {added.id}")


@app.command(name="list")
def list_webhooks(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List all webhooks."""
    with _open(data) as storage:
        rows = [_describe(webhook) for webhook in storage.webhooks.everything()]
    nothing = "None yet, so nobody outside is told anything. `frontdesk webhook add URL` adds one."
    _show(rows, nothing, as_json=as_json)


@app.command()
def disable(webhook_id: WebhookId, *, data: DataOption = None) -> None:
    """Send it nothing more; what waits is kept until it is enabled."""
    with _open(data) as storage:
        storage.webhooks.disable(webhook_id)
    out.print(f"{webhook_id} is told nothing more. `frontdesk webhook enable` goes on with it.")


@app.command()
def enable(webhook_id: WebhookId, *, data: DataOption = None) -> None:
    """Go on with one that is disabled, and with what has waited."""
    with _open(data) as storage:
        enabled = storage.webhooks.enable(webhook_id)
    out.print(f"{webhook_id} is told of {', '.join(enabled.kinds)}.")


@app.command(name="test")
def try_out(webhook_id: WebhookId, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Send one message of the kind `webhook.test` now, and show the answer."""
    with _open(data) as storage:
        webhook = storage.webhooks.find(webhook_id)
        answer = anyio.run(_send_test, webhook, storage.settings)
    if as_json:
        print_json({"status": answer.status, "error": answer.error, "accepted": answer.accepted})
    elif answer.accepted:
        out.print(f"It was accepted: {answer.status}.")
    if not answer.accepted:
        raise fail(f"It was not accepted: {answer.error}.")


@app.command()
def deliveries(
    *,
    failed: Annotated[bool, typer.Option("--failed", help="Only those given up.")] = False,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)] = 100,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List messages and how they fared, the newest first."""
    with _open(data) as storage:
        found = storage.deliveries.everything(failed=failed, limit=limit)
    nothing = "Nothing has failed." if failed else "Nothing has been sent yet."
    _show([_describe_delivery(one) for one in found], nothing, as_json=as_json)


@app.command()
def retry(
    some_id: Annotated[
        str,
        typer.Argument(metavar="ID", help="A message's id; or a webhook's, for all it missed."),
    ],
    *,
    data: DataOption = None,
) -> None:
    """Send again what has not arrived; a running service does so within seconds."""
    with _open(data) as storage:
        count = storage.deliveries.retry(some_id)
    if not count:
        raise fail(
            f"Nothing with the id {some_id} is left to send. "
            "`frontdesk webhook deliveries --failed` lists what is."
        )
    out.print(f"Due now: {count}.")


@contextmanager
def _open(data: Path | None) -> Iterator[_Storage]:
    settings = read_settings(data=data)
    engine = open_storage(settings)
    try:
        yield _Storage(
            settings,
            Webhooks(engine, read_utc, make_id, secrets.token_bytes),
            Deliveries(engine, read_utc),
        )
    except WebhookError as error:
        raise fail(str(error)) from error
    finally:
        engine.dispose()


def _check(url: str, settings: Settings) -> None:
    try:
        check_address(url, plain_http=settings.webhook_http)
    except AddressRefused as error:
        raise fail(str(error), Exit.WRONG_USAGE) from error


def _check_kinds(given: str) -> Sequence[str]:
    kinds = [kind.strip() for kind in given.split(",") if kind.strip()]
    for kind in kinds:
        if kind not in KINDS:
            raise fail(f"There is no kind {kind}; take {', '.join(KINDS)}.", Exit.WRONG_USAGE)
    if not kinds:
        raise fail(f"Name a kind: {', '.join(KINDS)}.", Exit.WRONG_USAGE)
    return list(dict.fromkeys(kinds))


async def _send_test(webhook: Webhook, settings: Settings) -> Answer:
    errand = Errand(
        message_id=make_id(),
        webhook_id=webhook.id,
        kind=TEST_KIND,
        url=webhook.url,
        payload={"webhook_id": webhook.id},
        created_at=read_utc(),
        attempt=1,
        secret=webhook.secret,
    )
    async with open_client() as client:
        return await Sender(client, read_utc, plain_http=settings.webhook_http).send(errand)


def _show(rows: Sequence[dict[str, Any]], nothing: str, *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print(nothing)
        return
    shown = [name for name in rows[0] if name not in ONLY_IN_JSON]
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in shown:
        table.add_column(name, overflow="fold", no_wrap=name in WHOLE)
    for row in rows:
        table.add_row(*(_write(row[name]) for name in shown))
    out.print(table)


def _write(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else escape(str(value))


def _describe(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "kinds": list(webhook.kinds),
        "state": "disabled" if webhook.disabled_at else "active",
    }


def _describe_delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.message_id,
        "kind": delivery.kind,
        "webhook": delivery.webhook_id,
        "state": _name_state(delivery),
        "attempts": delivery.attempts,
        "status": delivery.status,
        "error": delivery.error,
        "created_at": _write_moment(delivery.created_at),
        "next_at": _write_moment(delivery.next_at),
    }


def _name_state(delivery: Delivery) -> str:
    if delivery.delivered_at is not None:
        return "delivered"
    return "failed" if delivery.failed_at is not None else "pending"


def _write_moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
