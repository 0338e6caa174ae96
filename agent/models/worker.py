"""The child process that holds the model: JSON lines in on stdin, JSON lines out on stdout.

    python -m agent.models.worker --path FILE --threads 2 --context 4096

In:   {"op": "generate", "id", "messages", "max_tokens", "temperature", "seed", "stop", "schema"}
      {"op": "count", "id", "messages"}
      {"op": "cancel", "id"}
Out:  {"event": "loaded"}, once
      {"event": "text", "id", "text"}
      {"event": "done", "id", "reason": "stop" | "length" | "cancelled", "prompt_tokens",
       "reused_tokens", "tokens"}
      {"event": "count", "id", "tokens"}
      {"event": "error", "id", "message"}

It ends when stdin closes or its parent dies; why it could not start stands on stderr. The only
module that imports llama_cpp.
"""

import argparse
import codecs
import ctypes
import json
import os
import queue
import signal
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

import llama_cpp
from llama_cpp._internals import LlamaSampler
from llama_cpp.llama_grammar import LlamaGrammar

from agent.models.chunks import CHUNK_TOKENS, Chunk, Prompt, count_shared
from agent.models.emission import Emission

SAVED_PREFIXES = 4
LONGEST_SAVED_PREFIX = 1024  # tokens; the default model takes 28 KiB for each
PR_SET_PDEATHSIG = 1
LOG_ERROR = 4  # GGML_LOG_LEVEL_ERROR; llama_cpp._logger has an older numbering


class Cancelled(Exception):  # noqa: N818 - not an error: the parent asked for it
    """The request was called off."""


class PromptTooLong(Exception):  # noqa: N818 - says what is wrong
    """The prompt and what is asked for don't fit into the context."""


class Template:
    """Puts messages into ChatML; nothing inside a message can open or close a role."""

    def __init__(self, llama: llama_cpp.Llama) -> None:
        self._llama = llama
        (self._start,) = llama.tokenize(b"<|im_start|>", add_bos=False, special=True)
        (self._end,) = llama.tokenize(b"<|im_end|>", add_bos=False, special=True)
        self._newline = self._encode("\n")

    def encode(self, messages: Sequence[dict[str, str]]) -> Prompt:
        """Return the tokens that ask for the assistant's next message."""
        prefix = [token for message in messages[:-1] for token in self._encode_message(message)]
        rest = [token for message in messages[-1:] for token in self._encode_message(message)]
        return Prompt(prefix, [*rest, self._start, *self._encode("assistant\n")])

    def _encode_message(self, message: dict[str, str]) -> list[int]:
        text = self._encode(f"{message['role']}\n{message['content']}")
        return [self._start, *text, self._end, *self._newline]

    def _encode(self, text: str) -> list[int]:
        return self._llama.tokenize(text.encode(errors="replace"), add_bos=False, special=False)


