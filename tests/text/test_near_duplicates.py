"""Near duplicates: the same pairs as brute force, whatever the texts."""

import json
import random
from collections.abc import Iterable, Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.core.dataset import SimilarPair
from distill.core.text import fold
from distill.text.near_duplicates import MOST_EACH, near_pairs
from distill.text.near_duplicates.minhash import MOST_HASHES, bands_of
from distill.text.near_duplicates.shingles import FILLER, WIDTH, jaccard

TEXT = (
    "card payment was declined twice today while my transfer to the new account is still pending "
    "and nobody can tell me why I cannot top up or see the exchange rate of yesterday"
)
WORDS = TEXT.split()
LONE = json.loads('"\\ud800"')
ODD = [
    "",
    " \n",
    "a",
    "ab",
    "abc",
    "\x00",
    "\x00" * 9,
    LONE,
    f"a lone {LONE} surrogate in here",
    "שלום לכולם, איפה הכרטיס שלי",
    "مرحبا، أين بطاقتي الجديدة",
    "\u202eright to left override",
    "😀",
    "😀👩‍👩‍👧‍👦 a family, a face 😀",
    "ﬁnancial Straße İstanbul",
]


def shingles(text: str) -> set[str]:
    folded = fold(text)
    return {folded[at : at + WIDTH] for at in range(max(len(folded) - WIDTH + 1, 1))}


def alike(first: set[str], second: set[str]) -> float:
    return len(first & second) / len(first | second)


def changed(text: str, draw: random.Random) -> str:
    words = text.split()
    at = draw.randrange(len(words))
    words[at] = draw.choice([draw.choice(WORDS), words[at][::-1], "", words[at].upper()])
    return " ".join(words)


def some_texts(count: int, seed: int) -> list[str]:
    """Half of them the others with a word changed."""
    draw = random.Random(seed)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(1, 20))) for _ in range(count // 2)]
    texts += [changed(draw.choice(texts), draw) for _ in range(count - len(texts))]
    draw.shuffle(texts)
    return texts


def true_pairs(
    pairs: Iterable[tuple[int, int]], texts: Sequence[str], others: Sequence[str], threshold: float
) -> dict[tuple[int, int], float]:
    left, right = [shingles(text) for text in texts], [shingles(text) for text in others]
    scores = {(i, j): alike(left[i], right[j]) for i, j in pairs}
    return {pair: score for pair, score in scores.items() if score >= threshold}


def without_copies(texts: Sequence[str]) -> list[str]:
    return list({fold(text): text for text in texts}.values())


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_pairs_of_brute_force(threshold: float, seed: int) -> None:
    texts = without_copies(some_texts(500, seed))
    expected = true_pairs(combinations(range(len(texts)), 2), texts, texts, threshold)
    found = {(pair.first, pair.second): pair.score for pair in near_pairs(texts, threshold)}
    assert len(expected) > 20
    assert found.items() <= expected.items()
    assert len(found) >= 0.99 * len(expected)


def test_no_text_and_one_text() -> None:
    assert near_pairs([], 0.7) == near_pairs(["alone"], 0.7) == []


def test_a_thousand_copies_are_paired_with_the_first_only() -> None:
    text = "Where is the card that I ordered on Monday?"
    copies = [text.upper() if n % 2 else f"  {text}\n" for n in range(1000)]
    near = "Where is the card that I ordered on Sunday?"
    pairs = near_pairs([near, *copies], 0.7)
    assert [pair for pair in pairs if pair.first] == [
        SimilarPair(1, n, 1.0) for n in range(2, 1001)
    ]
    assert [pair[:2] for pair in pairs if not pair.first] == [(0, 1)]


def test_many_near_copies_do_not_explode_and_all_stay_connected() -> None:
    template = "Hello, my order with the very long number {} has not arrived, where is it now?"
    texts = [template.format(10_000 + n) for n in range(1000)]
    pairs = near_pairs(texts, 0.7)
    assert len(pairs) <= 1000 * MOST_EACH
    cluster = list(range(1000))
    for pair in pairs:
        cluster[pair.second] = min(cluster[pair.second], cluster[pair.first])
    assert set(cluster) == {0}


def test_at_the_threshold_and_just_above() -> None:
    texts = ["abcdefghijkl", "abcdefghijkm"]  # 8 shingles of 10 are shared
    assert near_pairs(texts, 0.8) == [SimilarPair(0, 1, 0.8)]
    assert near_pairs(texts, 0.81) == []
    assert near_pairs(["aaaa", "aaaaaa"], 1.0) == [SimilarPair(0, 1, 1.0)]  # sets have no repeats


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.1, float("nan")])
def test_a_threshold_that_is_no_similarity(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        near_pairs(["a", "b"], threshold)


def test_odd_texts() -> None:
    pairs = near_pairs([*ODD, *ODD], 0.7)
    assert {(n, n + len(ODD)) for n in range(len(ODD)) if n != 1} <= {pair[:2] for pair in pairs}
    for pair in pairs:
        first, second = ((*ODD, *ODD)[place] for place in pair[:2])
        assert pair.score == alike(shingles(first), shingles(second))


def test_a_megabyte_among_short_ones() -> None:
    long = "".join(random.Random(0).choices("abcdefghijklmnopqrstuvwxyz ", k=2**20))
    texts = ["short", long, f"{long} and more", "shorts"]
    assert near_pairs(texts, 0.7) == [SimilarPair(1, 2, alike(shingles(long), shingles(texts[2])))]


TEXTS = st.text(st.characters() | st.sampled_from(f"ab \n\x00é😀\u200f{LONE}{FILLER}"), max_size=40)


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXTS, max_size=12))
def test_similarities_are_those_of_sets(texts: list[str]) -> None:
    folded = [fold(text) for text in texts if FILLER not in text]
    pairs = list(combinations(range(len(folded)), 2))
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    expected = [alike(shingles(folded[i]), shingles(folded[j])) for i, j in pairs]
    assert not pairs or jaccard(folded, first, second).tolist() == expected
    assert all(first < second for first, second, _ in near_pairs(texts, 0.6))


def test_the_same_pairs_in_every_call_and_order_of_threads() -> None:
    texts = some_texts(400, 3)
    assert near_pairs(texts, 0.6) == near_pairs(texts, 0.6)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.95, 1.0])
def test_few_pairs_at_the_threshold_are_missed(threshold: float) -> None:
    bands, rows = bands_of(threshold)
    assert bands * rows <= MOST_HASHES
    assert (1 - threshold**rows) ** bands <= 0.003
