"""Words of any script: counts near those of people, letters where a script has no spaces."""
# ruff: noqa: RUF001 letters of other scripts look like Latin ones

from typing import Literal
from unicodedata import normalize

import pytest

from distill.core.words import count_words, words_in

# Sentences with the number of their words, as a dictionary of the language divides them.
SENTENCES = {
    "de": ("Die Rechnung stimmt leider nicht, bitte prüfen.", 7),
    "fr": ("La facture est fausse, vérifiez-la svp.", 6),
    "es": ("¿Dónde está mi pedido de ayer?", 6),
    "tr": ("Siparişim hâlâ gelmedi, lütfen bakın.", 5),
    "ar": ("لم يصل طردي حتى الآن", 5),
    "hi": ("मेरा पार्सल अभी तक नहीं पहुँचा।", 6),
    "zh": ("我的包裹到现在还没有送到，请尽快处理。", 11),
    "ja": ("荷物がまだ届いていません。確認してください。", 12),
    "ko": ("제 소포가 아직 안 왔어요.", 5),
    "th": ("พัสดุของฉันยังมาไม่ถึง กรุณาตรวจสอบ", 9),
}


@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_words_are_about_as_many_as_people_count(
    language: str, form: Literal["NFC", "NFD"]
) -> None:
    text, words = SENTENCES[language]
    found = count_words(normalize(form, text))
    assert abs(found - words) <= (2 if language in ("zh", "ja", "th") else 0)


def test_signs_beside_a_script_without_spaces_are_no_words() -> None:
    assert count_words("我们，你好！……") == count_words("我们你好")
    assert count_words("好 - ok - 好") == 1 + count_words("好好"), "ok is a word"
    assert count_words("well - ok") == 3, "as before, in other scripts"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's a_test, 3 times", ["It", "s", "a_test", "3", "times"]),
        ("पहुँचा हिन्दी।", ["पहुँचा", "हिन्दी"]),
        (normalize("NFD", "hâlâ prüfen"), [normalize("NFD", "hâlâ"), normalize("NFD", "prüfen")]),
        ("مرحبًا می‌خواهم", ["مرحبًا", "می‌خواهم"]),
        ("退款abc，好", ["退", "款", "abc", "好"]),
        ("환불 요청", ["환불", "요청"]),
        ("❤️ ok", ["ok"]),
    ],
    ids=["en", "hi", "nfd", "ar", "zh", "ko", "emoji"],
)
def test_a_word_keeps_its_marks(text: str, words: list[str]) -> None:
    assert words_in(text) == words
