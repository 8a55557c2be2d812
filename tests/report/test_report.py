"""The report: what it says first, what is escaped, and that its names are the stable ones."""

from dataclasses import replace
from typing import Any

import pytest

from distill.evaluate.statistics import Interval, Verdict, verdict
from distill.report.headline import MeasuredSystem, headline, unbeaten_rival
from distill.report.render import html, markdown

SYSTEMS = [
    {"name": "teacher", "value": 0.80, "usd_per_1k_requests": "0.41"},
    {"name": "student", "value": 0.85, "usd_per_1k_requests": "0.004"},
    {"name": "base", "value": 0.30, "usd_per_1k_requests": "0.004"},
    {"name": "linear", "value": 0.70, "usd_per_1k_requests": "0.0001"},
]
FIGURES = {
    "n": 240,
    "metric": "accuracy",
    "ci_low": 0.6,
    "ci_high": 0.9,
    "macro_f1": 0.625,
    "valid_rate": 1.0,
    "latency_p50_s": 0.1,
    "latency_p95_s": 0.2,
    "requests_per_s": 9.0,
    "at_traffic": {"usd_per_1k_requests": "0.24", "usd_per_day": "2.4", "replicas": 1},
}


def at_traffic(usd: str) -> dict[str, Any]:
    """`at_traffic` of a system that costs so much for 1,000 requests."""
    return {"at_traffic": {"usd_per_1k_requests": usd, "usd_per_day": "1", "replicas": 1}}


def systems(**values: float) -> list[dict[str, Any]]:
    """Systems of those values; the teacher bills $0.41, a machine of the others is $0.24."""
    rows = [
        FIGURES | row | {"value": values.get(str(row["name"]), row["value"])} for row in SYSTEMS
    ]
    lead = {"difference": 0.05, "ci_low": 0.01, "ci_high": 0.09}
    return [
        row | at_traffic("0.41") if row["name"] == "teacher" else row | {"to_teacher": lead}
        for row in rows
    ]


def found(better: int = 30) -> Verdict:
    student = [1.0] * 200 + [1.0] * better + [0.0] * 10
    teacher = [1.0] * 200 + [0.0] * better + [1.0] * 10
    return verdict(student, teacher, margin=0.02, confidence=0.95)


MONEY: dict[str, Any] = {
    "sentence": "It has paid for itself after 9 days.",
    "assumptions": {"requests_per_day": 10_000},
    "rivals": {"base": {"never": True}, "linear": {"never": True}},
}
ON = MeasuredSystem("240 human-labelled messages", "pets", MONEY)


def leads(**low: float) -> dict[str, Interval]:
    """The student's leads: clear, but for those whose lower end is given."""
    ends = {"base": 0.5, "linear": 0.1} | low
    return {name: Interval(end + 0.05, end, end + 0.1) for name, end in ends.items()}


def test_a_student_that_beats_every_rival_is_named_first() -> None:
    """Always busy its 1,000 cost $0.004; at the traffic they cost a machine, $0.24."""
    text = headline(systems(), found(), leads(), ON)
    assert text.startswith("The student answers as well as the teacher (+8.3 points, 95% interval")
    assert "margin 2.0, on 240 human-labelled messages" in text
    assert "costs $0.24 per 1,000 requests at 10,000 a day instead of $0.41." in text
    assert text.endswith("It has paid for itself after 9 days.") and "0.004" not in text


@pytest.mark.parametrize(
    ("usd", "ends"),
    [("0.24", ", as much as its teacher."), ("0.24000001", ", about as much as its teacher.")],
)
def test_equal_prices_are_said_once(usd: str, ends: str) -> None:
    teacher, *others = systems()
    text = headline([teacher | at_traffic(usd), *others], found(), leads(), ON)
    assert f"costs $0.24 per 1,000 requests at 10,000 a day{ends}" in text


@pytest.mark.parametrize("low", [-0.05, -0.2])
def test_a_rival_that_is_as_good_or_better_is_named_first(low: float) -> None:
    text = headline(systems(linear=0.9), found(), leads(linear=low), ON)
    assert text.startswith("You do not need the student: a linear model on words")


def test_a_rival_that_the_gold_does_not_tell_apart_is_named_first_too() -> None:
    text = headline(systems(linear=0.84), found(), leads(linear=-0.04), ON)
    assert text.startswith("You may not need the student: a linear model on words")
    assert "at $0.24 per 1,000 requests at 10,000 a day, is right on 84.0%, the student on" in text
    assert "which 240 human-labelled messages do not tell apart (+1.0 points, -4.0…+6.0)" in text


def test_the_best_of_the_unbeaten_rivals_is_named() -> None:
    rows = systems(linear=0.86, base=0.9)
    rival = unbeaten_rival(rows, leads(linear=-0.1, base=-0.1), MONEY)
    assert rival is not None and rival["name"] == "base"
    assert unbeaten_rival(rows, leads(), MONEY) is None


TINY = {"openai:tiny": Interval(-0.01, -0.06, 0.04)}


def against(never: bool) -> MeasuredSystem:
    """With a student that does or does not pay back in the place of openai:tiny."""
    return replace(ON, money=MONEY | {"rivals": {"openai:tiny": {"never": never}}})


