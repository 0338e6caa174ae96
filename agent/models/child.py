"""One run of the worker process, seen from outside."""

import asyncio
import contextlib
import itertools
import json
import os
import sys
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

from agent.models.memory import Sizes

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_LINE = 2**20
TAIL_LINES = 20
ENDING_S = 1.0
LAST_EVENTS = {"loaded", "done", "count", "error"}

# Threads that spin while they wait for each other starve the one they wait for as soon as another
# process wants a core: an answer of 20 s then takes minutes. Threads that never spin take a sixth
# longer when they are alone. These spin for some 0.1 ms and then sleep.
PATIENT = {"GOMP_SPINCOUNT": "20000"}

Event = dict[str, Any]


class ChildEnded(Exception):  # noqa: N818 - what happened, not what is wrong
    """The process ended before it had answered."""


class Weights(NamedTuple):
    """How many numbers a model consists of, and how many of these one for each word takes."""

    parameters: int
    table: int


class Answer:
    """The events that answer one request."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()

    def put(self, event: Event | None) -> None:
        """Add an event, or None when no more can come."""
        self._events.put_nowait(event)

    async def next(self, timeout_s: float) -> Event:
        """Return the next event. Raises ChildEnded or TimeoutError."""
        async with asyncio.timeout(max(timeout_s, 0)):
            event = await self._events.get()
        if event is None:
            self.put(None)  # for whoever asks again
            raise ChildEnded
        return event


class Child:
    """A worker process that is running, or was."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.weights = Weights(0, 0)
        self._numbers = itertools.count(1)
        self._loading = Answer(0)
        self._answers: dict[int, Answer] = {0: self._loading}  # those whose last event is to come
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._readers = [
            asyncio.create_task(self._read_events()),
            asyncio.create_task(self._read_errors()),
        ]

    @classmethod
    async def spawn(cls, path: Path, sizes: Sizes) -> "Child":
        """Start a process. `path` is absolute. It is of use once `wait_loaded` has returned."""
        command = [sys.executable, "-m", "agent.models.worker", "--path", str(path)]
        options = {
            "--threads": sizes.threads,
            "--context": sizes.context_tokens,
            "--cells": sizes.all_cells,
            "--sequences": sizes.sequences,
            "--prefix-bytes": sizes.prefix_bytes,
            "--saved": sizes.folder,
            "--saved-bytes": sizes.disk_bytes,
        }
        process = await asyncio.create_subprocess_exec(
            *command,
            *(str(word) for option in options.items() for word in option),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=CHECKOUT,
            env={**os.environ, **PATIENT},
            limit=LONGEST_LINE,
            start_new_session=True,  # Ctrl-C on a terminal is for us, not for the child
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can still answer."""
        return self._process.returncode is None and not self._readers[0].done()

    async def wait_loaded(self, timeout_s: float) -> None:
        """Wait until the model is in memory. Raises ChildEnded or TimeoutError."""
        event = await self._loading.next(timeout_s)
        self.weights = Weights(event["parameters"], event["table"])

    def ask(self, op: str, **fields: object) -> Answer:
        """Send a request. Raises ChildEnded."""
        if not self.alive:
            raise ChildEnded
        answer = Answer(next(self._numbers))
        self._answers[answer.number] = answer
        self._send(op=op, id=answer.number, **fields)
        return answer

    async def cancel(self, answer: Answer, timeout_s: float) -> None:
        """Call a request off; return once the child is free. Raises ChildEnded or TimeoutError."""
        if answer.number in self._answers:
            self._send(op="cancel", id=answer.number)
        async with asyncio.timeout(timeout_s):
            while (await answer.next(timeout_s))["event"] not in LAST_EVENTS:
                pass

    async def kill(self) -> None:
        """End the process now and wait until it is gone."""
        await self._let_end()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._finish()

    async def close(self, timeout_s: float) -> None:
        """Let the process end by itself; kill it if it doesn't."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), timeout_s)
        except TimeoutError:
            await self.kill()
        await self._finish()

    async def explain(self) -> str:
        """Return the last lines that it wrote to stderr, after its end."""
        await asyncio.wait(self._readers, timeout=1)
        return "\n".join(self._tail)

    async def _let_end(self) -> None:
        # One that has closed its stdout is on its way out. Popen.kill would reap it under the feet
        # of asyncio, which would then complain and make up an exit code.
        if self._readers[0].done():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), ENDING_S)

    async def _finish(self) -> None:
        await asyncio.wait(self._readers)
        await self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()

    def _send(self, **request: object) -> None:
        if self._process.stdin is None or self._process.stdin.is_closing():
            raise ChildEnded
        self._process.stdin.write(json.dumps(request).encode() + b"\n")

    async def _read_events(self) -> None:
        try:
            async for line in _given(self._process.stdout):
                self._pass_on(json.loads(line))
        finally:
            for answer in self._answers.values():
                answer.put(None)
            self._answers.clear()

    def _pass_on(self, event: Event) -> None:
        number = event.get("id", 0)
        if answer := self._answers.get(number):
            answer.put(event)
        if event["event"] in LAST_EVENTS:
            self._answers.pop(number, None)

    async def _read_errors(self) -> None:
        async for line in _given(self._process.stderr):
            self._tail.append(line.decode(errors="replace").rstrip())


def _given(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    if stream is None:
        raise ValueError("The process was started without pipes.")
    return stream
