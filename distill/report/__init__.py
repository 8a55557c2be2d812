"""Store → report.json → report.md, report.html and the student's model card. All are drawn from the
JSON and from nothing else; other programs read it, and its names are stable."""

import json
from collections.abc import Callable

from distill.report.collect import collect
from distill.report.render import card, html, markdown
from distill.report.traffic import assumptions
from distill.store import Store
from distill.workspace import Context

CARD = "README.md"


def is_outdated(context: Context) -> bool:
    """Whether the pages were written for other assumptions than the task has now (traffic, hours of
    people), which begin no run of their own."""
    path = context.folder / "report.json"
    if not path.exists():
        return False
    found = json.loads(path.read_text(encoding="utf-8")).get("break_even", {})
    return bool(found.get("assumptions") != assumptions(context.task))


def report(context: Context) -> Callable[[Store], None]:
    """Write the run's report files, and the card beside the student; nothing of it is written to
    the store."""
    with context.store() as store:
        figures = collect(context.task, store, context.run_id)
    pages = {
        "report.json": json.dumps(figures, indent=2, ensure_ascii=False) + "\n",
        "report.md": markdown(figures),
        "report.html": html(figures),
        f"student/{CARD}": card(figures),
    }
    with context.progress.step("report", "write", len(pages)) as advance:
        for name, text in pages.items():
            path = context.folder / name
            partial = path.with_name(f".{path.name}")
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
            advance(1)
    return lambda store: None
