"""The leak gate's comparisons: what counts as a gold row in other clothes, and what does not."""

import json

import pytest

from distill.core.dataset import GoldOverlap
from distill.text import contamination
from distill.text.contamination import leak_matches, near_copies
from distill.text.pii.detect import name_kinds

GOLD = [
    "Where is the parcel I ordered on Monday?",
    "Can I exchange dollars for euros in the app?",
    "help, lost card",
]
ODD = [
    "",
    " ",
    "?!",
    "\x00",
    "x\x00y",
    json.loads('"\\ud800"'),
    "😀😀",
    "😡😡",
    "!مرحبا",
    "a" * 10**6,
]


def kind_of(text: str, near: float = contamination.NEAR) -> tuple[str, int] | None:
    """The kind and the gold row, by letters and words only."""
    found = leak_matches([text], GOLD, near, semantic=2)
    return (found[0].kind, found[0].gold) if found else None


@pytest.mark.parametrize(
    "text",
    [
        GOLD[0],
        "where is  the PARCEL i ordered on monday",
        "Where is the par-cel, I ordered on Monday...",
        "\uff37here is the parcel I ordered on Monday?",
    ],
)
def test_case_punctuation_and_spaces_make_no_difference(text: str) -> None:
    assert leak_matches([text], GOLD) == [GoldOverlap(0, 0, "exact", 1.0)]


def test_one_word_changed_added_or_left_out() -> None:
    assert kind_of("Where is the parcel I ordered on Wednesday?") == ("near", 0)
    assert kind_of("So where is the parcel I ordered on Monday?") == ("near", 0)
    assert kind_of("Can I exchange dollars for euros in app?") == ("near", 1)
    assert kind_of("help, stolen card") == ("near", 2)


def test_words_in_another_order() -> None:
    assert kind_of("On Monday I ordered the parcel, where is?") == ("near", 0)
    assert kind_of("card lost, help") == ("near", 2)


def test_misspelt_words() -> None:
    text = "Wher is the parcl I ordred on Mondy?"
    assert kind_of(text) == ("near", 0)
    assert kind_of(text, near=0.99) is None


def test_half_of_two_words_is_not_all_but_one() -> None:
    assert leak_matches(["top down"], ["top up"], semantic=2) == []
    assert leak_matches(["top up now"], ["top up"], semantic=2)[0].kind == "near"


def test_another_question_is_none() -> None:
    assert kind_of("Where is the jumper that I paid for on Friday?") is None
    assert kind_of("Can I change my address in the app?") is None


def test_the_nearest_gold_row_is_given() -> None:
    gold = ["I want to order a red card now", "I want to order a new card now"]
    (leak,) = leak_matches(["I want to order a new card noww"], gold, semantic=2)
    assert (leak.gold, leak.kind) == (1, "near")
    assert leak.score > 0.95


def test_a_threshold_above_one_turns_its_kind_off() -> None:
    text = "Where is the parcel I ordered on Tuesday?"
    assert leak_matches([text], GOLD, near=2, semantic=2) == []
    assert [leak.kind for leak in leak_matches([GOLD[0]], GOLD, near=2, semantic=2)] == ["exact"]


def test_every_copy_is_a_leak_and_they_come_in_the_order_of_the_texts() -> None:
    texts = ["something else entirely", "help, stolen card", GOLD[1], "help, stolen card"]
    found = leak_matches(texts, GOLD, semantic=2)
    assert [(leak.text, leak.gold) for leak in found] == [(1, 2), (2, 1), (3, 2)]


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{word} {text}" for word in ("so", "oh well", "really now") for text in GOLD]
    whole = leak_matches(texts, GOLD, semantic=2)
    monkeypatch.setattr(contamination, "BLOCK_CELLS", 1)
    assert leak_matches(texts, GOLD, semantic=2) == whole != []


@pytest.mark.parametrize("texts, gold", [([], []), ([], GOLD), (GOLD, [])])
def test_no_text_or_no_gold(texts: list[str], gold: list[str]) -> None:
    assert leak_matches(texts, gold) == []


