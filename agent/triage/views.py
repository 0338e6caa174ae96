"""Views: linear classifiers that look at a ticket's words, or at its vector."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

Scores = NDArray[np.float64]
Places = NDArray[np.int64]
MOST_WORDS = 60_000
LOGISTIC_C = 50.0
MARGIN_C = 0.5
ITERATIONS = 300
SEED = 0
UNSEEN = -30.0
EMPTY = "unseen"
WORD = r"(?u)\b\w+\b"


def weigh(classes: Places) -> dict[int, float]:
    """Return a weight for each class: rare ones count for more, by the root of their rarity.

    Full balancing would make a class of three tickets as loud as one of three thousand.
    """
    counts = np.bincount(classes)
    present = np.flatnonzero(counts)
    mean = counts[present].mean()
    return {int(place): float(np.sqrt(mean / counts[place])) for place in present}


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights [classes, features] and bias [classes] of a linear classifier."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def score(self, features: Any) -> Scores:  # noqa: ANN401 - dense or sparse
        """Return scores of shape [rows, classes]."""
        return np.asarray(features @ self.weights.T + self.bias, dtype=np.float64)


def fit_logistic(features: Any, classes: Places, count: int) -> Linear:  # noqa: ANN401 - dense or sparse
    """Fit a multinomial logistic regression; classes without a row get no chance."""
    fitted = LogisticRegression(C=LOGISTIC_C, max_iter=ITERATIONS, class_weight=weigh(classes))
    return _spread(fitted.fit(features, classes), count)


def fit_margin(features: csr_matrix, classes: Places, count: int) -> Linear:
    """Fit a linear support vector machine, one class against the rest."""
    fitted = LinearSVC(C=MARGIN_C, class_weight=weigh(classes), random_state=SEED)
    return _spread(fitted.fit(features, classes), count)


def _spread(fitted: Any, count: int) -> Linear:  # noqa: ANN401 - scikit-learn has no types
    weights, bias = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:  # noqa: PLR2004 - scikit-learn keeps one row for two classes
        weights, bias = np.vstack([-weights, weights]) / 2, np.hstack([-bias, bias]) / 2
    all_weights = np.zeros((count, weights.shape[1]), np.float32)
    all_bias = np.full(count, UNSEEN, np.float32)
    all_weights[fitted.classes_] = weights
    all_bias[fitted.classes_] = bias
    return Linear(all_weights, all_bias)


class Words:
    """Single words and pairs, weighted by TF-IDF."""

    def __init__(self, vectorizer: TfidfVectorizer) -> None:
        self._vectorizer = vectorizer

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Self:
        """Learn the vocabulary from labelled texts."""
        vectorizer = _make_vectorizer(max_features=MOST_WORDS)
        vectorizer.fit([*texts, EMPTY])  # no word at all would be an error
        return cls(vectorizer)

    @classmethod
    def load(cls, names: Sequence[str], weights: NDArray[np.float64]) -> Self:
        """Restore from `names` and `weights`."""
        vectorizer = _make_vectorizer(vocabulary={name: n for n, name in enumerate(names)})
        vectorizer.idf_ = weights
        return cls(vectorizer)

    @property
    def names(self) -> list[str]:
        """What each column stands for."""
        return [str(name) for name in self._vectorizer.get_feature_names_out()]

    @property
    def weights(self) -> NDArray[np.float64]:
        """How rare each column's word is: its inverse document frequency."""
        return np.asarray(self._vectorizer.idf_, dtype=np.float64)

    def read(self, texts: Sequence[str]) -> csr_matrix:
        """Return features of shape [texts, vocabulary]."""
        return self._vectorizer.transform(texts)


def _make_vectorizer(**options: Any) -> TfidfVectorizer:  # noqa: ANN401 - scikit-learn's
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORD, **options)
