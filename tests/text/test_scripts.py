"""Copies, leaked prompts, words and spans in eleven languages; nothing changes in ASCII texts."""
# ruff: noqa: RUF001 letters of other scripts look like Latin ones

import json
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from distill.core.text import fold
from distill.core.words import count_words, words_in
from distill.text import field_tagger
from distill.text.classifiers import TFIDF_C, fit_tfidf
from distill.text.contamination import leak_matches
from distill.text.field_tagger import fit_tagger
from distill.text.near_duplicates import near_pairs
from distill.text.near_duplicates.shingles import _spread
from distill.text.prompt_leakage import leaked_prompt

NEAR = 0.8  # the default of curate.near_duplicates

# A message, the same with a word changed, and another message about the same.
MESSAGES = {
    "en": (
        "I ordered two pairs of black running shoes three weeks ago and they still have not come",
        "I ordered two pairs of brown running shoes three weeks ago and they still have not come",
        "The running shoes came after three weeks, but one of the two pairs is brown, not black",
    ),
    "de": (
        "Ich habe vor drei Wochen zwei Paar schwarze Laufschuhe bestellt und sie sind nicht da",
        "Ich habe vor drei Wochen zwei Paar braune Laufschuhe bestellt und sie sind nicht da",
        "Die Laufschuhe kamen nach drei Wochen, aber eines der zwei Paare ist braun statt schwarz",
    ),
    "fr": (
        "J'ai commandé deux paires de chaussures noires il y a trois semaines et rien n'est arrivé",
        "J'ai commandé deux paires de chaussures brunes il y a trois semaines et rien n'est arrivé",
        "Les chaussures sont arrivées après trois semaines, mais une paire est brune, pas noire",
    ),
    "es": (
        "Pedí dos pares de zapatillas negras hace tres semanas y todavía no me han llegado a casa",
        "Pedí dos pares de zapatillas grises hace tres semanas y todavía no me han llegado a casa",
        "Las zapatillas llegaron tras tres semanas, pero un par es gris y no negro como yo quería",
    ),
    "tr": (
        "Üç hafta önce iki çift siyah koşu ayakkabısı sipariş ettim ama hâlâ elime ulaşmadı",
        "Üç hafta önce iki çift beyaz koşu ayakkabısı sipariş ettim ama hâlâ elime ulaşmadı",
        "Koşu ayakkabıları üç hafta sonra geldi ama iki çiftten biri siyah değil beyaz renkte",
    ),
    "ru": (
        "Три недели назад я заказал две пары чёрных кроссовок, и они до сих пор не пришли",
        "Три недели назад я заказал две пары белых кроссовок, и они до сих пор не пришли",
        "Кроссовки пришли через три недели, но одна из двух пар оказалась белой, а не чёрной",
    ),
    "ar": (
        "طلبت قبل ثلاثة أسابيع زوجين من الأحذية الرياضية السوداء للجري ولم تصل إلى بيتي حتى الآن",
        "طلبت قبل ثلاثة أسابيع زوجين من الأحذية الرياضية البيضاء للجري ولم تصل إلى بيتي حتى الآن",
        "وصلت الأحذية الرياضية بعد ثلاثة أسابيع لكن أحد الزوجين أبيض وليس أسود كما طلبت من المتجر",
    ),
    "hi": (
        "मैंने तीन हफ़्ते पहले दो जोड़ी काले जूते मँगवाए थे और वे अभी तक मेरे घर नहीं पहुँचे हैं",
        "मैंने तीन हफ़्ते पहले दो जोड़ी भूरे जूते मँगवाए थे और वे अभी तक मेरे घर नहीं पहुँचे हैं",
        "जूते तीन हफ़्ते बाद आए लेकिन दो में से एक जोड़ी काली नहीं बल्कि भूरी है जो मैंने नहीं माँगी",
    ),
    "zh": (
        "我三个星期以前在你们的网店订购了两双黑色的跑步鞋，可是到现在还是没有送到我的家里",
        "我三个星期以前在你们的网店订购了两双黑色的登山鞋，可是到现在还是没有送到我的家里",
        "跑步鞋等了三个星期才到，但是打开以后发现其中一双是白色的，跟我在网店选的不一样",
    ),
    "ja": (
        "三週間前に黒いランニングシューズを二足注文しましたが、今になってもまだ家に届いていません",
        "三週間前に黒いランニングシューズを二足購入しましたが、今になってもまだ家に届いていません",
        "三週間待って靴がやっと届いたのに、二足のうち一足だけ色が違っていて注文した黒ではありません",
    ),
    "ko": (
        "삼 주 전에 검은색 운동화 두 켤레를 주문했는데 지금까지도 아직 집으로 배송되지 않았습니다",
        "삼 주 전에 하얀색 운동화 두 켤레를 주문했는데 지금까지도 아직 집으로 배송되지 않았습니다",
        "운동화가 삼 주 만에 왔는데 두 켤레 중 하나가 검은색이 아니라 하얀색이라서 바꾸고 싶습니다",
    ),
    "th": (
        "ฉันสั่งรองเท้าวิ่งสีดำสองคู่เมื่อสามสัปดาห์ก่อนแต่จนถึงวันนี้ของก็ยังมาไม่ถึงบ้านของฉันเลย",
        "ฉันสั่งรองเท้าวิ่งสีขาวสองคู่เมื่อสามสัปดาห์ก่อนแต่จนถึงวันนี้ของก็ยังมาไม่ถึงบ้านของฉันเลย",
        "รองเท้าวิ่งมาถึงหลังจากรอสามสัปดาห์แต่หนึ่งในสองคู่เป็นสีขาวไม่ใช่สีดำตามที่เลือกไว้ในร้าน",
    ),
}


