"""MinHash sketches of folded texts: a key for each band, and a byte of each hash.

Sources: Broder 1997 (On the resemblance and containment of documents) for MinHash; Leskovec,
Rajaraman, Ullman (Mining of Massive Datasets, chapter 3.4) for bands. Two texts with the Jaccard
similarity s have a common key with the probability 1 - (1 - s**rows)**bands.
"""

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

MISSED = 0.003  # probability that a pair with exactly the threshold has no common key
MOST_HASHES = 300
MOST_ROWS = 8
BLOCK = 2**16  # shingles hashed at once, so that they and their products fit in the L2 cache
SEED = 0


@dataclass(frozen=True, slots=True)
class Sketches:
    """The sketches of n texts.

    - `keys`: the keys of the bands, uint64 of shape (bands, n).
    - `lows`: the low byte of each minimum hash, uint8 of shape (n, bands * rows).
    """

    keys: Any
    lows: Any


def bands_of(threshold: float) -> tuple[int, int]:
    """Return (bands, rows) with as many rows as MOST_HASHES allows.

    More rows give fewer false candidates. The bands keep the share of missed pairs at MISSED.
    """
    options = []
    for rows in range(1, MOST_ROWS + 1):
        miss = math.log1p(-min(threshold**rows, 1 - MISSED))
        options.append((math.ceil(math.log(MISSED) / miss), rows))
    return max(
        (option for option in options if math.prod(option) <= MOST_HASHES),
        key=lambda option: option[1],
        default=options[0],
    )


def workers() -> ThreadPoolExecutor:
    """Return a pool with a thread per core; numpy and scipy release the interpreter lock."""
    return ThreadPoolExecutor(os.cpu_count() or 1)


def sketch(pool: ThreadPoolExecutor, texts: Sequence[str], shape: tuple[int, int]) -> Sketches:
    """Return the sketches of texts for `shape` (bands, rows), the same in every process."""
    import numpy

    bands, rows = shape
    keys = numpy.empty((bands, len(texts)), dtype="uint64")
    lows = numpy.empty((len(texts), bands * rows), dtype="uint8")

    def fill(places: Any) -> None:
        least = _least([texts[place] for place in places], bands * rows)
        lows[places] = least.astype("uint8").T
        keys[:, places] = _keys(least.reshape(bands, rows, -1))

    for _ in pool.map(fill, _blocks(texts)):
        pass
    return Sketches(keys, lows)


def _blocks(texts: Sequence[str]) -> Iterator[Any]:
    """Yield the indices of texts in blocks of about BLOCK code points, with similar lengths."""
    import numpy

    lengths = numpy.fromiter((len(text) or 1 for text in texts), dtype="int64", count=len(texts))
    order = numpy.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        stop = start + max(BLOCK // longest, 1)
        # To limit padding, all texts of a block have at least half the length of the first.
        stop = min(stop, start + int((lengths[order[start:stop]] * 2 >= longest).sum()))
        yield order[start:stop]
        start = stop


def _least(texts: Sequence[str], hashes: int) -> Any:
    """Return each text's minimum of each hash over its shingles, uint32 of shape (hashes, texts).

    A hash function multiplies a shingle's hash by an odd number modulo 2**32, a permutation.
    """
    import numpy

    from distill.text.near_duplicates.shingles import shingle

    codes, starts = shingle(texts)
    columns = _columns((codes >> numpy.uint64(32)).astype("uint32"), starts)
    factors = numpy.random.default_rng(SEED).integers(2**31, size=hashes, dtype="uint32") * 2 + 1
    least = numpy.empty((hashes, len(texts)), dtype="uint32")
    product = numpy.empty_like(columns)
    for factor, row in zip(factors.astype("uint32"), least, strict=True):
        numpy.multiply(columns, factor, out=product)
        numpy.minimum.reduce(product, axis=0, out=row)
    return least


def _columns(codes: Any, starts: Any) -> Any:
    """Return a column of shingles for each text, padded with its last shingle.

    The minimum of columns is several times as fast as the minimum of slices.
    """
    import numpy

    counts = numpy.diff(starts)
    within = numpy.minimum(numpy.arange(counts.max())[:, None], counts - 1)
    return codes[starts[:-1] + within]


def _keys(least: Any) -> Any:
    """Hash the rows of each band to a key: (bands, rows, texts) → uint64 (bands, texts)."""
    import numpy

    from distill.text.near_duplicates.shingles import BASE

    keys = numpy.zeros((len(least), least.shape[2]), dtype="uint64")
    for row in range(least.shape[1]):
        keys ^= least[:, row]
        keys *= numpy.uint64(BASE)
        keys ^= keys >> numpy.uint64(32)
    keys *= numpy.uint64(BASE)
    return keys
