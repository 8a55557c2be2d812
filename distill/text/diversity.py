"""The diversity of texts, and their coverage of real texts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from distill.text.embeddings import embed_once

# A word, or a character in scripts without spaces (kana, Chinese characters, Thai).
WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]|[^\W\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+"
)
BLOCK = 1_000  # rows of a similarity matrix at a time: 80 MB at 20,000 texts
NEIGHBOURS = 5  # as in the paper's experiments
TOLERANCE = 1e-5  # of a cosine; one text differs by less between two batches


@dataclass(frozen=True, slots=True)
class Diversity:
    """The diversity of texts. All figures are 0 if there is nothing to count.

    - distinct_1: distinct words / all words (Li et al. 2016, aclanthology.org/N16-1014)
    - distinct_2: distinct pairs of words / all pairs
    - mean_nearest_distance: mean over texts of 1 - cosine to the nearest other text's embedding

    1 means that no word or pair is repeated; near 0, all texts have the same words. `distinct_1`
    and `distinct_2` fall with the number of texts, so compare equal numbers only. A distance of 0
    means that each text has a twin; 1, that each is about something else than all others.
    """

    distinct_1: float
    distinct_2: float
    mean_nearest_distance: float


def diversity(texts: Sequence[str]) -> Diversity:
    """Measure the diversity of texts."""
    words = [WORD.findall(text.casefold()) for text in texts]
    return Diversity(distinct(words, 1), distinct(words, 2), mean_nearest_distance(texts))


def distinct(words: Sequence[Sequence[str]], n: int) -> float:
    """Return distinct n-grams / all n-grams, 0–1; n-grams never cross the end of a text."""
    grams = [tuple(text[at : at + n]) for text in words for at in range(len(text) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 0.0


def mean_nearest_distance(texts: Sequence[str]) -> float:
    """Return the mean of 1 - cosine to the nearest other text, 0–1; 0 for less than two texts."""
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
    # Opposite vectors would give 2, but the angle of two texts is hardly ever over 90 degrees.
    return float(1 - numpy.concatenate(nearest).clip(0, 1).mean())


def coverage(texts: Sequence[str], real: Sequence[str]) -> float:
    """Return the share of the real texts (seeds, inputs) that `texts` cover, 0–1.

    A real text is covered if one of `texts` is nearer than the fifth nearest other real text. The
    definition is that of Naeem et al. 2020 (https://arxiv.org/abs/2002.09797), here by cosine of
    embeddings.

    1 means that all real texts are covered; 0, that none is or that one side is empty.

    As many texts drawn like the real ones reach about 0.97. More texts cover more.
    """
    import numpy

    if not texts or not real:
        return 0.0
    ours, theirs = embed_once(texts), embed_once(real)
    place = min(NEIGHBOURS, len(real) - 1)  # each real text itself is at place 0
    covered = []
    for start in range(0, len(real), BLOCK):
        asked = theirs[start : start + BLOCK]
        among_real = -numpy.partition(-(asked @ theirs.T), place, axis=1)[:, place]
        covered.append((asked @ ours.T).max(axis=1) >= among_real - TOLERANCE)
    return float(numpy.concatenate(covered).mean())
