"""Reports on dropped rows for the command line: per check, per row, and overlaps with gold."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from distill.core.conversation import as_text, shown_input
from distill.core.dataset import GoldOverlap, LabelledExample
from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.curate.registry import CHECKS
from distill.store import Dropped, Store, open_store, open_to_read
from distill.task import Task
from distill.task.leak_gate import REASONS, find_with_answers, near_gold
from distill.task.loading import load_task
from distill.text.embedding_cache import kept_in

Row = dict[str, Any]


def yields_of(workspace: Workspace, name: str) -> list[Row]:
    """Return a row for each check that dropped something in the latest curated run.

    Raises InputError if no run is curated.
    """
    with curated(workspace, name) as (store, run_id):
        return [figures(row) for row in yields(store, run_id)]


def dropped_rows_of(workspace: Workspace, name: str, reason: str) -> list[Row]:
    """Return the dropped rows of the latest curated run whose check or reason contains `reason`.

    Raises InputError if no run is curated.
    """
    with curated(workspace, name) as (store, run_id):
        return [
            asdict(row) | _read(row) | {"usd": f"{row.usd:.6f}"}
            for row in dropped_rows(store, run_id)
            if reason.casefold() in f"{row.check}: {row.reason}".casefold()
        ]


def notes_of(workspace: Workspace, name: str) -> list[Row]:
    """Return the notes of the latest curated run's checks on their own quality."""
    with curated(workspace, name) as (store, run_id):
        return notes(store, run_id)


def spared_rows_of(workspace: Workspace, name: str) -> list[Row]:
    """Return the rows of the latest curated run that a check found but did not drop."""
    with curated(workspace, name) as (store, run_id):
        rows = {row.id: row for row in store.candidates(run_id)}
        return [
            {
                **{
                    "input": as_text(rows[drop.candidate_id].input),
                    "answer": rows[drop.candidate_id].answer,
                },
                **{"check": drop.check, "reason": drop.reason},
                "matched": drop.matched and as_text(drop.matched),
            }
            for note in store.check_notes(run_id)
            for drop in note.spared
        ]


def leaks_of(workspace: Workspace, name: str) -> list[Row]:
    """Return the seeds and examples that are too close to gold, each with its closest gold row.

    The examples are those of the latest curated run, if there is one. Near duplicates within gold
    are included.
    """
    task = load_task(workspace.prompts, name)
    sources = ["seeds"] * len(task.seeds)
    rows = list(task.seeds)
    if workspace.database(name).exists():
        with open_to_read(workspace.database(name)) as store:
            run_id = _latest_curated(store)
            examples = store.examples(run_id) if run_id else []
        examples = [row for row in examples if row.source != "seeds"]
        sources += [row.source for row in examples]
        rows += [LabelledExample(row.input, row.answer, "", 0) for row in examples]
    with kept_in(workspace.task_folder(name)):
        leaks = find_with_answers(rows, task.gold, task)
    return [
        *(_leak_row(sources[one.text], rows[one.text].input, one, task) for one in leaks),
        *(_leak_row("gold", task.gold[leak.text].input, leak, task) for leak in near_gold(task)),
    ]


def _leak_row(source: str, text: str, leak: GoldOverlap, task: Task) -> Row:
    gold = task.gold[leak.gold]
    return {
        "source": source,
        "input": as_text(text),
        "reason": REASONS[leak.kind],
        "gold": f"{gold.file}:{gold.line}",
        "gold_input": as_text(gold.input),
        "score": round(leak.score, 4),
    }


@contextmanager
def curated(workspace: Workspace, name: str) -> Iterator[tuple[Store, str]]:
    """Yield the task's open store, and the id of the latest curated run.

    Raises InputError if no run is curated.
    """
    load_task(workspace.prompts, name)
    with open_store(workspace.database(name)) as store:
        run_id = _latest_curated(store)
        if run_id is None:
            raise InputError(
                f"no run of {name} is curated yet: run `distill run {name} --until curate`"
            )
        yield store, run_id


def _latest_curated(store: Store) -> str | None:
    curated_runs = (
        run.id for run in reversed(store.runs()) if "curate" in store.finished_stages(run.id)
    )
    return next(curated_runs, None)


EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class CheckYield:
    """The result of a check in a run.

    `rows_in`: the rows that reached the check.
    `dropped`: the rows that the check dropped.
    `reasons`: the number of drops by reason.
    `usd`: the cost of the dropped rows, in USD.
    `examples`: a few dropped rows.
    """

    check: str
    rows_in: int
    dropped: int
    reasons: Mapping[str, int]
    usd: Decimal
    examples: tuple[Dropped, ...]


def yields(store: Store, run_id: str) -> list[CheckYield]:
    """Return the result of each check that dropped rows, in order.

    Seeds are not counted, because they were not requested from a teacher.
    """
    completed = store.count_candidates(run_id)
    rows_in = completed.total() - completed["seeds"]
    counts = store.count_drops(run_id, seeds=False)
    costs = store.drop_costs(run_id)
    shown = dropped_rows(store, run_id, of_each=EXAMPLES)
    found = []
    for check in CHECKS:
        reasons = Counter({reason: n for (of, reason), n in counts.items() if of == check})
        if reasons:
            usd = costs.get(check, Decimal(0))
            examples = _different([row for row in shown if row.check == check])
            dropped = reasons.total()
            told = dict(reasons.most_common())
            found.append(CheckYield(check, rows_in, dropped, told, usd, examples))
        rows_in -= reasons.total()
    return found


def notes(store: Store, run_id: str) -> list[dict[str, Any]]:
    """Return the checks' notes on their own quality, each with the number of spared rows."""
    return [
        {"check": note.check, "words": note.words, "spared": len(note.spared)}
        for note in store.check_notes(run_id)
    ]


def figures(row: CheckYield) -> dict[str, Any]:
    """Return a check's result for JSON, with USD as strings, which no reader rounds to floats."""
    shown = [_read(one) | shown_input(one.input) | {"reason": one.reason} for one in row.examples]
    return asdict(row) | {"usd": f"{row.usd:.8f}".rstrip("0").rstrip("."), "examples": shown}


def _read(row: Dropped) -> Row:
    """Return the input and the matched text of a drop, as people read them."""
    return {"input": as_text(row.input), "matched": as_text(row.matched)}


def _different(dropped: Sequence[Dropped]) -> tuple[Dropped, ...]:
    """Return EXAMPLES rows, with one row of each reason before a second of any."""
    seen: Counter[str] = Counter()
    ranked = []
    for place, row in enumerate(dropped):
        ranked.append((seen[row.reason], place, row))
        seen[row.reason] += 1
    return tuple(row for _, _, row in sorted(ranked, key=lambda item: item[:2])[:EXAMPLES])


def dropped_rows(store: Store, run_id: str, *, of_each: int | None = None) -> list[Dropped]:
    """Return the dropped rows of a run, without seeds, in the order of checks and candidates.

    `of_each`: the maximum number of rows for each check and reason, or None for all.
    """
    order = {check: place for place, check in enumerate(CHECKS)}
    return sorted(store.dropped_rows(run_id, of_each=of_each), key=lambda row: order[row.check])
