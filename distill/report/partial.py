"""The figures of an unfinished run's report, marked as unfinished."""

from typing import Any

from distill.core.errors import DistillError
from distill.curate.drops import figures as yield_figures
from distill.curate.drops import notes, yields
from distill.report.build import collect, data_figures, run_figures, stamped, student_figures
from distill.report.decision import unfinished_decision
from distill.report.spend import spend_figures
from distill.store import Run, Store
from distill.task import Task

STAGES = ("generate", "curate", "split", "train", "evaluate")

Figures = dict[str, Any]


def so_far(task: Task, store: Store, run: Run) -> Figures:
    """Return the figures of a run's report, finished or not.

    An unfinished run has the figures of its finished stages, and `unfinished`: the finished stages
    and the next one. It has no figures that compare systems.

    Raises DistillError if the run has finished no stage yet.
    """
    done = [stage for stage in STAGES if stage in store.finished_stages(run.id)]
    if len(done) == len(STAGES):
        return collect(task, store, run.id)
    if not done:
        raise DistillError(
            f"run {run.id} has finished no stage yet; `distill status {task.name}` shows how far "
            "it is"
        )
    left = next(stage for stage in STAGES if stage not in done)
    student = store.student(run.id)
    figures: Figures = {
        **run_figures(task, store, run),
        "headline": f"UNFINISHED: {', '.join(done)} done, {left} is next.",
        "unfinished": {"done": done, "next": left},
        **({"student": student_figures(student)} if student else {}),
        **_data(task, store, run.id, done),
        "spend": spend_figures(task, store, run, student),
    }
    figures |= {"decision": unfinished_decision(figures)}
    return stamped(figures) if store.is_rehearsal() else figures


def _data(task: Task, store: Store, run_id: str, done: list[str]) -> Figures:
    """Return the figures of the data; {} before curation.

    Leaks and training rows are unknown before the split."""
    if "curate" not in done:
        return {}
    if "split" not in done:
        rows = [yield_figures(row) for row in yields(store, run_id)]
        said = notes(store, run_id)
        return {"data": {"yields": rows, **({"notes": said} if said else {}), "spread": []}}
    split, spread = store.split(run_id), store.spreads(run_id)
    return {"data": data_figures(task, store, run_id, split, spread)}