@pytest.mark.parametrize("language", MESSAGES)
def test_a_near_duplicate_is_found_and_another_text_is_kept(language: str) -> None:
    texts = MESSAGES[language]
    assert [pair[:2] for pair in near_pairs(texts, NEAR)] == [(0, 1)]


@pytest.mark.parametrize("language", MESSAGES)
def test_a_leak_is_found_and_another_text_is_kept(language: str) -> None:
    text, changed, other = MESSAGES[language]
    unseen = normalize("NFD", "\u200b".join(text.split(" ")[0]) + text[len(text.split(" ")[0]) :])
    found = leak_matches([changed, other, unseen], [text], semantic=2)
    assert [(leak.text, leak.kind) for leak in found] == [(0, "near"), (2, "exact")]


@pytest.mark.parametrize("language", MESSAGES)
def test_a_copied_instruction_is_found_and_an_own_text_is_kept(language: str) -> None:
    text, _, other = MESSAGES[language]
    prompt = f"Write as a customer does.\n{text}\nGive the category alone."
    assert leaked_prompt(text, [prompt])
    assert not leaked_prompt(other, [prompt])
    assert not leaked_prompt(other[:6], [prompt])


# -- The linear rival ---------------------------------------------------------------------------


def default_tfidf(texts: Sequence[str], labels: Sequence[str]) -> Any:
    """`fit_tfidf` as it was, with scikit-learn's default words."""
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )
    model = make_pipeline(features, LogisticRegression(C=TFIDF_C, max_iter=2000))
    return model.fit(list(texts), list(labels))


def by_one_letter(letters: str, count: int, seed: int) -> list[tuple[str, str]]:
    """Rows of random Chinese letters, whose label is the one letter of `letters` in it."""
    draw, others = random.Random(seed), [chr(code) for code in range(0x4E00, 0x4E00 + 400)]
    others = [letter for letter in others if letter not in letters]
    rows = []
    for at in range(count):
        label = letters[at % len(letters)]
        around = draw.choices(others, k=9)
        around.insert(draw.randrange(10), label)
        rows.append(("".join(around), label))
    return rows


def accuracy(fit: Callable[..., Any], train: list[Any], test: list[Any]) -> float:
    model = fit(*zip(*train, strict=True))
    said = model.predict([text for text, _ in test])
    right = [label == answer for label, (_, answer) in zip(said, test, strict=True)]
    return sum(map(bool, right)) / len(test)


def test_the_linear_rival_learns_single_chinese_letters() -> None:
    train, test = by_one_letter("退买修", 90, 0), by_one_letter("退买修", 60, 1)
    assert accuracy(default_tfidf, train, test) < 0.7
    assert accuracy(fit_tfidf, train, test) >= 0.95


# -- The tagger -----------------------------------------------------------------------------------

