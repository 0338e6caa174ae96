"""A small server of files that knows ranges, and can be told to misbehave."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer(ThreadingHTTPServer):
    """Serves `files` by path; breaks off each of the first `drops` answers half-way.

    Each answer comes in eight pieces, `pause_s` apart.
    """

    def __init__(self, files: dict[str, bytes], drops: int = 0, pause_s: float = 0) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.drops = drops
        self.pause_s = pause_s
        self.ranges: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: FileServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.server.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        asked = self.headers.get("Range", "")
        self.server.ranges.append(asked)
        start = int(found[1]) if (found := re.match(r"bytes=(\d+)-", asked)) else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body) - start))
        if self.path.endswith("/"):
            self.send_header("Content-Type", "text/html")
        self.end_headers()
        self._send(body[start:])

    def _send(self, body: bytes) -> None:
        if self.server.drops:
            self.server.drops -= 1
            body = body[: len(body) // 2]
            self.close_connection = True
        step = len(body) // 8 + 1
        for at in range(0, len(body), step):
            self.wfile.write(body[at : at + step])
            time.sleep(self.server.pause_s)

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@contextmanager
def serve(files: dict[str, bytes], drops: int = 0, pause_s: float = 0) -> Iterator[FileServer]:
    with FileServer(files, drops, pause_s) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
