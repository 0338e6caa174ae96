import subprocess
import sys
from pathlib import Path

import anyio
import numpy as np
import pytest

from knowledge_base.articles import Passage
from knowledge_base.embedding import (
    Embedder,
    SentenceTransformerEmbedder,
    ThreadedEncoder,
    read_embedded_text,
)
from knowledge_base.errors import EmbedderMissing
from tests.contracts.embedder import EmbedderContract
from tests.knowledge_base.fake_embedder import FakeEmbedder


class TestFakeEmbedder(EmbedderContract):
    pass


@pytest.mark.embedder
class TestSentenceTransformerEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, real_embedder: SentenceTransformerEmbedder) -> Embedder:
        return real_embedder


def test_a_folder_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EmbedderMissing, match=r"model\.safetensors is missing; run `frontdesk"):
        SentenceTransformerEmbedder(tmp_path)


def test_other_weights_of_the_same_size_have_another_fingerprint(tmp_path: Path) -> None:
    prints = []
    for weights in (b"one", b"two"):
        (tmp_path / "model.safetensors").write_bytes(weights)
        prints.append(SentenceTransformerEmbedder(tmp_path).fingerprint)
    assert prints[0] != prints[1]


def test_title_and_headings_are_embedded_with_the_text() -> None:
    assert read_embedded_text(Passage("a#0", "a", "Fees", ("Cards", "EU"), "3%")) == (
        "Fees > Cards > EU\n3%"
    )
    assert read_embedded_text(Passage("a#0", "a", "", (), "3%")) == "3%"


def test_nothing_heavy_is_imported_with_the_package() -> None:
    code = (
        "import sys, knowledge_base.embedding, knowledge_base.search, knowledge_base.ingest;"
        "print(sorted({'torch', 'sentence_transformers', 'trafilatura', 'liteparse', 'mammoth'}"
        " & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "[]"


async def test_the_threaded_encoder_gives_the_same_vectors() -> None:
    embedder = FakeEmbedder()
    vectors = await ThreadedEncoder(embedder).encode(["one two", "three"])
    np.testing.assert_array_equal(vectors, embedder.encode(["one two", "three"]))


async def test_what_many_ask_at_once_is_encoded_once() -> None:
    embedder = FakeEmbedder()
    encoder = ThreadedEncoder(embedder)
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(encoder.encode, ["one two", "three", "three"])
    assert embedder.encoded == ["one two", "three"]


async def test_no_texts_have_no_vectors() -> None:
    assert (await ThreadedEncoder(FakeEmbedder(dimensions=8)).encode([])).shape == (0, 8)


OFFLINE = """
import socket, sys
from pathlib import Path
from knowledge_base.embedding import SentenceTransformerEmbedder

def refuse(event, args):
    if event in {"socket.connect", "socket.getaddrinfo"}:
        print("network:", event, args, flush=True)
        raise OSError("no network in this test")

sys.addaudithook(refuse)
print(SentenceTransformerEmbedder(Path(sys.argv[1])).encode(["hello"]).shape)
"""


@pytest.mark.embedder
def test_loading_and_encoding_open_no_connection(
    real_embedder: SentenceTransformerEmbedder,
) -> None:
    assert real_embedder.dimensions == 384
    model = Path.home() / ".cache/frontdesk/models/all-MiniLM-L6-v2"
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(model)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "(1, 384)\n", done.stderr
