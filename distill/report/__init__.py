"""Report files of a run: report.json, two pages in Markdown, report.html and the model card.

The pages and the card are rendered from report.json alone. Its names are stable, because other
programs read it.
"""

import json
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from distill.core.errors import DistillError
from distill.report.build import collect
from distill.report.figures import read_figures
from distill.report.looks import remember
from distill.report.partial import so_far
from distill.report.payback import assumptions
from distill.report.render import card, html, markdown, summary
from distill.report.terms import terms_figures
from distill.store import Store
from distill.task.run_context import Context

CARD, FIGURES = "README.md", "report.json"


def is_outdated(context: Context) -> bool:
    """True if the task's assumptions or terms have changed since report.json was written.

    Such a change (of traffic, hours of people, today's model or terms) does not require a new run.
    True for a report that is damaged, or has not the keys of this version. False if there is no
    report.json.
    """
    path = context.folder / FIGURES
    if not path.exists():
        return False
    found = read_figures(path)
    if not fits(found) or "older" in found:
        return True
    with context.store() as store:
        terms = terms_figures(context.task, store, context.run_id)
    money = found.get("break_even", {})
    return bool(found["terms"] != terms or money.get("assumptions") != assumptions(context.task))


def fits(figures: Mapping[str, Any]) -> bool:
    """True if figures have the keys and types of this version's report.json."""
    from pydantic import ValidationError

    from distill.report.schema import read_report

    try:
        read_report(json.dumps(figures))
    except ValidationError:
        return False
    return True


def report(context: Context) -> Callable[[Store], None]:
    """Write the report files and the student's model card.

    Returns a function that stores the verdict, so that later verdicts on this gold count it."""
    with context.store() as store:
        figures = collect(context.task, store, context.run_id)
    _write(context, figures, {f"student/{CARD}": card(figures)})
    return lambda store: remember(context.task, store, context.run_id, figures)


def report_so_far(context: Context) -> None:
    """Write the report files of an unfinished run, marked as unfinished.

    The model card is written only if all stages are done."""
    with context.store() as store:
        run = next(run for run in store.runs() if run.id == context.run_id)
        figures = so_far(context.task, store, run)
    whole = "systems" in figures
    _write(context, figures, {f"student/{CARD}": card(figures)} if whole else {})


def mark_older(folder: Path, edit: str) -> bool:
    """Mark a run's report as older than its task; False if this version cannot show the report.

    `edit`: the edit of the task since the run.
    """
    figures = read_figures(folder / FIGURES)
    if not fits(figures):
        return False
    for name, text in _pages(figures | {"older": edit}).items():
        _replace(folder / name, text)
    return True


def _write(context: Context, figures: Mapping[str, Any], others: Mapping[str, str]) -> None:
    check_finite(figures)
    pages = {**_pages(figures), **others}
    with context.progress.step("report", "write", len(pages)) as advance:
        for name, text in pages.items():
            _replace(context.folder / name, text)
            advance(1)


def _pages(figures: Mapping[str, Any]) -> dict[str, str]:
    return {
        FIGURES: json.dumps(figures, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        "report.md": summary(figures),
        "report.full.md": markdown(figures),
        "report.html": html(figures),
    }


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def check_finite(value: object, key: str = "report") -> None:
    """Raise DistillError, with the figure's name, if a figure is NaN or infinite.

    A page would show it like a real number."""
    if isinstance(value, float) and not isfinite(value):
        raise DistillError(
            f"{key} is {value}: a figure could not be computed, so no page is written. Nothing is "
            "lost; please report this with the task"
        )
    if isinstance(value, Mapping):
        for name, inner in value.items():
            check_finite(inner, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            check_finite(inner, f"{key}[{place}]")
