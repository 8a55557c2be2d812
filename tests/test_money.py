"""What docs/money.md works out by hand, computed from a recorded store; and its SQL, run against
the same."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distill.core.evaluation import Prediction, Score
from distill.core.progress import shown
from distill.core.purpose import Purpose
from distill.core.requests import (
    Attempt,
    AttemptOutcome,
    Completion,
    Message,
    PlannedRequest,
    Price,
    Request,
    Sampling,
    Usage,
)
from distill.core.students import Student
from distill.core.workspace import Workspace
from distill.estimate import plan
from distill.estimate.run_start import RunOptions, begin
from distill.estimate.table import figures as plan_figures
from distill.estimate.table import notes
from distill.pricing.token_prices import MachinePrice, TokenPrice, token_price
from distill.report import report
from distill.report.build import collect
from distill.report.partial import so_far
from distill.report.render import html, markdown
from distill.report.spend import spend_figures
from distill.report.timing import busy_seconds
from distill.store import Run, Store, open_store
from distill.task import Task
from distill.task.loading import load_task
from distill.task.run_context import Context
from distill.task.spec import PeopleSpec
from tests.conftest import PETS, WriteTask, jsonl, pet_rows, write_pets
from tests.support.figures import figures

DOCS = Path("docs/money.md").read_text(encoding="utf-8")
SQL = re.findall(r"```sql\n-- (\w+)\n(.*?);\n```", DOCS, re.DOTALL)
MODEL = "gpt-6.1-sol"
ODD = Purpose("generate", "odd")
TASK_TOML = f"""
name = "pets"
kind = "classify"
[labels]
{"".join(f'{label} = "{meaning}"{chr(10)}' for label, meaning in PETS.items())}
[teacher]
model = "openai:{MODEL}"
[prices."{MODEL}"]
input = 2
cached = 0.10
cache_write = 2.50
output = 10
[machine]
usd_per_hour = 0.10
[traffic]
requests_per_day = 10000
utilisation = 0.6
[people]
hours = 0.5
usd_per_hour = 60
"""
PER_CENT_OFF = "input = 1.80\noutput = 9"
SYNTHESIS, ANSWER = Usage(600, 400), Usage(1200, 5, cached=1000)
JUDGED, SERVED = Usage(300, 20), Usage(50, 3)
IN_FLIGHT = 8


class Recorder:
    """Fills a store with answers that cost what their usage costs."""

    def __init__(self, store: Store, task: Task, run: str) -> None:
        self.store, self.task, self.run = store, task, run
        self.at_once = token_price("openai", MODEL, task.rates)
        self.batch = token_price("openai", MODEL, task.rates, batch=True)
        self.machine = MachinePrice(task.spec.machine.usd_per_hour, IN_FLIGHT)

    def answers(
        self, purpose: str, price: Price, usage: Usage, count: int, seconds: float = 1.0
    ) -> list[str]:
        """So many answers of a purpose; gives the ids of their requests."""
        asks = [
            PlannedRequest(
                Purpose.parse(purpose),
                str(n),
                Request(MODEL, (Message("user", f"{purpose} {n}"),), Sampling(9)),
            )
            for n in range(count)
        ]
        usd, now = price.usd(usage, seconds), datetime.now(UTC)
        # As eight at a time come.
        at = [now + (n // IN_FLIGHT) * timedelta(seconds=seconds) for n in range(count)]
        self.store.add_asks(self.run, asks)
        self.store.add_completions(
            [
                Completion(
                    *(ask.request.id, "cat", "stop", usage.prompt, usage.completion),
                    *(usd, seconds, at[n], usage.cached),
                )
                for n, ask in enumerate(asks)
            ]
        )
        return [ask.request.id for ask in asks]

    def predictions(self, system: str, ids: list[str], seconds: float) -> None:
        """A system that says "cat" to every gold row."""
        gold = self.task.gold
        rows = [
            Prediction(system, row.id, "cat", True, seconds, id_)
            for row, id_ in zip(gold, ids, strict=True)
        ]
        right = [Score(system, row.id, "accuracy", float(row.answer == "cat")) for row in gold]
        self.store.add_predictions(self.run, rows, right)

    def everything(self) -> None:
        """The example of docs/money.md."""
        self.answers("generate:synthesis", self.batch, SYNTHESIS, 100)
        self.answers("generate:answer", self.at_once, ANSWER, 1000)
        self.answers("curate:judge", self.at_once, JUDGED, 1000)
        self.store.add_student(self.run, student(1800.0))
        self.store.add_curve_student(self.run, 100, student(900.0))
        self.store.add_split(self.run, [])
        of_teacher = self.answers("evaluate:teacher", self.at_once, ANSWER, 200)
        self.predictions("teacher", of_teacher, 1.0)
        for system in ("student", "base", "base_few_shot"):
            ids = self.answers(f"evaluate:{system}", self.machine, SERVED, 200, 3.6)
            self.predictions(system, ids, 3.6)
        lost = Request(MODEL, (Message("user", "lost"),), Sampling(9))
        attempt = Attempt("lost", lost, Decimal("0.003"))
        self.store.add_requests([lost])
        self.store.add_attempts(self.run, [attempt])
        self.store.add_outcomes([AttemptOutcome(attempt, None, "cut off", maybe_billed=True)])


def student(seconds: float) -> Student:
    return Student("s", "base", "unsloth", {"epochs": 2}, "hash", Path("student"), seconds, 1000)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The recorded run with its report, which is made once and copied."""
    folder = tmp_path_factory.mktemp("example")
    workspace = Workspace(folder / "prompts", folder / "runs")
    gold = jsonl(pet_rows("gold", 67)[:200])
    write_pets(workspace.prompts, task_toml=TASK_TOML, gold_jsonl=gold)
    task = load_task(workspace.prompts, "pets")
    run, task = begin(workspace, task, RunOptions())
    folder, database = workspace.run_folder("pets", run.id), workspace.database("pets")
    (folder / "student").mkdir()
    with open_store(database) as store:
        Recorder(store, task, run.id).everything()
    with shown(folder / "events.jsonl") as progress:
        context = Context(task, run.id, folder, database, progress)
        report(context)
    return context


