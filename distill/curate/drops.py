"""What was left out, for whoever asks on the command line: per check, row by row, and the leaks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from distill.core.dataset import Labelled, Leak
from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.curate.yields import dropped_rows, figures, yields
from distill.store import Store, open_store, open_to_read
from distill.task import Task
from distill.task.leak_gate import REASONS, find_with_answers, near_gold
from distill.task.loading import load_task

Row = dict[str, Any]


def yields_of(workspace: Workspace, name: str) -> list[Row]:
    """A row for each check that dropped something in the latest curated run. Raises InputError
    when there is none."""
    with curated(workspace, name) as (store, run_id):
        return [figures(row) for row in yields(store, run_id)]


def dropped_rows_of(workspace: Workspace, name: str, reason: str) -> list[Row]:
    """Every dropped row of the latest curated run whose check or reason has `reason` in it."""
    with curated(workspace, name) as (store, run_id):
        return [
            asdict(row) | {"usd": f"{row.usd:.6f}"}
            for row in dropped_rows(store, run_id)
            if reason.casefold() in f"{row.check}: {row.reason}".casefold()
        ]


def leaks_of(workspace: Workspace, name: str) -> list[Row]:
    """Every seed, and every example of the latest curated run if there is one, that is too close to
    gold, with the row that it is closest to; and every gold row that nearly equals an earlier one.
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
        rows += [Labelled(row.input, row.answer, "", 0) for row in examples]
    leaks = find_with_answers(rows, task.gold, task)
    return [
        *(_leak_row(sources[one.text], rows[one.text].input, one, task) for one in leaks),
        *(_leak_row("gold", task.gold[leak.text].input, leak, task) for leak in near_gold(task)),
    ]


def _leak_row(source: str, text: str, leak: Leak, task: Task) -> Row:
    gold = task.gold[leak.gold]
    return {
        "source": source,
        "input": text,
        "reason": REASONS[leak.kind],
        "gold": f"{gold.file}:{gold.line}",
        "gold_input": gold.input,
        "score": round(leak.score, 4),
    }


@contextmanager
def curated(workspace: Workspace, name: str) -> Iterator[tuple[Store, str]]:
    """The task's store and the latest run whose candidates are curated. Raises InputError when
    there is none."""
    load_task(workspace.prompts, name)
    with open_store(workspace.database(name)) as store:
        run_id = _latest_curated(store)
        if run_id is None:
            raise InputError(f"no run of {name} is curated yet: distill curate {name}")
        yield store, run_id


def _latest_curated(store: Store) -> str | None:
    curated_runs = (
        run.id for run in reversed(store.runs()) if "curate" in store.finished_stages(run.id)
    )
    return next(curated_runs, None)
