"""What every Embedder must do; subclass it where an `embedder` fixture is at hand."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from knowledge_base.embedding import Embedder

TEXTS = ["Refunds take five days.", "Pets", "", "é 🙂 日本語 " * 50, "word " * 3000]


class EmbedderContract:
    def test_vectors_are_of_length_one_and_in_the_order_of_the_texts(
        self, embedder: Embedder
    ) -> None:
        vectors = embedder.encode(TEXTS)
        assert vectors.shape == (len(TEXTS), embedder.dimensions)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        for text, vector in zip(TEXTS, vectors, strict=True):
            np.testing.assert_allclose(embedder.encode([text])[0], vector, atol=1e-4)

    def test_no_texts_give_no_vectors(self, embedder: Embedder) -> None:
        assert embedder.encode([]).shape == (0, embedder.dimensions)

    def test_like_texts_are_nearer_than_others(self, embedder: Embedder) -> None:
        asked, like, other = embedder.encode(
            ["when do refunds come", "refunds come in five days", "the host cleans the pool"]
        )
        assert asked @ like > asked @ other

    def test_progress_adds_up_to_the_texts(self, embedder: Embedder) -> None:
        told: list[int] = []
        embedder.encode(["text"] * 70, told.append)
        assert sum(told) == 70
        assert len(told) > 1

    @pytest.mark.parametrize("text", TEXTS)
    def test_any_text_has_a_number_of_tokens(self, embedder: Embedder, text: str) -> None:
        tokens = embedder.count_tokens(text)
        assert tokens >= len(text.split())
        assert (tokens == 0) == (not text)

    def test_several_threads_may_encode_and_count_long_texts_at_once(
        self, embedder: Embedder
    ) -> None:
        texts = [f"refund {number} " + "word " * (200 + 50 * number) for number in range(16)]
        tokens = [embedder.count_tokens(text) for text in texts]
        expected = embedder.encode(texts)

        def use(turn: int) -> None:
            place = turn % len(texts)
            if turn % 3:
                assert embedder.count_tokens(texts[place]) == tokens[place]
            else:
                vector = embedder.encode([texts[place]])[0]
                np.testing.assert_allclose(vector, expected[place], atol=1e-3)

        with ThreadPoolExecutor(8) as threads:
            assert len(list(threads.map(use, range(300)))) == 300

    def test_its_fingerprint_is_short_and_stays(self, embedder: Embedder) -> None:
        assert embedder.fingerprint == embedder.fingerprint
        assert 0 < len(embedder.fingerprint) <= 16
        assert "/" not in embedder.fingerprint