# Sentences around a name; some names to learn, and one that only the test has.
NAMES = {
    "de": ("mein Name ist {}, ein Tisch bitte", "Änne Jörg Özlem Uwe Ute Lars", "Élodie"),
    "tr": ("benim adım {}, bir masa lütfen", "Ayşe İlker Işıl Gül Şule Can", "Ömer"),
    "ru": ("меня зовут {}, столик пожалуйста", "Анна Борис Вера Глеб Дарья Егор", "Жанна"),
    "ar": ("اسمي {} وأريد طاولة", "أحمد سعاد مريم خالد ليلى يوسف", "فاطمة"),
    "hi": ("मेरा नाम {} है और मेज़ चाहिए", "रीता सीमा मोहन दीपिका राहुल गीता", "विजय"),
    "zh": ("我叫{}，想订一张桌子", "王小明 李建国 张美丽 陈大文 刘志强 黄丽华", "赵春梅"),
    "ja": (
        "名前は{}です。席をお願いします",
        "田中太郎 鈴木花子 佐藤健 高橋恵 伊藤誠 渡辺愛",
        "山本葵",
    ),
    "ko": (
        "제 이름은 {}이고 자리를 예약합니다",
        "김민수 이영희 박지성 최수진 정하늘 강도윤",
        "윤서연",
    ),
    "th": ("ฉันชื่อ{}ขอจองโต๊ะหนึ่งตัว", "สมชาย มาลี วิชัย สุดา ประยุทธ นภา", "กมล"),
}


@pytest.mark.parametrize("language", NAMES)
def test_the_tagger_finds_a_span(language: str) -> None:
    sentence, known, new = NAMES[language]
    texts = [sentence.format(name) for name in known.split()]
    answers = [json.dumps({"name": name}) for name in known.split()]
    tagger = fit_tagger([*texts, "?"], [*answers, "{}"])
    (found,) = tagger.predict([sentence.format(new)])
    assert json.loads(found) == {"name": new}


@pytest.mark.parametrize(
    ("text", "value"),
    [("केला चाहिए", "ला"), ("किताब", "क"), ("नमक", "क"), ("Straßen", "Straße"), ("서울abc", "abcd")],
)
def test_a_part_of_a_word_is_no_value(text: str, value: str) -> None:
    assert field_tagger._spans_of(text, value) == []


def test_a_value_between_letters_that_are_words_is_one() -> None:
    assert field_tagger._spans_of("我在Paris的酒店", "Paris") == [(2, 7)]
    assert field_tagger._spans_of("서울에서 만나요", "서울") == [(0, 2)]


# -- ASCII ----------------------------------------------------------------------------------------


def ascii_texts() -> list[str]:
    """The ASCII rows of the bundled tasks, and odd ones."""
    found = [
        "",
        " ",
        "a",
        "A_b  c\td\n",
        "x__y 9-9.5%",
        "\x00 \x1c",
        "C++ / C# 'tis I'm 3rd ABCdef",
    ]
    for path in sorted(Path("prompts").glob("*/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found += [row[key] for key in ("input", "answer") if isinstance(row.get(key), str)]
    return [text for text in found if text.isascii()]


def old_shape(word: str) -> str:
    return re.sub(r"[^\WA-Z\d_]+", "a", re.sub(r"[A-Z]+", "A", re.sub(r"\d+", "9", word)))


def test_nothing_changed_for_ascii() -> None:
    texts = ascii_texts()
    assert len(texts) > 900
    for text in texts:
        assert fold(text) == " ".join(normalize("NFKC", text).casefold().split())
        assert count_words(text) == len(text.split())
        assert words_in(text) == re.findall(r"\w+", text)
        assert _spread(text) == text
        old = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
        assert field_tagger._tokens(text) == old
        words = [text[start:end] for start, end in old]
        assert [field_tagger._shape(word) for word in words] == list(map(old_shape, words))
        for word in words[:5]:
            match = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE)
            assert field_tagger._spans_of(text, word) == ([match.span()] if match else [])


def test_the_linear_rival_sees_the_same_in_ascii() -> None:
    texts = [text for text in ascii_texts() if text.strip()][:300]
    labels = ["long" if len(text) > 60 else "short" for text in texts]
    new: Any = fit_tfidf(texts, labels)
    old = default_tfidf(texts, labels)
    assert (new[0].transform(texts) != old[0].transform(texts)).nnz == 0
    assert list(new[0].get_feature_names_out()) == list(old[0].get_feature_names_out())
    assert (new[1].coef_ == old[1].coef_).all()
