"""Folding joins spellings of a word in any script, and keeps words apart."""
# ruff: noqa: RUF001 letters of other scripts look like Latin ones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.core.text import fold

SAME = {
    "German": ("STRASSE", "Straße", "straße"),
    "French": ("DÉJÀ VU", "Déjà vu", "de\u0301ja\u0300 vu"),
    "Spanish": ("¿DÓNDE?", "¿Dónde?"),
    "Turkish": ("İADE SINIRI", "İade Sınırı", "iade sınırı", "i\u0307ade sınırı"),
    "Turkish, dotless": ("Işık", "ışık"),
    "English with a Turkish name": ("I live in İstanbul", "i live in istanbul"),
    "Greek": ("ΟΔΟΣ", "οδος", "οδός".replace("ό", "ο")),
    "Russian": ("ЗАКАЗ", "заказ"),
    "Arabic": ("كتاب", "كـــتاب", "\u200fكتاب"),
    "Persian": ("می‌خواهم", "میخواهم"),
    "Hindi": ("क्षमा", "क्\u200dषमा", "क्\u200cषमा"),
    "Chinese": ("退款ＡＢＣ１２", "退款ABC12", "退款abc12"),
    "Japanese": ("カード", "ｶｰﾄﾞ", "カート\u3099"),
    "Korean": ("환불", "\u1112\u116a\u11ab\u1107\u116e\u11af"),
    "Thai": ("น้ำ", "น้\u200bำ"),
    "soft hyphens": ("Liefer\u00adung", "lieferung\ufeff"),
}
APART = (
    ("sınır", "sinir"),  # border, nerve
    ("ılık", "ilik"),  # lukewarm, marrow
    ("schon", "schön"),
    ("peso", "pesó"),
    ("قلب", "كلب"),
    ("कि", "की"),
    ("か", "が"),
    ("退款", "付款"),
    ("มา", "ม้า"),
    ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "\U0001f3f4"),
)


@pytest.mark.parametrize("name", SAME)
def test_spellings_of_a_text_are_joined(name: str) -> None:
    assert len({fold(text) for text in SAME[name]}) == 1


@pytest.mark.parametrize("pair", APART, ids=range(len(APART)))
def test_other_words_stay_apart(pair: tuple[str, str]) -> None:
    assert fold(pair[0]) != fold(pair[1])


@given(st.text())
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
