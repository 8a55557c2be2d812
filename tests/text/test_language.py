"""Languages: sentences are told apart, short and odd texts are left alone."""

import json

import pytest

from distill.core.errors import InputError
from distill.text.language import language_of, languages, other_language
from tests.support.foreign import FOREIGN

ENGLISH = (
    "My card still has not arrived after two weeks.",
    "Can you tell me when the transfer will be in my account?",
    "can somebody send me another card reader",
    "Book a table for four on Saturday at eight",
    "the ninth of may, please",
    "add Las Canciones to my party list",
    "WHY WAS I CHARGED TWICE",
)
ODD = (
    "",
    "13",
    "ok",
    "\x00\x00",
    json.loads('"\\ud800"'),
    "😀😀😀",
    "Zürich",
    "1.\n2.\n3.",
    "<td>&nbsp;</td>",
    "Tomohisa Yamashita",
)


@pytest.mark.parametrize("language", FOREIGN)
def test_each_language_is_told_from_the_others(language: str) -> None:
    for text in FOREIGN[language]:
        assert language_of(text)[0] == language
        assert other_language(text, "en")
        assert not other_language(text, language)


def test_english_is_not_another_language() -> None:
    assert [text for text in ENGLISH if other_language(text, "en")] == []
    assert [text for text in ENGLISH if not other_language(text, "ja")] == []


@pytest.mark.parametrize("text", ODD)
def test_what_cannot_be_told_is_not_flagged(text: str) -> None:
    assert not other_language(text, "en")
    assert 0 <= language_of(text)[1] <= 1


def test_no_letter_is_undetermined() -> None:
    assert language_of("12 : 30 \u200f") == ("und", 0.0)
    assert language_of("") == ("und", 0.0)


def test_among_a_few() -> None:
    text = "Kann ich zahlen?"
    code, alone = language_of(text)
    among = language_of(text, ["de", "en"])
    assert (code, among[0]) == ("de", "de")
    assert among[1] > alone
    assert language_of("日本語のテキストです", ["de", "en"])[0] in ("de", "en")
    assert language_of(text) == (code, alone)


def test_odd_characters_do_not_hide_a_language() -> None:
    text = f"{json.loads(chr(34) + chr(92) + 'udc00' + chr(34))}😀\x00 {FOREIGN['de'][0]}"
    assert other_language(text, "en")


def test_a_megabyte_of_another_language() -> None:
    text = " ".join(FOREIGN["pl"]) * 4_000
    assert len(text) > 1_000_000
    assert other_language(text, "en")
    assert not other_language(text, "pl")
    assert not other_language("a" * 1_000_000, "en")


def test_right_to_left() -> None:
    assert language_of("אני רוצה להזמין שולחן לארבעה אנשים")[0] == "he"
    assert other_language("אני רוצה להזמין שולחן לארבעה אנשים", "ar")


def test_an_unknown_language() -> None:
    assert "en" in languages() and "zxx" not in languages()
    with pytest.raises(InputError, match="unknown language 'tlh'"):
        other_language("nuqneH", "tlh")
    with pytest.raises(InputError, match="'und'"):
        language_of("a text", ["en", "und"])
