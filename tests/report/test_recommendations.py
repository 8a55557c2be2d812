"""What the report says is to be done, rule by rule."""

import json
from pathlib import Path
from typing import Any

import pytest

from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.evaluate.baselines import fitted
from distill.evaluate.statistics import Verdict, verdict
from distill.evaluate.systems import METRIC_TITLES
from distill.report.recommendations import RULES, advice
from tests.conftest import WriteTask
from tests.support.runs import finished
from tests.support.standin import BOOKING, StandIn

DOCS = Path("docs/read-the-report.md").read_text(encoding="utf-8")


def found(better: int, worse: int, same: int = 200) -> Verdict:
    ours = [1.0] * (same + better) + [0.0] * worse
    theirs = [1.0] * same + [0.0] * better + [1.0] * worse
    return verdict(ours, theirs, margin=0.05, confidence=0.95)


GOOD, BAD, OPEN = found(5, 5), found(0, 60), found(10, 16)


def system(name: str, value: float = 0.8, usd: str = "0.2") -> dict[str, Any]:
    money = {"requests_per_s": 5.0, "at_traffic": {"usd_per_1k_requests": usd}}
    return {"name": name, "value": value} | money


def figures(**changes: Any) -> dict[str, Any]:
    """Of a student that is worth its money."""
    interval = {"difference": -0.01, "ci_low": -0.04, "ci_high": 0.02, "margin": 0.05}
    names = ("teacher", "student", "base", "base_few_shot", "linear", "linear_seeds")
    never = ("base", "base_few_shot", "linear", "linear_seeds", "openai:tiny")
    return {
        "task": "pets",
        "run": "r1",
        "headline": "Nothing follows.",
        "data": {"gold": 210},
        "verdict": interval | {"result": "non_inferior"},
        "systems": [*(system(name) for name in names), system("openai:tiny", usd="0.1")],
        "break_even": {
            **{"never": False, "days": 9.0, "sentence": "After 9 days.", "spent_usd": "31.8025"},
            "assumptions": {"requests_per_day": 10_000},
            "rivals": {name: {"never": True} for name in never},
        },
        "labels": [],
        "machine": {"in_flight": 8},
    } | changes


def money(**changes: Any) -> dict[str, Any]:
    """`break_even` of a student that pays, with changes."""
    return {"break_even": figures()["break_even"] | changes}


def disturbed(*names: str) -> dict[str, Any]:
    """The systems, of which these were timed beside other programs, and their break-even."""
    rows = [
        row | ({"timing": {"disturbed": True}} if row["name"] in names else {})
        for row in figures()["systems"]
    ]
    kept = figures()["break_even"]["rivals"]
    rivals = {} if "student" in names else {name: kept[name] for name in kept if name not in names}
    if not {"student", "teacher"} & {*names}:
        return {"systems": rows} | money(rivals=rivals)
    found = money(rivals=rivals, open_because=["timing"], sentence="It is open.")["break_even"]
    return {"systems": rows, "break_even": {k: v for k, v in found.items() if k not in PAYS}}


PAYS = ("never", "days")


def rules(given: dict[str, Any], **rivals: Verdict) -> list[str]:
    return [one["rule"] for one in advice(given, rivals)]


def test_a_student_that_is_as_good_and_pays_is_switched_to() -> None:
    (one,) = advice(figures(), {"base": BAD, "linear": OPEN, "linear_seeds": BAD})
    assert (one["rule"], one["because"]) == ("switch", "After 9 days.")


def test_a_free_model_that_is_as_good_comes_first_with_its_line() -> None:
    one, *_ = advice(figures(), {"linear": GOOD, "base": GOOD})
    assert one["rule"] == "free_model"
    assert 'fitted("runs/pets/r1/student/train.jsonl", "linear")' in one["say"]
    assert "linear − teacher +0.0 points" in one["because"] and "margin 5.0" in one["because"]
    assert (
        'fitted("prompts/pets/seeds.jsonl"' in advice(figures(), {"linear_seeds": GOOD})[0]["say"]
    )


