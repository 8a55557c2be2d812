"""Times of systems: taken in the same loop, with what others took of the machine meanwhile, again
when asked, and printed as what they are."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from distill import pipeline
from distill.cli import cli
from distill.core import processors
from distill.core.errors import InputError
from distill.core.evaluation import LoadExtent, LoadTestResult
from distill.core.purpose import ANSWER, Purpose
from distill.core.requests import Completion, Message, PlannedRequest, Request, Sampling
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.evaluate.load import SECONDS, extents
from distill.evaluate.systems import LOCAL_SYSTEMS
from distill.pricing.token_prices import MachinePrice, token_price
from distill.report import report
from distill.report.timing import MARK, disturbed_note, in_flight_of, is_slow_on_gold
from distill.store import Run, Store, migrate, open_store
from tests.conftest import PETS, WriteTask
from tests.core.test_processors import NOISE
from tests.support.command import json_rows
from tests.support.figures import figures
from tests.support.standin import Body, StandIn
from tests.support.strangers import stranger, taken, wait_until_burnt
from tests.test_money import MODEL, SERVED
from tests.test_money import recorded as recorded

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n' + "".join(
    f'{label} = "{meaning}"\n' for label, meaning in PETS.items()
)
HEAD += "[generate]\nrequests = 30\nseeds_shown = 2\n[teacher]\nfew_shot = 3\n"
QUICK = "[evaluate]\nteacher_twice = false\nside_effects = false\nspeed_requests = 20\n"
SERVED_BY_US = {"teacher", "student", "base", "base_few_shot"}
TEACHER, BASE = Purpose.of_system("teacher"), Purpose.of_system("base")
BASE_FEW_SHOT = Purpose.of_system("base_few_shot")
NOW = datetime(2026, 11, 28, tzinfo=UTC)


def system(found: Any, name: str) -> Any:
    return next(row for row in found["systems"] if row["name"] == name)


def answered(store: Store) -> int:
    return int(store.rows("SELECT count(*) FROM completion")[0][0])


def test_every_system_that_we_serve_is_priced_by_the_same_loop(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets(task_toml=HEAD + QUICK)
    outcome = pipeline.run(workspace, "pets")
    found: Any = figures(outcome.context.folder)
    with outcome.context.store() as store:
        speeds = {(row.system, row.in_flight): row for row in store.speeds(outcome.run.id)}
        stretches = store.rows("SELECT purpose FROM stretch")
    assert {name for name, load in speeds if load == 8} == SERVED_BY_US
    assert [row["in_flight"] for row in found["speed"]] == [1, 8], "the student's alone"
    for name in SERVED_BY_US:
        row, speed = system(found, name), speeds[name, 8]
        assert row["requests_per_s"] == speed.requests_per_s
        assert row["latency_p95_s"] == speed.latency_p95_s
        price = Decimal("0.10") * 1000 / Decimal(speed.requests_per_s) / 3600
        assert Decimal(row["usd_per_1k_requests"]) == pytest.approx(price, abs=Decimal("1e-8"))
        assert row["timing"] == {
            **{"from": "closed_loop", "in_flight": 8, "others_cpu": None, "disturbed": False}
        }
    local = [row for row in found["systems"] if row["name"] in LOCAL_SYSTEMS]
    assert local and {row["timing"]["from"] for row in local} == {"in_process"}
    assert ("evaluate:teacher",) in stretches and ("generate:answer",) in stretches
    # Once more, without asking about gold or paying for anything.
    asked, loads = scripted_backends.total, len(scripted_backends.load)
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    told = CliRunner().invoke(cli, [*folders, "evaluate", "pets", "--timing", "--json"])
    assert told.exit_code == 0, told.output
    again: Any = figures(outcome.context.folder)
    assert json_rows(told.stdout, "timing")[0]["systems"] == again["systems"]
    assert scripted_backends.total == asked and len(scripted_backends.load) > loads
    for name in SERVED_BY_US:
        assert system(again, name)["latency_p50_s"] != system(found, name)["latency_p50_s"]
        assert system(again, name)["value"] == system(found, name)["value"]
    with outcome.context.store() as store:
        newest = {(row.system, row.in_flight): row for row in store.speeds(outcome.run.id)}
        rows = store.rows("SELECT count(*) FROM speed")[0][0]
    assert newest.keys() == speeds.keys() and rows == 2 * len(speeds), "nothing is overwritten"
    assert all(newest[key].measured > row.measured for key, row in speeds.items())
    # A later measurement beside others: marks in every table, and nothing else is another.
    with outcome.context.store() as store:
        busy = replace(newest["teacher", 8], others_cpu=0.45, measured=datetime.now(UTC))
        store.add_speeds(outcome.run.id, [busy])
    report(outcome.context)
    marked: Any = figures(outcome.context.folder)
    assert system(marked, "teacher")["timing"]["disturbed"]
    assert not system(marked, "student")["timing"]["disturbed"]
    price = system(marked, "teacher")["usd_per_1k_requests"]
    assert "teacher (45% of the processors)" in marked["disturbed"]
    assert "`distill evaluate pets --timing`" in marked["disturbed"]
    page, html, card = (
        (outcome.context.folder / file).read_text(encoding="utf-8")
        for file in ("report.full.md", "report.html", "student/README.md")
    )
    assert f"{price} {MARK} |" in page and f"| {MARK} |" in card
    assert f">{price} {MARK}<" in html
    told = CliRunner().invoke(cli, [*folders, "report", "pets"])
    assert "not measured" in told.output and marked["disturbed"] in told.output
    assert marked["disturbed"] in page
    doubt = f"{MARK} These sums go by disturbed times, of teacher."
    assert page.count(doubt) == html.count(doubt) == 1, "under the coverage"


def test_another_run_prints_what_its_settings_measure(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    """Its answers are those of the first, asked with eight in flight at another price."""
    pets(task_toml=HEAD + QUICK)
    first = pipeline.run(workspace, "pets")
    one: Any = figures(first.context.folder)
    asked = scripted_backends.total
    dear = "[machine]\nusd_per_hour = 1\n"
    pets(task_toml=HEAD + QUICK + "in_flight = 1\n" + dear)
    second = pipeline.run(workspace, "pets")
    two: Any = figures(second.context.folder)
    assert scripted_backends.total == asked, "every answer was there"
    for part in ("generate_usd", "evaluate_usd"):
        tenfold = 10 * Decimal(one["spend"][part])
        assert Decimal(two["spend"][part]) == pytest.approx(tenfold, abs=Decimal("1e-7")), part
    with second.context.store() as store:
        student = store.student(second.run.id)
    assert student is not None
    trained = Decimal(student.train_seconds) / 3600
    assert Decimal(two["spend"]["train_usd"]) == pytest.approx(trained, abs=Decimal("1e-8"))
    for name in SERVED_BY_US:
        timing = system(two, name)["timing"]
        assert (timing["from"], timing["in_flight"]) == ("closed_loop", 1)
    # Without a loop the pace is that of the first run's answers, and says so.
    pets(task_toml=HEAD + QUICK.replace("= 20", "= 0") + "in_flight = 1\n" + dear)
    third = pipeline.run(workspace, "pets")
    three: Any = figures(third.context.folder)
    for name in SERVED_BY_US:
        timing = system(three, name)["timing"]
        assert (timing["from"], timing["in_flight"]) == ("gold", 8)
    assert "by answers on gold, 8 in flight: teacher" in three["machine"]["sentence"]
    page = (third.context.folder / "report.full.md").read_text(encoding="utf-8")
    assert three["machine"]["sentence"] in page and "speed" not in three


@pytest.mark.slow("another process takes a fifth of a second for each request")
@pytest.mark.usefixtures("whole_load")
def test_beside_another_process_there_is_a_mark(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The loops last until a stranger has taken some of the machine: what it took is in every
    system's share, and the mark stands where that is too much."""
    pets(task_toml=HEAD + QUICK)
    outcome = pipeline.run(workspace, "pets")
    monkeypatch.setattr(processors, "LEAST_SECONDS", 0.5)
    answer, cores, least = scripted_backends.answer, len(os.sched_getaffinity(0)), 1.0
    with stranger() as process:
        wait_until_burnt(process)

        def late(path: str, body: Body) -> tuple[int, Body]:
            # 20 requests, 8 at a time: three rounds, which last longer than LEAST_SECONDS.
            until = taken(process) + 0.2
            while "cache_salt" in body and taken(process) < until:
                sleep(0.01)
            return answer(path, body)

        monkeypatch.setattr(scripted_backends, "answer", late)
        began, burnt = monotonic(), taken(process)
        pipeline.time_now(workspace, "pets")
        least = (taken(process) - burnt) / ((monotonic() - began) * cores)
    found: Any = figures(outcome.context.folder)
    shares = {row["name"]: row["timing"]["others_cpu"] for row in found["systems"]}
    known = [share for name, share in shares.items() if name in SERVED_BY_US]
    assert None not in known and max(known) >= least - NOISE
    for row in found["systems"]:
        timing = row["timing"]
        share = timing["others_cpu"]
        assert timing["disturbed"] == (share is not None and share > processors.DISTURBED_FROM)
    page = (outcome.context.folder / "report.full.md").read_text(encoding="utf-8")
    disturbed = [row for row in found["systems"] if row["timing"]["disturbed"]]
    assert ("disturbed" in found) == bool(disturbed)
    assert all(f"{row['usd_per_1k_requests']} {MARK} |" in page for row in disturbed)


