"""The next token from logits: per request, under a grammar or not."""

import ctypes
import json
from collections.abc import Sequence
from typing import Any

import llama_cpp
import numpy as np
from llama_cpp.llama_grammar import LlamaGrammar
from numpy.typing import NDArray

TOP_K, TOP_P = 40, 0.95
LIKELIEST = 8
CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
Row = NDArray[np.float32]


class Sampler:
    """Chooses tokens for one request; `close` frees what llama.cpp holds for it."""

    def __init__(
        self,
        vocabulary: Any,  # noqa: ANN401 - a pointer
        schema: dict[str, Any] | None,
        temperature: float,
        seed: int,
    ) -> None:
        self._grammar = _make_grammar(vocabulary, schema) if schema is not None else None
        self._chain = _make_chain(temperature, seed) if temperature > 0 else None

    def choose(self, logits: Row) -> int:
        """Return the next token, and remember it for the grammar and the seed's sequence."""
        token = self._choose_likeliest(logits) if self._chain is None else self._draw(logits)
        if self._grammar is not None:
            llama_cpp.llama_sampler_accept(self._grammar, token)
        return token

    def close(self) -> None:
        """Free it; it chooses no more."""
        for sampler in (self._grammar, self._chain):
            if sampler is not None:
                llama_cpp.llama_sampler_free(sampler)
        self._grammar = self._chain = None

    def _choose_likeliest(self, logits: Row) -> int:
        best = int(logits.argmax())
        if self._grammar is None:
            return best
        # A grammar over all 150,000 tokens takes longer than the model; the likeliest mostly do.
        few = np.argpartition(logits, -LIKELIEST)[-LIKELIEST:]
        allowed = self._restrict(few[np.argsort(-logits[few])], logits)
        if len(allowed):
            return int(allowed[0])
        allowed = self._restrict(np.arange(len(logits)), logits)
        return int(allowed[logits[allowed].argmax()]) if len(allowed) else best

    def _restrict(self, tokens: NDArray[Any], logits: Row) -> NDArray[np.int32]:
        """Return those tokens that the grammar allows."""
        candidates = _list_candidates(tokens, logits)
        array = _wrap(candidates)
        llama_cpp.llama_sampler_apply(self._grammar, ctypes.byref(array))
        kept = candidates[: array.size]
        return np.asarray(kept["id"][np.isfinite(kept["logit"])])

    def _draw(self, logits: Row) -> int:
        candidates = _list_candidates(np.arange(len(logits)), logits)
        array = _wrap(candidates)
        if self._grammar is not None:
            llama_cpp.llama_sampler_apply(self._grammar, ctypes.byref(array))
        llama_cpp.llama_sampler_apply(self._chain, ctypes.byref(array))
        token = int(array.data[array.selected].id)
        llama_cpp.llama_sampler_accept(self._chain, token)
        return token


def _make_grammar(vocabulary: Any, schema: dict[str, Any]) -> Any:  # noqa: ANN401 - pointers
    grammar = LlamaGrammar.from_json_schema(json.dumps(schema), verbose=False)
    made = llama_cpp.llama_sampler_init_grammar(vocabulary, grammar._grammar.encode(), b"root")  # noqa: SLF001 - it has no other way
    if not made:
        raise ValueError("The schema could not be made into a grammar.")
    return made


def _make_chain(temperature: float, seed: int) -> Any:  # noqa: ANN401 - a pointer
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    for sampler in (
        llama_cpp.llama_sampler_init_top_k(TOP_K),
        llama_cpp.llama_sampler_init_top_p(TOP_P, 1),
        llama_cpp.llama_sampler_init_temp(temperature),
        llama_cpp.llama_sampler_init_dist(seed),
    ):
        llama_cpp.llama_sampler_chain_add(chain, sampler)
    return chain


def _list_candidates(tokens: NDArray[Any], logits: Row) -> NDArray[Any]:
    candidates = np.zeros(len(tokens), CANDIDATE)
    candidates["id"] = tokens
    candidates["logit"] = logits[tokens]
    return candidates


def _wrap(candidates: NDArray[Any]) -> Any:  # noqa: ANN401 - llama_cpp's structure
    pointer = candidates.ctypes.data_as(llama_cpp.llama_token_data_p)
    return llama_cpp.llama_token_data_array(
        data=pointer, size=len(candidates), selected=-1, sorted=False
    )


def measure_log_probabilities(rows: Sequence[Row], tokens: Sequence[int]) -> list[float]:
    """Return for each row of logits the log-probability of its token."""
    return [
        float(row[token] - row.max() - np.log(np.exp(row - row.max()).sum()))
        for row, token in zip(rows, tokens, strict=True)
    ]