@pytest.fixture
def recorded(workspace: Workspace, example: Context) -> Iterator[tuple[Context, Store]]:
    shutil.copytree(example.task.folder, workspace.prompts / "pets")
    shutil.copytree(example.folder.parent, workspace.task_folder("pets"), symlinks=True)
    folder, database = workspace.run_folder("pets", example.run_id), workspace.database("pets")
    task = replace(example.task, folder=workspace.prompts / "pets")
    with shown(folder / "events.jsonl") as progress, open_store(database) as store:
        yield Context(task, example.run_id, folder, database, progress), store


def test_the_example_by_hand_is_what_the_report_says(
    recorded: tuple[Context, Store],
) -> None:
    found: Any = figures(recorded[0].folder)
    spend = found["spend"]
    assert spend["generate_usd"] == "0.81"  # 0.26 and 0.55
    assert (spend["judge_usd"], spend["train_usd"], spend["curve_usd"]) == ("0.8", "0.05", "0.025")
    assert (spend["evaluate_usd"], spend["people_usd"]) == ("0.1175", "30")
    assert (spend["total_usd"], spend["possibly_paid_twice_usd"]) == ("31.8025", "0.003")
    by_name = {row["name"]: row for row in found["systems"]}
    assert by_name["teacher"]["usd_per_1k_requests"] == "0.55"
    assert by_name["teacher"]["at_traffic"]["usd_per_day"] == "5.5"
    # Half of it in batches; 1,200 × 2 + 5 × 10 = 2,450 millionths each without its cache.
    tariff = {"in_batches": "0.275", "without_cache": "2.45", "from": "task.toml"}
    assert by_name["teacher"]["tariff"] == tariff and "tariff" not in by_name["student"]
    assert by_name["student"]["usd_per_1k_requests"] == "0.0125"
    at = {"usd_per_1k_requests": "0.24", "usd_per_day": "2.4", "replicas": 1}
    assert by_name["student"]["at_traffic"] == at
    money = found["break_even"]
    assert (money["days"], money["requests"]) == (10.26, 102_589)
    assert (money["monthly_saving_usd"], money["spent_usd"]) == ("94.29", "31.8025")
    assert money["sentence"].startswith("It has paid for itself after 11 days at 10,000 requests")
    one, ten, hundred = money["traffic"]
    assert one["days"] == money["days"] and one["monthly_saving_usd"] == "94.29"
    assert (ten["student_usd_per_day"], ten["days"]) == ("2.4", 0.6)
    assert (hundred["replicas"], hundred["student_usd_per_day"]) == (9, "21.6")
    halved = money["sensitivity"][0]
    assert (halved["assumption"], halved["value"]) == ("teacher's price", "$0.275 per 1,000")
    assert halved["days"] == pytest.approx(31.8025 / 0.35, abs=0.005)


