"""Texts → how different they are from each other, and how much of what is real they cover."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

from distill.backends.embeddings import embed_once

# A word; of scripts without spaces (kana, Chinese characters, Thai) a character.
WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]|[^\W\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+"
)
BLOCK = 1_000  # rows of a similarity matrix at a time: 80 MB at 20,000 texts
DECIMALS = 5  # the same text differs by less between two batches


@dataclass(frozen=True, slots=True)
class Diversity:
    """How different texts are from each other. All are 0 where there is nothing to count.

    `distinct_1` and `distinct_2`: distinct words and pairs of words / all of them (Li et al. 2016,
    aclanthology.org/N16-1014): 1, nothing is said twice; near 0, always the same words. They fall
    as texts get more: compare equal numbers of texts only.
    `mean_nearest_distance`: 1 - cosine of the embeddings to the nearest other text, the mean over
    the texts: 0, each has a twin; 1, each is about something else than all others.
    """

    distinct_1: float
    distinct_2: float
    mean_nearest_distance: float


def diversity(texts: Sequence[str]) -> Diversity:
    """How different the texts are from each other."""
    words = [WORD.findall(text.casefold()) for text in texts]
    return Diversity(distinct(words, 1), distinct(words, 2), mean_nearest_distance(texts))


def distinct(words: Sequence[Sequence[str]], n: int) -> float:
    """Distinct n-grams / all n-grams, 0–1; n-grams do not reach over the end of a text."""
    grams = [tuple(text[at : at + n]) for text in words for at in range(len(text) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 0.0


def mean_nearest_distance(texts: Sequence[str]) -> float:
    """Mean of 1 - cosine to the nearest other text, 0–1; 0 for less than two texts."""
    import numpy

    if len(texts) < 2:
        return 0.0
    vectors = embed_once(texts)
    nearest = []
    for start in range(0, len(texts), BLOCK):
        similarity = vectors[start : start + BLOCK] @ vectors.T
        own = numpy.arange(len(similarity))
        similarity[own, own + start] = -1
        nearest.append(similarity.max(axis=1))
    # Opposite vectors would give 2; embeddings of texts are hardly ever more than at right angles.
    return float(1 - numpy.concatenate(nearest).clip(0, 1).mean())


def coverage(texts: Sequence[str], real: Sequence[str], *, seed: int = 0) -> float:
    """Share of the clusters with a real text (a seed, an input) that hold one of `texts` too: 1,
    the texts are wherever the real ones are; 0, nowhere (or there are none of the one or other).

    The clusters are k-means of both together, k = √(texts + real). It falls as k grows: compare
    equal numbers of texts only.
    """
    if not texts or not real:
        return 0.0
    cluster = _clusters([*texts, *real], seed)
    ours, theirs = set(cluster[: len(texts)]), set(cluster[len(texts) :])
    return len(ours & theirs) / len(theirs)


def _clusters(texts: Sequence[str], seed: int) -> list[int]:
    """A cluster's number for each text; k-means of the embeddings."""
    import numpy
    from sklearn.cluster import KMeans

    points: Any = numpy.round(embed_once(texts), DECIMALS)
    count = min(isqrt(len(texts)), len(numpy.unique(points, axis=0)))
    fitted = KMeans(count, n_init=1, random_state=seed).fit(points)
    return [int(number) for number in fitted.labels_]
