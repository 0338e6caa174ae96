"""A service that speaks the customer's side of docs/http-api.md, and does as it is told."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, StreamingResponse

from api.routes.widget import add_widget
from tests.clients.pages import add_site
from tests.clients.words import LOOK, answer

Json = dict[str, Any]
TICK_S = 0.02


def _now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass
class Talk:
    """A conversation as the fake keeps it."""

    turns: list[Json] = field(default_factory=list)
    messages: list[Json] = field(default_factory=list)
    handoff: Json | None = None
    happenings: list[tuple[str, Json]] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    typed: int = 0

    def happen(self, kind: str, **data: object) -> None:
        self.happenings.append((kind, data))

    def hand_off(self, *, attended: bool = True, reason: str = "asked_for_person") -> None:
        self.handoff = {
            "state": "waiting",
            "reason": reason,
            "name": None,
            "attended": attended,
            "emailed": False,
        }
        self.happen("waiting", handoff_id="h1", reason=reason)

    def take(self, name: str) -> None:
        assert self.handoff
        self.handoff |= {"state": "taken", "name": name, "attended": True}
        self.happen("taken", handoff_id="h1", name=name)

    def write(self, text: str, name: str = "Mia") -> None:
        number = f"p{len(self.messages)}"
        said: Json = {"message_id": number, "text": text, "name": name, "sources": []}
        self.messages.append({**said, "created_at": _now()})
        self.happen("message", **said)

    def give_back(self) -> None:
        self.handoff = None
        self.happen("returned", handoff_id="h1")


class FakeFrontdesk:
    """Answers each question by `tests.clients.words`; its switches stage what can go wrong."""

    def __init__(self) -> None:
        self.talks: dict[str, Talk] = {}
        self.started: list[Json] = []
        self.posts: list[Json] = []
        self.ratings: list[Json] = []
        self.tied: list[str] = []  # the user tokens of conversations that began without one
        self.look: Json = dict(LOOK)
        self.gate = threading.Event()  # a reply waits here after its first sentence
        self.gate.set()
        self.failing = False  # a reply ends in an error
        self.cut = False  # a reply's connection ends after its first sentence
        self.problem: tuple[int, int | None] | None = None  # what a message is refused with
        self.refused_users: set[str] = set()
        self.attended = True

    @property
    def talk(self) -> Talk:
        """The newest conversation."""
        return list(self.talks.values())[-1]

    def find(self, name: str, request: Request) -> Talk:
        if request.headers.get("authorization") != f"Bearer token-{name}":
            raise Refused(401, "token-refused")
        if name not in self.talks:
            raise Refused(404, "conversation-not-found")
        return self.talks[name]

    def start(self, body: Json) -> Json:
        if body.get("user_token") in self.refused_users:
            raise Refused(401, "identity-refused")
        self.started.append(body)
        name = f"c{len(self.started)}"
        self.talks[name] = Talk()
        return {"conversation_id": name, "token": f"token-{name}"}

    def take(self, talk: Talk, body: Json) -> Json:
        self.posts.append(body)
        if self.problem:
            raise Refused(self.problem[0], "staged", self.problem[1])
        for turn in talk.turns:
            if turn["message_id"] == body["message_id"]:
                return turn
        turn = {
            "turn_id": f"t{len(self.posts)}",
            "message_id": body["message_id"],
            "question": body["text"],
            "status": "pending",
            "created_at": _now(),
            "reply": None,
            "rating": None,
            "wish": body.get("wish"),
        }
        talk.turns.append(turn)
        talk.happen("asked", turn_id=turn["turn_id"])
        return turn

    async def reply(self, talk: Talk, turn: Json) -> AsyncIterator[str]:
        if self.failing:
            yield _frame("error", {"status": 500, "detail": "staged", "retry_after_s": 0.05})
            return
        reply = turn["reply"] or answer(turn["question"], talk.handoff, turn["wish"])
        yield _frame("sources", {"sources": reply["sources"]})
        for place, sentence in enumerate(reply["sentences"]):
            yield _frame("sentence", {"sentence": sentence})
            if place == 0 and not turn["reply"]:
                await self._hold()
                if self.cut:
                    return
        if reply["outcome"] == "clarified":
            yield _frame("clarification", {"question": reply["text"]})
        if reply["outcome"] == "handed_off":
            yield _frame("handed_off", {"reason": reply["reason"], "text": reply["text"]})
            if not talk.handoff:
                talk.hand_off(attended=self.attended, reason=reply["reason"])
        turn |= {"reply": reply, "status": "done"}
        talk.happen("replied", turn_id=turn["turn_id"], outcome=reply["outcome"])
        yield _frame("done", {"turn_id": turn["turn_id"], "reply": reply})

    async def _hold(self) -> None:
        while not self.gate.is_set():  # noqa: ASYNC110 - it is set by the test, in another thread
            await asyncio.sleep(TICK_S)


class Refused(Exception):  # noqa: N818 - it reads as what happened
    def __init__(self, status: int, kind: str, retry_after_s: int | None = None) -> None:
        self.status = status
        self.body: Json = {"type": f"urn:frontdesk:{kind}", "status": status, "detail": kind}
        if retry_after_s is not None:
            self.body["retry_after_s"] = retry_after_s


def _frame(event: str, data: Json, number: int | None = None) -> str:
    identified = f"id: {number}\n" if number is not None else ""
    return f"{identified}event: {event}\ndata: {json.dumps(data)}\n\n"


def make_app(fake: FakeFrontdesk) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
        expose_headers=["Turn-Id", "Retry-After"],
    )
    _add_conversations(app, fake)
    _add_person(app, fake)
    add_site(app)
    add_widget(app)

    @app.exception_handler(Refused)
    async def refuse(_request: Request, error: Refused) -> Response:
        return JSONResponse(error.body, error.status)

    @app.get("/v1/sites/{key}")
    async def read_site(key: str) -> Json:
        return {"name": key, "look": fake.look, "locales": ["en", "de", "es", "ar"]}

    return app


def _add_conversations(app: FastAPI, fake: FakeFrontdesk) -> None:
    @app.post("/v1/conversations", status_code=201)
    async def start(request: Request) -> Json:
        return fake.start(await request.json())

    @app.get("/v1/conversations/{conversation_id}")
    async def read(conversation_id: str, request: Request) -> Json:
        talk = fake.find(conversation_id, request)
        return {
            "conversation_id": conversation_id,
            "turns": talk.turns,
            "messages": talk.messages,
            "handoff": talk.handoff,
            "latest": len(talk.happenings),
        }

    @app.post("/v1/conversations/{conversation_id}/messages")
    async def say(conversation_id: str, request: Request) -> Response:
        talk = fake.find(conversation_id, request)
        turn = fake.take(talk, await request.json())
        frames = fake.reply(talk, turn)
        headers = {"Turn-Id": turn["turn_id"]}
        return StreamingResponse(frames, media_type="text/event-stream", headers=headers)

    @app.get("/v1/conversations/{conversation_id}/turns/{turn_id}/events")
    async def read_turn(conversation_id: str, request: Request, turn_id: str) -> Response:
        talk = fake.find(conversation_id, request)
        turn = next(turn for turn in talk.turns if turn["turn_id"] == turn_id)
        return StreamingResponse(fake.reply(talk, turn), media_type="text/event-stream")

    @app.post("/v1/conversations/{conversation_id}/turns/{turn_id}/rating", status_code=204)
    async def rate(conversation_id: str, request: Request, turn_id: str) -> None:
        talk = fake.find(conversation_id, request)
        rating = await request.json()
        fake.ratings.append({"turn_id": turn_id, **rating})
        for turn in talk.turns:
            if turn["turn_id"] == turn_id:
                turn["rating"] = {"comment": None, **rating}


def _add_person(app: FastAPI, fake: FakeFrontdesk) -> None:
    @app.get("/v1/conversations/{conversation_id}/live")
    async def follow(conversation_id: str, request: Request, after: int = 0) -> Response:
        return StreamingResponse(
            _follow(fake.find(conversation_id, request), after), media_type="text/event-stream"
        )

    @app.post("/v1/conversations/{conversation_id}/typing", status_code=204)
    async def show_typing(conversation_id: str, request: Request) -> None:
        fake.find(conversation_id, request).typed += 1

    @app.post("/v1/conversations/{conversation_id}/user", status_code=204)
    async def tie(conversation_id: str, request: Request) -> None:
        fake.find(conversation_id, request)
        token = (await request.json())["user_token"]
        if token in fake.refused_users:
            raise Refused(401, "identity-refused")
        fake.tied.append(token)

    @app.post("/v1/conversations/{conversation_id}/email", status_code=204)
    async def leave_email(conversation_id: str, request: Request) -> None:
        talk = fake.find(conversation_id, request)
        email = (await request.json())["email"]
        if "." not in email:
            raise Refused(422, "invalid-request")
        talk.emails.append(email)
        assert talk.handoff
        talk.handoff["emailed"] = True
        talk.happen("emailed", handoff_id="h1")


async def _follow(talk: Talk, after: int) -> AsyncIterator[str]:
    yield ": here\n\n"
    told = after
    while True:
        for number, (kind, data) in enumerate(talk.happenings[told:], told + 1):
            told = number
            yield _frame(kind, data, None if kind == "typing" else number)
        await asyncio.sleep(TICK_S)


@contextmanager
def serve(app: FastAPI) -> Iterator[int]:
    """Serve on a free port of this machine; streams that never end are cut at the end."""
    config = uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=0)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=anyio.run, args=(server._serve,))
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
