"""Texts → the pairs of them that are nearly the same: Jaccard similarity of their shingles.

MinHash finds the candidates, the true similarity decides: no pair below the threshold is given, and
of those just at it a share of MISSED is not found. Texts are compared as `fold` leaves them.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

from distill.backends.bands import Codes, across, changes, places_of, rank, union, within
from distill.backends.minhash import bands_of, sketch, workers
from distill.backends.shingles import jaccard
from distill.records import Pair, fold

# A text has no more candidates, and is given with no more others: a million messages from one
# template would be 10**11 pairs.
MOST_TRIED = 64
MOST_EACH = 16
# A pair's share of equal hashes is tried on the first 64 and on all of them; so far below the
# threshold (more than three standard deviations) it is not compared.
MARGINS = ((64, 0.2), (None, 0.1))
BANDS_AT_ONCE = 8
PAIRS_AT_ONCE = 2**14
POINTS_AT_ONCE = 2**22  # code points of the texts that are compared at once


def near_pairs(texts: Sequence[str], threshold: float) -> list[Pair]:
    """The pairs of `texts` with a similarity of at least `threshold` (above 0, at most 1), sorted.

    Equal texts count as one, the first of them: a later copy is given with it alone, with score 1.
    Of the texts before it a text is given with MOST_EACH at most, the first of those found.
    """
    firsts, places = _firsts(texts)
    copies = [Pair(first, place, 1.0) for place, first in enumerate(places) if first != place]
    unique = list(firsts.values())
    near = [
        Pair(unique[other], unique[later], score)
        for later, other, score in _near(list(firsts), threshold, within)
    ]
    return sorted(copies + near)


def near_matches(texts: Sequence[str], others: Sequence[str], threshold: float) -> list[Pair]:
    """The pairs with a similarity of at least `threshold`, sorted: `first` is a place in `texts`,
    `second` one in `others`, where equal texts count as one, the first of them. A text is given
    with MOST_EACH of the others at most, besides its equal."""
    import numpy

    (left, places), (right, _) = _firsts(texts), _firsts(others)
    every = list(left | right)
    ours, theirs = numpy.arange(len(left)), numpy.flatnonzero([text in right for text in every])
    found = [(text, text, 1.0) for text in left if text in right]
    found += [
        (every[first], every[second], score)
        for first, second, score in _near(every, threshold, lambda keys: across(keys, ours, theirs))
    ]
    copies: dict[int, list[int]] = {left[text]: [] for text, _, _ in found}
    for place, first in enumerate(places):
        if first in copies:
            copies[first].append(place)
    return sorted(
        Pair(place, right[other], score)
        for text, other, score in found
        for place in copies[left[text]]
    )


def _firsts(texts: Sequence[str]) -> tuple[dict[str, int], list[int]]:
    """Where each text, folded, stands first; and that place for every text."""
    firsts: dict[str, int] = {}
    return firsts, [firsts.setdefault(fold(text), place) for place, text in enumerate(texts)]


def _near(
    texts: Sequence[str], threshold: float, candidates: Callable[[Any], Codes]
) -> Iterator[tuple[int, int, float]]:
    """(text, other, similarity) of the pairs that `candidates` finds in bands and that are near.

    Raises ValueError for a threshold that is no similarity.
    """
    import numpy

    if not 0 < threshold <= 1:
        raise ValueError(f"a threshold of {threshold} is not above 0 and at most 1")
    with workers() as pool:
        codes = _candidates(pool, texts, threshold, candidates)
        scores = numpy.concatenate([numpy.empty(0), *_scores(pool, texts, codes)])
    near = scores >= threshold
    codes, scores = codes[near], scores[near]
    few = rank(codes) < MOST_EACH
    found, others = places_of(codes[few])
    return zip(found.tolist(), others.tolist(), scores[few].tolist(), strict=True)


def _candidates(
    pool: ThreadPoolExecutor, texts: Sequence[str], threshold: float, of: Callable[[Any], Codes]
) -> Codes:
    """Those of all bands whose sketches are alike enough."""
    import numpy

    sketches = sketch(pool, texts, bands_of(threshold))
    codes = numpy.empty(0, dtype="uint64")
    for start in range(0, len(sketches.keys), BANDS_AT_ONCE):
        found = union(pool.map(of, sketches.keys[start : start + BANDS_AT_ONCE]))
        likely = _likely(pool, found, sketches.lows, threshold)
        codes = union([codes, likely])
        codes = codes[rank(codes) < MOST_TRIED]
    return codes


def _likely(pool: ThreadPoolExecutor, codes: Codes, lows: Any, threshold: float) -> Codes:
    """Those whose sketches have enough low bytes in common."""
    import numpy

    def check(start: int) -> Codes:
        block = codes[start : start + PAIRS_AT_ONCE]
        for hashes, margin in MARGINS:
            first, second = places_of(block)
            equal = lows[first, :hashes] == lows[second, :hashes]
            share = equal.sum(axis=1, dtype="uint16") / equal.shape[1]
            block = block[share >= threshold - margin]
        return block

    blocks = pool.map(check, range(0, len(codes), PAIRS_AT_ONCE))
    return numpy.concatenate([codes[:0], *blocks])


def _scores(pool: ThreadPoolExecutor, texts: Sequence[str], codes: Codes) -> Iterator[Any]:
    """The similarities, in blocks of pairs: the sets of all texts at once would fill the memory."""
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
