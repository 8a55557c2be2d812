"""Search for candidate pairs: texts with an equal key of a band (locality-sensitive hashing)."""

from collections.abc import Iterable
from typing import Any

from distill.text.near_duplicates.shingles import starts_of

# If more texts have the same key, each is paired only with the first and with the NEXT before it.
MOST_ALL = 32
NEXT = 4

# Pairs of text indices as uint64: the later text in the upper half, the earlier in the lower half.
Codes = Any
HALF = 32


def within(keys: Any) -> Codes:
    """Return the pairs of texts with equal keys."""
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
    """Return the sorted keys, with the index of the text in place of the lowest bits.

    This takes a quarter of the time of sorting indices by key.
    """
    import numpy

    packed = keys >> _bits(keys)
    packed <<= _bits(keys)
    packed |= numpy.arange(len(keys), dtype="uint64")
    packed.sort()
    return packed


def _unpacked(keys: Any, packed: Any) -> tuple[Any, Any]:
    """Return (the remaining bits of the keys, the indices of the texts as int64)."""
    heads = packed >> _bits(keys)
    return heads, (packed ^ (heads << _bits(keys))).astype("int64")


def _bits(keys: Any) -> Any:
    import numpy

    return numpy.uint64(len(keys).bit_length())


def changes(ordered: Any) -> Any:
    """Return a mask of where a new value begins, with a final True, as bool of shape (n + 1,)."""
    import numpy

    ends = numpy.ones(len(ordered) + 1, dtype=bool)
    numpy.not_equal(ordered[1:], ordered[:-1], out=ends[1:-1])
    return ends


def _codes(upper: Any, lower: Any) -> Codes:
    return (upper.astype("uint64") << HALF) | lower.astype("uint64")


def places_of(codes: Codes) -> tuple[Any, Any]:
    """Return the later and the earlier texts of the pairs, as int64."""
    return (codes >> HALF).astype("int64"), (codes & (2**HALF - 1)).astype("int64")


def union(parts: Iterable[Codes]) -> Codes:
    """Return the distinct pairs, sorted."""
    import numpy

    codes = numpy.sort(numpy.concatenate(list(parts)))
    return codes[changes(codes)[:-1]]


def rank(codes: Codes) -> Any:
    """Return the number of each pair among the pairs of its later text, from 0.

    `codes` must be sorted.
    """
    import numpy

    starts = numpy.flatnonzero(changes(codes >> HALF))
    return numpy.arange(len(codes)) - numpy.repeat(starts[:-1], numpy.diff(starts))
