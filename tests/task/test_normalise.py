"""What `x-normalize` overlooks, and what it must not overlook."""

import pytest

from distill.core.dataset import LabelledExample
from distill.core.evaluation import Prediction
from distill.evaluate.scorers import scorer_of
from distill.report.labels import scored_otherwise
from distill.task.kinds.extract import Fields
from distill.task.kinds.normalise import NORMALISERS

# A year that stands first is followed by its month, whatever else a text holds.
MARCH_4TH = [
    "2026-03-04",
    "2026/03/04",
    "2026.03.04",
    "2026 03 04",
    "2026-3-4",
    "20260304",
    "2026-03-04T10:00:00Z",
    "2026-03-04T23:30:00-05:00",
    "20260304T100000Z",
    "20260304100000",
    "2026-03-04 10:00",
    "10:00 2026/03/04",
    "Wed, 2026/03/04",
    "4 March 2026",
    "March 4, 2026, 10:00 CEST",
    "2026\u201103\u201104",
    "2026\u201303\u201304",
    "2026\u221203\u221204",
    "\uff12\uff10\uff12\uff16/\uff10\uff13/\uff10\uff14",
    "2026\u00a003\u00a004",
    "2026年3月4日",
    "2026 年 03 月 04 日",
    "\uff12\uff10\uff12\uff16年\uff13月\uff14日",
    "2026년 3월 4일",
    "\u0662\u0660\u0662\u0666-\u0660\u0663-\u0660\u0664",
    "\u0968\u0966\u0968\u096c-\u0966\u0969-\u0966\u096a",
]


@pytest.mark.parametrize("text", MARCH_4TH)
@pytest.mark.parametrize("name", ["date", "date_dayfirst"])
def test_a_year_that_stands_first_is_followed_by_the_month(name: str, text: str) -> None:
    assert NORMALISERS[name](text) == "2026-03-04"


def test_only_where_the_year_stands_last_it_matters_which_comes_first() -> None:
    date, dayfirst = NORMALISERS["date"], NORMALISERS["date_dayfirst"]
    assert (date("03/04/2026"), dayfirst("03/04/2026")) == ("2026-03-04", "2026-04-03")
    assert (date("25.03.2026"), dayfirst("25.03.2026")) == ("2026-03-25", "2026-03-25")


@pytest.mark.parametrize(
    "text",
    [
        "2026-13-04",
        "2026/02/30",
        "20261304",
        "March 2026",
        "soon",
        "",
        "2026年3月",
        "2026年13月4日",
    ],
)
def test_a_text_that_is_no_whole_date_stays(text: str) -> None:
    assert NORMALISERS["date"](text) == NORMALISERS["date_dayfirst"](text) == text


def test_the_same_day_scores_one_and_another_day_zero() -> None:
    form = Fields(
        {
            "type": "object",
            "properties": {"day": {"type": "string", "x-normalize": "date_dayfirst"}},
        }
    )
    score = scorer_of(form)
    gold = '{"day":"2026-03-04"}'
    assert score(gold, '{"day":"2026/03/04"}', valid=True)["field_f1"] == 1.0
    assert score(gold, '{"day":"2026/04/03"}', valid=True)["field_f1"] == 0.0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$1,250.00", "1250"),
        ("1,250.50", "1250.5"),
        ("-$5", "-5"),
        ("+007", "7"),
        (".5", "0.5"),
        ("-0.00", "0"),
        ("5 $", "5"),
        # Another sign than a dollar's is a part of the value.
        ("€1,250.00", "€1250"),
        ("1250 €", "€1250"),
        ("£50", "£50"),
        ("-5 €", "-€5"),
        ("50 %", "50%"),
        # Neither of these is a number as it is written here: no comma stands before decimals.
        ("1.234,50", "1.234,50"),
        ("12,50", "12,50"),
        ("$50%", "$50%"),
        ("about 50", "about 50"),
    ],
)
def test_a_number_is_its_digits_and_its_sign(text: str, value: str) -> None:
    assert NORMALISERS["number"](text) == value


def test_a_point_stands_before_decimals_and_a_comma_between_thousands() -> None:
    number = NORMALISERS["number"]
    assert (number("1.234"), number("1,234")) == ("1.234", "1234")


def test_signs_tell_values_apart() -> None:
    found = {NORMALISERS["number"](text) for text in ("$50", "€50", "£50", "¥50", "50%")}
    assert found == {"50", "€50", "£50", "¥50", "50%"}


@pytest.mark.parametrize("digits", [28, 29, 40, 5000])
def test_every_digit_of_a_long_number_counts(digits: int) -> None:
    number, long = NORMALISERS["number"], "1" * (digits - 1)
    assert number(f"{long}0") == f"{long}0"
    assert number(f"{long}8") != number(f"{long}9")
    assert number(f"0.{long}80") == f"0.{long}8"


def test_answers_whose_score_is_of_an_earlier_reading_are_counted() -> None:
    form = Fields(
        {"type": "object", "properties": {"paid": {"type": "string", "x-normalize": "number"}}}
    )
    gold = [LabelledExample(f"text {n}", '{"paid":"$50"}', "gold.jsonl", n) for n in range(3)]
    said = ['{"paid":"50"}', '{"paid":"50%"}', '{"paid":"51"}']
    answers = [
        Prediction("student", row.id, answer, True, 0.1)
        for row, answer in zip(gold, said, strict=True)
    ]
    earlier = dict(zip([row.id for row in gold], [1.0, 1.0, 0.0], strict=True))
    assert scored_otherwise(form, gold, answers, earlier) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\uff11\uff0c\uff12\uff15\uff10", "1250"),
        ("\uffe5\uff15\uff10\uff10", "¥500"),
        ("\u0661\u066c\u0662\u0665\u0660\u066b\u0665", "1250.5"),
        ("\u0967\u0968\u0969", "123"),
        ("5\uff05", "5%"),
        ("5²", "5²"),
        ("1.250,00", "1.250,00"),
    ],
    ids=["full width", "yen", "Arabic", "Hindi", "percent", "power", "decimal comma"],
)
def test_a_number_in_digits_of_another_script(text: str, expected: str) -> None:
    assert NORMALISERS["number"](text) == expected


def test_capitals_of_turkish_score_as_the_same() -> None:
    case = NORMALISERS["case"]
    assert case("İSTANBUL IŞIK") == case("istanbul ışık") == "istanbul ışık"  # noqa: RUF001
    assert case("ISTANBUL") == "istanbul"
    assert case("STRASSE") == case("Straße")
