"""The report's sentences on money, all at the task's traffic: of recorded runs the dollars of every
sentence are worked out again from report.json."""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from distill.cli.output import show_report
from distill.core.requests import Usage
from distill.core.workspace import Workspace
from distill.report import report, systems
from distill.report.build import collect
from distill.report.charts import CHARTS, charts
from distill.report.compare_runs import compare, lines
from distill.report.figures import system_of
from distill.report.render import card, html, markdown
from distill.report.spend import short_usd
from distill.report.timing import MARK
from tests.conftest import PETS, WriteTask, jsonl, pet_rows
from tests.support.recorded import Answers, record

ROWS = 200
OURS = "http://127.0.0.1:1/v1#m"  # it sends no bill: a machine of ours
LUNA, SOL, TERRA = "openai:gpt-6-luna", "openai:gpt-6.1-sol", "openai:gpt-6.1-terra"
# 1,000 of them are $0.034, $0.55 and $0.34: prices in task.toml, so that no table changes them.
BILLED = {LUNA: Usage(300, 8), SOL: Usage(1200, 5, cached=1000), TERRA: Usage(320, 4)}
PRICES = """
[prices."gpt-6-luna"]
input = 0.10
output = 0.50
[prices."gpt-6.1-sol"]
input = 2
cached = 0.10
output = 10
[prices."gpt-6.1-terra"]
input = 1
output = 5
[machine]
usd_per_hour = 0.10
"""
DOLLARS = re.compile(r"\$(\d[\d,]*(?:\.\d+)?)")
PAYS = "as paid for itself after"
TEACHER = [n % 10 != 0 for n in range(ROWS)]  # right on nine of ten
SURE = [0.999 - n / 1000 for n in range(ROWS)]
# As its teacher on the 60 % that it is surest of, wrong on the rest.
PART = [right and n < 120 for n, right in enumerate(TEACHER)]


@dataclass(frozen=True)
class Case:
    """A recorded run."""

    teacher: str
    student: tuple[bool, ...]
    rival: str
    requests_per_day: int

    def task_toml(self, more: str = "") -> str:
        """Its task."""
        labels = "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
        baselines = f'baselines = ["{self.rival}"]' if self.rival in BILLED else ""
        return (
            f'name = "pets"\nkind = "classify"\n[labels]\n{labels}'
            f'[teacher]\nmodel = "{self.teacher}"\n{more}\n[evaluate]\n{baselines}\n'
            f"[traffic]\nrequests_per_day = {self.requests_per_day}\n{PRICES}"
        )

    def systems(self, **changes: Answers) -> dict[str, Answers]:
        """Who answered what."""
        found = {
            "teacher": Answers(TEACHER, BILLED.get(self.teacher)),
            "student": Answers(self.student, sure=SURE),
            "base": Answers([False] * ROWS),
        }
        if self.rival:
            found[self.rival] = Answers(TEACHER, BILLED.get(self.rival))
        return found | changes


# Every kind of teacher, student and rival; at ten times the traffic the student is cheap.
CASES = [
    *(
        Case(teacher, tuple(student), rival, 10_000)
        for teacher, student, rival in product(
            (LUNA, SOL, OURS), (TEACHER, PART), ("", "linear_seeds", TERRA)
        )
    ),
    Case(LUNA, tuple(TEACHER), "linear_seeds", 100_000),
    Case(SOL, tuple(TEACHER), LUNA, 100_000),
    Case(SOL, tuple(PART), TERRA, 100_000),
]
Told = tuple[Case, dict[str, Any], Path]


@pytest.fixture
def told(request: pytest.FixtureRequest, workspace: Workspace, pets: WriteTask) -> Told:
    """The case with its figures and its folder."""
    case: Case = request.param
    task = pets(task_toml=case.task_toml(), gold_jsonl=jsonl(pet_rows("gold", 67)[:ROWS]))
    context = record(workspace, task, case.systems())
    with context.store() as store:
        return case, collect(context.task, store, context.run_id), context.folder


def at(figures: dict[str, Any], name: str) -> Decimal:
    """USD of 1,000 requests to a system at the traffic."""
    return Decimal(system_of(figures, name)["at_traffic"]["usd_per_1k_requests"])


def sentences(figures: dict[str, Any]) -> str:
    """All that is above the fold, and the sentence on coverage."""
    advice = [f"{one['say']} {one['because']}" for one in figures["advice"]]
    return " ".join([figures["headline"], *advice, figures["coverage"]["sentence"]])


