"""Overlaps of texts with gold, since a test that was trained on measures nothing.

A text that equals, nearly equals or means the same as a gold row gets one GoldOverlap. The overlap
is the best match of the first kind that finds one.
"""

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from typing import Any

from distill.core.dataset import GoldOverlap, LeakKind, SimilarPair
from distill.core.words import letters_a_word, word_units
from distill.text.embeddings import similar_matches
from distill.text.meaningful_signs import keep_meaning

# Measured on banking77 (benchmarks/leaks.py). NEAR is the share of letters in common, in the texts'
# order or with sorted words. SEMANTIC is the cosine of embeddings.
NEAR = 0.90
SEMANTIC = 0.96
# From so many words on, all words but one in common are near enough, in any order. Of two words,
# that would be half.
LEAST_WORDS = 3
UNKNOWN_WORD = -1
_SPACE = re.compile(r" (?!(?<=\d )\d)")
PLAIN_TEXTS = 200_000  # kept in some 60 MB, since each text is compared several times
BLOCK_CELLS = 4_000_000  # similarities at a time, in some 60 MB

# (texts, gold) → the pair of each text and its nearest gold row, if one is near enough.
Search = Callable[[Sequence[str], Sequence[str]], Iterable[SimilarPair]]


def leak_matches(
    texts: Sequence[str],
    gold: Sequence[str],
    near: float = NEAR,
    semantic: float = SEMANTIC,
    canonical: Callable[[str], str] = str,
) -> list[GoldOverlap]:
    """Return the leaks, in the order of the texts; a threshold above 1 turns its kind off.

    Texts are equal if they have the same letters, digits and signs with a meaning
    (`meaningful_signs`), whatever their case, punctuation and white space. Texts and gold are
    compared as given, and as `canonical` writes both.
    """
    searches: dict[LeakKind, Search] = {"exact": _exact}
    if near <= 1:
        searches["near"] = partial(_near, threshold=near)
    if semantic <= 1:
        searches["semantic"] = partial(_semantic, threshold=semantic)
    forms = {text: canonical(text) for text in dict.fromkeys((*texts, *gold))}
    found: dict[str, GoldOverlap] = {}
    for kind, search in searches.items():
        for search_in in (search, partial(_search_canonical, search, forms)):
            left = [text for text in dict.fromkeys(texts) if text not in found]
            for text, row, score in search_in(left, gold):
                found.setdefault(left[text], GoldOverlap(text, row, kind, score))
    return [replace(found[text], text=place) for place, text in enumerate(texts) if text in found]


def _search_canonical(
    search: Search, forms: Mapping[str, str], texts: Sequence[str], gold: Sequence[str]
) -> Iterator[SimilarPair]:
    """Yield the pairs of canonical forms in which at least one form differs from its text."""
    changed = [place for place, text in enumerate(texts) if forms[text] != text]
    unchanged = [place for place, text in enumerate(texts) if forms[text] == text]
    changed_gold = [place for place, text in enumerate(gold) if forms[text] != text]
    for places, rows in ((changed, range(len(gold))), (unchanged, changed_gold)):
        if places and rows:
            pairs = search([forms[texts[n]] for n in places], [forms[gold[n]] for n in rows])
            for text, row, score in pairs:
                yield SimilarPair(places[text], rows[row], score)


def _semantic(texts: Sequence[str], gold: Sequence[str], threshold: float) -> list[SimilarPair]:
    return _best(similar_matches(texts, gold, threshold))


def _best(pairs: Iterable[SimilarPair]) -> list[SimilarPair]:
    """Return the highest-scoring pair of each text; the first one on a tie."""
    best: dict[int, SimilarPair] = {}
    for pair in pairs:
        if pair.first not in best or pair.score > best[pair.first].score:
            best[pair.first] = pair
    return list(best.values())


def _exact(texts: Sequence[str], gold: Sequence[str]) -> Iterator[SimilarPair]:
    rows: dict[str, int] = {}
    for place, text in enumerate(gold):
        rows.setdefault(_letters(text), place)
    for place, text in enumerate(texts):
        if (row := rows.get(_letters(text))) is not None:
            yield SimilarPair(place, row, 1.0)


def _letters(text: str) -> str:
    """Remove the spaces of a plain text, except between two numbers."""
    return _SPACE.sub("", _plain(text))


@lru_cache(maxsize=PLAIN_TEXTS)
def _plain(text: str) -> str:
    """Fold a text and remove its punctuation, unless there is nothing else."""
    folded = keep_meaning(text)
    return " ".join(folded.translate(_punctuation()).split()) or folded


