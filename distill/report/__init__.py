"""Store → report.json → report.md and report.html. The pages are drawn from the JSON and from
nothing else; other programs read it, and its names are stable."""

import json
from collections.abc import Callable

from distill.report.collect import collect
from distill.report.render import html, markdown
from distill.store import Store
from distill.workspace import Context


def report(context: Context) -> Callable[[Store], None]:
    """Write the run's three report files; nothing of it is written to the store."""
    with context.store() as store:
        figures = collect(context.task, store, context.run_id)
    pages = {
        "report.json": json.dumps(figures, indent=2, ensure_ascii=False) + "\n",
        "report.md": markdown(figures),
        "report.html": html(figures),
    }
    with context.progress.step("report", "write", len(pages)) as advance:
        for name, text in pages.items():
            partial = context.folder / f".{name}"
            partial.write_text(text, encoding="utf-8")
            partial.replace(context.folder / name)
            advance(1)
    return lambda store: None
