"""Texts → the pairs of them that are nearly the same: Jaccard similarity of their shingles.

MinHash finds the candidates, the true similarity decides: no pair below the threshold is given, and
of those just at it a share of MISSED is not found. Texts are compared as `fold` leaves them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

from distill.backends.minhash import bands_of, sketch, workers
from distill.backends.shingles import jaccard, starts_of
from distill.records import Pair, fold

# Of more texts with one key each is a candidate with the first and the next ones only: a million
# messages from one template would be 10**11 pairs.
MOST_ALL = 32
NEXT = 8
# A share of equal hashes so far below the threshold is four standard deviations or more.
MARGIN = 0.2
BANDS_AT_ONCE = 8
PAIRS_AT_ONCE = 2**14
POINTS_AT_ONCE = 2**22  # code points of the texts that are compared at once

Codes = Any  # pairs of places as uint64: the first in the upper half, the second in the lower
HALF = 32


def near_pairs(texts: Sequence[str], threshold: float) -> list[Pair]:
    """The pairs of `texts` with a similarity of at least `threshold` (above 0, at most 1), sorted.

    Equal texts count as one, the first of them: a later copy is given with it alone, with score 1.
    """
    placed = _places(texts)
    firsts = [places[0] for places in placed.values()]
    copies = [Pair(places[0], copy, 1.0) for places in placed.values() for copy in places[1:]]
    near = [
        Pair(firsts[first], firsts[second], score)
        for first, second, score in _near(list(placed), threshold, within)
    ]
    return sorted(copies + near)


def near_matches(texts: Sequence[str], others: Sequence[str], threshold: float) -> list[Pair]:
    """The pairs with a similarity of at least `threshold`, sorted: `first` is a place in `texts`,
    `second` one in `others`, where equal texts count as one, the first of them."""
    import numpy

    left, right = _places(texts), _places(others)
    equal = [
        Pair(place, right[text][0], 1.0) for text in left if text in right for place in left[text]
    ]
    every = list(left | right)
    ours = numpy.arange(len(left))
    theirs = numpy.flatnonzero([text in right for text in every])
    near = [
        Pair(place, right[every[second]][0], score)
        for first, second, score in _near(every, threshold, lambda keys: across(keys, ours, theirs))
        for place in left[every[first]]
    ]
    return sorted(equal + near)


def _places(texts: Sequence[str]) -> dict[str, list[int]]:
    """Each text, folded, and where it stands, in order."""
    places: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        places.setdefault(fold(text), []).append(place)
    return places


def _near(
    texts: Sequence[str], threshold: float, candidates: Callable[[Any], Codes]
) -> Iterator[tuple[int, int, float]]:
    """(first, second, similarity) of the pairs that `candidates` finds in bands and that are near.

    Raises ValueError for a threshold that is no similarity.
    """
    import numpy

    if not 0 < threshold <= 1:
        raise ValueError(f"a threshold of {threshold} is not above 0 and at most 1")
    sketches = sketch(texts, *bands_of(threshold))
    codes = numpy.empty(0, dtype="uint64")
    with workers() as pool:
        for start in range(0, len(sketches.keys), BANDS_AT_ONCE):
            found = pool.map(candidates, sketches.keys[start : start + BANDS_AT_ONCE])
            likely = _likely(pool, _union(found), sketches.lows, threshold - MARGIN)
            codes = _union([codes, likely])
        for block, scores in _scored(pool, texts, codes):
            near = scores >= threshold
            first, second = _places_of(block[near])
            yield from zip(first.tolist(), second.tolist(), scores[near].tolist(), strict=True)


def within(keys: Any) -> Codes:
    """The pairs of places with equal keys."""
    import numpy

    heads, places = _sorted(keys, numpy.arange(len(keys)))
    sizes = numpy.diff(numpy.flatnonzero(_changes(heads)))
    starts = numpy.repeat(starts_of(sizes)[:-1], sizes)
    size = numpy.repeat(sizes, sizes)
    at = numpy.flatnonzero(size > MOST_ALL)
    found = [_codes(places[starts[at]], places[at])[starts[at] < at]]
    at, step = numpy.flatnonzero(size > 1), 1
    while len(at := at[(at - starts[at] + step < size[at])]):
        found.append(_codes(places[at], places[at + step]))
        step += 1
        if step > NEXT:
            at = at[size[at] <= MOST_ALL]
    return _union(found)


def across(keys: Any, left: Any, right: Any) -> Codes:
    """The pairs of a place in `left` and another in `right` with equal keys, of many the first."""
    import numpy

    heads, places = _sorted(keys, left)
    held, others = _sorted(keys, right)
    starts = numpy.searchsorted(held, heads, "left")
    counts = numpy.minimum(numpy.searchsorted(held, heads, "right") - starts, MOST_ALL)
    offsets = numpy.arange(counts.sum()) - numpy.repeat(starts_of(counts)[:-1], counts)
    first, second = numpy.repeat(places, counts), others[numpy.repeat(starts, counts) + offsets]
    return _codes(first, second)[first != second]


def _sorted(keys: Any, places: Any) -> tuple[Any, Any]:
    """The keys of `places` in order, without their lowest bits, and the places in the same order:
    to sort both in one number takes a quarter of the time of sorting one by the other."""
    import numpy

    bits = numpy.uint64(len(keys).bit_length())
    packed = numpy.sort((keys[places] >> bits << bits) | places.astype("uint64"))
    heads = packed >> bits
    return heads, (packed ^ (heads << bits)).astype("int64")


def _changes(ordered: Any) -> Any:
    """Where a new value begins, and the end: bool, one longer."""
    import numpy

    ends = numpy.ones(len(ordered) + 1, dtype=bool)
    numpy.not_equal(ordered[1:], ordered[:-1], out=ends[1:-1])
    return ends


def _codes(first: Any, second: Any) -> Codes:
    return (first.astype("uint64") << HALF) | second.astype("uint64")


def _places_of(codes: Codes) -> tuple[Any, Any]:
    return (codes >> HALF).astype("int64"), (codes & (2**HALF - 1)).astype("int64")


def _union(parts: Iterable[Codes]) -> Codes:
    """Each code once, in order."""
    import numpy

    codes = numpy.sort(numpy.concatenate(list(parts)))
    return codes[_changes(codes)[:-1]]


def _likely(pool: ThreadPoolExecutor, codes: Codes, lows: Any, share: float) -> Codes:
    """Those of which at least that share of the hashes' low bytes are equal."""
    import numpy

    def check(start: int) -> Codes:
        block = codes[start : start + PAIRS_AT_ONCE]
        first, second = _places_of(block)
        equal = (lows[first] == lows[second]).sum(axis=1, dtype="uint16")
        return block[equal >= share * lows.shape[1]]

    blocks = pool.map(check, range(0, len(codes), PAIRS_AT_ONCE))
    return numpy.concatenate([codes[:0], *blocks])


def _scored(
    pool: ThreadPoolExecutor, texts: Sequence[str], codes: Codes
) -> Iterator[tuple[Codes, Any]]:
    """The pairs in blocks, with their similarities."""
    import numpy

    lengths = numpy.fromiter(map(len, texts), dtype="int64", count=len(texts))
    first, second = _places_of(codes)
    points = numpy.cumsum(lengths[first] + lengths[second]) // POINTS_AT_ONCE
    bounds = numpy.flatnonzero(_changes(points)).tolist()
    blocks = [codes[start:stop] for start, stop in pairwise(bounds)]
    yield from zip(blocks, pool.map(lambda block: _scores(texts, block), blocks), strict=True)


def _scores(texts: Sequence[str], codes: Codes) -> Any:
    import numpy

    places, rows = numpy.unique(numpy.concatenate(_places_of(codes)), return_inverse=True)
    return jaccard([texts[place] for place in places], *numpy.split(rows, 2))
