"""Where webhooks may point, and when they are tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from api.webhooks.addresses import AddressRefused, check_address
from api.webhooks.schedule import PAUSES, plan, read_retry_after

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.larkstay.example/x?token=1",
        "https://10.0.0.7/private",
        "http://127.0.0.1:9000/",
        "http://localhost:9000/",
        "http://[::1]:9000/",
    ],
)
def test_an_address_that_may_be_told(address: str) -> None:
    assert check_address(address, plain_http=False) == address


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://10.0.0.7/", "FRONTDESK_WEBHOOK_HTTP"),
        ("http://localhost.larkstay.example/", "encrypted"),
        ("http://127.0.0.1.larkstay.example/", "encrypted"),
        ("https://mia:pass@larkstay.example/", "name and password"),
        ("ftp://larkstay.example/", "https://host/path"),
        ("larkstay.example/hooks", "https://host/path"),
        ("https://", "https://host/path"),
        ("https://larkstay.example:port/", "no URL"),
    ],
)
def test_an_address_that_is_refused_says_why(address: str, why: str) -> None:
    with pytest.raises(AddressRefused, match=why):
        check_address(address, plain_http=False)


def test_plain_http_can_be_allowed() -> None:
    assert check_address("http://10.0.0.7/", plain_http=True)


def test_pauses_grow_spread_and_end() -> None:
    assert [plan(n, NOON, 0.0, None) for n in range(1, 10)] == [NOON + p for p in PAUSES]
    assert plan(1, NOON, 1.0, None) == NOON + timedelta(seconds=6)
    assert plan(10, NOON, 0.0, None) is None
    assert plan(10, NOON, 0.0, timedelta(hours=1)) is None


def test_what_the_receiver_asks_for_only_makes_pauses_longer() -> None:
    assert plan(1, NOON, 0.0, timedelta(hours=1)) == NOON + timedelta(hours=1)
    assert plan(3, NOON, 0.0, timedelta(seconds=1)) == NOON + PAUSES[2]
    assert plan(1, NOON, 0.0, timedelta(days=9)) == NOON + timedelta(days=1)


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("120", timedelta(minutes=2)),
        ("9" * 5000, timedelta(days=1)),
        ("Mon, 23 Nov 2026 12:10:00 GMT", timedelta(minutes=10)),
        ("Mon, 23 Nov 2026 12:10:00 -0000", timedelta(minutes=10)),
        ("Mon, 23 Nov 2026 11:00:00 GMT", timedelta(hours=-1)),
        ("soon", None),
        ("-5", None),
        ("²", None),
        (None, None),
    ],
)
def test_retry_after_is_read(value: str | None, pause: timedelta | None) -> None:
    assert read_retry_after(value, NOON) == pause
