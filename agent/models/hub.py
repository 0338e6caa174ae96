"""The Hugging Face Hub: plain files over HTTPS, resumed where a connection dropped."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx2
import stamina

from agent.models.catalogue import Model, ModelFile
from agent.models.road import RoadClosed, accept, beside, size_of

HUB = "https://huggingface.co"
ATTEMPTS = 8
CONNECTING_S = 4.0
READING_S = 30.0
KNOCKING_S = 5.0


def open_client() -> httpx2.Client:
    """Return a client with time-outs that suit large files."""
    return httpx2.Client(
        follow_redirects=True, timeout=httpx2.Timeout(READING_S, connect=CONNECTING_S)
    )


class Hub:
    """The road to the publisher's own repository.

    Before the first file it is asked once, for a few seconds, whether it answers at all: a machine
    without the internet should wait neither for retries nor again for each file and model.
    """

    name = "the Hugging Face Hub"

    def __init__(
        self, client: httpx2.Client, url: str = HUB, patience_s: float = KNOCKING_S
    ) -> None:
        self._client = client
        self._patience_s = patience_s
        self._url = url.rstrip("/")
        self._answers: bool | None = None

    def estimate_disk(self, model: Model, models: Path) -> int:
        """Return the bytes of the files that are not here yet."""
        places = [model.locate_file(models, file) for file in model.files]
        here = sum(size_of(place) + size_of(_partial(place)) for place in places)
        return max(0, model.size - here)

    def fetch(
        self,
        model: Model,
        models: Path,
        missing: Sequence[ModelFile],
        report: Callable[[int], None],
    ) -> None:
        """Download the files one after the other. Raises RoadClosed or WrongHash."""
        self._require_answer()
        done = 0
        for file in missing:
            place = model.locate_file(models, file)
            url = f"{self._url}/{model.hub}/resolve/main/{file.path}"
            partial = beside(place, ".partial")
            self._download(url, partial, file, _add(done, report))
            accept(partial, place, file)
            done += file.size

    def _require_answer(self) -> None:
        if self._answers is None:
            self._answers = self._knock()
        if not self._answers:
            raise RoadClosed(f"{self._url} does not answer.")

    def _knock(self) -> bool:
        answered = threading.Event()

        def ask() -> None:
            try:
                self._client.head(self._url)
            except (httpx2.HTTPError, RuntimeError):  # the client may be closed by now
                return
            answered.set()

        # In a thread: looking up a name, and trying each of its addresses, know no time-out.
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(self._patience_s)
        return answered.is_set()

    def _download(
        self, url: str, partial: Path, file: ModelFile, report: Callable[[int], None]
    ) -> None:
        try:
            for attempt in stamina.retry_context(
                on=_is_transient, attempts=ATTEMPTS, timeout=None, wait_jitter=0.2
            ):
                with attempt:
                    self._continue(url, partial, file, report)
        except httpx2.HTTPError as error:
            raise RoadClosed(f"{url} could not be downloaded: {error or error!r}") from error

    def _continue(
        self, url: str, partial: Path, file: ModelFile, report: Callable[[int], None]
    ) -> None:
        here = size_of(partial)
        if here >= file.size:
            return
        with self._client.stream("GET", url, headers=_ask_from(here)) as response:
            response.raise_for_status()
            resumed = response.status_code == httpx2.codes.PARTIAL_CONTENT
            with partial.open("ab" if resumed else "wb") as out:
                for block in response.iter_bytes():
                    out.write(block)
                    report(out.tell())


def _is_transient(error: Exception) -> bool:
    if isinstance(error, httpx2.HTTPStatusError):
        status = error.response.status_code
        return status == httpx2.codes.TOO_MANY_REQUESTS or error.response.is_server_error
    return isinstance(error, httpx2.TransportError)


def _add(before: int, report: Callable[[int], None]) -> Callable[[int], None]:
    return lambda count: report(before + count)


def _partial(place: Path) -> Path:
    return place.with_name(place.name + ".partial")


def _ask_from(here: int) -> dict[str, str]:
    # A compressed body would have other offsets than the file.
    plain = {"Accept-Encoding": "identity"}
    return plain | {"Range": f"bytes={here}-"} if here else plain
