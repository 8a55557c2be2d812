"""Folded texts → MinHash sketches: a key for each band, and a byte of each hash.

MinHash as in Broder 1997 (On the resemblance and containment of documents), bands as in Leskovec,
Rajaraman, Ullman: Mining of Massive Datasets, chapter 3.4. Two texts with Jaccard similarity s
share a key with probability 1 - (1 - s**rows)**bands.
"""

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

MISSED = 0.003  # share of the pairs with a similarity of the threshold that share no key
MOST_HASHES = 300
MOST_ROWS = 8
BLOCK = 2**16  # shingles that are hashed at once: they and their products stay in the L2 cache
SEED = 0


@dataclass(frozen=True, slots=True)
class Sketches:
    """Sketches of n texts.

    - `keys`: uint64 of shape (bands, n).
    - `lows`: the low byte of each hash's minimum, uint8 of shape (n, bands * rows).
    """

    keys: Any
    lows: Any


def bands_of(threshold: float) -> tuple[int, int]:
    """(bands, rows): as many rows, hence as few other candidates, as MOST_HASHES allows."""
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
    """A thread for each core: numpy and scipy let go of the interpreter while they work."""
    return ThreadPoolExecutor(os.cpu_count() or 1)


def sketch(pool: ThreadPoolExecutor, texts: Sequence[str], shape: tuple[int, int]) -> Sketches:
    """The texts' sketches of (bands, rows), the same ones for the same text in every process."""
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
    """The texts' indices in blocks of about BLOCK code points, texts of like length together."""
    import numpy

    lengths = numpy.fromiter((len(text) or 1 for text in texts), dtype="int64", count=len(texts))
    order = numpy.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        stop = start + max(BLOCK // longest, 1)
        # Padding is work: a block ends where texts are half as long as its first.
        stop = min(stop, start + int((lengths[order[start:stop]] * 2 >= longest).sum()))
        yield order[start:stop]
        start = stop


def _least(texts: Sequence[str], hashes: int) -> Any:
    """For each hash and text the least hash of the text's shingles, uint32 (hashes, texts).

    A hash multiplies by an odd number modulo 2**32, which permutes what is hashed already.
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
    """A column for each text, filled up with its last shingle: a minimum of columns runs several
    times as fast as one of stretches."""
    import numpy

    counts = numpy.diff(starts)
    within = numpy.minimum(numpy.arange(counts.max())[:, None], counts - 1)
    return codes[starts[:-1] + within]


def _keys(least: Any) -> Any:
    """(bands, rows, texts) → (bands, texts): the rows of a band as one hash, uint64."""
    import numpy

    from distill.text.near_duplicates.shingles import BASE

    keys = numpy.zeros((len(least), least.shape[2]), dtype="uint64")
    for row in range(least.shape[1]):
        keys ^= least[:, row]
        keys *= numpy.uint64(BASE)
        keys ^= keys >> numpy.uint64(32)
    keys *= numpy.uint64(BASE)
    return keys