class Cache:
    """What the model has evaluated: the live prompt, and the states of a few earlier prefixes."""

    def __init__(self, llama: llama_cpp.Llama) -> None:
        self._llama = llama
        self._live: list[Chunk] = []
        self._saved: OrderedDict[tuple[Chunk, ...], bytes] = OrderedDict()

    def evaluate(self, prompt: Prompt, check: Callable[[], None]) -> int:
        """Evaluate the prompt, calling `check` between chunks; return the tokens saved by it."""
        kept = self._rewind(prompt)
        reused = self._llama.n_tokens
        for position, chunk in enumerate(prompt.chunks[kept:], start=kept):
            check()
            if position == len(prompt.prefix):
                self._save(prompt)
            self._llama.eval(chunk)
            self._live.append(chunk)
        return reused

    def clear(self) -> None:
        """Forget the live prompt."""
        self._live = []
        self._llama.reset()  # type: ignore[no-untyped-call] # llama_cpp annotates in part

    def _rewind(self, prompt: Prompt) -> int:
        # The last chunk is always evaluated: sampling needs what it leaves behind.
        usable = prompt.chunks[:-1]
        kept = count_shared(self._live, usable)
        key = tuple(prompt.prefix)
        if kept < len(key) and key in self._saved:
            self._restore(key)
            kept = len(key)
        self._live = list(usable[:kept])
        self._llama.n_tokens = sum(map(len, self._live))
        return kept

    def _save(self, prompt: Prompt) -> None:
        key = tuple(prompt.prefix)
        if key in self._saved or not 0 < self._llama.n_tokens <= LONGEST_SAVED_PREFIX:
            return
        size = llama_cpp.llama_state_seq_get_size(self._llama.ctx, 0)
        buffer = (ctypes.c_uint8 * size)()
        written = llama_cpp.llama_state_seq_get_data(self._llama.ctx, buffer, size, 0)
        self._saved[key] = bytes(memoryview(buffer)[:written])
        if len(self._saved) > SAVED_PREFIXES:
            self._saved.popitem(last=False)

    def _restore(self, key: tuple[Chunk, ...]) -> None:
        state = self._saved[key]
        self._saved.move_to_end(key)
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        if not llama_cpp.llama_state_seq_set_data(self._llama.ctx, buffer, len(state), 0):
            del self._saved[key]
            raise RuntimeError(
                "A saved prefix could not be restored; it is computed anew next time."
            )


class Engine:
    """Generates text with one model, one request at a time."""

    def __init__(self, llama: llama_cpp.Llama) -> None:
        self._llama = llama
        self._template = Template(llama)
        self._cache = Cache(llama)
        self._vocabulary = llama_cpp.llama_model_get_vocab(llama.model)

    def count(self, messages: Sequence[dict[str, str]]) -> int:
        """Return the tokens of the messages as a prompt. Safe beside a running generation."""
        return self._template.encode(messages).length

    def generate(
        self, request: dict[str, Any], check: Callable[[], None], show: Callable[[str], None]
    ) -> dict[str, Any]:
        """Generate, calling `show` with pieces of text; return what the done event says."""
        prompt = self._template.encode(request["messages"])
        room = self._llama.n_ctx() - prompt.length
        if room < request["max_tokens"]:
            raise PromptTooLong(
                f"The prompt takes {prompt.length} tokens and {request['max_tokens']} are asked "
                f"for, but the context holds {self._llama.n_ctx()}."
            )
        sampler = self._make_sampler(request)
        reused = self._cache.evaluate(prompt, check)
        reason, tokens = self._write(request, sampler, check, show)
        used = {"prompt_tokens": prompt.length, "reused_tokens": reused, "tokens": tokens}
        return {"reason": reason, **used}

    def forget(self) -> None:
        """Drop the live cache, after an error that may have spoiled it."""
        self._cache.clear()

    def _write(
        self,
        request: dict[str, Any],
        sampler: LlamaSampler,
        check: Callable[[], None],
        show: Callable[[str], None],
    ) -> tuple[str, int]:
        emission = Emission(request["stop"])
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        tokens, reason = 0, "stop"
        for token in self._sample(sampler, request["max_tokens"]):
            check()
            tokens += 1
            if llama_cpp.llama_vocab_is_eog(self._vocabulary, token):
                break
            if text := emission.push(decoder.decode(self._llama.detokenize([token]))):
                show(text)
            if emission.stopped:
                break
        else:
            reason = "length"
        if rest := emission.finish():
            show(rest)
        return reason, tokens

    def _sample(self, sampler: LlamaSampler, limit: int) -> Iterator[int]:
        for left in reversed(range(limit)):
            token: int = sampler.sample(self._llama._ctx)  # noqa: SLF001 - the sampler wants the wrapper
            yield token
            if left:
                self._llama.eval([token])

    def _make_sampler(self, request: dict[str, Any]) -> LlamaSampler:
        sampler = LlamaSampler()  # type: ignore[no-untyped-call]
        if request["schema"] is not None:
            grammar = LlamaGrammar.from_json_schema(json.dumps(request["schema"]))
            sampler.add_grammar(self._llama._model, grammar)  # noqa: SLF001 - likewise
        if request["temperature"] > 0:
            sampler.add_top_k(40)
            sampler.add_top_p(0.95)
            sampler.add_temp(request["temperature"])
            sampler.add_dist(request["seed"])
        else:
            sampler.add_greedy()  # type: ignore[no-untyped-call]
        return sampler