def test_an_untuned_model_that_the_task_names_is_a_rival_by_its_own_name() -> None:
    cheap = FIGURES | {"name": "openai:tiny", "value": 0.86} | at_traffic("0.02")
    text = headline([*systems(), cheap], found(), leads() | TINY, against(never=True))
    assert text.startswith("You do not need the student: openai:tiny, untuned, at $0.02 per 1,000")


@pytest.mark.parametrize(
    ("low", "level"),
    [
        (-0.06, "As good as the student, and dearer, is"),
        (-0.04, "Not told apart from the student by 240 human-labelled messages, and dearer, is"),
    ],
)
def test_a_rival_in_whose_place_the_student_pays_back_comes_last(low: float, level: str) -> None:
    dear = FIGURES | {"name": "openai:tiny", "value": 0.86} | at_traffic("0.34")
    tie = {"openai:tiny": Interval(low + 0.05, low, low + 0.1)}
    rows, on = [*systems(), dear], against(never=False)
    assert unbeaten_rival(rows, leads() | tie, on.money) is None
    text = headline(rows, found(), leads() | tie, on)
    assert text.startswith("The student answers as well as the teacher")
    assert text.endswith(
        f"{level} openai:tiny, untuned: $0.34 per 1,000 requests at 10,000 a day against $0.24."
    )
    beyond = [*systems(), dear | at_traffic("0.42")]
    assert "openai:tiny" not in headline(beyond, found(), leads() | tie, on)


def test_who_costs_more_than_the_teacher_is_no_rival() -> None:
    """At the traffic; a price of always busy machines decides nothing."""
    dear = FIGURES | {"name": "openai:tiny", "value": 0.99} | at_traffic("0.42")
    dear |= {"usd_per_1k_requests": "0.001"}
    tie, money = leads() | TINY, against(never=True).money
    assert unbeaten_rival([*systems(), dear], tie, money) is None
    assert unbeaten_rival([*systems(), dear | at_traffic("0.41")], tie, money)


DISTURBED = {"timing": {"disturbed": True}}
BECAUSE = "because other programs used the processors: run `distill evaluate pets --timing`."


@pytest.mark.parametrize(
    ("disturbed", "told"),
    [
        (
            ["student"],
            "on 240 human-labelled messages). The price of student could not be measured",
        ),
        (["teacher"], "$0.24 per 1,000 requests at 10,000 a day. The price of teacher could not"),
        (["student", "teacher"], "The prices of student and teacher could not be measured, "),
    ],
)
def test_a_disturbed_price_stands_in_no_sentence(disturbed: list[str], told: str) -> None:
    rows = [row | (DISTURBED if row["name"] in disturbed else {}) for row in systems()]
    text = headline(rows, found(), leads(), ON)
    assert told in text and BECAUSE in text
    for row in rows:
        if row["name"] in disturbed:
            assert f"${row['at_traffic']['usd_per_1k_requests']}" not in text


def test_a_rival_with_a_disturbed_price_is_named_without_it() -> None:
    """It may be the cheaper one: nothing rules that out."""
    teacher, student, base, linear = systems(linear=0.9)
    rows, on = [teacher, student, base, linear | DISTURBED], against(never=False)
    text = headline(rows, found(), leads(linear=-0.2), on)
    assert text.startswith("You do not need the student: a linear model on words")
    assert "(linear), at a price that could not be measured, is right on 90.0%" in text
    assert f"The price of linear could not be measured, {BECAUSE}" in text


def test_reasons_that_production_does_not_ask_for_are_named_with_their_price() -> None:
    teacher, *others = systems()
    text = headline([teacher | {"without_reasons": "0.0574"}, *others], found(), leads(), ON)
    assert "(teacher.rationale): without them it is about $0.0574." in text


def test_an_open_verdict_says_how_many_rows_would_settle_it() -> None:
    text = headline(systems(), found(better=12), leads(), ON)
    assert text.startswith("Whether the student answers as well as the teacher is open")
    assert "gold messages would settle it" in text


def decision() -> dict[str, object]:
    """The decision of a report, with an option for each system."""
    found = [
        {
            **{"system": row["name"], "name": row["name"], "origin": "<b>", "as_good": "yes"},
            **{"value": row["value"], "ci_low": row["ci_low"], "ci_high": row["ci_high"]},
            **{"usd_per_month": "$73", "latency": "0.7 s"},
        }
        for row in systems()
    ]
    return {
        **{"verdict": "switch", "badge": "Switch", "title": "Switch <now>.", "why": "It <pays>."},
        "tiles": [{"label": "Right", "value": "75 %", "note": "<today> 62 %", "bad": True}],
        "next": [{"do": "Serve <it>:", "command": "distill serve pets"}, {"do": "Look."}],
        "options": found,
        "changes": ["More <traffic>."],
        "wrong": ["<x> is taken for <y> (3 of 4)"],
    }


