"""The rivals that cost next to nothing: logistic regression on counts of words and characters, and
on sentence embeddings, and the answer to the nearest row. All are fitted in seconds and answer in
milliseconds on any processor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# Little regularisation: with ten examples a label the defaults underfit (measured on banking77).
TFIDF_C = 30.0
EMBEDDINGS_C = 10.0


class Classifier(Protocol):
    """A fitted scikit-learn pipeline over texts."""

    def predict(self, texts: Sequence[str]) -> Any:
        """A label for each text."""


def fit_tfidf(texts: Sequence[str], labels: Sequence[str]) -> Classifier:
    """TF-IDF of words (1-2) and of characters within words (2-5), logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )
    model = make_pipeline(features, LogisticRegression(C=TFIDF_C, max_iter=2000))
    fitted: Classifier = model.fit(list(texts), list(labels))
    return fitted


def fit_embeddings(texts: Sequence[str], labels: Sequence[str]) -> Classifier:
    """Sentence embeddings (all-MiniLM-L6-v2, not tuned), logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    from distill.text.embeddings import embed

    model = make_pipeline(
        FunctionTransformer(embed), LogisticRegression(C=EMBEDDINGS_C, max_iter=2000)
    )
    fitted: Classifier = model.fit(list(texts), list(labels))
    return fitted


@dataclass(frozen=True, slots=True)
class Nearest:
    """Answers with that of the nearest text, word for word."""

    neighbours: Any
    answers: Sequence[str]

    def predict(self, texts: Sequence[str]) -> list[str]:
        """An answer for each text."""
        found = self.neighbours.kneighbors(_embedded(texts), return_distance=False)
        return [self.answers[row[0]] for row in found]


def fit_nearest(texts: Sequence[str], answers: Sequence[str]) -> Classifier:
    """The nearest neighbour by the same embeddings."""
    from sklearn.neighbors import NearestNeighbors

    neighbours = NearestNeighbors(n_neighbors=1, metric="cosine").fit(_embedded(texts))
    return Nearest(neighbours, list(answers))


def _embedded(texts: Sequence[str]) -> Any:
    from distill.text.embeddings import embed

    return embed(list(texts))
