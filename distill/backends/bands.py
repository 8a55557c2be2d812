"""The keys of a band, one for each text → candidates: the pairs of texts with equal keys."""

from collections.abc import Iterable
from typing import Any

from distill.backends.shingles import starts_of

# Of more texts with one key each is a candidate with the first and the NEXT before it only.
MOST_ALL = 32
NEXT = 4

# Pairs of places as uint64: in the upper half the text that others are looked for, within one list
# the later, in the lower half the other.
Codes = Any
HALF = 32


def within(keys: Any) -> Codes:
    """The pairs of places with equal keys."""
    import numpy

    heads, places = _sorted(keys, numpy.arange(len(keys)))
    ends = changes(heads)
    shared = ~(ends[:-1] & ends[1:])
    heads, places = heads[shared], places[shared]
    sizes = numpy.diff(numpy.flatnonzero(changes(heads)))
    starts = numpy.repeat(starts_of(sizes)[:-1], sizes)
    size = numpy.repeat(sizes, sizes)
    at = numpy.flatnonzero(size > MOST_ALL)
    found = [_codes(places[at], places[starts[at]])[starts[at] < at]]
    at, step = numpy.arange(len(size)), 1
    while len(at := at[(at - starts[at] + step < size[at])]):
        found.append(_codes(places[at + step], places[at]))
        step += 1
        if step > NEXT:
            at = at[size[at] <= MOST_ALL]
    return union(found)


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


def changes(ordered: Any) -> Any:
    """Where a new value begins, and the end: bool, one longer."""
    import numpy

    ends = numpy.ones(len(ordered) + 1, dtype=bool)
    numpy.not_equal(ordered[1:], ordered[:-1], out=ends[1:-1])
    return ends


def _codes(upper: Any, lower: Any) -> Codes:
    return (upper.astype("uint64") << HALF) | lower.astype("uint64")


def places_of(codes: Codes) -> tuple[Any, Any]:
    """The upper and the lower halves, int64."""
    return (codes >> HALF).astype("int64"), (codes & (2**HALF - 1)).astype("int64")


def union(parts: Iterable[Codes]) -> Codes:
    """Each code once, in order."""
    import numpy

    codes = numpy.sort(numpy.concatenate(list(parts)))
    return codes[changes(codes)[:-1]]


def rank(codes: Codes) -> Any:
    """Of ordered codes, which of its text each is, from 0."""
    import numpy

    starts = numpy.flatnonzero(changes(codes >> HALF))
    return numpy.arange(len(codes)) - numpy.repeat(starts[:-1], numpy.diff(starts))