def test_odd_texts_equal_themselves_and_nothing_else() -> None:
    found = leak_matches(ODD, ODD, semantic=2)
    assert {leak.kind for leak in found} == {"exact"}
    assert [(leak.text, leak.gold) for leak in found] == [
        (place, 0 if text == " " else place) for place, text in enumerate(ODD)
    ]
    assert leak_matches(ODD, GOLD) == []


def test_many_copies_of_one_text() -> None:
    assert len(leak_matches(["Where is it now?"] * 20_000, ["Where is it then?"] * 100)) == 20_000


def test_the_same_meaning() -> None:
    gold = ["What should I do to reset my passcode?", "How long does a delivery take?"]
    text = "Could you tell me how to get my passcode reset?"
    other = "Can you show me where my passcode is?"
    assert leak_matches([text], gold, semantic=2) == []
    (leak,) = leak_matches([other, text], gold, semantic=0.8)
    assert (leak.text, leak.gold, leak.kind) == (1, 0, "semantic")
    assert leak_matches([text], gold, semantic=leak.score + 0.01) == []


# Gold as given, and what a student learns of the same text: the examples of the audit.
MASKED = [
    ("Call me on +1 415 901 8200 please", "Call me on +1 202-555-0100 please"),
    ("IBAN DE12 5001 0517 0648 4898 90 please", "IBAN GB82 WEST 1234 5698 7654 32 please"),
    (
        "new number 415 217 2345, old number 415 272 9876",
        "new number 202-555-0100, old number 202-555-0101",
    ),
]


@pytest.mark.parametrize(("given", "masked"), MASKED)
def test_a_masked_copy_equals_its_gold_row(given: str, masked: str) -> None:
    gold = ["Where is my parcel?", given]
    assert leak_matches([masked], gold, 2, 2, name_kinds) == [GoldOverlap(0, 1, "exact", 1.0)]
    assert leak_matches([given], [masked], 2, 2, name_kinds) == [GoldOverlap(0, 0, "exact", 1.0)]
    assert leak_matches([given], [given], 2, 2, name_kinds) == [GoldOverlap(0, 0, "exact", 1.0)]
    assert leak_matches([masked], gold, 2, 2) == [], "as given they are two texts"


def test_a_masked_text_is_near_and_means_the_same_as_given_ones() -> None:
    gold = ["Please call my new number 415 217 2345 on Monday", "x"]
    near = "please call my new number 202-555-0100 on Friday"
    assert leak_matches([near], gold, canonical=name_kinds)[0].kind == "near"
    assert leak_matches([near], gold, 2, 0.5, name_kinds)[0].kind == "semantic"
    other = "please text my old number 202-555-0100 by noon"
    assert leak_matches([other], gold, semantic=2, canonical=name_kinds) == []


def test_the_canonical_form_hides_no_leak_of_the_given_texts() -> None:
    texts = ["help, stolen card", "mail a@web.de", "something else entirely", GOLD[1]]
    plain = leak_matches(texts, GOLD, semantic=2)
    assert leak_matches(texts, GOLD, semantic=2, canonical=name_kinds) == plain != []


def test_near_copies_are_told_with_the_earlier_row(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [*GOLD, "help, stolen card", "something else", "Help lost card!", GOLD[0]]
    found = near_copies(texts)
    assert [(leak.text, leak.gold, leak.kind) for leak in found] == [
        *((3, 2, "near"), (5, 2, "exact"), (6, 0, "exact")),
    ]
    monkeypatch.setattr(contamination, "BLOCK_CELLS", 1)
    assert near_copies(texts) == found
    assert near_copies([]) == near_copies(["a text"]) == []
    calls = ["Call me on +1 415 901 8200 please", "Call me on +1 212 736 5000 please"]
    assert near_copies(calls, canonical=name_kinds) == [GoldOverlap(1, 0, "exact", 1.0)]
