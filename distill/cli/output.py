"""The output of rows, tables and texts on the terminal."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from distill.cli.tables import blocks, show_record, show_sentence, show_table
from distill.cli.trouble import link_of
from distill.core.errors import Problem
from distill.core.progress import tells

if TYPE_CHECKING:
    from distill.estimate.task_check import CheckRow

Kind = Literal[
    "added_rows",
    "advice",
    "answer",
    "cancellation",
    "check",
    "comparison",
    "curation",
    "doctor",
    "drops",
    "error",
    "export",
    "import",
    "label",
    "label_export",
    "leaks",
    "new_task",
    "plan",
    "prices",
    "rehearsal",
    "report",
    "review_export",
    "review_import",
    "run",
    "runs",
    "spared",
    "sql",
    "status",
    "tasks",
    "timing",
    "validation",
]
# What a row of each kind is, for docs/cli.md: (command, row).
KINDS: dict[Kind, tuple[str, str]] = {
    "answer": ("ask", "the answer"),
    "cancellation": ("cancel", "what was stopped and kept"),
    "check": ("check", "a finding or a checked part; `task`, `level` and `next` hold for all rows"),
    "comparison": ("compare", "a run"),
    "doctor": ("doctor", "a part of this machine"),
    "curation": ("drops", "a check of curation, with its drops"),
    "drops": ("drops --reason", "a dropped row"),
    "spared": ("drops --spared", "a row that was not dropped"),
    "export": ("export", "a table"),
    "import": ("import", "what the logs held, and what was added"),
    "label": ("label", "counts of rows, and the rates"),
    "label_export": ("label --export", "the written file"),
    "leaks": ("leaks", "a row that is too close to gold"),
    "new_task": ("new", "the new task"),
    "added_rows": ("new --add", "the rows that were added"),
    "plan": ("plan", "the plan, with its steps"),
    "prices": ("prices", "a price"),
    "rehearsal": ("rehearse", "the rehearsal"),
    "report": ("report", "the run, with [report.json](report-json.md) in `report`"),
    "review_export": ("review --export", "the written file"),
    "review_import": ("review --import", "counts of the decisions"),
    "run": ("run", "the run, with the stages of this call"),
    "runs": ("runs", "a run"),
    "sql": ("sql", "a row of the result"),
    "status": ("status", "the latest run"),
    "tasks": ("tasks", "a task"),
    "validation": ("validate", "the file, with errors and warnings"),
    "advice": ("advise", "a part of the advice"),
    "timing": ("evaluate --timing", "[report.json](report-json.md)"),
}
INTERRUPTED = 130  # exit code
VERSION = 1  # of the JSON's form
SHOWN = 160
OPTION_HEADER = ("option", "made of", "score", "likely", "as good?", "$ a month", "95 % within")
COLOURS = {
    "switch": "green",
    "switch_after_fix": "yellow",
    "use_cheaper": "yellow",
    "not_proven": "yellow",
    "dont_switch": "red",
    "no_verdict": None,
}
COLOURS_OF_CHECKS = {"ok": "green", "look": "yellow", "stop": "red"}
LONGEST_MESSAGE = 4000  # characters, enough for the tail of a log


def show_rows(kind: Kind, rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print rows as tables, a single row as a record, or all rows as JSON; "none" for no rows."""
    if as_json:
        show_json(kind, rows)
    elif not rows:
        click.echo("none")
    else:
        shown = [{key: _cell(value) for key, value in row.items()} for row in rows]
        for number, block in enumerate(blocks(shown)):
            if number:
                click.echo()
            _show_block(block)