def test_a_free_rival_is_fitted_with_the_tasks_embedding_model() -> None:
    systems = [*figures()["systems"], system("embeddings")]
    never = figures()["break_even"]["rivals"] | {"embeddings": {"never": True}}
    of_task = figures(embedding_model="owner/model", systems=systems, **money(rivals=never))
    (one, *_) = advice(of_task, {"embeddings": GOOD})
    assert 'train.jsonl", "embeddings", "owner/model").predict' in one["say"]


def test_a_base_that_is_as_good_is_prompted() -> None:
    one, *_ = advice(figures(), {"base": GOOD, "base_few_shot": GOOD})
    assert one["rule"] == "prompt" and "a few seeds in its prompt" in one["say"]
    assert rules(figures(), base=BAD, base_few_shot=OPEN) == ["switch"]


def test_a_cheap_model_must_be_as_good_and_cheaper() -> None:
    assert rules(figures(), **{"openai:tiny": GOOD}) == ["cheap_model"]
    assert rules(figures(), **{"openai:tiny": OPEN}) == ["switch"]
    as_dear_as_the_teacher = [*figures()["systems"][:-1], system("openai:tiny", usd="0.2")]
    assert rules(figures(systems=as_dear_as_the_teacher), **{"openai:tiny": GOOD}) == ["switch"]


def test_a_cheap_model_in_whose_place_the_student_never_pays_may_cost_what_it_does() -> None:
    rows = [system("teacher", usd="0.5"), system("student"), system("openai:tiny", usd="0.2")]
    (one,) = advice(figures(systems=rows), {"openai:tiny": GOOD})
    assert one["say"].endswith("and the student does not pay for itself in its place.")
    assert one["because"].endswith(
        "$0.2 against the student's $0.2 per 1,000 requests at 10,000 a day"
    )


@pytest.mark.parametrize("name", ["linear", "linear_seeds", "base", "base_few_shot", "openai:tiny"])
def test_a_rival_in_whose_place_the_student_pays_back_does_not_stop_the_switch(name: str) -> None:
    """As good, and dearer than the student; or as good, and dearer than the teacher."""
    paid_back = money(rivals={name: {"never": False, "days": 1.0}})
    assert rules(figures(**paid_back), **{name: GOOD}) == ["switch"]
    dear = [row for row in figures()["systems"] if row["name"] != name] + [system(name, usd="0.21")]
    assert rules(figures(systems=dear), **{name: GOOD}) == ["switch"]


def test_an_open_verdict_asks_for_labels() -> None:
    interval = figures()["verdict"] | {"result": "inconclusive"}
    (one,) = advice(figures(verdict=interval | {"gold_needed": 1210}), {})
    assert one["say"] == "Label 1,000 gold rows more, then evaluate again."
    assert "of 210 gold rows student − teacher -1.0 points (-4.0…+2.0)" in one["because"]
    (one,) = advice(figures(verdict=interval), {})
    assert one["say"].startswith("No number of gold rows settles it")


def test_an_inferior_student_is_told_where_it_falls_behind() -> None:
    row = {"recall": 0.9, "f1": 0.9}
    labels = [
        {"label": "a", "student": row, "teacher": row},
        {"label": "b", "student": row | {"recall": 0.5}, "teacher": row},
        {"label": "c", "student": row | {"recall": 0.2}, "teacher": row},
    ]
    worse = figures()["verdict"] | {"result": "inferior"}
    curve = {"sentence": "The next 200 examples are worth about +3.0 points."}
    (one,) = advice(figures(verdict=worse, labels=labels, learning_curve=curve), {})
    assert one["rule"] == "more_data"
    assert "falls behind: c (20%, the teacher 90%), b (50%, the teacher 90%)." in one["say"]
    assert "The next 200 examples" in one["because"]
    texts = figures(verdict=worse)
    del texts["labels"]
    assert "worst examples" in advice(texts, {})[0]["say"]