def test_a_price_that_was_corrected_holds_for_every_request_and_changes_no_bill(
    recorded: tuple[Context, Store], pets: WriteTask
) -> None:
    context, store = recorded
    dearer = TASK_TOML.replace("input = 2", "input = 4")
    task = pets(task_toml=dearer, gold_jsonl=jsonl(pet_rows("gold", 67)[:200]))
    found = collect(task, store, context.run_id)
    assert found["spend"]["generate_usd"] == "0.81"
    teacher = found["systems"][0]
    # 200 × 4 + 1,000 × 0.10 + 5 × 10 = 950 millionths.
    assert (teacher["name"], teacher["usd_per_1k_requests"]) == ("teacher", "0.95")
    assert teacher["tariff"]["in_batches"] == "0.475"


def test_a_contract_without_cache_prices_is_the_list_price_less_ten_per_cent(
    recorded: tuple[Context, Store], pets: WriteTask
) -> None:
    """$0.495 for 1,000; with every cached token in full it would be $2.205."""
    context, store = recorded
    bare = re.sub(r"cache.*\n", "", TASK_TOML).replace("input = 2\noutput = 10", PER_CENT_OFF)
    task = pets(task_toml=bare, gold_jsonl=jsonl(pet_rows("gold", 67)[:200]))
    teacher = collect(task, store, context.run_id)["systems"][0]
    assert (teacher["name"], teacher["usd_per_1k_requests"]) == ("teacher", "0.495")
    assert teacher["tariff"]["in_batches"] == "0.2475"
    assert teacher["tariff"]["from"].startswith("task.toml; cached and cache_write in proportion")
    assert "assumed" not in teacher["tariff"]


@pytest.mark.parametrize("model", ["openai:mystery-1", "http://host/v1#mystery-1"])
def test_that_cached_tokens_count_in_full_is_said(
    recorded: tuple[Context, Store], pets: WriteTask, model: str
) -> None:
    context, store = recorded
    bare = re.sub(r"cache.*\n", "", TASK_TOML).replace(f"openai:{MODEL}", model)
    bare = bare.replace(MODEL, "mystery-1")
    task = pets(task_toml=bare, gold_jsonl=jsonl(pet_rows("gold", 67)[:200]))
    found = collect(task, store, context.run_id)
    tariff = found["systems"][0]["tariff"]
    words = "mystery-1: tokens read from a cache and tokens written to a cache are priced like"
    assert tariff["assumed"].startswith(words) and tariff["from"] == "task.toml"
    assert ("in_batches" in tariff) is model.startswith("openai")
    for page in (markdown(found), html(found)):
        assert words in page
    assert any(words in line for line in plan(task).assumptions)
    known = pets(task_toml=TASK_TOML, gold_jsonl=jsonl(pet_rows("gold", 67)[:200]))
    assert not any("priced like other prompt tokens" in line for line in plan(known).assumptions)


def test_a_break_and_room_that_was_not_used_make_no_system_faster() -> None:
    now = datetime.now(UTC)

    def answer(ended: float, seconds: float) -> Completion:
        at = now + timedelta(seconds=ended)
        return Completion("r", "cat", "stop", 1, 1, Decimal(0), seconds, at)

    # Two at a time for two seconds, then, an hour later, one for half a second.
    answers = [answer(1.0, 1.0), answer(1.5, 1.5), answer(2.0, 0.5), answer(3600.0, 0.5)]
    assert busy_seconds(answers) == pytest.approx(2.5)
    assert busy_seconds([]) == 0.0


