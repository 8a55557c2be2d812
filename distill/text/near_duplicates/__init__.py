"""Detection of near duplicates, by the Jaccard similarity of the shingles of folded texts.

MinHash finds the candidates, and the exact similarity decides. No pair below the threshold is
returned. A share of MISSED of the pairs with exactly the threshold is not found.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

from distill.core.dataset import SimilarPair
from distill.core.text import fold
from distill.text.near_duplicates.lsh import Codes, changes, places_of, rank, union, within
from distill.text.near_duplicates.minhash import bands_of, sketch, workers
from distill.text.near_duplicates.shingles import jaccard

# Max candidates and max pairs of a text. A million messages from one template would otherwise have
# 5 * 10**11 pairs.
MOST_TRIED = 64
MOST_EACH = 16
# A pair's share of equal hashes is tested first on TRIED hashes and then on all. A pair is dropped
# if the share is below the threshold by the margin, which is over three standard deviations.
TRIED = 64
TRIED_MARGIN, MARGIN = 0.2, 0.1
BANDS_AT_ONCE = 8
PAIRS_AT_ONCE = 2**13
POINTS_AT_ONCE = 2**22  # total code points of the texts compared at once


def near_pairs(texts: Sequence[str], threshold: float) -> list[SimilarPair]:
    """Return the pairs of texts with a similarity of at least `threshold`, sorted.

    A copy is paired only with the first equal text (score 1). A text is paired with at most
    MOST_EACH earlier texts. Raises ValueError unless 0 < threshold ≤ 1.
    """
    firsts, places = _firsts(texts)
    copies = [
        SimilarPair(first, place, 1.0) for place, first in enumerate(places) if first != place
    ]
    unique = list(firsts.values())
    near = [
        SimilarPair(unique[other], unique[later], score)
        for later, other, score in _near(list(firsts), threshold)
    ]
    return sorted(copies + near)


def _firsts(texts: Sequence[str]) -> tuple[dict[str, int], list[int]]:
    """Return the first index of each folded text, and the list of these indices for all texts."""
    firsts: dict[str, int] = {}
    return firsts, [firsts.setdefault(fold(text), place) for place, text in enumerate(texts)]


def _near(texts: Sequence[str], threshold: float) -> Iterator[tuple[int, int, float]]:
    """Return the near pairs of different texts as (text, earlier text, similarity).

    Raises ValueError unless 0 < threshold ≤ 1.
    """
    import numpy

    if not 0 < threshold <= 1:
        raise ValueError(f"the threshold must be above 0 and at most 1, not {threshold}")
    with workers() as pool:
        codes = _candidates(pool, texts, threshold)
        scores = numpy.concatenate([numpy.empty(0), *_scores(pool, texts, codes)])
    near = scores >= threshold
    codes, scores = codes[near], scores[near]
    few = rank(codes) < MOST_EACH
    found, others = places_of(codes[few])
    return zip(found.tolist(), others.tolist(), scores[few].tolist(), strict=True)


def _candidates(pool: ThreadPoolExecutor, texts: Sequence[str], threshold: float) -> Codes:
    """Return the pairs with an equal band and sufficiently similar sketches."""
    import numpy

    sketches = sketch(pool, texts, bands_of(threshold))
    few = numpy.ascontiguousarray(sketches.lows[:, :TRIED])
    least = [(few, threshold - TRIED_MARGIN), (sketches.lows, threshold - MARGIN)]
    codes = numpy.empty(0, dtype="uint64")
    for start in range(0, len(sketches.keys), BANDS_AT_ONCE):
        found = union(pool.map(within, sketches.keys[start : start + BANDS_AT_ONCE]))
        codes = union([codes, _likely(pool, found, least)])
        codes = codes[rank(codes) < MOST_TRIED]
    return codes


def _likely(pool: ThreadPoolExecutor, codes: Codes, least: Sequence[tuple[Any, float]]) -> Codes:
    """Return the pairs whose share of equal bytes reaches the minimum in each table.

    `least`: the tables, each with its minimum share.
    """
    import numpy

    def check(start: int) -> Codes:
        block = codes[start : start + PAIRS_AT_ONCE]
        for lows, share in least:
            first, second = places_of(block)
            equal = lows.take(first, axis=0) == lows.take(second, axis=0)
            block = block[equal.sum(axis=1, dtype="uint16") >= share * lows.shape[1]]
        return block

    blocks = pool.map(check, range(0, len(codes), PAIRS_AT_ONCE))
    return numpy.concatenate([codes[:0], *blocks])


def _scores(pool: ThreadPoolExecutor, texts: Sequence[str], codes: Codes) -> Iterator[Any]:
    """Return the similarities of the pairs, in blocks to save memory."""
    import numpy

    lengths = numpy.fromiter(map(len, texts), dtype="int64", count=len(texts))
    first, second = places_of(codes)
    points = numpy.cumsum(lengths[first] + lengths[second]) // POINTS_AT_ONCE
    bounds = numpy.flatnonzero(changes(points)).tolist()

    def score(bound: tuple[int, int]) -> Any:
        block = numpy.concatenate([first[slice(*bound)], second[slice(*bound)]])
        places, rows = numpy.unique(block, return_inverse=True)
        return jaccard([texts[place] for place in places], *numpy.split(rows, 2))

    return pool.map(score, pairwise(bounds))
