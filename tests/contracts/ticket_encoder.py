"""What every Encoder of tickets must do; subclass it where an `encoder` fixture is at hand."""

import numpy as np

from agent.triage.encoding import Encoder

TEXTS = ["Where is my refund?", "", "é 🙂 日本語 " * 50, "word " * 3000, "Where is my refund?"]


class EncoderContract:
    def test_vectors_are_of_length_one_and_in_the_order_of_the_texts(
        self, encoder: Encoder
    ) -> None:
        vectors = encoder.encode(TEXTS)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
        for text, vector in zip(TEXTS, vectors, strict=True):
            # Quantization sees a batch's largest value: company moves a vector a little.
            assert float(encoder.encode([text])[0] @ vector) > 0.95

    def test_no_texts_give_no_vectors(self, encoder: Encoder) -> None:
        assert len(encoder.encode([])) == 0

    def test_like_texts_are_nearer_than_others(self, encoder: Encoder) -> None:
        asked, like, other = encoder.encode(
            ["when do refunds come", "refunds come in five days", "the host cleans the pool"]
        )
        assert asked @ like > asked @ other

    def test_progress_adds_up_to_the_texts(self, encoder: Encoder) -> None:
        told: list[int] = []
        encoder.encode(["text"] * 70, told.append)
        assert sum(told) == 70

    def test_it_has_a_name(self, encoder: Encoder) -> None:
        assert encoder.name