@pytest.mark.parametrize("told", CASES, indirect=True)
def test_every_dollar_of_a_sentence_is_one_at_the_traffic(told: Told) -> None:
    """And no two sentences contradict each other."""
    case, found, _ = told
    prices = {short_usd(row["at_traffic"]["usd_per_1k_requests"]) for row in found["systems"]}
    mixed = {short_usd(row["usd_per_1k_requests"]) for row in found["coverage"]["points"]}
    named = set(DOLLARS.findall(sentences(found)))
    assert named <= prices | mixed | {short_usd(found["break_even"]["spent_usd"])}, named
    assert set(DOLLARS.findall(found["headline"])) <= prices
    student, teacher = (short_usd(str(at(found, name))) for name in ("student", "teacher"))
    price = f"costs ${student} per 1,000 requests at {case.requests_per_day:,} a day"
    instead = f" instead of ${teacher}" if student != teacher else ", as much as its teacher"
    assert price + instead in found["headline"]
    _agree(case, found)


def _agree(case: Case, found: dict[str, Any]) -> None:
    rules = [one["rule"] for one in found["advice"]]
    student, teacher = at(found, "student"), at(found, "teacher")
    as_good = found["verdict"]["result"] == "non_inferior"
    assert as_good is (case.student == tuple(TEACHER))
    if student >= teacher:
        assert PAYS not in sentences(found) and not {"route", "switch"} & {*rules}
    if not as_good:
        assert "no question until" in found["headline"] and "switch" not in rules
        assert CHARTS["pay_back"](found) is None
        texts = [markdown(found), card(found), *map(str, found["break_even"].values())]
        assert not [text for text in texts if PAYS in text]
    if "route" in rules:
        best = max(row["share"] * (row["share"] <= 0.6) for row in found["coverage"]["points"])
        (row,) = [row for row in found["coverage"]["points"] if row["share"] == best]
        assert not as_good and Decimal(row["usd_per_1k_requests"]) < teacher
    if "switch" in rules:
        assert as_good and student < teacher and "unbeaten" not in found
    if found.get("unbeaten") and found["unbeaten"] == case.rival:
        assert at(found, case.rival) <= min(student, teacher)
        assert found["headline"].startswith("You do not need the student")
    elif case.rival and as_good and at(found, case.rival) <= teacher:
        assert student < at(found, case.rival)
        assert "As good as the student, and dearer, is" in found["headline"]


ROUTED = Case(LUNA, tuple(PART), "", 10_000)


@pytest.mark.parametrize("told", [ROUTED], indirect=True)
def test_the_dearer_way_is_not_advised(told: Told) -> None:
    """The student is a machine, $2.40 a day; gpt-6-luna alone is $0.34. Of 10,000 requests 4,000
    handed over are $0.136: both together are $2.536, which is $0.2536 for 1,000."""
    _, found, _ = told
    assert [one["rule"] for one in found["advice"]] == ["more_data", "too_late"]
    best = next(row for row in found["coverage"]["points"] if row["share"] == 0.6)
    assert best["at_traffic"] == {
        **{"usd_per_1k_requests": "0.2536", "usd_per_day": "2.536"},
        "replicas": 1,
    }
    assert (
        "for $0.2536 per 1,000 requests at 10,000 a day instead of $0.034, which is dearer"
        in (found["coverage"]["sentence"])
    )


@pytest.mark.parametrize("told", [Case(SOL, tuple(PART), "", 100_000)], indirect=True)
def test_the_cheaper_way_is_advised(told: Told) -> None:
    """gpt-6.1-sol alone is $55 a day; for 40 % $22, and the student's machine $2.40: $24.40."""
    _, found, _ = told
    best = next(row for row in found["coverage"]["points"] if row["share"] == 0.6)
    assert best["at_traffic"]["usd_per_day"] == "24.4"
    assert [one["rule"] for one in found["advice"]] == ["more_data", "route"]
    assert "$0.244 per 1,000 requests at 100,000 a day instead of $0.55" in sentences(found)


DEAR = Case(SOL, tuple(TEACHER), TERRA, 100_000)


@pytest.mark.parametrize("told", [DEAR], indirect=True)
def test_a_rival_that_is_fourteen_times_dearer_is_not_named_first(
    told: Told,
) -> None:
    """gpt-6.1-terra untuned is $34 a day, the student's machine $2.40."""
    _, found, _ = told
    assert (at(found, TERRA), at(found, "student")) == (Decimal("0.34"), Decimal("0.024"))
    assert found["headline"].startswith("The student answers as well as the teacher")
    assert f"dearer, is {TERRA}, untuned: $0.34 per 1,000 requests" in found["headline"]
    assert "unbeaten" not in found
    assert [one["rule"] for one in found["advice"]] == ["switch"]