def test_the_docs_work_out_these_figures() -> None:
    assert set(re.findall(r"\*\*(\$?[\d.,]+)", DOCS.partition("## An example, by hand")[2])) >= {
        *("31.8025", "$0.55", "$5.50", "$0.0125", "$2.40", "$0.24", "$94.29", "11"),
    }
    assert "102,589 requests" in DOCS and "$528.40 a day" in DOCS and "91 days" in DOCS


@pytest.mark.parametrize(("part", "sql"), SQL)
def test_the_sql_of_each_part_gives_the_reports_figure(
    part: str, sql: str, recorded: tuple[Context, Store]
) -> None:
    context, store = recorded
    ((found,),) = store.rows(sql.replace("…", context.run_id))
    assert round(Decimal(str(found or 0)), 8) == Decimal(figures(context.folder)["spend"][part])


def lost_at_a_kill(store: Store, run: str, price: TokenPrice) -> None:
    """60 answers at 280 millionths of a dollar, and 8 more in flight when the process ended."""
    usage, now = Usage(1800, 200), datetime.now(UTC)
    rows = [Request(MODEL, (Message("user", f"{n}"),), Sampling(200)) for n in range(68)]
    store.add_asks(
        run, [PlannedRequest(Purpose.parse("generate:answer"), row.id, row) for row in rows]
    )
    attempts = [Attempt(row.id, row, price.worst(20_000, 200)) for row in rows]
    store.add_attempts(run, attempts)
    for attempt in attempts[:60]:
        answer = Completion(
            *(attempt.request_id, "cat", "stop", 1800, 200, price.usd(usage, 1.0), 1.0, now)
        )
        store.add_completions([answer])
        store.add_outcomes([AttemptOutcome(attempt, answer)])
    store.settle_lost()


def test_eight_answers_that_a_kill_lost_are_not_billed(
    workspace: Workspace, pets: WriteTask
) -> None:
    """They stand in their own line, at most; the budget counts them."""
    toml = TASK_TOML.replace(MODEL, "gpt-6-luna")
    run, task = begin(
        workspace,
        pets(task_toml=re.sub(r"\[prices(.|\n)*?(?=\[machine)", "", toml)),
        RunOptions(),
    )
    price = token_price("openai", "gpt-6-luna", task.rates)
    with open_store(workspace.database("pets")) as store:
        lost_at_a_kill(store, run.id, price)
        store.add_estimate(run.id, Decimal("0.02"), Decimal("0.02"))
        spend = spend_figures(task, store, run, None)
        found = plan(task, store, run.id)
        assert store.committed_usd(run.id) == Decimal("0.0168") + 8 * Decimal("0.0026")
        page = markdown(so_far_of(task, store, run))
    assert (spend["billed_usd"], spend["possibly_paid_twice_usd"]) == ("0.0168", "0.0208")
    assert Decimal(spend["total_usd"]) == Decimal("30.0168"), "30 of people"
    assert "| of it billed by providers | 0.0168 |" in page
    assert "| possibly billed for answers that were lost, at most | 0.0208 |" in page
    assert (found.spent_usd, found.committed_usd) == (Decimal("0.0168"), Decimal("0.0376"))
    (told,) = (line for line in notes(found) if "budget.usd is" in line)
    assert "$0.0168 of it have been spent; at most $0.0208 may have been billed for lost" in told
    shown = plan_figures(found)
    assert (shown["spent_usd"], shown["possibly_paid_twice_usd"]) == (
        *(Decimal("0.0168"), Decimal("0.0208")),
    )


def so_far_of(task: Task, store: Store, run: Run) -> dict[str, Any]:
    """The figures of the run, of which generation is done."""
    store.finish_stage(run.id, "generate", 1.0)
    return so_far(task, store, run)


