"""The sender: one try to tell one address one thing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2
from anyio import move_on_after
from standardwebhooks import Webhook as Signature

from api.storage.deliveries import Errand
from api.webhooks.addresses import AddressRefused, check_address
from api.webhooks.schedule import read_retry_after

CONNECTING_S = 5.0
IN_ALL_S = 15.0
MOST_READ = 64 * 1024
AGENT = "Frontdesk-Webhooks/1"


@dataclass(frozen=True, slots=True)
class Answer:
    """How a try ended: the receiver's status, or an error if it gave none."""

    status: int | None = None
    error: str | None = None
    retry_after: timedelta | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and httpx2.codes.is_success(self.status)

    @property
    def gone(self) -> bool:
        """Whether the receiver wants to hear nothing more, ever."""
        return self.status == httpx2.codes.GONE


def open_client() -> httpx2.AsyncClient:
    """Return a client for any number of receivers; nothing is connected yet."""
    # A limit over all receivers would let those that hang keep the others waiting; a connection
    # that was kept may have been closed meanwhile, which would cost a try.
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return httpx2.AsyncClient(follow_redirects=False, limits=limits, cookies=no_cookies)


def write_body(errand: Errand) -> bytes:
    """Return the message as it is sent."""
    told = {
        "type": errand.kind,
        "timestamp": errand.created_at.astimezone(UTC).isoformat(),
        "data": errand.payload,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def sign(errand: Errand, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of Standard Webhooks; the time is that of the try, not of the message."""
    moment = now.astimezone(UTC)
    signature = Signature(errand.secret).sign(errand.message_id, moment, body.decode())
    return {
        "webhook-id": errand.message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
    }


class Sender:
    """Posts messages; each try ends within `in_all_s`."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        now: Callable[[], datetime],
        *,
        plain_http: bool = False,
        in_all_s: float = IN_ALL_S,
    ) -> None:
        self._client = client
        self._now = now
        self._plain_http = plain_http
        self._in_all_s = in_all_s

    async def send(self, errand: Errand) -> Answer:
        """Try once; what goes wrong is in the answer."""
        headers: httpx2.Headers | None = None
        status: int | None = None
        try:
            check_address(errand.url, plain_http=self._plain_http)
            with move_on_after(self._in_all_s):
                async with self._open(errand) as response:
                    # From here on the receiver has spoken: what happens to the rest is all one.
                    status, headers = response.status_code, response.headers
                    await _drain(response)
        except (httpx2.HTTPError, httpx2.StreamError, AddressRefused) as error:
            if status is None:
                return Answer(error=_describe(error))
        if status is None:
            return Answer(error=f"no answer within {self._in_all_s:g} s")
        return self._judge(status, headers or {})

    def _open(self, errand: Errand) -> Any:  # noqa: ANN401 - a context manager of httpx2's
        body = write_body(errand)
        headers = {
            "content-type": "application/json",
            "user-agent": AGENT,
            "accept-encoding": "identity",
            **sign(errand, body, self._now()),
        }
        timeout = httpx2.Timeout(self._in_all_s, connect=min(CONNECTING_S, self._in_all_s))
        return self._client.stream(
            "POST", errand.url, content=body, headers=headers, timeout=timeout
        )

    def _judge(self, status: int, headers: Mapping[str, str]) -> Answer:
        if httpx2.codes.is_success(status):
            return Answer(status)
        error = f"answered {status}"
        if httpx2.codes.is_redirect(status):
            error += ": redirects are not followed; add the address it points to"
        return Answer(status, error, read_retry_after(headers.get("retry-after"), self._now()))


async def _drain(response: httpx2.Response) -> None:
    # A receiver that can say all it has to say ends without an error; more is not waited for.
    taken = 0
    async for chunk in response.aiter_raw():
        taken += len(chunk)
        if taken > MOST_READ:
            return


def _describe(error: Exception) -> str:
    # Libraries' texts may hold the address, which may hold a token.
    match error:
        case AddressRefused():
            return str(error)
        case httpx2.ReadTimeout() | httpx2.WriteTimeout():
            return "no answer in time"
        case httpx2.ConnectError() | httpx2.ConnectTimeout():
            return "no connection"
        case httpx2.NetworkError() | httpx2.RemoteProtocolError():
            return "the connection broke"
        case _:
            return type(error).__name__