@pytest.mark.parametrize("told", [DEAR], indirect=True)
def test_what_else_prints_a_price_goes_by_the_traffic_too(
    told: Told,
    workspace: Workspace,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, found, folder = told
    always_busy = system_of(found, "student")["usd_per_1k_requests"]
    assert always_busy == "0.0125"
    show_report(found, folder)
    table = capsys.readouterr().out
    assert "$ a month" in table and "$73" in table and always_busy not in table
    shown = card(found)
    assert "$ per 1,000 requests at 100,000 a day" in shown and "| 0.024 |" in shown
    assert always_busy not in shown
    (folder / "report.json").write_text(json.dumps(found), encoding="utf-8")
    (row,) = compare(workspace, "pets", [found["run"]])
    assert "$0.024 per 1,000 requests at 100,000 a day" in lines([row])[1]
    chart = charts(found)["quality_cost"]
    assert "student 90.0% at $0.024" in chart.about and "at 100,000 a day" in chart.svg
    assert "always busy" not in chart.svg


@pytest.mark.parametrize("name", ["teacher", "student"])
def test_no_page_says_a_price_that_was_disturbed(
    name: str, workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are served by us. Every page says that the price is none, and how to measure it."""
    case = Case(OURS, tuple(PART), "linear_seeds", 10_000_000)
    task = pets(task_toml=case.task_toml(), gold_jsonl=jsonl(pet_rows("gold", 67)[:ROWS]))
    teacher, student = Answers(TEACHER, seconds=36.0), Answers(PART, seconds=5.4, sure=SURE)
    context = record(workspace, task, case.systems(teacher=teacher, student=student))
    timed = systems.system_figures

    def beside_others(*given: Any) -> dict[str, Any]:
        row = timed(*given)
        return row | {
            "timing": {
                **{"from": "closed_loop", "in_flight": 8},
                **{"others_cpu": 0.5, "disturbed": row["name"] == name},
            }
        }

    report(context)
    before = json.loads((context.folder / "report.json").read_text(encoding="utf-8"))
    assert "route" in [one["rule"] for one in before["advice"]]
    collecting = import_module("distill.report.build")
    monkeypatch.setattr(collecting, "system_figures", beside_others)
    report(context)
    found = json.loads((context.folder / "report.json").read_text(encoding="utf-8"))
    rules = [one["rule"] for one in found["advice"]]
    assert "busy_machine" in rules and not {"route", "too_late", "switch"} & {*rules}
    usd = short_usd(system_of(found, name)["at_traffic"]["usd_per_1k_requests"])
    assert usd not in sentences(found) and usd in sentences(before)
    assert f"The price of {name} could not be measured" in found["headline"]
    assert "`distill evaluate pets --timing`" in found["headline"]
    assert "usd_per_1k_requests" not in found["coverage"]["points"][0]
    assert "could not be measured" in found["coverage"]["sentence"]
    assert "pay_back" not in charts(found) and name in charts(found)["quality_cost"].title
    assert f"{name} " not in charts(found)["quality_cost"].about
    for text in (markdown(found), html(found)):
        assert MARK in text and not re.search(r"\d a month", text) and PAYS not in text
    assert MARK in card(found)


def test_what_reasons_add_to_the_price_of_the_teacher_stands_beside_it(
    workspace: Workspace, pets: WriteTask
) -> None:
    """Of 30 tokens of text 24 are reasons, by the rule that counts them: of 100 billed ones 80. So
    1,000 are 300 × 0.10 + 100 × 0.50 = $0.08 with them, and $0.04 without."""
    case = Case(LUNA, tuple(TEACHER), "", 10_000)
    toml = case.task_toml("rationale = true")
    task = pets(task_toml=toml, gold_jsonl=jsonl(pet_rows("gold", 67)[:ROWS]))
    text = json.dumps({"rationale": "because " * 18, "label": "cats"})
    teacher = Answers(TEACHER, Usage(300, 100), text=text)
    context = record(workspace, task, case.systems(teacher=teacher))
    report(context)
    found = json.loads((context.folder / "report.json").read_text(encoding="utf-8"))
    row = system_of(found, "teacher")
    assert row["usd_per_1k_requests"] == "0.08"
    assert row["without_reasons"] == "0.04"
    assert found["break_even"]["assumptions"]["teacher_rationale"] is True
    for text in (found["headline"], markdown(found), html(found)):
        assert "$0.04" in text and "teacher.rationale" in text
    assert "production may pay another" in markdown(found)
