"""Many requests on one model: continuous batching, kept prefixes, lanes, scoring."""

from collections.abc import Callable, Sequence
from itertools import accumulate, count, islice
from typing import Any

import numpy as np

from agent.lanes import Lane
from agent.models.emission import Emission
from agent.models.llama import Aborted, Llama, Piece
from agent.models.prefixes import NO_LOGITS, Found, Kept, Logits, Prefixes, count_shared
from agent.models.requests import Request, Send
from agent.models.sampling import Sampler, measure_log_probabilities
from agent.models.saved import SavedPrefixes
from agent.models.schedule import Work, plan_step
from agent.models.template import Template

# Whoever writes waits for each token while so many of a prompt are read: about a second on two
# cores. Larger steps read no faster, smaller ones more slowly (docs/decisions/0009).
STEP_TOKENS = 128
# Continuations that are scored in one step.
SCORED = 8
# Tokens that it is not worth keeping a state for.
SHORTEST_KEPT = 16
RESERVED = 0.25
TILE = 64
ENDED = ("stop", "length")


class PromptTooLong(Exception):  # noqa: N818 - says what is wrong
    """The prompt and what is asked for don't fit into the context."""


class Engine:
    """Generates for many requests at once, step by step; all in one thread but `count`.

    `context` is the most tokens that a prompt and its text may have together. The last SCORED
    sequences of the model are for scoring.
    """

    def __init__(
        self,
        llama: Llama,
        prefixes: Prefixes,
        saved: SavedPrefixes,
        context: int,
        now: Callable[[], float],
    ) -> None:
        self._llama = llama
        self._prefixes = prefixes
        self._saved = saved
        self._context = context
        self._now = now
        self._template = Template(llama)
        requests = llama.size.sequences - SCORED
        self._slots = list(range(requests))
        self._scoring = list(range(requests, llama.size.sequences))
        self._waiting: list[Request] = []
        self._running: list[Request] = []
        self._arrivals = count()
        self._step: tuple[Request, ...] = ()

    @property
    def idle(self) -> bool:
        """Whether nothing is to be done."""
        return not self._waiting and not self._running

    def count(self, messages: Sequence[dict[str, str]]) -> int:
        """Return the tokens of the messages as a prompt. Safe beside a running step."""
        return len(self._template.encode(messages))

    def add(self, asked: dict[str, Any], send: Send) -> None:
        """Take a request in.

        Raises PromptTooLong, or ValueError for a schema that is none and for a continuation that
        is empty or longer than a step.
        """
        tokens = self._template.encode(asked["messages"])
        endings = [self._llama.tokenize(text) for text in asked["continuations"]]
        if not all(0 < len(ending) <= STEP_TOKENS for ending in endings):
            raise ValueError(f"Continuations have 1 to {STEP_TOKENS} tokens.")
        most = STEP_TOKENS if endings else asked["max_tokens"]
        self._refuse_too_long(len(tokens), max(map(len, endings), default=most))
        request = Request(
            number=asked["id"],
            lane=Lane(asked["lane"]),
            audience=asked["audience"],
            prompt=np.asarray(tokens, np.int32),
            most=most,
            sampler=Sampler(
                self._llama.vocabulary, asked["schema"], asked["temperature"], asked["seed"]
            ),
            emission=Emission(asked["stop"]),
            send=send,
            arrival=next(self._arrivals),
            served_at=self._now(),
            plain=not (asked["temperature"] or asked["schema"] or asked["chances"] or endings),
            chances=[] if asked["chances"] else None,
            endings=endings,
            common=self._template.count_common(asked["messages"], asked["common"], tokens),
        )
        self._waiting.append(request)

    def _refuse_too_long(self, prompt: int, most: int) -> None:
        if self._context < prompt + most:
            raise PromptTooLong(
                f"The prompt takes {prompt} tokens and {most} are asked "
                f"for, but the context holds {self._context}."
            )

    def cancel(self, number: int) -> None:
        """Call a request off; its slot is free at once."""
        for request in [*self._waiting, *self._running]:
            if request.number == number:
                self._end(request, "cancelled")

    def should_yield(self, order: dict[str, Any]) -> bool:
        """Whether the running step should be broken off for an order; asked by another thread.

        So it should for a customer, where it does nothing for customers, and where those it
        does something for have gone.
        """
        step = self._step
        if not step:
            return False
        if order["op"] == "cancel":
            return all(request.number == order["id"] for request in step)
        return bool(order.get("lane") == Lane.CHAT) and all(r.lane != Lane.CHAT for r in step)

    def fail(self, message: str) -> None:
        """Give up what is running, after an error that may have spoiled it."""
        for request in list(self._running):
            self._give_up(request, message)
        self._llama.clear()

    def _give_up(self, request: Request, message: str) -> None:
        request.send(event="error", id=request.number, message=message)
        self._end(request, "failed")

    def step(self) -> None:
        """Admit who waits, evaluate one step, and choose a token for each who can have one.

        Continuations are scored in the place of a piece of a prompt.
        """
        self._admit()
        self._begin_known()
        works = [
            Work(request.lane, request.arrival, request.ahead, request.served_at)
            for request in self._running
        ]
        step = plan_step(works, self._now(), STEP_TOKENS)
        shares = [(self._running[place], 1) for place in step.writers]
        reader = None if step.reader is None else self._running[step.reader]
        if reader and not reader.begun:
            self._begin(reader)
        if reader and reader.pending:
            shares.append((reader, step.tokens))
            reader = None
        self._evaluate(shares)
        if reader and reader.endings:
            self._score(reader)

    def _score(self, request: Request) -> None:
        """Score the next few continuations, in one step; if it is broken off, they are next again.

        They all follow the prompt where it lies, each in a sequence of its own.
        """
        left = request.endings[len(request.scores) :]
        group = take_endings(left, len(self._scoring), STEP_TOKENS)
        pieces = [self._follow(request, *each) for each in zip(self._scoring, group, strict=False)]
        longer = [piece for piece in pieces if piece.tokens]
        self._step = (request,)
        try:
            rows = iter(self._llama.evaluate(longer) if longer else ())
        except Aborted:
            return
        finally:
            self._step = ()
            for sequence in self._scoring:
                self._llama.cut(sequence)
        request.served_at = self._now()
        for ending in group:
            after = [request.after, *islice(rows, len(ending) - 1)]
            request.scores.append(sum(measure_log_probabilities(after, ending)))
        if len(request.scores) == len(request.endings):
            self._end(request, "stop")

    def _follow(self, request: Request, sequence: int, ending: Sequence[int]) -> Piece:
        self._llama.share(request.slot, sequence)
        return Piece(sequence, len(request.prompt), ending[:-1], len(ending) - 1)

    def _admit(self) -> None:
        """Give slots to those who wait, in the order of their lanes, while there is room."""
        self._waiting.sort(key=lambda request: (request.lane, request.arrival))
        while self._waiting and self._has_room(self._waiting[0]):
            request = self._waiting.pop(0)
            request.slot = self._slots.pop()
            self._running.append(request)

    def _has_room(self, request: Request) -> bool:
        """Whether there are a slot and cells; a quarter of both is for customers alone."""
        if not self._running:
            return True
        share = 0.0 if request.lane == Lane.CHAT else RESERVED
        held = request.cells + sum(running.cells for running in self._running)
        free = len(self._slots) - int(share * (len(self._slots) + len(self._running)))
        return free > 0 and held <= self._llama.size.cells * (1 - share)

    def _begin_known(self) -> None:
        """Serve those whose prompts are kept as a whole: they wait for nobody's prompt."""
        for request in [*self._running, *self._waiting]:
            if request.begun:
                continue
            kept = self._prefixes.look_up(request.audience, request.prompt)
            if kept and request.plain and kept.text.reaches(request.most):
                self._repeat(request, kept)
            elif kept and request.slot >= 0:
                self._begin(request)

    def _repeat(self, request: Request, kept: Kept) -> None:
        """Let a request have the text that its prompt led to before: it would be the same."""
        self._prefixes.count_hit(kept)
        request.repeat(kept.text, self._llama.to_bytes)
        self._end(request, request.reason)

    def _begin(self, request: Request) -> None:
        """Take what was evaluated before, and write at once if that is all."""
        request.begun = True
        prompt = len(request.prompt)
        found = self._prefixes.find(request.audience, request.prompt)
        kept = found.shared if found else 0
        running, shared = self._find_running(request)
        # What is kept to the prompt's last token needs no step before the first word.
        if running and kept < prompt and shared > kept - SHORTEST_KEPT:
            self._llama.share(running.slot, request.slot, shared)
            request.evaluated = request.reused = shared
        elif found:
            request.evaluated = request.reused = self._restore(request.slot, found, prompt)
            if request.reused == prompt:
                self._choose(request, found.kept.logits)

    def _find_running(self, request: Request) -> tuple[Request | None, int]:
        """Return who has most of a prompt's beginning in the model's memory, and how much.

        It is read by both where it lies: that takes neither time nor memory, and what all have in
        common need not be passed over once for each who has a copy.
        """
        most: tuple[Request | None, int] = None, 0
        for other in self._running:
            if other is not request and other.audience == request.audience:
                shared = count_shared(other.prompt[: other.evaluated], request.prompt[:-1])
                if shared > most[1]:
                    most = other, shared
        return most

    def _restore(self, sequence: int, found: Found, prompt: int) -> int:
        """Give a sequence what it shares with a kept prompt; return how many tokens it has."""
        if not self._llama.restore(sequence, found.kept.state):
            self._prefixes.forget(found.kept)
            self._llama.cut(sequence)
            return 0
        if found.whole and found.shared == prompt and found.kept.logits.size:
            return prompt
        # The last token is always evaluated: sampling needs what it leaves behind.
        shared = min(found.shared, prompt - 1)
        self._llama.cut(sequence, shared)
        return shared

    def _evaluate(self, shared: Sequence[tuple[Request, int]]) -> None:
        if not shared:
            return
        pieces = [(request, self._cut_piece(request, tokens)) for request, tokens in shared]
        try:
            for part in split_pieces(pieces):
                self._step = tuple(request for request, _ in part)
                self._read_rows(part, self._llama.evaluate([piece for _, piece in part]))
        except Aborted:
            return
        finally:
            self._step = ()

    def _read_rows(self, pieces: Sequence[tuple[Request, Piece]], rows: Sequence[Logits]) -> None:
        now, left = self._now(), iter(rows)
        for request, piece in pieces:
            request.served_at = now
            request.evaluated += len(piece.tokens)
            if piece.wanted:
                self._continue(request, next(left))

    def _cut_piece(self, request: Request, tokens: int) -> Piece:
        end = request.evaluated + min(tokens, max(1, request.pending))
        part = request.tokens[request.evaluated : end]
        return Piece(request.slot, request.evaluated, part, int(end == len(request.tokens)))

    def _continue(self, request: Request, logits: Logits) -> None:
        if request.evaluated == len(request.prompt) and request.computed >= SHORTEST_KEPT:
            self._keep(request, logits)
        self._choose(request, logits)

    def _keep(self, request: Request, logits: Logits) -> None:
        """Keep the state after a prompt, and a copy of the logits, which the next step ends."""
        state = self._llama.save(request.slot)
        self._prefixes.keep(Kept(request.audience, request.prompt, state, logits.copy()))

    def _choose(self, request: Request, logits: Logits) -> None:
        if request.endings:
            request.after = logits.copy()
            return
        try:
            token = request.sampler.choose(logits)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - a grammar's trouble is that request's alone
            self._give_up(request, str(error) or repr(error))
            return
        text, last = self._llama.to_bytes(token), self._llama.ends(token)
        if request.chances is not None:
            (chance,) = measure_log_probabilities([logits], [token])
            request.chances.append((text.decode(errors="replace"), chance))
        request.take(token, text, last=last)
        if request.reason:
            self._end(request, request.reason)

    def _end(self, request: Request, reason: str) -> None:
        request.reason = reason
        if request.plain and reason in ENDED and not request.repeated:
            self._prefixes.note(request.audience, request.prompt, request.text)
        if request in self._waiting:
            self._waiting.remove(request)
        if request in self._running:
            self._running.remove(request)
            if reason in ENDED:
                self._save(request)
            self._llama.cut(request.slot)
            self._slots.append(request.slot)
        request.sampler.close()
        request.finish()

    def _save(self, request: Request) -> None:
        """Keep on disk what a prompt began with, if others begin with it too."""
        tokens = request.prompt[: request.common]
        if not 0 < len(tokens) <= request.evaluated:
            return
        if self._saved.wants(request.audience, tokens):
            self._llama.cut(request.slot, len(tokens))
            state = self._llama.save(request.slot)
            self._saved.write(Kept(request.audience, tokens, state, NO_LOGITS))


def split_pieces(pieces: Sequence[tuple[Request, Piece]]) -> list[list[tuple[Request, Piece]]]:
    """Return pieces in the groups that are evaluated together: a long one is alone.

    From TILE tokens on llama.cpp computes the attention in tiles of so many: a writer's token
    among them would cost as much as a tile of its own over all that came before it.
    """
    if sum(len(piece.tokens) for _, piece in pieces) < TILE:
        return [list(pieces)]
    short = [each for each in pieces if len(each[1].tokens) == 1]
    long = [[each] for each in pieces if len(each[1].tokens) > 1]
    return [short, *long] if short else long


def take_endings(
    endings: Sequence[Sequence[int]], most: int, tokens: int
) -> Sequence[Sequence[int]]:
    """Return as many of the first endings as one step has room for: `most`, of `tokens` tokens."""
    together = accumulate(map(len, endings[:most]))
    return endings[: sum(total <= tokens for total in together)]
