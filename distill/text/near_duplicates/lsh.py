"""Candidates: pairs of texts with equal keys of a band (locality-sensitive hashing)."""

from collections.abc import Iterable
from typing import Any

from distill.text.near_duplicates.shingles import starts_of

# Of more texts with one key, each is paired only with the first and with the NEXT before it.
MOST_ALL = 32
NEXT = 4

# Pairs of places as uint64: the later in the upper half, the earlier in the lower.
Codes = Any
HALF = 32


def within(keys: Any) -> Codes:
    """Return the pairs of places with equal keys."""
    import numpy

    packed = _sorted(keys)
    shared = numpy.zeros(len(keys) + 1, dtype=bool)
    shared[1:-1] = (packed[1:] ^ packed[:-1]) >> _bits(keys) == 0
    heads, places = _unpacked(keys, packed[shared[:-1] | shared[1:]])
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


def _sorted(keys: Any) -> Any:
    """Sort the keys, each with its place instead of the lowest bits.

    Sorting both in one number takes a quarter of the time of sorting places by keys.
    """
    import numpy

    packed = keys >> _bits(keys)
    packed <<= _bits(keys)
    packed |= numpy.arange(len(keys), dtype="uint64")
    packed.sort()
    return packed


def _unpacked(keys: Any, packed: Any) -> tuple[Any, Any]:
    """Return (the remaining bits of the keys, the places as int64)."""
    heads = packed >> _bits(keys)
    return heads, (packed ^ (heads << _bits(keys))).astype("int64")


def _bits(keys: Any) -> Any:
    import numpy

    return numpy.uint64(len(keys).bit_length())


def changes(ordered: Any) -> Any:
    """Return a mask that is true where a new value begins and after the last one, bool (n + 1,)."""
    import numpy

    ends = numpy.ones(len(ordered) + 1, dtype=bool)
    numpy.not_equal(ordered[1:], ordered[:-1], out=ends[1:-1])
    return ends


def _codes(upper: Any, lower: Any) -> Codes:
    return (upper.astype("uint64") << HALF) | lower.astype("uint64")


def places_of(codes: Codes) -> tuple[Any, Any]:
    """Return the upper and the lower halves, int64."""
    return (codes >> HALF).astype("int64"), (codes & (2**HALF - 1)).astype("int64")


def union(parts: Iterable[Codes]) -> Codes:
    """Return each code once, in order."""
    import numpy

    codes = numpy.sort(numpy.concatenate(list(parts)))
    return codes[changes(codes)[:-1]]


def rank(codes: Codes) -> Any:
    """Number the codes of each text from 0; `codes` are in order."""
    import numpy

    starts = numpy.flatnonzero(changes(codes >> HALF))
    return numpy.arange(len(codes)) - numpy.repeat(starts[:-1], numpy.diff(starts))
