"""The store: what is written once, in one transaction, and who may hold it."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import duckdb
import pytest

from distill.core.errors import DistillError, InputError
from distill.core.purpose import ANSWER
from distill.core.requests import (
    Attempt,
    AttemptOutcome,
    Completion,
    Message,
    PlannedRequest,
    Request,
    Sampling,
)
from distill.store import INTERRUPTED, Run, Store, migrate, open_store
from distill.store.readonly import export, query
from tests.conftest import held_by_another_process

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def request(text: str, **sampling: object) -> Request:
    return Request("m", (Message("user", text),), Sampling(max_tokens=5, **sampling))  # type: ignore[arg-type]


def completion(of: Request, text: str = "answer") -> Completion:
    return Completion(of.id, text, "stop", 3, 1, Decimal("0.000000000123"), 0.5, NOW)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "task" / "distill.duckdb"


def test_an_answer_comes_back_as_it_was_stored(database: Path) -> None:
    asked = request("hello", choices=("a", "b"), stop=("\n",))
    with open_store(database) as store:
        store.add_asks("r", [PlannedRequest(ANSWER, "hello", asked)])
        store.add_completions([completion(asked)])
    with open_store(database) as store:
        (found,) = store.answered("r", ANSWER)
    assert found.ask.request == asked
    assert found.completion == completion(asked)


def test_only_what_has_no_answer_is_unanswered(database: Path) -> None:
    first, second = request("one"), request("two")
    with open_store(database) as store:
        store.add_asks(
            "r",
            [
                PlannedRequest(ANSWER, "1", first),
                PlannedRequest(ANSWER, "2", second),
                PlannedRequest(ANSWER, "3", second),
            ],
        )
        store.add_completions([completion(first)])
        assert list(store.unanswered("r", ANSWER)) == [second]
        assert store.count_unanswered("r", ANSWER) == 1


def test_an_id_is_the_same_for_ever() -> None:
    chat = (Message("system", "ä"), Message("user", "b"))
    with_choices = Request("m", chat, Sampling(5, 0.5, stop=("x",), choices=("a", "b")))
    lists = Request("m", chat[1:], Sampling(5, inputs=3))
    assert with_choices.id == "0ab61c47ba9274e3adf1d369c239c5c6"
    assert lists.id == "1ddef2f64139303051e5ecd9575324bb"


def test_an_attempt_ends_once(database: Path) -> None:
    attempts = [Attempt(f"a{n}", request(str(n)), Decimal("0.5")) for n in range(3)]
    with open_store(database) as store:
        store.add_attempts("r", attempts)
        store.add_outcomes(
            [AttemptOutcome(row, failure="lost", maybe_billed=True) for row in attempts]
        )
        with pytest.raises(duckdb.ConstraintException):
            store.add_outcomes([AttemptOutcome(attempts[0], completion(attempts[0].request))])
        assert store.committed_usd("r") == Decimal("1.5")


def test_an_answer_is_stored_once_and_the_first_stays(database: Path) -> None:
    asked = request("hello")
    with open_store(database) as store:
        store.add_asks("r", [PlannedRequest(ANSWER, "1", asked)])
        store.add_completions([completion(asked, "first")])
        store.add_completions([completion(asked, "second")])
        assert [row.completion.text for row in store.answered("r", ANSWER)] == ["first"]


@pytest.mark.parametrize(
    "other",
    [
        request("hello", temperature=1.0),
        request("hello", seed=1),
        request("hello", choices=("a",)),
        request("hello", min_p=0.1),
        request("other"),
        Request("m", (Message("system", "hello"),), Sampling(5)),
        Request("n", (Message("user", "hello"),), Sampling(5)),
        Request("m", (Message("user", "hello"),), Sampling(6)),
    ],
)
def test_whatever_shapes_an_answer_changes_the_id(other: Request) -> None:
    assert request("hello").id != other.id


def test_a_transaction_that_fails_leaves_nothing(database: Path) -> None:
    with open_store(database) as store:
        with pytest.raises(RuntimeError), store.transaction():
            store.finish_stage("r", "curate", 1.0)
            raise RuntimeError
        assert store.finished_stages("r") == {}
        store.finish_stage("r", "curate", 1.0)
        assert store.finished_stages("r") == {"curate": 1.0}


def test_money_is_summed_as_decimal(database: Path) -> None:
    asks = [PlannedRequest(ANSWER, str(n), request(str(n))) for n in range(3)]
    with open_store(database) as store:
        store.add_asks("r", asks)
        store.add_completions([completion(ask.request) for ask in asks])
        assert store.spent("r") == {ANSWER: Decimal("0.000000000369")}


def test_what_was_committed_survives_kill_9(database: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from distill.store import open_store
with open_store(Path({str(database)!r})) as store:
    store.finish_stage("r", "curate", 1.0)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with open_store(database) as store:
        assert store.finished_stages("r") == {"curate": 1.0}


def test_a_store_held_by_another_process_names_it(database: Path) -> None:
    with (
        held_by_another_process(database) as pid,
        pytest.raises(InputError, match=rf"locked by another process \(PID {pid}\)"),
        open_store(database),
    ):
        pass


def test_migrations_are_applied_once_and_recorded(database: Path) -> None:
    with open_store(database) as store:
        first = store.rows("SELECT name, applied FROM migration")
    with open_store(database) as store:
        assert store.rows("SELECT name, applied FROM migration") == first
    assert [name for name, _ in first] == [
        "001_first.sql",
        "002_ledger.sql",
        "003_batches.sql",
        "004_plan.sql",
        "005_rehearsal.sql",
        "006_settled_teacher.sql",
        "007_pairs.sql",
        "008_students.sql",
        "009_learning_curve.sql",
        "010_confidence.sql",
        "011_speed.sql",
        "012_side_effects.sql",
        "013_spread.sql",
        "014_timing.sql",
        "015_verdicts.sql",
        "016_terms.sql",
        "018_consent.sql",
        "019_check_notes.sql",
        "020_put_aside.sql",
        "022_probabilities.sql",
    ]


def test_a_store_from_before_the_first_migration_is_brought_up_to_date(database: Path) -> None:
    database.parent.mkdir()
    with duckdb.connect(str(database)) as connection:
        migrate(connection, stop_before="001_first.sql")
        tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert tables == [("migration",)]
    with open_store(database) as store:
        assert store.runs() == []


def test_a_run_of_before_there_were_keys_had_the_embedded_teacher(database: Path) -> None:
    database.parent.mkdir()
    with duckdb.connect(str(database)) as connection:
        migrate(connection, stop_before="006_settled_teacher.sql")
        for name in ("auto", "openai:gpt-6-luna"):
            spec: dict[str, object] = {"teacher": {"model": name, "mode": "auto"}}
            Store(connection).add_run(Run(name, "h", {}, "why", NOW, name), spec)
    with open_store(database) as store:
        teachers = {run.id: run.teacher for run in store.runs()}
    assert teachers == {"auto": "embedded", "openai:gpt-6-luna": "openai:gpt-6-luna"}


def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    path = tmp_path / "distill.duckdb"
    path.write_text("this is not a database" * 1000, encoding="utf-8")
    with pytest.raises(Exception, match=r"distill\.duckdb"), open_store(path) as store:
        assert isinstance(store, Store)


def test_a_full_disk_is_said_plainly(database: Path) -> None:
    """A file size limit makes DuckDB's writes fail as a full disk does."""
    code = f"""
import resource, signal
from pathlib import Path
from distill.core.errors import DistillError
from distill.store import open_store
path = Path({str(database)!r})
with open_store(path) as store:
    store.finish_stage("r", "kept", 1.0)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))
try:
    with open_store(path) as store:
        for number in range(100):
            store.finish_stage("r", "x" * 200_000 + str(number), 1.0)
except DistillError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ
    )
    assert "cannot be written (is the disk full?)" in done.stdout, done.stderr
    with open_store(database) as store:
        assert "kept" in store.finished_stages("r")


def test_ctrl_c_during_a_query_is_ctrl_c(database: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_store(database):
        raise RuntimeError(INTERRUPTED)
    with pytest.raises(RuntimeError, match="another"), open_store(database):
        raise RuntimeError("another")


def turned(path: Path, start: int, count: int) -> None:
    """Turn some bytes of a file, as a failing disk does."""
    data, draw = bytearray(path.read_bytes()), Random(1)
    for _ in range(count):
        data[draw.randrange(start, len(data))] ^= 255
    path.write_bytes(data)


@pytest.mark.parametrize("start", [4096, 12288])
def test_a_damaged_store_is_not_held_by_anybody(tmp_path: Path, start: int) -> None:
    database = tmp_path / "blocks" / "distill.duckdb"  # "lock" is in its path
    with open_store(database) as store:
        store.add_asks("r", [PlannedRequest(ANSWER, str(n), request(str(n))) for n in range(500)])
    turned(database, start, 200)
    readers: list[Callable[[], object]] = [
        lambda: query(database, "SELECT * FROM request"),
        lambda: export(database, tmp_path / "out", "csv"),
    ]

    def opened() -> None:
        with open_store(database) as store:
            store.rows("SELECT * FROM request")

    for read in (opened, *readers):
        with pytest.raises(DistillError, match="is damaged") as raised:
            read()
        assert "locked by another process" not in str(raised.value)


def test_runs_are_in_the_order_in_which_they_began(database: Path) -> None:
    with open_store(database) as store:
        for day, id_ in ((22, "first"), (21, "after the clock was set back")):
            created = datetime(2026, 11, day, tzinfo=UTC)
            store.add_run(Run(id_, "h", {"task.toml": "x"}, "because", created, "embedded"), {})
        assert store.runs()[0].parts == {"task.toml": "x"}
        assert [run.id for run in store.runs()] == ["first", "after the clock was set back"]
