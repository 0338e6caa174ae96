r"""The child process that holds the model: JSON lines in on stdin, JSON lines out on stdout.

    python -m agent.models.worker --path FILE --threads 2 --context 4096 --cells 12288 \\
        --sequences 16 --prefix-bytes 536870912 --saved FOLDER --saved-bytes 268435456

In:   {"op": "generate", "id", "messages", "max_tokens", "temperature", "seed", "stop", "schema",
       "lane", "audience", "common", "chances", "continuations"}
      {"op": "count", "id", "messages"}
      {"op": "cancel", "id"}
Out:  {"event": "loaded", "parameters", "table"}, once
      {"event": "text", "id", "text"}
      {"event": "done", "id", "reason": "stop" | "length" | "cancelled", "prompt_tokens",
       "reused_tokens", "tokens", "repeated_tokens",
       "chances", "scores"}
      {"event": "count", "id", "tokens"}
      {"event": "error", "id", "message"}

It ends when stdin closes or its parent dies; why it could not start stands on stderr.
"""

import argparse
import ctypes
import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

import llama_cpp

from agent.models.engine import SCORED, STEP_TOKENS, Engine
from agent.models.llama import Llama, Size
from agent.models.prefixes import Prefixes
from agent.models.saved import SavedPrefixes
from agent.models.schedule import LONE

PR_SET_PDEATHSIG = 1
NUMBERS = ("threads", "context", "cells", "sequences", "prefix-bytes", "saved-bytes")
LOG_ERROR = 4  # GGML_LOG_LEVEL_ERROR; llama_cpp._logger has an older numbering

Order = dict[str, Any]


class Exchange:
    """Takes orders in and sends events out."""

    def __init__(self, engine: Engine, llama: Llama, out: IO[str]) -> None:
        self._engine = engine
        self._llama = llama
        self._out = out
        self._lock = threading.Lock()
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()

    def read(self, lines: IO[str]) -> None:
        """Sort what comes in, until it ends: counts don't wait for the model."""
        for line in lines:
            order = json.loads(line)
            if order["op"] == "count":
                self._carry_out(order)
                continue
            self._orders.put(order)
            if self._engine.should_yield(order):
                self._llama.abort()
        os._exit(0)  # the model may be in the middle of a step; nothing of it is to be kept

    def serve(self) -> None:
        """Carry out orders for ever."""
        while True:
            while self._engine.idle or not self._orders.empty():
                self._carry_out(self._orders.get())
            try:
                self._engine.step()
            except MemoryError:
                _give_up()
            except Exception as error:  # noqa: BLE001 - whatever it is, those concerned must hear of it
                self._engine.fail(str(error) or repr(error))

    def send(self, **event: object) -> None:
        """Write one event."""
        with self._lock:
            self._out.write(json.dumps(event) + "\n")
            self._out.flush()

    def _carry_out(self, order: Order) -> None:
        try:
            if order["op"] == "cancel":
                self._engine.cancel(order["id"])
            elif order["op"] == "count":
                tokens = self._engine.count(order["messages"])
                self.send(event="count", id=order["id"], tokens=tokens)
            else:
                self._engine.add(order, self.send)
        except MemoryError:
            _give_up()
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
            self.send(event="error", id=order["id"], message=str(error) or repr(error))


def _give_up() -> None:
    """End for want of memory: a new process begins with all of it, this one would fail again."""
    os.write(2, b"It ran out of memory.\n")
    os._exit(1)


def main() -> None:
    """Load the model and serve it."""
    options = _parse()
    out = _claim_stdout()
    _die_with_parent()
    log = _make_log()  # llama.cpp keeps only a pointer: this name keeps it alive
    llama_cpp.llama_log_set(log, ctypes.c_void_p(0))
    llama = _load(options)
    prefixes = Prefixes(options.prefix_bytes)
    # A state is of use to the same build of llama.cpp alone.
    saved = SavedPrefixes(options.saved / llama_cpp.__version__, options.saved_bytes)
    for kept in saved.read(options.prefix_bytes // 2):
        prefixes.keep(kept)
    engine = Engine(llama, prefixes, saved, options.context, time.monotonic)
    exchange = Exchange(engine, llama, out)
    exchange.send(event="loaded", parameters=llama.parameters, table=llama.table)
    threading.Thread(target=exchange.read, args=(sys.stdin,), daemon=True).start()
    exchange.serve()


def _load(options: argparse.Namespace) -> Llama:
    size = Size(
        cells=options.cells,
        sequences=options.sequences + SCORED,
        step=STEP_TOKENS * LONE,
        threads=options.threads,
    )
    try:
        return Llama(options.path, size)
    except Exception as error:  # noqa: BLE001 - it is shown to somebody to whom a traceback says nothing
        sys.stderr.write(f"{error or repr(error)}\n")
        sys.stderr.flush()
        os._exit(1)  # llama.cpp's own clean-up of a half-loaded file may crash


def _make_log() -> Any:  # noqa: ANN401 - a ctypes callback
    """Return a log that shows errors alone."""
    errors = os.dup(2)

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator] # llama_cpp annotates in part
    def log(level: int, text: bytes, _data: ctypes.c_void_p) -> None:
        if level == LOG_ERROR:
            os.write(errors, text)

    return log


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", required=True)
    parser.add_argument("--saved", type=Path, required=True)
    for name in NUMBERS:
        parser.add_argument(f"--{name}", type=int, required=True)
    return parser.parse_args()


def _claim_stdout() -> IO[str]:
    """Keep stdout for the protocol alone: what a library prints goes to stderr."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
