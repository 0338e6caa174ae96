"""Vectors for many short texts: the embedder in eight bits, one thread a core."""

import json
import logging
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

Vectors = NDArray[np.float32]
Progress = Callable[[int], None]
Probe = dict[str, NDArray[np.int64]]
# Graphs of before are not used: on processors without VNNI they could be wrong.
GRAPH = "checked.onnx"
TOKENS = 128
BATCH = 16
OPSET = 17
CHUNK = 4096
FAITHFUL = 0.98
NARROWING = re.compile(r"layer\.\d+/output/dense")
PROBE = (
    "Where is my parcel?",
    "I was charged twice for the same stay, please pay one of them back.",
    "The app closes as soon as I type the code that you sent me by text message.",
    "Thanks, that was quick!",
)


class Encoder(Protocol):
    """Turns texts into vectors of length one."""

    @property
    def name(self) -> str:
        """The embedder's name, for provenance."""

    def encode(self, texts: Sequence[str], progress: Progress = ...) -> Vectors:
        """Return vectors of shape [len(texts), dimensions]; tell `progress` of texts done."""


def ignore(_: int) -> None:
    """Take no notice of progress."""


class QuantizedEncoder:
    """A sentence-transformers model of mean-pooled tokens, its matrices quantized to int8.

    ONNX Runtime's dynamic quantization. Two sessions of one thread are quicker than one of two
    (1,390 against 1,050 short texts a second on the two-core machine), because batches are small.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        self._name = folder.name
        graph = prepare_graph(folder)
        self._session = _open_session(graph)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS)
        self._padding = _read_padding(folder)
        self._dimensions = int(self._session.get_outputs()[0].shape[-1])
        self._threads = threads

    @property
    def name(self) -> str:
        """The embedder's name, for provenance."""
        return self._name

    def encode(self, texts: Sequence[str], progress: Progress = ignore) -> Vectors:
        """Return vectors of shape [len(texts), dimensions]; tell `progress` of texts done."""
        vectors = np.zeros((len(texts), self._dimensions), np.float32)
        for start in range(0, len(texts), CHUNK):
            ids = self._tokenize(texts[start : start + CHUNK])
            # Texts of like length together: each batch is padded to its longest.
            order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
            batches = [order[first : first + BATCH] for first in range(0, len(order), BATCH)]
            with ThreadPoolExecutor(self._threads) as pool:
                done = pool.map(self._run, ([ids[place] for place in batch] for batch in batches))
                for batch, encoded in zip(batches, done, strict=True):
                    vectors[[start + place for place in batch]] = encoded
            progress(len(ids))
        return vectors

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        # What is beyond the tokens that count would only cost time.
        cut = [text[: TOKENS * 20] for text in texts]
        return [encoding.ids for encoding in self._tokenizer.encode_batch(cut)]

    def _run(self, ids: list[list[int]]) -> Vectors:
        longest = max(map(len, ids))
        tokens = np.full((len(ids), longest), self._padding, np.int64)
        mask = np.zeros((len(ids), longest), np.int64)
        for row, known in enumerate(ids):
            tokens[row, : len(known)] = known
            mask[row, : len(known)] = 1
        vectors: Vectors = self._session.run(None, {"ids": tokens, "mask": mask})[0]
        return vectors


def _open_session(graph: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _read_padding(folder: Path) -> int:
    return int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["pad_token_id"])


def prepare_graph(folder: Path) -> Path:
    """Return the quantized graph of a model's folder; make it first if it is not there."""
    graph = folder / "onnx" / GRAPH
    if graph.exists():
        return graph
    graph.parent.mkdir(exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=graph.parent))
    try:
        _export(folder, work / "float.onnx")
        _quantize(work / "float.onnx", work / GRAPH, _make_probe(folder))
        (work / GRAPH).replace(graph)
    finally:
        shutil.rmtree(work)
    return graph


def _make_probe(folder: Path) -> Probe:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(pad_id=_read_padding(folder))
    encodings = tokenizer.encode_batch(list(PROBE))
    return {
        "ids": np.asarray([encoding.ids for encoding in encodings], np.int64),
        "mask": np.asarray([encoding.attention_mask for encoding in encodings], np.int64),
    }


def _export(folder: Path, path: Path) -> None:
    # Torch takes seconds to import, and only the first run on a machine exports.
    import torch  # noqa: PLC0415
    from transformers import AutoModel  # noqa: PLC0415

    class Pooled(torch.nn.Module):
        """Mean pooling over the tokens that are no padding, then length one."""

        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModel.from_pretrained(  # nosec B615 - a verified folder, no download
                folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True
            ).eval()

        def forward(self, ids: Any, mask: Any) -> Any:  # noqa: ANN401 - tensors
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
            weights = mask.unsqueeze(-1).float()
            mean = (hidden * weights).sum(1) / weights.sum(1)
            return torch.nn.functional.normalize(mean, dim=-1)

    ids = torch.ones((2, 8), dtype=torch.int64)
    axes = {0: "texts", 1: "tokens"}
    with warnings.catch_warnings():
        # The tracer's advice is about inputs of other ranks; the exporter by torch.export
        # needs one more package and gives a graph that the quantizer cannot read.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Pooled(),
            (ids, ids),
            str(path),
            input_names=["ids", "mask"],
            output_names=["vectors"],
            dynamic_axes={"ids": axes, "mask": axes, "vectors": {0: "texts"}},
            opset_version=OPSET,
            dynamo=False,
        )


def _quantize(source: Path, target: Path, probe: Probe) -> None:
    """Write the first graph that is faithful on this processor, or else the most faithful one."""
    best = -1.0
    for number, (left_out, seven_bits) in enumerate(_list_ways(source)):
        written = source.with_name(f"{number}.onnx")
        _write_int8(source, written, left_out, seven_bits=seven_bits)
        faith = _compare(source, written, probe)
        if faith > best:
            best = faith
            written.replace(target)
        if faith >= FAITHFUL:
            return


def _list_ways(source: Path) -> Iterator[tuple[list[str], bool]]:
    """Yield which matrices are left out, and whether a weight has seven bits.

    Some models (MPNet) have outliers where the wide inner layer is narrowed again. Processors
    without VNNI add products in pairs of 16 bits, which weights of eight bits overflow.
    """
    narrowing = _name_narrowing(source)
    for seven_bits in (False, True):
        for left_out in ([], narrowing):
            yield left_out, seven_bits


def _write_int8(source: Path, target: Path, left_out: list[str], *, seven_bits: bool) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 - seconds

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises a step that changes nothing for matrices
    try:
        quantize_dynamic(
            source,
            target,
            per_channel=True,
            reduce_range=seven_bits,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=left_out,
        )
    finally:
        root.setLevel(level)


def _name_narrowing(source: Path) -> list[str]:
    import onnx  # noqa: PLC0415 - only the first run on a machine needs it

    nodes = onnx.load(source, load_external_data=False).graph.node
    return [node.name for node in nodes if NARROWING.search(node.name)]


def _compare(source: Path, target: Path, probe: Probe) -> float:
    """Return the mean cosine of both graphs' vectors."""
    exact, rough = (_open_session(path).run(None, probe)[0] for path in (source, target))
    return float((exact * rough).sum(axis=1).mean())