def test_a_run_that_is_not_evaluated_has_nothing_to_time(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    with pytest.raises(InputError, match="has no run yet"):
        pipeline.time_now(workspace, "pets")
    run = pipeline.run(workspace, "pets", RunOptions(until="split")).run.id
    with pytest.raises(InputError, match=rf"run {run} has no student yet.*distill evaluate pets"):
        pipeline.time_now(workspace, "pets")
    pipeline.run(workspace, "pets", RunOptions(until="train"))
    with pytest.raises(InputError, match=rf"run {run} is not evaluated yet"):
        pipeline.time_now(workspace, "pets")
    assert not scripted_backends.load
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    told = CliRunner().invoke(cli, [*folders, "evaluate", "pets", "--timing", "--new"])
    assert told.exit_code == 2 and "remove --new, --ask-again and --detach" in told.output


def test_how_long_loops_are() -> None:
    alone, full = extents(8, 100, alone=True)
    assert (alone.in_flight, alone.most, full.in_flight, full.most) == (1, 100, 8, 100)
    (other,) = extents(8, 100, alone=False)
    assert (other.most, other.least, other.seconds) == (100, 16, SECONDS)
    assert [load.most for load in extents(1024, 100, alone=True)] == [100, 2048]
    assert [load.in_flight for load in extents(1, 100, alone=True)] == [1]


def completion(request: str, seconds: float, *, ended: float, in_flight: int = 8) -> Completion:
    at = NOW + timedelta(seconds=ended)
    usd = MachinePrice(Decimal("0.1"), in_flight).usd(SERVED, seconds)
    return Completion(
        *(request, "cat", "stop", 50, 3, usd, seconds, at), in_flight=in_flight, by_seconds=True
    )


def asks(purpose: Purpose, count: int, about: str = "") -> list[PlannedRequest]:
    return [
        PlannedRequest(
            purpose,
            str(n),
            Request(MODEL, (Message("user", f"{about or purpose} {n}"),), Sampling(9)),
        )
        for n in range(count)
    ]


def run_at(store: Store, name: str, usd_per_hour: str) -> None:
    spec: dict[str, object] = {"machine": {"usd_per_hour": usd_per_hour}, "teacher": {"model": "t"}}
    store.add_run(Run(name, "h", {}, "", NOW, "t"), spec)


def test_machine_time_is_busy_time_at_the_price_of_the_run(tmp_path: Path) -> None:
    """Four answers of 2 s, two at a time where eight were allowed: 4 s are busy, and at $0.90 an
    hour they cost $0.001. By what was allowed they would cost a quarter of it."""
    wanted = asks(ANSWER.in_round("0"), 4)
    with open_store(tmp_path / "s.duckdb") as store:
        for name, usd in (("cheap", "0.90"), ("dear", "9")):
            run_at(store, name, usd)
            store.add_asks(name, wanted)
        ends = (2.0, 2.0, 4.0, 4.0)
        store.add_completions(
            [
                completion(ask.request.id, 2.0, ended=end)
                for ask, end in zip(wanted, ends, strict=True)
            ]
        )
        assert store.spent("cheap") == {ANSWER: Decimal("0.001")}
        assert store.spent("dear") == {ANSWER: Decimal("0.01")}
        paces = {(row.run_id, row.purpose): row.per_s for row in store.paces()}
        assert paces["cheap", ANSWER] == pytest.approx(1.0)


def test_an_answer_for_two_purposes_costs_once(tmp_path: Path) -> None:
    """`base` and `base_few_shot` are the same requests where no seed is shown."""
    first, second = asks(BASE, 2, "q"), asks(BASE_FEW_SHOT, 3, "q")
    with open_store(tmp_path / "s.duckdb") as store:
        run_at(store, "r", "3.6")
        store.add_asks("r", first)
        store.add_asks("r", second)
        rows = [completion(ask.request.id, 1.0, ended=n + 1.0) for n, ask in enumerate(second)]
        store.add_completions(rows)
        spent = store.spent("r")
    assert spent == {BASE: Decimal("0.002"), BASE_FEW_SHOT: Decimal("0.001")}


def test_the_share_of_others_is_that_of_the_time_of_the_answers(tmp_path: Path) -> None:
    wanted = asks(TEACHER, 4)
    with open_store(tmp_path / "s.duckdb") as store:
        run_at(store, "r", "1")
        store.add_asks("r", wanted)
        rows = [completion(ask.request.id, 1.0, ended=n + 1.0) for n, ask in enumerate(wanted)]
        store.add_completions(rows)
        for begin, end, share in ((0.0, 3.5, 0.1), (3.5, 5.0, 0.5), (50.0, 60.0, 0.9)):
            began, ended = (NOW + timedelta(seconds=seconds) for seconds in (begin, end))
            store.add_stretch("other", LoadExtent(TEACHER, began, ended, share))
        assert store.others_cpu("r") == {TEACHER: pytest.approx((3 * 0.1 + 0.5) / 4)}


def test_how_answers_were_asked_is_known_only_where_all_were_asked_so() -> None:
    eight, one = completion("a", 1.0, ended=1.0), completion("b", 1.0, ended=1.0, in_flight=1)
    assert in_flight_of([eight, eight]) == 8
    assert in_flight_of([eight, one]) is None
    assert in_flight_of([replace(eight, in_flight=None)]) is None
    assert not token_price("openai", MODEL, {}).by_seconds


def old_store(path: Path, pace_on_gold: float) -> None:
    """A store of before 014: a teacher of ours whose 100 answers to inputs came at 2.2 a second,
    and those on gold at another pace."""
    with duckdb.connect(str(path)) as connection:
        migrate(connection, stop_before="014_timing.sql")
        store = Store(connection)
        run_at(store, "r", "0.1")
        for purpose, pace in ((ANSWER.in_round("0"), 2.2), (TEACHER, pace_on_gold)):
            wanted = asks(purpose, 100)
            store.add_asks("r", wanted)
            for n, ask in enumerate(wanted):
                at = NOW + timedelta(seconds=(n + 1) / pace)
                connection.execute(
                    "INSERT INTO completion VALUES "
                    "(?, 'cat', 'stop', 9, 1, 0.1, ?, ?, 0, 0, 0, NULL)",
                    [ask.request.id, 1 / pace, at],
                )
                id_ = f"{purpose}{n}"
                connection.execute(
                    "INSERT INTO attempt VALUES (?, 'r', ?, 0, ?)", [id_, ask.request.id, at]
                )
                connection.execute(
                    "INSERT INTO outcome VALUES (?, 'answered', 0, '', ?)", [id_, at]
                )
        connection.execute("INSERT INTO speed VALUES ('r', 'student', 8, 9, 3, 1, 1, 1, 9)")


def test_an_old_store_opens_and_its_rows_are_not_known(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    old_store(path, 0.55)
    with open_store(path) as store:
        (row,) = store.speeds("r")
        assert (row.system, row.seconds, row.others_cpu) == ("student", 3.0, None)
        assert (
            not row.is_comparable and LoadTestResult("x", 1, 1, 1.0, 1.0, 1.0, 1.0, 1).is_comparable
        )
        assert {
            row.in_flight for row in store.completions([asks(TEACHER, 1)[0].request]).values()
        } == {None}
        assert all(by for (by,) in store.rows("SELECT by_seconds FROM completion"))
        assert store.others_cpu("r") == {}
        store.add_speeds("r", [replace(row, seconds=1.0, measured=NOW)])
        assert [row.seconds for row in store.speeds("r")] == [1.0]


@pytest.mark.parametrize(
    ("pace", "slow"),
    [
        (0.55, True),  # a run beside another busy process
        (1.22, False),  # undisturbed paces were within 1.8 times
    ],
)
def test_a_pace_on_gold_far_from_another_of_its_model_is_doubted(
    pace: float, slow: bool, tmp_path: Path
) -> None:
    path = tmp_path / "s.duckdb"
    old_store(path, pace)
    with open_store(path) as store:
        assert is_slow_on_gold("r", store.paces(), [], 8) is slow
        assert not is_slow_on_gold("r", store.paces(), [], 26), "too few for so many at once"
        loop = LoadTestResult("teacher", 8, 10, 10 / (4 * pace), 1.0, 1.0, 1.0, 10)
        assert is_slow_on_gold("r", store.paces(), [loop], 8)


def test_the_note_says_what_it_knows() -> None:
    shared = {"from": "gold", "in_flight": 8, "disturbed": True}
    found: dict[str, Any] = {
        "task": "pets",
        "systems": [
            {"name": "teacher", "timing": shared | {"others_cpu": None}},
            {"name": "student", "timing": shared | {"others_cpu": 0.2}},
            {"name": "openai:tiny"},
        ],
        "spend": {"disturbed": ["train_usd"]},
    }
    note = disturbed_note(found)
    assert "teacher (a model of the run was over 3 times as fast elsewhere" in note
    assert "student (20% of the processors)" in note and "during train" in note
    found["systems"], found["spend"] = found["systems"][2:], {}
    assert disturbed_note(found) == ""
