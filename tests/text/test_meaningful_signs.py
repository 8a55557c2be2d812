"""Signs that tell two texts apart, and punctuation that does not: no two false twins are equal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.text.contamination import leak_matches
from distill.text.meaningful_signs import keep_meaning

DIFFERENT = [
    ("How do I learn C++?", "How do I learn C#?"),
    ("How do I learn C++?", "How do I learn C?"),
    ("What is 12 + 4 ?", "What is 12 - 4 ?"),
    ("What is 12*4?", "What is 12/4?"),
    ("12 4", "124"),
    ("What is 3.5 times 2", "What is 35 times 2"),
    ("What is 3,5 times 2", "What is 35 times 2"),
    ("take .5 of it", "take 5 of it"),
    ("x > 5", "x < 5"),
    ("x >= 5", "x > 5"),
    ("x != 5", "x = 5"),
    ("x - y", "x + y"),
    ("is price > cost", "is price < cost"),
    ("Refund me $100 now", "Refund me €100 now"),
    ("100 £", "100 ¥"),
    ("-20", "20"),
    ("it is -20 outside", "it is 20 outside"),
    ("+4", "\u22124"),
    ("5%", "5"),
    ("10\u00b2", "102"),
    ("at 1:30", "at 130"),
    ("2*(3+4)", "(2*3)+4"),
    ("my grade is A+", "my grade is A-"),
    ("blood group O+", "blood group O-"),
    ("thanks :)", "thanks :("),
    ("a \u2264 b", "a \u2265 b"),
    ("p && q", "p || q"),
    ("under <100", "under >100"),
    ("> 5 kg", "< 5 kg"),
    ("price<$100", "price>$100"),
    ("-$20", "$20"),
    ("cost: -\u20ac5", "cost: \u20ac5"),
    ("1e-5", "1e5"),
    ("x = -y", "x = y"),
    ("++i", "--i"),
    ("a += 1", "a -= 1"),
    ("a -> b", "a <- b"),
    ("not !ready", "not ready"),
    ("What is 5! / 3 ?", "What is 5 / 3 ?"),
    ("[1,2)", "(1,2]"),
    ("|-3|", "-3"),
    ("f'(x)", "f(x)"),
    ("I am 6' tall", 'I am 6" tall'),
    ("6\u2032", "6\u2033"),
    ("~5", "5"),
    ("50 \u2030", "50 %"),
    ("12 \u00f7 4", "12 \u00d7 4"),
    ("\uff13\uff1e\uff14", "\uff13\uff1c\uff14"),
    ("p \u2192 q", "p \u2190 q"),
]
SAME = [
    ("Where is the par-cel, I ordered on Monday...", "where is the parcel i ordered on monday"),
    ("12 + 4", "12+4"),
    ("it is \u221220", "it is -20"),
    ("1,000 lamps", "1000 lamps"),
    ("3,5 kg", "3.5 kg"),
    ("x\u00b2", "x^2"),
    ("3 \u00d7 4", "3*4"),
    ("Hello - where is it?", "Hello, where is it"),
    ("see (my order)", "see my order"),
    ("lamps, 2; chairs!", "lamps 2 chairs"),
    ("*Where* is it?", "Where is it?"),
    ("It costs 5.", "it costs 5"),
    ("either/or", "either or"),
    ("$100!", "$100"),
    ('he said "5"', "he said 5"),
    ("I want 5!", "I want 5"),
    ("between (1, 2)", "between 1, 2"),
    ("> a quoted line", "a quoted line"),
    ("the '90s", "the 90s"),
    ("don\u2019t", "dont"),
    ("room 5 - cold", "room 5 cold"),
]


@pytest.mark.parametrize(("text", "gold"), DIFFERENT)
def test_a_sign_with_a_meaning_makes_two_texts(text: str, gold: str) -> None:
    assert leak_matches([text], [gold], near=2, semantic=2) == []
    assert [leak.kind for leak in leak_matches([text], [text], near=2, semantic=2)] == ["exact"]


@pytest.mark.parametrize(("text", "gold"), SAME)
def test_punctuation_makes_none(text: str, gold: str) -> None:
    assert [leak.kind for leak in leak_matches([text], [gold], near=2, semantic=2)] == ["exact"]


@given(st.text())
def test_any_text_equals_itself(text: str) -> None:
    assert keep_meaning(text) == keep_meaning(text)
    assert [leak.kind for leak in leak_matches([text], [text], 2, 2)] == ["exact"]


@pytest.mark.parametrize(
    "text",
    [
        "1+" * 100_000,
        "-" * 200_000,
        "( " * 100_000,
        "a - " * 50_000,
        "5' " * 50_000,
        "[1" * 50_000,
        "[" + "1." * 50_000,
    ],
)
def test_many_signs(text: str) -> None:
    assert leak_matches([text], [text], 2, 2)[0].kind == "exact"


@pytest.mark.parametrize(
    ("text", "gold", "near"),
    [
        ("我的包裹到哪里了呢", "我的快递到哪里了呢", True),  # one word, two letters
        ("我的包裹到哪里了呢", "他的快递到北京了吗", False),
        ("要退款", "要发票", False),  # fewer than three words
        ("พัสดุของฉันอยู่ที่ไหน", "พัสดุของเธออยู่ที่ไหน", True),
        ("พัสดุของฉันอยู่ที่ไหน", "ฉันอยากคืนเงินค่ะ", False),
        ("注文した商品はどこですか", "注文した荷物はどこですか", True),
    ],
)
def test_all_but_one_word_in_a_script_without_spaces(text: str, gold: str, near: bool) -> None:
    found = leak_matches([text], [gold], near=0.95, semantic=2)
    assert [leak.kind for leak in found] == (["near"] if near else [])