def test_an_answer_that_serves_two_purposes_is_paid_once(
    recorded: tuple[Context, Store],
) -> None:
    context, store = recorded
    run = Run(uuid4().hex, "h", {}, "", datetime.now(UTC), "t")
    store.add_run(run, {"machine": {"usd_per_hour": "0.10"}})
    shared = Request(MODEL, (Message("user", f"{run.id} shared"),), Sampling(9))
    prompted = Request(MODEL, (Message("user", f"{run.id} base"),), Sampling(9))
    asked = {
        "generate:answer": [shared],
        "curate:judge": [],
        "evaluate:teacher": [shared],
        "evaluate:openai:gpt-6.1-sol": [shared],
        "evaluate:base": [prompted],
        "evaluate:base_few_shot": [prompted],
    }
    for purpose, rows in asked.items():
        store.add_asks(run.id, [PlannedRequest(Purpose.parse(purpose), "x", row) for row in rows])
    for row, usd in ((shared, "0.5"), (prompted, "0.25")):
        answer = Completion(row.id, "cat", "stop", 1, 1, Decimal(usd), 1.0, datetime.now(UTC))
        store.add_completions([answer])
    spend = spend_figures(context.task, store, run, None)
    assert (spend["generate_usd"], spend["evaluate_usd"]) == ("0.5", "0.25")
    assert Decimal(spend["total_usd"]) == Decimal("30.75"), "30 of people"
    for part, sql in SQL:
        if part in ("generate_usd", "judge_usd", "evaluate_usd"):
            ((found,),) = store.rows(sql.replace("…", run.id))
            assert (found or 0) == Decimal(spend[part])
    for asking, rows in ((run.id, [shared, prompted]), ("another", [shared])):
        store.add_asks(asking, [PlannedRequest(ODD, row.id, row) for row in rows])
    assert store.mean_usd(ODD) == Decimal("0.375"), "each answer once, whoever asked"


def test_every_part_has_its_sql(recorded: tuple[Context, Store]) -> None:
    """But those that are in the task, and sums of others."""
    parts = set(figures(recorded[0].folder)["spend"])
    assert parts - {part for part, _ in SQL} == {
        *("total_usd", "budget_usd", "people_usd"),
    }


amounts = st.decimals("0", "1000", places=12)
positive = st.decimals("0.000000000001", "1000", places=12)
PURPOSES = ("generate:answer", "curate:judge", "evaluate:teacher", "evaluate:judge.0123abcd")


@pytest.mark.slow("each of a hundred examples is a run in a store")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    answers=st.lists(amounts, min_size=4, max_size=4),
    people=st.tuples(positive, positive),
    seconds=st.floats(0, 1e6),
)
def test_the_total_is_the_sum_of_the_parts_as_they_are_shown(
    recorded: tuple[Context, Store],
    answers: list[Decimal],
    people: tuple[Decimal, Decimal],
    seconds: float,
) -> None:
    """Rounded as each is: a reader who adds them up finds the same."""
    context, store = recorded
    run = Run(uuid4().hex, "h", {}, "", datetime.now(UTC), "t")
    store.add_run(run, {})
    for purpose, usd in zip(PURPOSES, answers, strict=True):
        request = Request(MODEL, (Message("user", f"{run.id} {purpose}"),), Sampling(9))
        store.add_asks(run.id, [PlannedRequest(Purpose.parse(purpose), "x", request)])
        row = Completion(request.id, "cat", "stop", 1, 1, usd, 1.0, datetime.now(UTC))
        store.add_completions([row])
    spec = context.task.spec.model_copy(
        update={"people": PeopleSpec(hours=people[0], usd_per_hour=people[1])}
    )
    found = spend_figures(replace(context.task, spec=spec), store, run, student(seconds))
    parts = ("generate", "judge", "train", "evaluate", "people")
    shown = [Decimal(found.get(f"{part}_usd", "0")) for part in parts]
    assert sum(shown, Decimal(0)) == Decimal(found["total_usd"])
    assert Decimal(found["total_usd"]) >= sum(answers, people[0] * people[1]) - Decimal("1e-7")
