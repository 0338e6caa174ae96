import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from evals.agent_speed import open_agent
from evals.errors import EvalError
from evals.index import open_index
from evals.loads import run_loads, time_pieces
from evals.suites import Suite, read_suite
from evals.tutorial import open_tutorial
from tests.evals.conftest import CASES, make_deps, write_suite
from tests.fakes.chat_model import FakeChatModel
from tests.knowledge_base.fake_embedder import FakeEmbedder

EMBEDDER = FakeEmbedder(dimensions=384)
TOLD = ("Five ", "days.")


class Server(ThreadingHTTPServer):
    """Answers every chat with TOLD, in OpenAI's form, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(json.loads(body))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for text in TOLD:
            piece = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}}]}
            self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_the_tutorial_answers_from_four_chunks_at_most(suite: Suite, server: Server) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    case = suite.draw_answerable(1)[0]
    with open_tutorial(suite.articles, EMBEDDER, url) as tutorial:
        text = "".join([piece async for piece in tutorial.ask(case, "cold, 8 at once")])
    assert text == "".join(TOLD)
    (asked,) = server.asked
    system, human = (message["content"] for message in asked["messages"])
    assert human == case.question
    assert system.startswith("You are an assistant of cold, 8 at once")
    assert suite.articles[0].text in system
    assert asked["temperature"] == 0


async def test_the_agent_is_asked_new_questions_and_repeated_ones(
    suite: Suite, tmp_path: Path
) -> None:
    model = FakeChatModel(otherwise="A refund arrives after 5 to 7 business days [1].")
    told: list[str] = []
    with open_index(suite.articles, EMBEDDER, tmp_path, lambda _done, _all: None) as opened:
        ask = open_agent(make_deps(opened, model))
        cases = suite.draw_answerable(2)
        result = await run_loads(ask, cases, [2], lambda load, _: told.append(load))
        timing = await time_pieces(ask(cases[0], "alone"))
    assert told == ["cold, 2 at once", "zipf, 2 at once"]
    assert result["cold"]["2"]["turns_per_minute"] > 0
    assert timing.pieces >= 1


def test_a_suite_without_answers_is_refused(tmp_path: Path) -> None:
    abstaining = [case for case in CASES if case["expect"] == "abstain"]
    suite = read_suite(write_suite(tmp_path / "none", abstaining))
    with pytest.raises(EvalError, match="expect = answer"):
        suite.draw_answerable(2)
