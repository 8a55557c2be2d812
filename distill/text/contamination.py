"""Detection of texts that equal, nearly equal or mean the same as a gold row.

Training on such texts would make the evaluation on gold invalid. Each text gets at most one
GoldOverlap: the best match of the first kind (exact, near, semantic) that has a match.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from distill.core.dataset import GoldOverlap, LeakKind, SimilarPair
from distill.core.words import letters_a_word, word_units
from distill.text.embedding_models import MINILM
from distill.text.embeddings import similar_matches
from distill.text.meaningful_signs import keep_meaning

# Measured on banking77 (benchmarks/leaks.py). NEAR is the share of common letters, with the words
# in their own order or sorted. SEMANTIC is the cosine of the embeddings.
NEAR = 0.90
SEMANTIC = 0.96
# Min words of texts that count as near if all words but one are the same, in any order.
LEAST_WORDS = 3
UNKNOWN_WORD = -1
_SPACE = re.compile(r" (?!(?<=\d )\d)")
PLAIN_TEXTS = 200_000  # in about 60 MB, since each text is compared several times
BLOCK_CELLS = 4_000_000  # similarities computed at once, in about 60 MB

# (texts, gold) → the pair of each text and its nearest gold row, if that is near enough.
Search = Callable[[Sequence[str], Sequence[str]], Iterable[SimilarPair]]


def leak_matches(
    texts: Sequence[str],
    gold: Sequence[str],
    near: float = NEAR,
    semantic: float = SEMANTIC,
    canonical: Callable[[str], str] = str,
) -> list[GoldOverlap]:
    """Return the texts that overlap with gold, in order.

    A threshold above 1 switches its comparison off. Texts are equal if their letters, digits and
    meaningful signs are the same (`meaningful_signs`). Case, other punctuation and white space are
    ignored. Texts and gold are compared both as given and as converted by `canonical`.
    """
    return found_by(leak_searches(near, semantic), texts, gold, canonical)


def leak_searches(
    near: float = NEAR, semantic: float = SEMANTIC, embedding_model: str = MINILM
) -> dict[LeakKind, Search]:
    """Return the searches of `leak_matches`, in order."""
    searches: dict[LeakKind, Search] = {"exact": _exact}
    if near <= 1:
        searches["near"] = partial(_near, threshold=near)
    if semantic <= 1:
        searches["semantic"] = partial(
            _semantic, threshold=semantic, embedding_model=embedding_model
        )
    return searches


def found_by(
    searches: Mapping[LeakKind, Search],
    texts: Sequence[str],
    gold: Sequence[str],
    canonical: Callable[[str], str] = str,
) -> list[GoldOverlap]:
    """Return the texts that overlap with gold, in order, each by the first search that finds it."""
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
    """Search the canonical forms, and yield the pairs in which at least one text has changed."""
    changed = [place for place, text in enumerate(texts) if forms[text] != text]
    unchanged = [place for place, text in enumerate(texts) if forms[text] == text]
    changed_gold = [place for place, text in enumerate(gold) if forms[text] != text]
    for places, rows in ((changed, range(len(gold))), (unchanged, changed_gold)):
        if places and rows:
            pairs = search([forms[texts[n]] for n in places], [forms[gold[n]] for n in rows])
            for text, row, score in pairs:
                yield SimilarPair(places[text], rows[row], score)


def _semantic(
    texts: Sequence[str], gold: Sequence[str], threshold: float, embedding_model: str
) -> list[SimilarPair]:
    return _best(similar_matches(texts, gold, threshold, embedding_model))


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
    """Return the plain form of a text without spaces, except between two numbers."""
    return _SPACE.sub("", _plain(text))


@lru_cache(maxsize=PLAIN_TEXTS)
def _plain(text: str) -> str:
    """Return a folded text without punctuation; with it if there is nothing else."""
    folded = keep_meaning(text)
    return " ".join(folded.translate(_WITHOUT_PUNCTUATION).split()) or folded


class _WithoutPunctuation(dict[int, int | None]):
    """The `str.translate` table that removes punctuation and signs, filled as characters come.

    Emoji stay, since they may be the only difference between two texts.
    """

    def __missing__(self, code: int) -> int | None:
        kind = unicodedata.category(chr(code))
        self[code] = None if kind[0] in "PS" and kind != "So" else code
        return self[code]


_WITHOUT_PUNCTUATION = _WithoutPunctuation()


def _near(texts: Sequence[str], gold: Sequence[str], threshold: float) -> Iterator[SimilarPair]:
    """Yield a pair for each text that is near gold, with the nearest gold row."""
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

    A similarity is the share of common letters or words, 0 if neither reaches its threshold.
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
    """Return the texts that equal or nearly equal an earlier text, each with the nearest one.

    All texts are compared as converted by `canonical`.
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
    """Return the indel similarities (`ratio` in rapidfuzz), of shape (texts, gold)."""
    import numpy
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cdist

    similarity = Indel.normalized_similarity
    return cdist(
        texts, gold, scorer=similarity, score_cutoff=threshold, dtype=numpy.float32, workers=-1
    )


def _words_shared(texts: Sequence[str], gold: Sequence[str]) -> Any:
    """Return the shares of the longer text's words that the other text has, too.

    A share is 0 if more than one word differs. In a script without spaces, letters are compared in
    place of words and must be in the same order.
    """
    import numpy
    from rapidfuzz.distance import LCSseq
    from rapidfuzz.process import cdist

    codes: dict[str, int] = {}
    for text in gold:
        for word in word_units(text):
            codes.setdefault(word, len(codes))
    lists, rows = ([_codes(codes, text) for text in side] for side in (texts, gold))
    # Max different units: one word, or as many letters as a word of the script with shorter words.
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
    """Return the codes of a text's words, sorted unless the script has no spaces.

    The longest common subsequence of two sorted lists contains all their common words.
    """
    numbers = [codes.get(word, UNKNOWN_WORD) for word in word_units(text)]
    return sorted(numbers) if letters_a_word(text) == 1 else numbers
