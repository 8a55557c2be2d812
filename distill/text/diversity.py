"""The diversity of texts, and their coverage of real texts."""

from collections.abc import Sequence
from dataclasses import dataclass

from distill.core.text import fold
from distill.core.words import words_in
from distill.text.embedding_models import MINILM
from distill.text.embeddings import embed_once

BLOCK = 1_000  # rows of the similarity matrix computed at once: 80 MB for 20,000 texts
NEIGHBOURS = 5  # as in the experiments of Naeem et al.
TOLERANCE = 1e-5  # max difference of a text's cosines between two batches


@dataclass(frozen=True, slots=True)
class Diversity:
    """The diversity of texts. All figures are from 0 to 1, and 0 if there is nothing to count.

    - distinct_1: distinct words / all words (Li et al. 2016, aclanthology.org/N16-1014)
    - distinct_2: distinct pairs of words / all pairs
    - mean_nearest_distance: mean over texts of 1 - cosine to the nearest other text's embedding

    `distinct_1` and `distinct_2` are 1 if no word or pair is repeated. They fall with the number of
    texts, so compare equal numbers only. The distance is 0 if each text has a twin, and near 1 if
    all texts are about different subjects.
    """

    distinct_1: float
    distinct_2: float
    mean_nearest_distance: float


def diversity(texts: Sequence[str], embedding_model: str = MINILM) -> Diversity:
    """Measure the diversity of texts."""
    words = [words_in(fold(text)) for text in texts]
    distance = mean_nearest_distance(texts, embedding_model)
    return Diversity(distinct(words, 1), distinct(words, 2), distance)


def distinct(words: Sequence[Sequence[str]], n: int) -> float:
    """Return distinct n-grams / all n-grams within texts, 0–1; 0 without n-grams."""
    grams = [tuple(text[at : at + n]) for text in words for at in range(len(text) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 0.0


def mean_nearest_distance(texts: Sequence[str], embedding_model: str = MINILM) -> float:
    """Return the mean of 1 - cosine to the nearest other text, 0–1; 0 for fewer than two texts."""
    import numpy

    if len(texts) < 2:
        return 0.0
    vectors = embed_once(texts, embedding_model)
    nearest = []
    for start in range(0, len(texts), BLOCK):
        similarity = vectors[start : start + BLOCK] @ vectors.T
        own = numpy.arange(len(similarity))
        similarity[own, own + start] = -1
        nearest.append(similarity.max(axis=1))
    # Cosines below 0 are clipped; the embeddings of two texts hardly ever have one.
    return float(1 - numpy.concatenate(nearest).clip(0, 1).mean())


def coverage(texts: Sequence[str], real: Sequence[str], embedding_model: str = MINILM) -> float:
    """Return the share of the real texts (seeds, inputs) that `texts` cover, 0–1.

    A real text is covered if one of `texts` is at least as near as the fifth nearest other real
    text. Source: Naeem et al. 2020 (https://arxiv.org/abs/2002.09797), here by cosine of
    embeddings. Returns 0 if one side is empty.

    An equal number of texts from the same distribution as the real ones covers about 0.97. More
    texts cover more.
    """
    import numpy

    if not texts or not real:
        return 0.0
    ours, theirs = embed_once(texts, embedding_model), embed_once(real, embedding_model)
    place = min(NEIGHBOURS, len(real) - 1)  # each real text itself is at place 0
    covered = []
    for start in range(0, len(real), BLOCK):
        asked = theirs[start : start + BLOCK]
        among_real = -numpy.partition(-(asked @ theirs.T), place, axis=1)[:, place]
        covered.append((asked @ ours.T).max(axis=1) >= among_real - TOLERANCE)
    return float(numpy.concatenate(covered).mean())