@cache
def _punctuation() -> dict[int, None]:
    """Return the `str.translate` table that removes punctuation and signs.

    Emoji stay, since they may be the only difference between two texts.
    """
    kept = {"So"}
    every = ((code, unicodedata.category(chr(code))) for code in range(sys.maxunicode + 1))
    return {code: None for code, kind in every if kind[0] in "PS" and kind not in kept}


def _near(texts: Sequence[str], gold: Sequence[str], threshold: float) -> Iterator[SimilarPair]:
    """Yield each text that is near a gold row, with the nearest row."""
    if not gold:
        return
    plain, rows = [_plain(text) for text in texts], [_plain(text) for text in gold]
    step = max(1, BLOCK_CELLS // len(rows))
    for start in range(0, len(plain), step):
        scores = _nearness(plain[start : start + step], rows, threshold)
        nearest = scores.argmax(axis=1)
        for place, row in enumerate(nearest.tolist()):
            if scores[place, row] > 0:
                yield SimilarPair(start + place, row, float(scores[place, row]))


def _nearness(texts: Sequence[str], gold: Sequence[str], threshold: float) -> Any:
    """Return the similarity of texts and gold, float32 of shape (texts, gold).

    A similarity is the share of letters or of words in common, 0 if neither suffices.
    """
    import numpy

    spelled = _letters_shared(texts, gold, threshold)
    ordered = _letters_shared(
        [_sorted(text) for text in texts], list(map(_sorted, gold)), threshold
    )
    return numpy.maximum(numpy.maximum(spelled, ordered), _words_shared(texts, gold))


def near_copies(
    texts: Sequence[str], near: float = NEAR, canonical: Callable[[str], str] = str
) -> list[GoldOverlap]:
    """Return the texts that equal or nearly equal an earlier one, each with the nearest one.

    All texts are compared as `canonical` writes them.
    """
    import numpy

    plain = [_plain(canonical(text)) for text in texts]
    step = max(1, BLOCK_CELLS // max(1, len(plain)))
    found = []
    for start in range(0, len(plain), step):
        block = plain[start : start + step]
        scores = numpy.tril(_nearness(block, plain[: start + len(block)], near), start - 1)
        for place, row in enumerate(scores.argmax(axis=1).tolist(), start):
            if (score := float(scores[place - start, row])) > 0:
                kind: LeakKind = "exact" if plain[place] == plain[row] else "near"
                found.append(GoldOverlap(place, row, kind, score))
    return found


def _sorted(text: str) -> str:
    return " ".join(sorted(text.split()))


def _letters_shared(texts: Sequence[str], gold: Sequence[str], threshold: float) -> Any:
    """Compute the indel similarity, called `ratio` in rapidfuzz."""
    import numpy
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cdist

    similarity = Indel.normalized_similarity
    return cdist(
        texts, gold, scorer=similarity, score_cutoff=threshold, dtype=numpy.float32, workers=-1
    )


def _words_shared(texts: Sequence[str], gold: Sequence[str]) -> Any:
    """Compute the share of the longer text's words that the other text has too.

    The share is 0 if more than one word differs. In a script without spaces, letters stand for
    words and must be in order.
    """
    import numpy
    from rapidfuzz.distance import LCSseq
    from rapidfuzz.process import cdist

    codes: dict[str, int] = {}
    for text in gold:
        for word in word_units(text):
            codes.setdefault(word, len(codes))
    lists, rows = ([_codes(codes, text) for text in side] for side in (texts, gold))
    # Units of one changed word: letters of the script with the shorter words.
    allowed = numpy.minimum(
        numpy.array([letters_a_word(text) for text in texts])[:, None],
        numpy.array([letters_a_word(text) for text in gold])[None, :],
    )
    cutoff = int(allowed.max(initial=1))
    changed = cdist(
        lists, rows, scorer=LCSseq.distance, score_cutoff=cutoff, dtype=numpy.uint8, workers=-1
    )
    lengths = [numpy.array([len(units) for units in side]) for side in (lists, rows)]
    longest = numpy.maximum(lengths[0][:, None], lengths[1][None, :]).astype(numpy.float32)
    alike = (changed <= allowed) & (longest >= LEAST_WORDS * allowed)
    return numpy.where(alike, 1 - changed / numpy.maximum(longest, 1), 0).astype(numpy.float32)


def _codes(codes: dict[str, int], text: str) -> list[int]:
    """Return the numbers of a text's words, sorted if words have spaces between them.

    The longest common subsequence of two sorted lists is everything that they have in common.
    """
    numbers = [codes.get(word, UNKNOWN_WORD) for word in word_units(text)]
    return sorted(numbers) if letters_a_word(text) == 1 else numbers
