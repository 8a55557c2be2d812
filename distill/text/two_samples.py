"""The classifier two-sample test on words: can a classifier tell two lists of texts apart?

Source: Lopez-Paz and Oquab 2017, Revisiting classifier two-sample tests (arXiv:1610.06545). The
classifier is naive Bayes, a linear classifier whose weights are log ratios of word frequencies. It
needs one pass over the texts and no library.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from distill.core.text import fold
from distill.core.words import words_in

FOLDS = 5
FEWEST = 20  # min texts of each list
MOST = 2_000  # max texts of each list, evenly spaced
PRIOR = 3.0  # texts that the pooled frequency of a word counts for
Z = 1.96  # of a 95 % interval
FEWEST_WITH_WORD = 3

Words = list[frozenset[str]]


@dataclass(frozen=True, slots=True)
class WordShares:
    """A word, and the share of the texts of each list that contain it."""

    word: str
    first: float
    second: float


@dataclass(frozen=True, slots=True)
class TwoSampleTest:
    """The result of a test.

    `auc`: the chance that the classifier ranks a text of the first list above one of the second.
    `low`, `high`: the 95 % interval of `auc`.
    `words`: the words whose shares differ most surely, at most four.
    `typical`: the index of the first list's text that is least like the second list.
    """

    auc: float
    low: float
    high: float
    words: tuple[WordShares, ...]
    typical: int


def words_of(text: str) -> list[str]:
    """Return the folded words of a text, or its letters in a script without spaces."""
    return words_in(fold(text).replace("_", " "))


def two_sample_test(first: Sequence[str], second: Sequence[str]) -> TwoSampleTest | None:
    """Test whether a classifier can tell two lists apart; None for fewer than FEWEST texts each.

    Each text is scored by a classifier fitted without the text's fold. The scores are ranked within
    a fold only, since the classifiers of two folds are not comparable.
    """
    if min(len(first), len(second)) < FEWEST:
        return None
    chosen = _spaced(len(first))
    ours = [frozenset(words_of(first[place])) for place in chosen]
    theirs = [frozenset(words_of(second[place])) for place in _spaced(len(second))]
    scores = [_scores_of_fold(ours, theirs, fold_) for fold_ in range(FOLDS)]
    auc = sum(_auc(mine, others) for mine, others in scores) / FOLDS
    error = _standard_error(auc, len(ours), len(theirs))
    best = max(range(len(ours)), key=lambda n: scores[n % FOLDS][0][n // FOLDS])
    low, high = max(0.0, auc - Z * error), min(1.0, auc + Z * error)
    return TwoSampleTest(auc, low, high, _telling(ours, theirs), chosen[best])


def _spaced(count: int) -> list[int]:
    """Return at most MOST evenly spaced indices."""
    if count <= MOST:
        return list(range(count))
    return [place * count // MOST for place in range(MOST)]


def _scores_of_fold(ours: Words, theirs: Words, fold_: int) -> tuple[list[float], list[float]]:
    """Return the scores of the texts of a fold, by a classifier fitted to all other texts."""
    (mine, n), (others, m) = (_counts(_without(side, fold_)) for side in (ours, theirs))
    weights = {
        word: _log_ratio(mine[word], n, others[word], m) for word in mine.keys() | others.keys()
    }
    a, b = (
        [sum(weights.get(word, 0.0) for word in text) for text in side[fold_::FOLDS]]
        for side in (ours, theirs)
    )
    return a, b


def _without(side: Words, fold_: int) -> Words:
    return [text for place, text in enumerate(side) if place % FOLDS != fold_]


def _counts(texts: Words) -> tuple[Counter[str], int]:
    """Return (word → number of texts that contain it, number of texts)."""
    return Counter(word for text in texts for word in text), len(texts)


def _log_ratio(mine: int, n: int, others: int, m: int) -> float:
    """Return the log ratio of a word's two shares, both drawn towards the pooled share."""
    pooled = PRIOR * (mine + others) / (n + m)
    return math.log((mine + pooled) / (n + PRIOR)) - math.log((others + pooled) / (m + PRIOR))


def _auc(mine: Sequence[float], others: Sequence[float]) -> float:
    """Return the share of pairs with the higher score in `mine`; ties count half."""
    ordered = sorted([(score, True) for score in mine] + [(score, False) for score in others])
    wins, below, at = 0.0, 0, 0
    while at < len(ordered):
        end = at
        while end < len(ordered) and ordered[end][0] == ordered[at][0]:
            end += 1
        ours = sum(is_mine for _, is_mine in ordered[at:end])
        tied = end - at - ours
        wins += ours * (below + tied / 2)
        below, at = below + tied, end
    return wins / (len(mine) * len(others))


def _standard_error(auc: float, n: int, m: int) -> float:
    """Return the standard error of an AUC of n and m scores.

    Source: Hanley and McNeil 1982, Radiology 143:29.
    """
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (n - 1) * (q1 - auc**2) + (m - 1) * (q2 - auc**2)
    return math.sqrt(max(spread, 0.0) / (n * m))


def _telling(ours: Words, theirs: Words) -> tuple[WordShares, ...]:
    """Return the words whose shares differ by the most standard errors, at most four."""
    (mine, n), (others, m) = _counts(ours), _counts(theirs)

    def deviations(word: str) -> float:
        pooled = (mine[word] + others[word]) / (n + m)
        return abs(mine[word] / n - others[word] / m) / math.sqrt(pooled * (1 - pooled) + 1e-9)

    common = [
        word
        for word in mine.keys() | others.keys()
        if mine[word] + others[word] >= FEWEST_WITH_WORD
    ]
    found = sorted(common, key=lambda word: (-deviations(word), word))[:4]
    return tuple(WordShares(word, mine[word] / n, others[word] / m) for word in found)
