"""llama.cpp as the engine needs it: one model, one context, many sequences."""

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import llama_cpp
import numpy as np
from llama_cpp._internals import LlamaModel
from numpy.typing import NDArray

from agent.models.prefixes import State

ABORTED = 2
TO_THE_END = -1
BYTES = ctypes.POINTER(ctypes.c_uint8)


class Aborted(Exception):  # noqa: N818 - what happened, not what is wrong
    """A step was broken off."""


@dataclass(frozen=True, slots=True)
class Size:
    """`cells`: tokens that all sequences hold together; `step`: most tokens in one step."""

    cells: int
    sequences: int
    step: int
    threads: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive tokens of a sequence, from a position on. `wanted`: whose logits are read.

    `wanted` counts from the end: 1 is the last token's alone.
    """

    sequence: int
    position: int
    tokens: Sequence[int]
    wanted: int = 0


class Llama:
    """A loaded model. Only `tokenize` is safe beside a running `evaluate`."""

    def __init__(self, path: str, size: Size) -> None:
        self._model = LlamaModel(
            path_model=path, params=llama_cpp.llama_model_default_params(), verbose=True
        )
        self.vocabulary = self._model.vocab
        self.words = self._model.n_vocab()
        self.parameters: int = llama_cpp.llama_model_n_params(self._model.model)
        self.table: int = self.words * llama_cpp.llama_model_n_embd(self._model.model)
        self.size = size
        self._stop = ctypes.create_string_buffer(2)
        self._abort = _make_abort_callback()
        self._context = llama_cpp.llama_init_from_model(self._model.model, self._set_up(size))
        if self._context is None:
            raise ValueError("The model's context could not be made.")
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(size.step, 0, 1)

    def _set_up(self, size: Size) -> Any:  # noqa: ANN401 - llama_cpp's structure
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = size.cells
        params.n_batch = params.n_ubatch = size.step
        params.n_seq_max = size.sequences
        params.n_threads = params.n_threads_batch = size.threads
        params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED
        params.kv_unified = True
        params.no_perf = True
        params.abort_callback = self._abort
        params.abort_callback_data = ctypes.addressof(self._stop)
        return params

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """Return a text's tokens; only with `special` can it hold control tokens."""
        data = text.encode(errors="replace")
        tokens: list[int] = self._model.tokenize(data, add_bos=False, special=special)
        return tokens

    def to_bytes(self, token: int) -> bytes:
        """Return a token's text."""
        text: bytes = self._model.detokenize([token])
        return text

    def ends(self, token: int) -> bool:
        """Whether a token ends the text."""
        return bool(llama_cpp.llama_vocab_is_eog(self.vocabulary, token))

    def abort(self) -> None:
        """Break the running step off; called from another thread."""
        self._stop[0] = b"\x01"

    def evaluate(self, pieces: Sequence[Piece]) -> list[NDArray[np.float32]]:
        """Evaluate a step; return a row of logits for each wanted token, valid until the next.

        Raises Aborted, after which the step's pieces are undone; RuntimeError otherwise.
        """
        rows = self._fill(pieces)
        self._stop[0] = b"\x00"
        code = llama_cpp.llama_decode(self._context, self._batch)
        if code:
            for piece in pieces:
                self.cut(piece.sequence, piece.position)
            if code == ABORTED:
                raise Aborted
            raise RuntimeError(f"llama.cpp could not evaluate a step (code {code}).")
        return [self._read_logits(row) for row in rows]

    def _fill(self, pieces: Sequence[Piece]) -> list[int]:
        batch, place, rows = self._batch, 0, []
        for piece in pieces:
            last = len(piece.tokens)
            for offset, token in enumerate(piece.tokens):
                batch.token[place] = token
                batch.pos[place] = piece.position + offset
                batch.n_seq_id[place] = 1
                batch.seq_id[place][0] = piece.sequence
                batch.logits[place] = last - offset <= piece.wanted
                if batch.logits[place]:
                    rows.append(place)
                place += 1
        batch.n_tokens = place
        return rows

    def _read_logits(self, row: int) -> NDArray[np.float32]:
        pointer = llama_cpp.llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(pointer, (self.words,))

    def cut(self, sequence: int, position: int = 0) -> None:
        """Drop a sequence's tokens from a position on."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, position, TO_THE_END)

    def share(self, source: int, target: int, tokens: int = TO_THE_END) -> None:
        """Let a sequence begin with so many tokens that another holds; nothing is copied."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, 0, tokens)

    def save(self, sequence: int) -> State:
        """Return the state of a sequence."""
        size = llama_cpp.llama_state_seq_get_size(self._context, sequence)
        state = np.empty(size, np.uint8)
        pointer = state.ctypes.data_as(BYTES)
        written = llama_cpp.llama_state_seq_get_data(self._context, pointer, size, sequence)
        return state[:written]

    def restore(self, sequence: int, state: State) -> bool:
        """Give a sequence a saved state; return whether there was room and it fits."""
        pointer = state.ctypes.data_as(BYTES)
        read = llama_cpp.llama_state_seq_set_data(self._context, pointer, len(state), sequence)
        return bool(read)

    def clear(self) -> None:
        """Drop all sequences."""
        llama_cpp.llama_memory_clear(self._memory, False)


def _make_abort_callback() -> Any:  # noqa: ANN401 - a ctypes function
    """Return what llama.cpp asks between two operations whether to stop.

    It asks a thousand times a step; a Python function would cost some hundredths of the step.
    strlen of a buffer of ours does: it is 0 until somebody writes into it.
    """
    strlen = ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p).value
    if strlen is None or sys.byteorder != "little":
        return llama_cpp.ggml_abort_callback()
    return llama_cpp.ggml_abort_callback(strlen)
