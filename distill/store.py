"""The one DuckDB file of a task: every request, completion, example, prediction and score.

The only module that imports duckdb. A stage opens the store, works and closes it: while one process
has the file open for writing, no other can open it, not even to read.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from distill.errors import DistillError, InputError
from distill.records import (
    Answered,
    Ask,
    Attempt,
    Candidate,
    Completion,
    Drop,
    Example,
    Message,
    Outcome,
    Prediction,
    Request,
    Sampling,
    Score,
    SplitRow,
    Student,
)

Row = tuple[Any, ...]
PAGE = 1000
INTERRUPTED = "Query interrupted"  # what DuckDB makes of a Ctrl-C that comes during a query


@dataclass(frozen=True, slots=True)
class Run:
    """One way through all stages: its id, what of the task it was made from, why it began, and the
    teacher that it keeps."""

    id: str
    task_hash: str
    parts: dict[str, str]
    why: str
    created: datetime
    teacher: str


@contextmanager
def open_store(path: Path) -> Iterator["Store"]:
    """The store at `path`, made and migrated when needed, closed at the end.

    Raises InputError when another process holds it, DistillError when the disk is full or the file
    is not a store; what was committed before stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with duckdb.connect(str(path)) as connection:
            migrate(connection)
            yield Store(connection)
    except (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException) as error:
        raise _explain(path, error) from error
    except RuntimeError as error:
        if str(error) == INTERRUPTED:
            raise KeyboardInterrupt from error
        raise


def _explain(path: Path, error: duckdb.Error) -> DistillError:
    message = str(error)
    if "lock" in message:
        holder = re.search(r"PID (\d+)", message)
        pid = holder.group(1) if holder else "unknown"
        return InputError(
            f"{path} is held by another process (PID {pid}). Wait for it or end it; "
            "`distill status` works meanwhile."
        )
    if "Could not write" in message or "No space left" in message:
        return DistillError(
            f"{path} cannot be written (is the disk full?): {message}\n"
            "Everything committed before is kept: make room, then run the same command again."
        )
    return DistillError(f"{path}: {message}")