def _show_block(rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows as a table, or as records if there is one row or a long text."""
    header = list(dict.fromkeys(key for row in rows for key in row))
    is_long = any(len(text) > SHOWN for row in rows for text in [*row.values()][:-1])
    if len(rows) > 1 and not is_long:
        show_table(header, [[row.get(key, "") for key in header] for row in rows])
        return
    for number, row in enumerate(rows):
        if number:
            click.echo()
        show_record(row)


def _cell(value: object) -> str:
    return "" if value is None else message(printable(str(value)))


def show_json(kind: Kind, rows: Sequence[Mapping[str, Any]], **values: Any) -> None:
    """Print rows as one JSON object; `values` are further keys, which hold for all rows."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.find_root().ensure_object(Session).has_printed = True
    found = {"version": VERSION, "kind": kind, **values, "rows": rows}
    click.echo(json.dumps(_finite(found), default=str))


def show_error(problems: Sequence[Problem]) -> None:
    """Print problems as one JSON object; `error` is the first of them."""
    rows = [
        {
            "file": problem.file or None,
            "line": problem.line,
            "key": problem.key or None,
            "message": problem.message,
            "fix": problem.fix or None,
            "docs": link_of(str(problem)),
        }
        for problem in problems
    ]
    show_json("error", rows, error=rows[0])


@dataclass
class Session:
    """The folders of a command, and whether it has printed its JSON."""

    prompts: Path = Path("prompts")
    runs: Path = Path("runs")
    has_printed: bool = False


def show_check(rows: "Sequence[CheckRow]") -> None:
    """Print the rows of a check, with long sentences wrapped."""
    about = max(len(row.about) for row in rows)
    for row in rows:
        start = f"{row.level:4}  {row.about:{about}}  "
        show_sentence(start, printable(row.sentence), COLOURS_OF_CHECKS[row.level])


def _finite(value: Any) -> Any:
    """Return a value without NaN and infinity, which JSON lacks: they become strings."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def show_report(figures: Mapping[str, Any], folder: Path) -> None:
    """Print the decision of report.json as the page shows it, and the path of the page."""
    found = figures["decision"]
    stamp = "REHEARSAL " if figures.get("rehearsal") else ""
    click.echo()
    if "older" in figures:
        click.echo(printable(f"Older than the task: {figures['older']}."))
    click.secho(f"{stamp}{found['badge'].upper()}", fg=COLOURS[found["verdict"]], bold=True)
    click.secho(printable(found["title"]), bold=True)
    click.echo(printable(found["why"]) + "\n")
    for tile in found["tiles"]:
        click.echo(printable(f"{tile['label']}: {tile['value']} ({tile['note']})"))
    if found["options"]:
        click.echo()
        show_table(OPTION_HEADER, [_option(row) for row in found["options"]])
    click.echo()
    for number, step in enumerate(found["next"], start=1):
        command = f"\n   {step['command']}" if "command" in step else ""
        click.echo(printable(f"{number}. {step['do']}{command}", lines=True))
    if "disturbed" in figures:
        click.echo(f"\n{figures['disturbed']}")
    click.echo(f"\n{folder / 'report.html'}")


def open_page(page: Path) -> None:
    """Open a page in the browser, and print its path on standard error."""
    import webbrowser

    opened = webbrowser.open(page.resolve().as_uri())
    said = "opened in the browser" if opened else "no browser was found here; open it yourself"
    say(f"{page}: {said}")


def _option(row: Mapping[str, Any]) -> list[str]:
    score, interval = "not measured", ""
    if "value" in row:
        score, interval = f"{row['value']:.1%}", f"{row['ci_low']:.1%}–{row['ci_high']:.1%}"
    cells = [row["name"], row["origin"], score, interval, row["as_good"]]
    return [printable(cell) for cell in (*cells, row["usd_per_month"], row["latency"])]


def show_curve(figures: Mapping[str, Any]) -> None:
    """Print the points of a learning curve, and the expected effect of more examples."""
    from distill.evaluate.learning_curve import sentence

    rows = [
        [str(p["examples"]), f"{p['value']:.1%}", f"{p['ci_low']:.1%}–{p['ci_high']:.1%}"]
        for p in figures["points"]
    ]
    show_table(["examples", "right", "interval"], rows)
    click.echo(f"\n{sentence(figures)}")


def say(text: str) -> None:
    """Print a message on standard error, so that it is no part of the results; not with --quiet."""
    if tells():
        click.echo(printable(text, lines=True), err=True)


def next_step(said: str) -> None:
    """Print the next command."""
    say(f"next: {said}")


def one_line(text: str) -> str:
    """Return a text as one printable line, shortened if it is long."""
    shown = printable(text)
    return shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"


def printable(text: str, *, lines: bool = False) -> str:
    """Replace control characters and bidirectional marks with spaces.

    `lines`: True to keep line breaks.
    """
    kept = "\n" if lines else ""
    return "".join(char if char.isprintable() or char in kept else " " for char in text)


def message(text: str) -> str:
    """Return an error's text for a terminal: printable, and shortened in the middle if long."""
    shown = printable(text, lines=True)
    if len(shown) <= LONGEST_MESSAGE:
        return shown
    half = LONGEST_MESSAGE // 2
    return f"{shown[:half]} […] {shown[-half:]}"
