"""What a system costs at the task's traffic, and when a student has paid for itself."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill import pipeline
from distill.core.students import Student
from distill.core.workspace import Workspace
from distill.evaluate.statistics import Interval, Result, Verdict
from distill.pricing import finetuning
from distill.pricing.break_even import (
    DailyCost,
    Mixture,
    ServingOption,
    TrafficAssumptions,
    at_provider,
    on_machines,
    pay_back,
)
from distill.report.alternative_prices import billing
from distill.report.payback import (
    break_even_figures,
    mixture_figures,
    prompt_tokens_saved,
    rival_figures,
    traffic_figures,
)
from distill.report.replacement import Replacement, StudentCost
from distill.task import Task
from tests.conftest import PETS, WriteTask
from tests.support.figures import figures
from tests.support.standin import StandIn

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
HEAD += "[generate]\nrequests = 12\n[teacher]\nfew_shot = 3\n"
PAID = HEAD + 'model = "openai:gpt-6-luna"\n'
BASE = "gpt-4o-mini-2024-07-18"

usd = st.decimals("0", "1000", places=4)
traffic = st.integers(1, 10**9)
speed = st.floats(0.01, 10_000)
busy = st.floats(0.05, 1.0)


def test_by_hand() -> None:
    """A teacher at $0.41 for 1,000 requests, a student on one machine of $0.10 an hour that takes
    9 a second, 10,000 requests a day: $4.10 against $2.40 a day, $1.70 saved; $15.30 are 9 days."""
    teacher = at_provider(Decimal("0.41"), 10_000)
    student = on_machines(Decimal("0.10"), 9.0, 10_000, 0.6)
    assert (teacher.usd_per_day, teacher.replicas) == (Decimal("4.10"), 0)
    assert (student.usd_per_day, student.replicas) == (Decimal("2.40"), 1)
    assert student.usd_per_1k == Decimal("0.24")
    found = pay_back(Decimal("15.30"), teacher, student)
    assert found.saved_per_day == Decimal("1.70")
    assert found.days == Decimal(9) and found.requests == 90_000
    assert found.saved_per_month.quantize(Decimal("0.01")) == Decimal("51.71")


def test_replicas_by_hand() -> None:
    """9 a second at 60 % are 466,560 a day: a request more takes a second machine."""
    one, two = (on_machines(Decimal("0.10"), 9.0, asked, 0.6) for asked in (466_560, 466_561))
    assert (one.replicas, two.replicas) == (1, 2)
    assert two.usd_per_day == 2 * one.usd_per_day == Decimal("4.80")


@given(usd, usd, usd, traffic)
def test_a_student_pays_back_exactly_what_it_took(
    spent: Decimal, dear: Decimal, cheap: Decimal, asked: int
) -> None:
    before, after = at_provider(dear, asked), at_provider(cheap, asked)
    found = pay_back(spent, before, after)
    if found.days is None:
        assert dear <= cheap
    else:
        assert found.days >= 0
        assert abs(found.days * found.saved_per_day - spent) < Decimal("1e-9") * (1 + spent)
        assert found.requests is not None and found.requests >= found.days * asked - 1


@given(usd, usd, usd, speed, traffic)
def test_more_traffic_never_lengthens_the_pay_back_on_one_machine(
    spent: Decimal, dear: Decimal, hour: Decimal, takes: float, asked: int
) -> None:
    """A further machine may: it costs at once, and what it saves comes later."""
    days = []
    for more in (asked, 2 * asked):
        after = on_machines(hour, takes, more, 0.6)
        if after.replicas > 1:
            return
        days.append(pay_back(spent, at_provider(dear, more), after).days)
    assert days[0] is None or (days[1] is not None and days[1] <= days[0])


@given(usd, usd, usd, traffic)
def test_more_traffic_never_lengthens_the_pay_back_at_a_provider(
    spent: Decimal, dear: Decimal, cheap: Decimal, asked: int
) -> None:
    first, second = (
        pay_back(spent, at_provider(dear, more), at_provider(cheap, more)).days
        for more in (asked, 3 * asked)
    )
    assert (first is None) == (second is None)
    assert first is None or second is None or second <= first


@given(usd, speed, busy, traffic)
def test_machines_are_as_many_as_it_takes_and_no_more(
    hour: Decimal, takes: float, share: float, asked: int
) -> None:
    found = on_machines(hour, takes, asked, share)
    each = takes * share * 86_400
    assert found.replicas * each >= asked * (1 - 1e-9)
    assert found.replicas == 1 or (found.replicas - 1) * each < asked * (1 + 1e-9)
    assert found.usd_per_day == found.replicas * 24 * hour


@pytest.mark.parametrize(
    ("spent", "before", "after", "days"),
    [
        ("5", "1", "1", None),  # equal prices
        ("5", "0", "1", None),
        ("5", "0", "0", None),
        ("0", "1", "0", Decimal(0)),
        ("5", "1", "0", Decimal(5)),
    ],
)
def test_edges(spent: str, before: str, after: str, days: Decimal | None) -> None:
    found = pay_back(
        Decimal(spent), at_provider(Decimal(before), 1000), at_provider(Decimal(after), 1000)
    )
    assert found.days == days


def test_without_traffic_a_machine_never_pays() -> None:
    before, after = at_provider(Decimal(1), 0), on_machines(Decimal("0.1"), 9.0, 0, 0.6)
    assert after == DailyCost(0, Decimal("2.4"), 1)
    assert pay_back(Decimal(5), before, after).days is None


def system(name: str, usd_per_1k: str, requests_per_s: float = 9.0) -> dict[str, Any]:
    return {"name": name, "usd_per_1k_requests": usd_per_1k, "requests_per_s": requests_per_s}


def test_the_figures_of_a_local_student_and_a_teacher_that_bills(pets: WriteTask) -> None:
    task = pets(task_toml=PAID)
    rows = [system("teacher", "0.41"), system("student", "0.004")]
    (found,) = break_even_figures(
        task, rows, {"teacher"}, StudentCost(Decimal("15.3"), "b")
    ).values()
    assert (found["never"], found["days"], found["requests"]) == (False, 9.0, 90_000)
    assert (found["spent_usd"], found["monthly_saving_usd"]) == ("15.3", "51.71")
    assert found["assumptions"]["requests_per_day"] == 10_000
    assert found["sentence"] == "It has paid for itself after 9 days at 10,000 requests a day."
    at = traffic_figures(task, rows[1], billed=False)["at_traffic"]
    assert at == {"usd_per_1k_requests": "0.24", "usd_per_day": "2.4", "replicas": 1}


def test_never_is_an_answer(pets: WriteTask) -> None:
    task = pets(task_toml=PAID)
    rows = [system("teacher", "0.2"), system("student", "0.004")]
    (found,) = break_even_figures(task, rows, {"teacher"}, StudentCost(Decimal(5), "b")).values()
    assert found["never"] and "days" not in found and "requests" not in found
    assert found["monthly_saving_usd"].startswith("-")
    assert "never pays for itself at 10,000 requests a day" in found["sentence"]
    rows = [system("teacher", "0.24000001"), system("student", "0.004")]
    (found,) = break_even_figures(task, rows, {"teacher"}, StudentCost(Decimal(500), "b")).values()
    assert found["never"] and "within a hundred years" in found["sentence"]


def test_a_model_that_ends_first_never_pays(
    pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = pets(task_toml=PAID)
    rows = [system("teacher", "0.41"), system("student", "0.24")]
    billed, spent = {"teacher", "student"}, Decimal("16.9")  # 9.94 days: the tenth
    for days, never in ((9, True), (10, False), (11, False)):
        ends = datetime.now(UTC).date() + timedelta(days=days)
        tunable = finetuning.Tunable(Decimal(3), 1, ends)
        monkeypatch.setitem(finetuning.TUNABLE, BASE, tunable)
        (found,) = break_even_figures(task, rows, billed, StudentCost(spent, BASE)).values()
        assert (found["never"], found["ends"]) == (never, ends.isoformat())
        assert (f"before its model ends on {ends}" in found["sentence"]) is never


def test_a_teacher_that_ends_first_is_named(pets: WriteTask) -> None:
    """gpt-5.1 ends on 2027-04-01, claude-sonnet-5-5 on no day that is known."""
    rows, spent = [system("teacher", "0.41"), system("student", "0.004")], Decimal("1700")
    for model, ends in (("openai:gpt-5.1", "2027-04-01"), ("anthropic:claude-sonnet-5-5", "")):
        task = pets(task_toml=f'{HEAD}model = "{model}"\n')
        (found,) = break_even_figures(task, rows, {"teacher"}, StudentCost(spent, "b")).values()
        assert found.get("teacher_ends", "") == ends and found["days"] == 1000.0
        assert ("But its teacher ends on 2027-04-01" in found["sentence"]) is bool(ends)
    task = pets(task_toml=f'{HEAD}model = "openai:gpt-5.1"\n')
    (found,) = break_even_figures(
        task, rows, {"teacher"}, StudentCost(Decimal("0.017"), "b")
    ).values()
    assert found["sentence"] == "It has paid for itself after 1 day at 10,000 requests a day."


def test_what_a_prompt_without_examples_saves() -> None:
    rows = [
        {"name": "base_few_shot", "prompt_tokens_mean": 400.0},
        {"name": "student", "prompt_tokens_mean": 30.0},
    ]
    (found,) = prompt_tokens_saved(rows).values()
    assert found == {"base_few_shot": 400.0, "student": 30.0, "share": 0.925}
    assert prompt_tokens_saved([{"name": "student"}]) == {}


def written(task: Task, workspace: Workspace) -> Any:
    return figures(workspace.task_folder(task.name) / "latest")


def test_other_traffic_is_another_page_of_the_same_run(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    task = pets(task_toml=HEAD)
    run = pipeline.run(workspace, "pets").run.id
    before, asked = written(task, workspace), scripted_backends.total
    assert pipeline.run(workspace, "pets").stages_run == ()
    pets(task_toml=HEAD + "[traffic]\nrequests_per_day = 5000000\nutilisation = 0.5\n")
    outcome = pipeline.run(workspace, "pets")
    assert (outcome.run.id, outcome.stages_run) == (run, ("report",))
    assert scripted_backends.total == asked
    after = written(task, workspace)
    assert after["break_even"]["assumptions"] == {
        **{"requests_per_day": 5_000_000, "utilisation": 0.5},
        "usd_per_hour": before["break_even"]["assumptions"]["usd_per_hour"],
    }
    assert after["systems"][0]["at_traffic"] != before["systems"][0]["at_traffic"]
    assert after["verdict"] == before["verdict"]
    page = (outcome.context.folder / "report.full.md").read_text(encoding="utf-8")
    assert "5,000,000 requests a day" in page
    assert pipeline.run(workspace, "pets").stages_run == ()
    assert json.dumps(after), "and it is JSON"


def verdicts(**results: Result) -> dict[str, Verdict]:
    """Rival → a verdict with that result."""
    level = Interval(0.0, 0.0, 0.0)
    return {
        name: Verdict(0.02, 0.95, level, 0.0, 0.0, result, None) for name, result in results.items()
    }


def priced(task: Task, billed: set[str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | traffic_figures(task, row, billed=row["name"] in billed) for row in rows]


def test_the_cheapest_rival_that_is_as_good(pets: WriteTask) -> None:
    """By hand: cheap costs $0.30 × 10 = $3.00 a day, the student $2.40: $0.60 saved, $15.30 are
    25.5 days. `dear` is as good and costs more, `linear` costs nothing and is not as good."""
    task, billed = pets(task_toml=PAID), {"teacher", "cheap", "dear"}
    rows = priced(
        task,
        billed,
        [
            *(system("teacher", "0.41"), system("student", "0.004"), system("dear", "0.35")),
            *(system("cheap", "0.30"), system("linear", "0.0001")),
        ],
    )
    made = StudentCost(Decimal("15.3"), "b", rows_usd=Decimal("9.3"))
    found = verdicts(dear="non_inferior", cheap="non_inferior", linear="inferior")
    rival = rival_figures(task, rows, billed, made, found)["cheapest_rival"]
    assert (rival["system"], rival["days"], rival["never"]) == ("cheap", 25.5, False)
    assert rival["monthly_saving_usd"] == "18.25" and rival["requests"] == 255_000
    assert rival["spent_usd"] == "0"
    dear_rows = priced(task, {"linear"}, [*rows[:2], system("linear", "0.30")])
    found = verdicts(linear="non_inferior")
    rival = rival_figures(task, dear_rows, {"linear"}, made, found)["cheapest_rival"]
    assert rival["days"] == 10.0, "$6 beyond the rows, at $0.60 a day"
    found = verdicts(dear="non_inferior", cheap="non_inferior", linear="non_inferior")
    rival = rival_figures(task, rows, billed, made, found)["cheapest_rival"]
    assert (rival["system"], rival["never"]) == ("linear", True) and "days" not in rival
    assert "it costs no less than linear there" in rival["sentence"]
    assert rival["spent_usd"] == "9.3", "it is made of the student's rows"
    (rivals,) = rival_figures(task, rows, billed, made, verdicts(cheap="inconclusive")).values()
    assert rivals["cheap"] == {
        **{"spent_usd": "0", "never": False, "requests": 255_000, "days": 25.5},
        "monthly_saving_usd": "18.25",
    }


@pytest.mark.parametrize(
    ("rival", "taken", "days"),
    [
        ("linear", "15.3", 10.0),
        ("nearest", "15.3", 10.0),
        ("linear_seeds", "12", 15.5),
        ("embeddings_seeds", "12", 15.5),
        ("base_few_shot", "12", 15.5),
        ("base", "12", 15.5),
        ("openai:cheap", "12", 15.5),
    ],
)
def test_every_rival_lives_on_the_hours_of_people(
    pets: WriteTask, rival: str, taken: str, days: float
) -> None:
    """$12 of people's hours and $3.30 of other rows of $21.30 in all; at $0.60 a day, $6.00 are 10
    days where the rival takes hours and rows, $9.30 are 15.5 days where it takes the hours."""
    task, billed = pets(task_toml=PAID), {"teacher", rival}
    rows = [system("teacher", "0.41"), system("student", "0.004"), system(rival, "0.30")]
    made = StudentCost(Decimal("21.3"), "b", rows_usd=Decimal("15.3"), people_usd=Decimal(12))
    as_good = {rival: verdicts(x="non_inferior")["x"]}
    found = rival_figures(task, priced(task, billed, rows), billed, made, as_good)
    assert found["rivals"][rival]["days"] == days
    assert found["cheapest_rival"]["spent_usd"] == taken


@pytest.mark.parametrize("disturbed", ["student", "teacher"])
def test_nothing_is_said_to_pay_by_a_disturbed_price(pets: WriteTask, disturbed: str) -> None:
    task = pets(task_toml=PAID)
    rows = [system("teacher", "0.41"), system("student", "0.004"), system("linear", "0.001")]
    for row in rows:
        row |= {"timing": {"disturbed": row["name"] == disturbed}}
    billed, made = {"teacher"}, StudentCost(Decimal("15.3"), "b")
    found = break_even_figures(task, rows, billed, made)["break_even"]
    assert found["open_because"] == ["timing"] and found["spent_usd"] == "15.3"
    hang_on_a_price = {"never", "days", "requests", "monthly_saving_usd", "replicas"}
    assert not found.keys() & (hang_on_a_price | {"traffic", "sensitivity"})
    assert found["sentence"] == (
        f"Whether it pays for itself is open until the price of the {disturbed} is measured anew."
    )
    assert mixture_figures(task, rows, billed, made, Fraction(2, 5)) == {}
    as_good = verdicts(linear="non_inferior")
    rivals = rival_figures(task, priced(task, billed, rows), billed, made, as_good)
    assert ("cheapest_rival" in rivals) is (disturbed == "teacher")


def test_the_cheapest_rival_is_not_known_while_one_has_no_price(pets: WriteTask) -> None:
    task, billed, made = pets(task_toml=PAID), {"teacher"}, StudentCost(Decimal("15.3"), "b")
    rows = [system("teacher", "0.41"), system("student", "0.004"), system("base", "0.004")]
    rows.append(system("linear", "0.001") | {"timing": {"disturbed": True}})
    found = verdicts(base="non_inferior", linear="non_inferior")
    assert set(rival_figures(task, priced(task, billed, rows), billed, made, found)) == {"rivals"}
    found = verdicts(base="non_inferior", linear="inferior")
    told = rival_figures(task, priced(task, billed, rows), billed, made, found)
    assert told["cheapest_rival"]["system"] == "base" and set(told["rivals"]) == {"base"}


def test_that_it_pays_is_no_question_before_it_may_replace_its_teacher(pets: WriteTask) -> None:
    """The figures are there; the sentences are not."""
    task, billed = pets(task_toml=PAID), {"teacher", "cheap"}
    rows = [system("teacher", "0.41"), system("student", "0.004"), system("cheap", "0.30")]
    made = StudentCost(Decimal("15.3"), "b", may_replace=False)
    found = break_even_figures(task, rows, billed, made)["break_even"]
    assert (found["open_because"], found["days"]) == (["verdict"], 9.0)
    asked = "Whether it pays for itself is no question until it is shown to answer as well as its "
    assert found["sentence"] == f"{asked}teacher."
    as_good = verdicts(cheap="non_inferior")
    rival = rival_figures(task, priced(task, billed, rows), billed, made, as_good)["cheapest_rival"]
    assert (rival["sentence"], rival["days"]) == (found["sentence"], 25.5)


def test_a_mixture_by_hand(pets: WriteTask) -> None:
    """gpt-6-luna bills $0.034 for 1,000, the student is a machine: 4,000 of 10,000 requests handed
    over are $0.136 beside $2.40 a day, 7.5 times the $0.34 of the teacher alone. At a teacher of
    $0.55 they are $2.20 beside $2.40; $0.90 of $5.50 are saved, so $15.30 in 17 days."""
    task, billed, made = pets(task_toml=PAID), {"teacher"}, StudentCost(Decimal("15.3"), "b")
    rows = [system("teacher", "0.034"), system("student", "0.004")]
    found = mixture_figures(task, rows, billed, made, Fraction(2, 5))
    assert found["usd_per_1k_requests"] == "0.2536" and found["never"]
    assert found["at_traffic"] == {
        **{"usd_per_1k_requests": "0.2536", "usd_per_day": "2.536"},
        "replicas": 1,
    }
    rows[0] = system("teacher", "0.55")
    found = mixture_figures(task, rows, billed, made, Fraction(2, 5))
    assert (found["at_traffic"]["usd_per_day"], found["days"]) == ("4.6", 17.0)
    rows[0] = system("teacher", "0.55", requests_per_s=1.0)
    ours = mixture_figures(task, rows, set(), made, Fraction(2, 5))
    assert (ours["at_traffic"]["usd_per_day"], ours["never"]) == ("4.8", True), "two machines"
    assert ours["at_traffic"]["replicas"] == 2
    alone = mixture_figures(task, rows, set(), made, Fraction(0))
    assert (alone["at_traffic"]["usd_per_day"], alone["at_traffic"]["replicas"]) == ("2.4", 1)


@given(usd, usd, speed, st.fractions(0, 1), traffic)
def test_a_mixture_costs_no_less_than_the_student_and_no_more_than_both(
    dear: Decimal, hour: Decimal, quick: float, share: Fraction, asked: int
) -> None:
    assumed = TrafficAssumptions(asked, 0.6, hour)
    student = ServingOption(quick)
    for teacher in (ServingOption(quick / 3), ServingOption(quick, dear)):
        both = Mixture(student, teacher, share).at(assumed).usd_per_day
        alone = student.at(assumed).usd_per_day
        assert alone <= both <= alone + teacher.at(assumed).usd_per_day


def test_more_traffic_and_other_assumptions_by_hand(pets: WriteTask) -> None:
    """9 requests a second at 60 % are 466,560 a day for a machine of $2.40."""
    task, billed = pets(task_toml=PAID), {"teacher"}
    rows = [system("teacher", "0.41"), system("student", "0.004")]
    found = break_even_figures(task, rows, billed, StudentCost(Decimal("15.3"), "b"))["break_even"]
    shown = [(row["requests_per_day"], row["replicas"], row["days"]) for row in found["traffic"]]
    assert shown == [(10_000, 1, 9.0), (100_000, 1, 0.4), (1_000_000, 3, 0.04)]
    days = {(row["assumption"], row["value"]): row.get("days") for row in found["sensitivity"]}
    assert days == {
        ("teacher's price", "$0.205 per 1,000"): None,  # $2.05 against $2.40
        ("teacher's price", "$0.82 per 1,000"): 2.64,  # 15.3 ÷ 5.80
        ("requests a day", "5,000"): None,
        ("requests a day", "20,000"): 2.64,
        ("price of the machine", "$0.05 an hour"): 5.28,  # 15.3 ÷ 2.90
        ("price of the machine", "$0.2 an hour"): None,
        ("utilisation", "30% busy"): 9.0,
        ("utilisation", "100% busy"): 9.0,
    }


def test_where_no_machine_is_ours_only_prices_and_traffic_matter(pets: WriteTask) -> None:
    task, billed = pets(task_toml=PAID), {"teacher", "student"}
    rows = [system("teacher", "0.41"), system("student", "0.10")]
    found = break_even_figures(task, rows, billed, StudentCost(Decimal("15.3"), "b"))["break_even"]
    assumptions = [row["assumption"] for row in found["sensitivity"]]
    assert assumptions == [
        *("teacher's price",) * 2,
        *("student's price",) * 2,
        *("requests a day",) * 2,
    ]
    assert found["traffic"][2]["days"] == pytest.approx(found["days"] / 100, abs=0.005)


@given(usd, usd, usd, speed, st.integers(1, 10**6))
def test_a_cheaper_teacher_or_a_dearer_machine_never_shortens_the_pay_back(
    spent: Decimal, dear: Decimal, hour: Decimal, takes: float, asked: int
) -> None:
    assumed = TrafficAssumptions(asked, 0.6, hour)
    teacher, student = ServingOption(1.0, dear), ServingOption(takes)
    cheap = teacher.priced(Decimal("0.5"))
    assert cheap is not None and student.priced(Decimal("0.5")) is None
    as_is = Replacement(spent, teacher, student).found(assumed).days
    for worse in (
        Replacement(spent, cheap, student).found(assumed).days,
        Replacement(spent, teacher, student).found(replace(assumed, usd_per_hour=2 * hour)).days,
        Replacement(spent + 1, teacher, student).found(assumed).days,
    ):
        assert worse is None or (as_is is not None and worse >= as_is)


def test_hours_of_people_are_part_of_what_has_to_be_paid_back(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    task = pets(task_toml=HEAD)
    run = pipeline.run(workspace, "pets").run.id
    before = written(task, workspace)
    assert "people_usd" not in before["spend"]
    pets(task_toml=HEAD + "[people]\nhours = 1.5\nusd_per_hour = 60\n")
    outcome = pipeline.run(workspace, "pets")
    assert (outcome.run.id, outcome.stages_run) == (run, ("report",))
    after = written(task, workspace)
    assert after["spend"]["people_usd"] == "90"
    more = Decimal(after["spend"]["total_usd"]) - Decimal(before["spend"]["total_usd"])
    assert more == 90 and after["spend"]["billed_usd"] == before["spend"]["billed_usd"]
    assert after["break_even"]["assumptions"]["people_hours"] == 1.5
    page = (outcome.context.folder / "report.full.md").read_text(encoding="utf-8")
    assert "| people | 90 |" in page


def test_a_teacher_on_this_machine_without_a_price_is_a_machine(pets: WriteTask) -> None:
    """It sends no bill: it costs its hours, whether anybody asks or not."""
    for model, bills in (
        ("http://127.0.0.1:1/v1#m", False),
        ("openai:gpt-6-luna", True),
        ("embedded", False),
    ):
        task = pets(task_toml=f'{HEAD}model = "{model}"\n')
        student = Student("s", "b", "u", {}, "h", Path("s"), 1.0, 1)
        assert ("teacher" in billing(task, student)) is bills