def migrate(connection: duckdb.DuckDBPyConnection, *, stop_before: str | None = None) -> None:
    """Apply the migrations of `schema/` that are not applied yet, each in one transaction with its
    record. `stop_before` names the first one to leave out (for tests of later ones)."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migration (name VARCHAR PRIMARY KEY, applied TIMESTAMPTZ)"
    )
    applied = {name for (name,) in connection.execute("SELECT name FROM migration").fetchall()}
    for script in sorted(files("distill.schema").iterdir(), key=lambda item: item.name):
        if script.name == stop_before:
            return
        if script.name.endswith(".sql") and script.name not in applied:
            connection.begin()
            connection.execute(script.read_text(encoding="utf-8"))
            connection.execute("INSERT INTO migration VALUES (?, ?)", [script.name, _now()])
            connection.commit()


class Store:
    """The rows of one task. Every method that writes is one transaction."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._in_transaction = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nests into the transaction that is open already."""
        if self._in_transaction:
            yield
            return
        self._in_transaction = True
        self._connection.begin()
        try:
            yield
            self._connection.commit()
        except BaseException:
            # A commit that failed has ended its transaction by itself.
            with suppress(duckdb.TransactionException):
                self._connection.rollback()
            raise
        finally:
            self._in_transaction = False

    def rows(self, sql: str, *values: object) -> list[Row]:
        """All rows of a query."""
        return self._connection.execute(sql, list(values)).fetchall()

    # runs and stages

    def add_run(self, run: Run, spec: dict[str, object]) -> None:
        """Begin a run."""
        values = [run.id, run.task_hash, _json(run.parts), _json(spec), run.why, run.created]
        self.insert("run", [values])

    def runs(self) -> list[Run]:
        """All runs, the oldest first."""
        rows = self.rows(
            """SELECT id, task_hash, parts, why, created,
                      json_extract_string(spec, '$.teacher.model')
               FROM run ORDER BY created, id"""
        )
        return [Run(id_, task, json.loads(parts), *rest) for id_, task, parts, *rest in rows]

    def begin_rehearsal(self) -> None:
        """From now on, for ever, what is in here comes from a stand-in."""
        self.insert("rehearsal", [[_now()]])

    def is_rehearsal(self) -> bool:
        """Do answers in here come from a stand-in?"""
        return bool(self.rows("SELECT 1 FROM rehearsal LIMIT 1"))

    def finish_stage(self, run_id: str, stage: str, seconds: float) -> None:
        """Record that a stage is done; call it in the transaction of the stage's rows."""
        self.insert("stage", [[run_id, stage, seconds, _now()]])

    def finished_stages(self, run_id: str) -> dict[str, float]:
        """Stage name -> seconds it took, for the stages that are done."""
        rows = self.rows("SELECT stage, seconds FROM stage WHERE run_id = ?", run_id)
        return dict(rows)

    # requests and completions

    def add_asks(self, run_id: str, asks: Sequence[Ask]) -> None:
        """Write down what a run is going to ask, before it asks."""
        ids = [ask.request.id for ask in asks]
        positions: dict[str, int] = {}
        links = []
        for id_, ask in zip(ids, asks, strict=True):
            position = positions[ask.purpose] = positions.get(ask.purpose, -1) + 1
            links.append([run_id, ask.purpose, position, ask.subject, id_])
        with self.transaction():
            self.add_requests([ask.request for ask in asks])
            self.insert("ask", links)

    def add_requests(self, requests: Sequence[Request]) -> None:
        """Write requests down that no run asks yet."""
        rows = [
            [
                row.id,
                row.model,
                _json([asdict(message) for message in row.messages]),
                _json(asdict(row.sampling)),
            ]
            for row in requests
        ]
        self.insert("request", rows)

    def unanswered(self, run_id: str, purpose: str) -> Iterator[Request]:
        """The run's requests of a purpose that no completion is stored for and no batch carries,
        each once, in order, read in pages: completions may be stored meanwhile."""
        last = -1
        while True:
            rows = self.rows(
                """SELECT first.position, request.model, messages, sampling FROM
                       (SELECT request_id, MIN(position) AS position FROM ask
                        WHERE run_id = ? AND purpose = ? GROUP BY request_id) AS first
                   JOIN request ON request.id = first.request_id
                   LEFT JOIN completion ON completion.request_id = first.request_id
                   WHERE completion.request_id IS NULL AND first.position > ?
                     AND request.id NOT IN (SELECT request_id FROM out_in_batch)
                   ORDER BY first.position LIMIT ?""",
                *(run_id, purpose, last, PAGE),
            )
            yield from (request_of(row[1:]) for row in rows)
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    def count_unanswered(self, run_id: str, purpose: str) -> int:
        """How many of the run's requests of a purpose no completion is stored for."""
        rows = self.rows(
            """SELECT COUNT(DISTINCT ask.request_id) FROM ask
               LEFT JOIN completion ON completion.request_id = ask.request_id
               WHERE run_id = ? AND purpose = ? AND completion.request_id IS NULL""",
            run_id,
            purpose,
        )
        return int(rows[0][0])

    def mean_usd(self, purpose: str) -> Decimal | None:
        """What an answer of a purpose cost on average, in any run; None before the first."""
        rows = self.rows(
            "SELECT AVG(usd) FROM completion JOIN ask USING (request_id) WHERE purpose = ?", purpose
        )
        return None if rows[0][0] is None else Decimal(str(rows[0][0]))

    # the ledger

    def add_attempts(self, run_id: str, attempts: Sequence[Attempt]) -> None:
        """Write down what is about to be sent."""
        now = _now()
        self.insert(
            "attempt",
            [[row.id, run_id, row.request_id, row.worst_usd, now] for row in attempts],
            known_new=True,
        )

    def add_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what became of attempts; each ends once."""
        now = _now()
        self.insert(
            "outcome",
            [[row.attempt.id, row.result, row.usd, row.failure, now] for row in outcomes],
            known_new=True,
        )

    def settle_lost(self) -> int:
        """Attempts whose process ended before an outcome was stored may have been billed. Their
        number; call it where nothing is in flight but batches, which outlive their process."""
        with self.transaction():
            rows = self.rows(
                """INSERT INTO outcome
                   SELECT attempt.id, 'maybe_billed', worst_usd, ?, ?
                   FROM attempt LEFT JOIN outcome ON outcome.attempt_id = attempt.id
                   WHERE outcome.attempt_id IS NULL
                     AND attempt.id NOT IN (SELECT attempt_id FROM batch_attempt)""",
                "in flight when its process ended",
                _now(),
            )
        return int(rows[0][0])

    def committed_usd(self, run_id: str) -> Decimal:
        """USD that providers billed the run's attempts, or may have. The time of our own machine,
        of which the most that can be billed is nothing, is not in it."""
        return sum(self._settled(run_id).values(), Decimal(0))

    def possibly_paid_twice_usd(self, run_id: str) -> Decimal:
        """USD that attempts without an answer may have been billed: their requests were asked
        again."""
        return self._settled(run_id).get("maybe_billed", Decimal(0))

    def _settled(self, run_id: str) -> dict[str, Decimal]:
        rows = self.rows(
            """SELECT result, SUM(usd) FROM outcome JOIN attempt ON attempt.id = attempt_id
               WHERE run_id = ? AND worst_usd > 0 GROUP BY result""",
            run_id,
        )
        return dict(rows)

    def add_completions(self, completions: Sequence[Completion]) -> None:
        """Store answers with their usage and price, in one transaction."""
        self.insert("completion", [list(_values(completion)) for completion in completions])

    def completions(self, requests: Sequence[Request]) -> dict[str, Completion]:
        """Request id -> its completion, for those of the requests that have one, of any run."""
        rows = self.rows(
            "SELECT * FROM completion WHERE request_id IN (SELECT unnest(?::VARCHAR[]))",
            [request.id for request in requests],
        )
        return {row[0]: Completion(*row) for row in rows}

    def answered(self, run_id: str, purpose: str, *, most: int | None = None) -> list[Answered]:
        """The run's asks of a purpose with their completions, in the order of asking; `most` gives
        the first of them."""
        rows = self.rows(
            """SELECT subject, request.model, messages, sampling, completion.* FROM ask
               JOIN request ON request.id = ask.request_id
               JOIN completion ON completion.request_id = ask.request_id
               WHERE ask.run_id = ? AND ask.purpose = ? ORDER BY position LIMIT ?""",
            *(run_id, purpose, most),
        )
        return [
            Answered(Ask(purpose, row[0], request_of(row[1:4])), Completion(*row[4:]))
            for row in rows
        ]

    def spent(self, run_id: str) -> dict[str, Decimal]:
        """Purpose -> USD of the run's completions. One asked for by two purposes counts in each."""
        rows = self.rows(
            """SELECT purpose, SUM(usd) FROM
                   (SELECT DISTINCT purpose, request_id FROM ask WHERE run_id = ?) AS asked
               JOIN completion USING (request_id) GROUP BY purpose""",
            run_id,
        )
        return dict(rows)

    def add_estimate(self, run_id: str, usd: Decimal) -> None:
        """What the run is expected to be billed; the first one that is said stays."""
        self.insert("estimate", [[run_id, usd, _now()]])

    def estimate_usd(self, run_id: str) -> Decimal | None:
        """What the run was expected to be billed; None for a run of before there were plans."""
        rows = self.rows("SELECT usd FROM estimate WHERE run_id = ?", run_id)
        return rows[0][0] if rows else None

    # candidates, drops, examples, split

    def add_candidates(self, run_id: str, candidates: Sequence[Candidate]) -> None:
        """Store what generation completed, in order."""
        self.insert(
            "candidate",
            [
                [
                    *(run_id, row.id, position, row.input, row.asked_label, _json(row.answers)),
                    *(row.source, row.origin, _json(row.answer_ids), row.problem),
                ]
                for position, row in enumerate(candidates)
            ],
        )

    def candidates(self, run_id: str) -> list[Candidate]:
        """What generation completed, in order."""
        rows = self.rows(
            """SELECT input, asked_label, answers, source, origin, answer_ids, problem
               FROM candidate WHERE run_id = ? ORDER BY position""",
            run_id,
        )
        return [
            Candidate(text, asked, _tuple(said), source, origin, _tuple(ids), problem)
            for text, asked, said, source, origin, ids, problem in rows
        ]

    def add_drops(self, run_id: str, drops: Iterable[Drop]) -> None:
        """Store what was left out, and why."""
        self.insert("dropped", [[run_id, *_values(drop)] for drop in drops])

    def drops(self, run_id: str) -> list[Drop]:
        """What was left out, and why."""
        rows = self.rows(
            'SELECT candidate_id, "check", reason, matched, score FROM dropped '
            "WHERE run_id = ? ORDER BY candidate_id",
            run_id,
        )
        return [Drop(*row) for row in rows]

    def add_examples(self, run_id: str, examples: Sequence[Example]) -> None:
        """Store what was kept, in order."""
        self.insert(
            "example",
            [
                [run_id, row.id, position, row.input, row.answer, row.source]
                for position, row in enumerate(examples)
            ],
        )

    def examples(self, run_id: str) -> list[Example]:
        """What was kept, in order."""
        rows = self.rows(
            """SELECT id, input, answer, source FROM example
               WHERE run_id = ? ORDER BY position""",
            run_id,
        )
        return [Example(*row) for row in rows]

    def add_split(self, run_id: str, rows: Sequence[SplitRow]) -> None:
        """Freeze the split."""
        values = [[run_id, row.example.id, row.part, row.repeats] for row in rows]
        self.insert("split", values)

    def split(self, run_id: str) -> list[SplitRow]:
        """The frozen split, in the order of the examples."""
        rows = self.rows(
            """SELECT id, input, answer, source, part, repeats FROM split
               JOIN example ON example.id = example_id AND example.run_id = split.run_id
               WHERE split.run_id = ? ORDER BY position""",
            run_id,
        )
        return [SplitRow(Example(*row[:4]), row[4], row[5]) for row in rows]

    # student, predictions, scores

    def add_student(self, run_id: str, student: Student) -> None:
        """Store what was trained."""
        self.insert(
            "student",
            [
                [
                    *(run_id, student.id, student.base, student.trainer, _json(student.recipe)),
                    *(student.data_hash, str(student.folder), student.train_seconds),
                    *(student.trained_tokens, _json(list(student.losses))),
                ]
            ],
        )

    def student(self, run_id: str) -> Student | None:
        """The run's student, None before it is trained."""
        rows = self.rows("SELECT * EXCLUDE (run_id) FROM student WHERE run_id = ?", run_id)
        if not rows:
            return None
        id_, base, trainer, recipe, data_hash, folder, seconds, tokens, losses = rows[0]
        recipe, losses = json.loads(recipe), tuple(json.loads(losses))
        folder = Path(folder)
        return Student(id_, base, trainer, recipe, data_hash, folder, seconds, tokens, losses)

    def add_predictions(
        self, run_id: str, predictions: Sequence[Prediction], scores: Sequence[Score]
    ) -> None:
        """Store a system's answers on gold, and what the scorer made of them."""
        with self.transaction():
            self.insert("prediction", [[run_id, *_values(row)] for row in predictions])
            self.insert("score", [[run_id, *_values(row)] for row in scores])

    def predictions(self, run_id: str) -> list[Prediction]:
        """All systems' answers on gold."""
        rows = self.rows(
            """SELECT system, gold_id, answer, valid, latency_s, request_id FROM prediction
               WHERE run_id = ? ORDER BY system, gold_id""",
            run_id,
        )
        return [Prediction(*row) for row in rows]

    def scores(self, run_id: str, metric: str) -> dict[str, dict[str, float]]:
        """System -> gold id -> value."""
        rows = self.rows(
            """SELECT system, gold_id, value FROM score
               WHERE run_id = ? AND metric = ? ORDER BY system, gold_id""",
            run_id,
            metric,
        )
        table: dict[str, dict[str, float]] = {}
        for system, gold_id, value in rows:
            table.setdefault(system, {})[gold_id] = value
        return table

    def insert(
        self, table: str, rows: Sequence[Sequence[object]], *, known_new: bool = False
    ) -> None:
        """Add rows, each with a value for every column. What is there already stays as it is;
        `known_new` spares looking, which takes as long as all the rest, and makes an error of
        it."""
        if not rows:
            return
        # One statement for all rows: executemany takes a hundred times as long. A value that all
        # rows share (the run, the time) is given once.
        columns = [list(column) for column in zip(*rows, strict=True)]
        shared = [len(rows) > 1 and all(v is column[0] for v in column) for column in columns]
        marks = ", ".join("?" if same else "unnest(?)" for same in shared)
        values = [
            column[0] if same else column for column, same in zip(columns, shared, strict=True)
        ]
        conflict = "" if known_new else "ON CONFLICT DO NOTHING"
        self._connection.execute(f"INSERT INTO {table} SELECT {marks} {conflict}", values)


def _values(record: object) -> tuple[object, ...]:
    return tuple(getattr(record, name) for name in record.__dataclass_fields__)  # type: ignore[attr-defined]


def request_of(row: Row) -> Request:
    """A request from its columns: model, messages, sampling."""
    model, messages, sampling = row
    values = json.loads(sampling)
    values |= {name: tuple(values[name]) for name in ("stop", "choices")}
    turns = tuple(Message(**message) for message in json.loads(messages))
    return Request(model, turns, Sampling(**values))


def _tuple(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _now() -> datetime:
    return datetime.now(UTC)
