"""The cheap baselines: logistic regression and the nearest neighbour.

Logistic regression uses TF-IDF or sentence embeddings. All baselines are fitted in seconds and
answer in milliseconds on any processor.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from distill.core.text import fold
from distill.core.words import HANGUL, NO_SPACES, words_in
from distill.text.embedding_models import MINILM

# Weak regularisation, since the defaults underfit with ten examples per label (banking77).
TFIDF_C = 30.0
EMBEDDINGS_C = 10.0
MOST_FITS = 50  # max fits in `left_out`, each of up to a second
_A_WORD_ALONE = re.compile(f"[{NO_SPACES}{HANGUL}]")


class Classifier(Protocol):
    """A fitted scikit-learn pipeline over texts."""

    def predict(self, texts: Sequence[str]) -> Any:
        """Return a label for each text."""


def fit_tfidf(texts: Sequence[str], labels: Sequence[str]) -> Classifier:
    """Fit logistic regression on the TF-IDF of word 1- to 2-grams and character 2- to 5-grams.

    In scripts without spaces, the letters are the words.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    features = make_union(
        TfidfVectorizer(
            preprocessor=fold,
            tokenizer=_tokens,
            token_pattern=None,
            ngram_range=(1, 2),
            sublinear_tf=True,
        ),
        TfidfVectorizer(
            preprocessor=fold, analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True
        ),
    )
    model = make_pipeline(features, LogisticRegression(C=TFIDF_C, max_iter=2000))
    fitted: Classifier = model.fit(list(texts), list(labels))
    return fitted


def _tokens(folded: str) -> list[str]:
    """Return the words of two or more letters, and single letters of scripts without spaces.

    For ASCII, these are the tokens of scikit-learn's default pattern. That pattern takes a Chinese
    sentence for one word, and splits the words of Hindi at their vowels.
    """
    return [word for word in words_in(folded) if len(word) > 1 or _A_WORD_ALONE.match(word)]


def fit_embeddings(
    texts: Sequence[str], labels: Sequence[str], embedding_model: str = MINILM
) -> Classifier:
    """Fit logistic regression on sentence embeddings; their model is not fine-tuned."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    from distill.text.embeddings import embed

    model = make_pipeline(
        FunctionTransformer(partial(embed, embedding_model=embedding_model)), _regression()
    )
    fitted: Classifier = model.fit(list(texts), list(labels))
    return fitted


def left_out(
    texts: Sequence[str],
    labels: Sequence[str],
    places: Sequence[int],
    embedding_model: str = MINILM,
) -> list[str]:
    """Predict the labels of the texts at `places`, each with a model fitted without its text.

    The model is that of `fit_embeddings`. Duplicates of the text are left out of the fit, too. With
    more than MOST_FITS texts, so are some other texts. If the rest has a single label, that label
    is returned.
    """
    from threadpoolctl import threadpool_limits

    from distill.text.embeddings import embed_once

    vectors = embed_once(texts, embedding_model)
    parts = _parts(texts)
    found: dict[int, str] = {}
    # Several threads make small fits up to a hundred times as slow on a busy machine.
    with threadpool_limits(1):
        for part in sorted({parts[place] for place in places}):
            rest = [place for place, of in enumerate(parts) if of != part]
            asked = [place for place in places if parts[place] == part]
            known = [labels[place] for place in rest]
            said = _fitted_once(vectors[rest], known, vectors[asked])
            found |= zip(asked, said, strict=True)
    return [found[place] for place in places]


def _fitted_once(vectors: Any, labels: Sequence[str], asked: Any) -> list[str]:
    """Predict the labels of the vectors `asked` with a model fitted to `vectors`."""
    if len(set(labels)) < 2:
        return [labels[0] if labels else ""] * len(asked)
    return [str(label) for label in _regression().fit(vectors, labels).predict(asked)]


def _parts(texts: Sequence[str]) -> list[int]:
    """Assign each text to one of at most MOST_FITS parts; duplicates are in the same part."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(fold(text), len(numbers)) % MOST_FITS for text in texts]


def _regression() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=EMBEDDINGS_C, max_iter=2000)


@dataclass(frozen=True, slots=True)
class Nearest:
    """A classifier that returns the unchanged answer of the nearest text."""

    neighbours: Any
    answers: Sequence[str]
    embedding_model: str

    def predict(self, texts: Sequence[str]) -> list[str]:
        """Return an answer for each text."""
        found = self.neighbours.kneighbors(
            _embedded(texts, self.embedding_model), return_distance=False
        )
        return [self.answers[row[0]] for row in found]


def fit_nearest(
    texts: Sequence[str], answers: Sequence[str], embedding_model: str = MINILM
) -> Classifier:
    """Fit the nearest-neighbour classifier on sentence embeddings."""
    from sklearn.neighbors import NearestNeighbors

    vectors = _embedded(texts, embedding_model)
    neighbours = NearestNeighbors(n_neighbors=1, metric="cosine").fit(vectors)
    return Nearest(neighbours, list(answers), embedding_model)


def _embedded(texts: Sequence[str], embedding_model: str) -> Any:
    from distill.text.embeddings import embed

    return embed(list(texts), embedding_model)