class Exchange:
    """Takes requests in and sends events out."""

    def __init__(self, engine: Engine, out: IO[str]) -> None:
        self._engine = engine
        self._out = out
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._cancelled: set[int] = set()

    def read(self, lines: IO[str]) -> None:
        """Sort what comes in, until it ends: counts and cancels don't wait for the model."""
        for line in lines:
            request = json.loads(line)
            if request["op"] == "cancel":
                self._cancelled.add(request["id"])
            elif request["op"] == "count":
                self._count(request)
            else:
                self._waiting.put(request)
        os._exit(0)  # the model may be in the middle of a chunk; nothing of it is to be kept

    def _count(self, request: dict[str, Any]) -> None:
        try:
            tokens = self._engine.count(request["messages"])
        except Exception as error:  # noqa: BLE001 - nothing may end the reading of requests
            self.send(event="error", id=request["id"], message=str(error) or repr(error))
        else:
            self.send(event="count", id=request["id"], tokens=tokens)

    def serve(self) -> None:
        """Answer requests for ever."""
        while True:
            self._answer(self._waiting.get())

    def send(self, **event: object) -> None:
        """Write one event."""
        with self._lock:
            self._out.write(json.dumps(event) + "\n")
            self._out.flush()

    def _answer(self, request: dict[str, Any]) -> None:
        number = request["id"]

        def check() -> None:
            if number in self._cancelled:
                raise Cancelled

        try:
            done = self._engine.generate(
                request, check, lambda text: self.send(event="text", id=number, text=text)
            )
            self.send(event="done", id=number, **done)
        except Cancelled:
            self.send(event="done", id=number, reason="cancelled")
        except PromptTooLong as error:
            self.send(event="error", id=number, message=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
            self._engine.forget()
            self.send(event="error", id=number, message=str(error) or repr(error))
        self._cancelled.discard(number)


def main() -> None:
    """Load the model and serve it."""
    options = _parse()
    out = _claim_stdout()
    _die_with_parent()
    log = _make_log()  # llama.cpp keeps only a pointer: this name keeps it alive
    llama_cpp.llama_log_set(log, ctypes.c_void_p(0))
    exchange = Exchange(Engine(_load(options)), out)
    exchange.send(event="loaded")
    threading.Thread(target=exchange.read, args=(sys.stdin,), daemon=True).start()
    exchange.serve()


def _load(options: argparse.Namespace) -> llama_cpp.Llama:
    try:
        return llama_cpp.Llama(
            options.path,
            n_ctx=options.context,
            n_batch=CHUNK_TOKENS,
            n_threads=options.threads,
            n_threads_batch=options.threads,
            flash_attn=True,
            logits_all=False,
            verbose=False,
        )
    except Exception as error:  # noqa: BLE001 - it is shown to somebody to whom a traceback says nothing
        sys.stderr.write(f"{error or repr(error)}\n")
        sys.stderr.flush()
        os._exit(1)  # llama.cpp's own clean-up of a half-loaded file may crash


def _make_log() -> Any:  # noqa: ANN401 - a ctypes callback
    """Return a log that shows errors alone."""
    # Llama() silences stderr while it loads, and with it the reason why a file can't be loaded.
    errors = os.dup(2)

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator] # likewise
    def log(level: int, text: bytes, _data: ctypes.c_void_p) -> None:
        if level == LOG_ERROR:
            os.write(errors, text)

    return log


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--context", type=int, required=True)
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