def report() -> dict[str, object]:
    return {
        "task": "pets",
        "run": "r1",
        "created": "2026-11-22",
        "versions": {"duckdb": "2.0.0"},
        "description": "Sort <pets>.",
        "headline": "It is <good>.",
        "decision": decision(),
        "teacher": {"model": "t"},
        "student": {"base": "b", "trainer": "u", "artifact": "a", "data_hash": "h"},
        "data": {
            **{"completed": 3, "kept": 2, "dropped": {"form: empty": 1}, "seeds": 1, "train": 3},
            **{"validation": 0, "gold": 5, "leak_gate": {"status": "clean", "overlaps": 0}},
            "yields": [
                {
                    **{"check": "form", "rows_in": 3, "dropped": 1, "reasons": {"empty": 1}},
                    "usd": "0.25",
                    "examples": [
                        {"input": "<b>`no|pe`</b>", "reason": "empty", "matched": "<i>"},
                    ],
                }
            ],
            "spread": [
                {
                    **{"label": "x", "rows": 2, "distinct_1": 0.5, "distinct_2": 0.75},
                    **{"mean_nearest_distance": 0.25, "covered": 0.125},
                }
            ],
        },
        "spend": {
            **{
                "generate_usd": "1",
                "judge_usd": "0",
                "train_usd": "2",
                "evaluate_usd": "3",
                "total_usd": "6",
                "budget_usd": "5",
                "possibly_paid_twice_usd": "0",
            },
        },
        "systems": systems(),
        "verdict": {"confidence": 0.95},
        "break_even": {
            **{"never": False, "requests": 90_000, "days": 9.0, "spent_usd": "6", "replicas": 1},
            **{"monthly_saving_usd": "20.28", "sentence": "It has <paid> for itself."},
            "assumptions": {"requests_per_day": 10_000, "utilisation": 0.6, "usd_per_hour": "0.1"},
        },
        "labels": [
            {
                "label": "x",
                "student": {
                    **{"n": 4, "precision": 0.5, "recall": 0.25, "f1": 0.375},
                    "taken_for": {"<y>": 3},
                },
                "teacher": {"n": 4, "precision": 1.0, "recall": 0.75, "f1": 0.8, "taken_for": {}},
            }
        ],
        "machine": {"usd_per_hour": "0.1", "in_flight": 8, "sentence": "Timed in a loop."},
        "teacher_self_agreement": {
            **{"n": 240, "value": 0.84, "ci_low": 0.79, "ci_high": 0.88, "right_again": 0.81},
            "student": 0.83,
        },
        "worst": [
            {
                **{"input": "<script>`a|b`</script>", "expected": "x", "teacher": "x"},
                **{"student": "<y>", "confidence": 0.25},
            }
        ],
        "better": [],
        "both_wrong": [],
        "mistakes": {"worst": 1, "better": 0, "both_wrong": 0},
        "calibration": {
            "ece": 0.125,
            "bins": [{"from": 0.2, "to": 0.3, "n": 1, "confidence": 0.25, "right": 0.0}],
        },
        "coverage": {
            "sentence": "It <can>.",
            "chosen": "From the smallest up.",
            "points": [
                {
                    **{
                        "share": 0.5,
                        "threshold": 0.75,
                        "threshold_shown": "0.75",
                        "student": 0.875,
                        "teacher": 0.5,
                    },
                    **{"value": 0.625, "difference": 0.125, "usd_per_1k_requests": "0.2"},
                }
            ],
        },
    }


def test_what_customers_wrote_is_escaped_on_the_page() -> None:
    page = html(report())
    assert "&lt;script&gt;" in page and "<script" not in page
    assert "It is &lt;good&gt;." in page
    assert "the teacher said the same to 84.0 % of the messages (79.0 % – 88.0 %)" in page
    assert "&lt;b&gt;`no|pe`&lt;/b&gt;" in page and "(<bdi>&lt;i&gt;</bdi>)" in page
    assert "It has &lt;paid&gt; for itself. It took $6.00 to make and saves $20.28 a month." in page
    assert "3 <bdi>&lt;y&gt;</bdi>" in page and "It &lt;can&gt;." in page


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = html(report())
    assert "http://" not in page and "https://" not in page and "src=" not in page


def test_markdown_keeps_a_message_in_its_cell() -> None:
    text = markdown(report())
    assert "| `<script>'a¦b'</script>` | `x` | `x` | `<y>` | 25.0 % |" in text
    assert "| 50.0 % | 0.75 | 87.5 % | 50.0 % | 62.5 % | +12.5 | 0.2 |" in text
    assert "| 20.0 % – 30.0 % | 1 | 25.0 % | 0.0 % |" in text
    assert "| form | 3 | 1 | 0.25 | 1 empty |" in text
    assert "- form: `<b>'no¦pe'</b>` (`<i>`)" in text
    assert "| x | 2 | 50.0 % | 75.0 % | 0.25 | 12.5 % |" in text
    assert "| student | 85.0 % | 60.0 % – 90.0 % | +5.0 (+1.0…+9.0) | 62.5 % |" in text
    assert "| teacher | 80.0 % | 60.0 % – 90.0 % |  | 62.5 % |" in text
    assert "| x | 4 | 25.0 % | 50.0 % | 37.5 % | 75.0 % | 3 &lt;y> |" in text
