"""What the machine could do at most, and how much of that a model reaches alone.

Roofline: Williams, Waterman, Patterson (2009). Writing reads the whole file for each token, so
that memory is its limit; reading a prompt uses each weight for many tokens, so that arithmetic is.
"""

import time
from collections.abc import Callable

import numpy as np

from agent.models.local import LocalChatModel
from agent.ports import Completion
from evals.loads import list_moments, time_pieces

# Three arrays of 256 MiB: far more than any cache holds.
FLOATS = 2**26
SIDE = 2048
ROUNDS = 5
WRITTEN = 96
READ_WORDS = 700
OPERATIONS = 2  # a multiplication and an addition for each weight and token


async def measure_roofline(
    model: LocalChatModel, file_bytes: int, threads: int
) -> dict[str, float]:
    """Return the machine's limits, and the shares of them that the model reaches on its own.

    `bandwidth_gb_s` is a triad's (McCalpin, STREAM); `decode_share` is what writing reaches of it,
    counting the weights alone; `prefill_share` is what reading a prompt reaches of the rate of a
    product of two float matrices (numpy's, with as many threads as it takes): more than 1 is
    possible, as weights and activations are smaller than floats. Of the table of words a token
    reads one row, and its counterpart at the other end is needed for written tokens alone.
    """
    size = model.weights
    read_bytes = file_bytes * (1 - size.table / size.parameters)
    bandwidth, rate = measure_bandwidth(threads), measure_arithmetic()
    written, read = await _measure_writing(model), await _measure_reading(model)
    return {
        "bandwidth_gb_s": bandwidth / 1e9,
        "matrix_gflops": rate / 1e9,
        "decode_tokens_per_second": written,
        "prefill_tokens_per_second": read,
        "decode_share": written * read_bytes / bandwidth,
        "prefill_share": read * OPERATIONS * (size.parameters - 2 * size.table) / rate,
    }


def measure_bandwidth(threads: int) -> float:
    """Return the bytes a second that a triad moves: a = b + 3 c."""
    import torch  # noqa: PLC0415 - it takes seconds

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    a, b, c = torch.ones((3, FLOATS))
    try:
        seconds = _time(lambda: torch.add(b, c, alpha=3.0, out=a))
    finally:
        torch.set_num_threads(before)
    return float(3 * a.nbytes / seconds)


def measure_arithmetic() -> float:
    """Return the operations a second of a product of two matrices of floats."""
    matrix = np.full((SIDE, SIDE), 0.5, np.float32)
    return OPERATIONS * SIDE**3 / _time(lambda: matrix @ matrix)


def _time(work: Callable[[], object]) -> float:
    """Return the seconds of the quickest of some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


async def _measure_writing(model: LocalChatModel) -> float:
    """Return the tokens a second of a single text, from its first token on."""
    asked = "Count from 1 to 100, one number a line."
    request = Completion(({"role": "user", "content": asked},), WRITTEN)
    moments = await list_moments(model.stream(request))
    return (len(moments) - 1) / (moments[-1] - moments[0])


async def _measure_reading(model: LocalChatModel) -> float:
    """Return the tokens a second of a prompt that nothing is known of."""
    words = np.random.default_rng(int(time.time())).integers(100, 999, READ_WORDS)
    request = Completion(({"role": "user", "content": " ".join(map(str, words))},), 1)
    timing = await time_pieces(model.stream(request))
    return await model.count_tokens(request.messages) / timing.first_s