POINT = {"share": 0.6, "result": "non_inferior", "never": False, "days": 12.3}


@pytest.mark.parametrize(
    ("change", "routed"),
    [
        ({}, True),
        ({"days": 90.0}, True),
        ({"share": 0.2}, False),
        ({"share": 1.0}, False),
        ({"result": "inferior"}, False),
        ({"never": True}, False),
        ({"days": 91.0}, False),
    ],
)
def test_what_can_be_answered_alone_is_routed_where_it_pays(
    change: dict[str, Any], *, routed: bool
) -> None:
    worse = {"verdict": figures()["verdict"] | {"result": "inferior"}}
    found = {"coverage": {"points": [POINT | change], "sentence": "It can."}}
    told = advice(figures(**worse, **found), {})
    assert ("route" in [one["rule"] for one in told]) is routed
    assert "route" not in rules(figures(**found))
    if not change:
        assert told[1]["because"] == (
            "It can. Against the teacher alone both together save the $31.80 that the student "
            "took in 13 days."
        )


def test_a_mixture_without_a_price_is_not_routed() -> None:
    worse = {"verdict": figures()["verdict"] | {"result": "inferior"}}
    unpriced = {key: value for key, value in POINT.items() if key not in PAYS}
    found = {"coverage": {"points": [unpriced], "sentence": "It can."}}
    assert rules(figures(**worse, **found, **disturbed("teacher"))) == ["more_data", "busy_machine"]


@pytest.mark.parametrize(
    ("days", "late"),
    [({"never": True}, True), ({"days": 91.0}, True), ({"days": 90.0}, False)],
)
def test_what_pays_late_or_never_is_not_worth_it(days: dict[str, Any], late: bool) -> None:
    given = figures(**money(**days, sentence="So it is."))
    told = advice(given, {})
    assert [one["rule"] for one in told] == (["too_late"] if late else ["switch"])
    assert told[0]["because"] == "So it is."


@pytest.mark.parametrize("result", ["inferior", "inconclusive"])
def test_of_a_student_that_may_not_replace_its_teacher_no_advice_says_that_it_pays(
    result: str,
) -> None:
    worse = {"verdict": figures()["verdict"] | {"result": result}}
    open_money = money(open_because=["verdict"], sentence="No question.")
    told = advice(figures(**worse, **open_money), {})
    assert len(told) == 1 and "paid for itself" not in str(told)
    late = money(open_because=["verdict"], sentence="No question.", never=True)
    assert advice(figures(**worse, **late), {})[1] == {
        "rule": "too_late",
        "say": "It is not worth it at this traffic.",
        "because": "Even if it answered as well as its teacher it would not have paid for itself "
        "within 90 days at 10,000 requests a day.",
    }


def test_values_out_of_the_training_rows_are_a_lack_of_facts() -> None:
    given = figures(fields=[], memorised={"value": 0.1, "ci_low": 0.06})
    assert rules(given) == ["facts"]
    assert rules(figures(fields=[], memorised={"value": 0.1, "ci_low": 0.04})) == ["switch"]


@pytest.mark.parametrize("name", ["student", "teacher"])
def test_without_the_price_of_student_or_teacher_nothing_is_said_by_money(name: str) -> None:
    """No switch, nothing that is not worth it; the command that measures anew."""
    (one,) = advice(figures(**disturbed(name)), {})
    assert one["rule"] == "busy_machine" and "`distill evaluate pets --timing`" in one["say"]
    assert one["because"].endswith(f"no sentence uses their prices: {name}")


def test_the_price_of_a_rival_that_plays_no_part_stops_no_switch() -> None:
    assert rules(figures(**disturbed("linear")), linear=BAD) == ["busy_machine", "switch"]


@pytest.mark.parametrize("names", [("linear",), ("student",)])
def test_whether_a_free_model_is_cheaper_is_open_without_its_price(names: tuple[str, ...]) -> None:
    one, *_ = advice(figures(**disturbed(*names)), {"linear": GOOD})
    assert one["rule"] == "free_model"
    assert one["because"].endswith(
        "cheaper than the student is open until prices are measured anew"
    )


