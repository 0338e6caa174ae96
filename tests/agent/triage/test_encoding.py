import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from agent.triage.encoding import Encoder, QuantizedEncoder, prepare_graph
from knowledge_base.embedding import SentenceTransformerEmbedder
from tests.contracts.ticket_encoder import EncoderContract
from tests.knowledge_base.fake_embedder import FakeEmbedder

MODELS = Path(os.environ.get("FRONTDESK_CACHE", "~/.cache/frontdesk")).expanduser() / "models"
QUESTIONS = [
    "When does the money for my cancelled stay come back?",
    "I am standing at the door and the key code does not work.",
    "Please delete my account and all my data.",
    "How do I raise the price for the summer?",
]


def _locate(name: str) -> Path:
    folder = MODELS / name
    if not (folder / "model.safetensors").exists():
        pytest.skip(f"no {name} in {MODELS}: `frontdesk models pull` fetches it")
    return folder


class TestFakeEmbedder(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Encoder:
        return FakeEmbedder()


@pytest.fixture(scope="module")
def quantized() -> Encoder:
    return QuantizedEncoder(_locate("all-MiniLM-L6-v2"))


@pytest.mark.embedder
class TestQuantizedEncoder(EncoderContract):
    @pytest.fixture
    def encoder(self, quantized: Encoder) -> Encoder:
        return quantized

    def test_it_says_what_the_model_in_full_precision_says(self, encoder: Encoder) -> None:
        full = SentenceTransformerEmbedder(_locate("all-MiniLM-L6-v2")).encode(QUESTIONS)
        assert ((encoder.encode(QUESTIONS) * full).sum(axis=1) > 0.97).all()


@pytest.mark.embedder
def test_a_model_with_outliers_is_quantized_without_them() -> None:
    folder = _locate("all-mpnet-base-v2")
    full = SentenceTransformerEmbedder(folder).encode(QUESTIONS)
    vectors = QuantizedEncoder(folder).encode(QUESTIONS)
    assert ((vectors * full).sum(axis=1) > 0.97).all()


@pytest.mark.embedder
def test_an_export_that_fails_leaves_no_graph_and_nothing_else(tmp_path: Path) -> None:
    source = _locate("all-MiniLM-L6-v2")
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(source / name, tmp_path / name)
    with pytest.raises(OSError, match="model"):
        prepare_graph(tmp_path)
    assert list((tmp_path / "onnx").iterdir()) == []


def test_texts_come_back_in_order_whatever_their_lengths() -> None:
    texts = ["refund " * count for count in (9, 1, 5)]
    together = FakeEmbedder().encode(texts)
    np.testing.assert_allclose(together[1], FakeEmbedder().encode(texts[1:2])[0])