def test_a_cheap_model_beside_a_student_without_a_price_is_cheap_perhaps() -> None:
    one, *_ = advice(figures(**disturbed("student")), {"openai:tiny": GOOD})
    assert one["say"].endswith("as good as the teacher, if its price is lower than the student's.")
    assert "$" not in one["because"]


def test_a_rival_that_the_headline_names_is_weighed_before_switching() -> None:
    (one,) = advice(figures(unbeaten="linear"), {"linear": OPEN})
    assert (one["rule"], one["because"]) == (
        "unbeaten",
        "210 gold rows do not show linear to be worse",
    )
    assert "Weigh linear" in one["say"]


@pytest.mark.parametrize("worse", [True, False])
def test_what_the_training_broke_is_looked_at_before_switching(*, worse: bool) -> None:
    row = {"about": "what must be refused", "n": 16, "difference": -0.5, "limit": 0.05}
    row |= {"judged_by": "difference", "at_most": -0.3}
    told = advice(figures(side_effects=[row | {"worse": worse}]), {})
    assert [one["rule"] for one in told] == (["side_effects"] if worse else ["switch"])
    if worse:
        assert "what must be refused" in told[0]["say"]
        assert "-50.0 points on 16 probes, at most -30.0" in told[0]["because"]


def test_a_student_that_is_led_astray_is_not_said_to_be_broken_by_its_training() -> None:
    row = {"about": "messages with an instruction", "n": 24, "limit": 0.05, "worse": True}
    row |= {"judged_by": "student", "student": {"value": 11 / 24}, "at_most": 0.6}
    (told,) = advice(figures(side_effects=[row]), {})
    assert told["rule"] == "side_effects" and "broke" not in told["say"]
    assert told["because"].startswith("it did what 13 of 24 messages told it (54.2%, at least 40")


def test_a_judge_that_is_not_usable_silences_every_other_rule() -> None:
    (one,) = advice(figures(judge={"usable": False}), {"linear": GOOD})
    assert (one["rule"], one["because"]) == ("judge", "Nothing follows.")


def test_every_rule_is_written_down_with_its_reason() -> None:
    written = [line.split("`")[1] for line in DOCS.splitlines() if line.startswith("| `")]
    names = [rule.__name__.removeprefix("_") for rule in RULES]
    assert written == ["judge", *names, "unbeaten", "switch"]


def test_the_report_of_a_run_gives_advice(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    folder = finished(workspace, "pets").context.folder
    told = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert told["advice"] and set(told["advice"][0]) == {"rule", "say", "because"}
    for name in ("report.full.md", "report.html"):
        page = (folder / name).read_text(encoding="utf-8").replace("&#34;", '"')
        assert told["advice"][0]["say"] in page.replace("&#39;", "'"), name
    rival = fitted(folder / "student" / "train.jsonl", "linear")
    assert list(rival.predict(["my cat is hungry"])) == ["cats"]


def test_rivals_can_be_fitted_on_both_kinds_of_files(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    rows = [{"input": f"day is mon{n}", "answer": {"day": f"mon{n}"}} for n in range(6)]
    seeds.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert BOOKING["properties"]["day"]
    (answer,) = fitted(seeds, "linear_seeds").predict(["day is mon3"])
    assert json.loads(answer) == {"day": "mon3"}
    texts = tmp_path / "texts.jsonl"
    rows = [{"input": f"the {thing}", "answer": f"a {thing}"} for thing in ("cat", "house")]
    texts.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert list(fitted(texts, "nearest").predict(["some cat"])) == ["a cat"]
    with pytest.raises(
        InputError, match="no rival 'magic': choose one of linear, embeddings, nearest"
    ):
        fitted(texts, "magic")


def test_every_metric_has_a_head() -> None:
    assert set(METRIC_TITLES) == {"accuracy", "field_f1", "win_rate"}
