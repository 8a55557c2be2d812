"""The output of rows, tables and texts on the terminal."""

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from distill.estimate.task_check import CheckRow

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
LONGEST_LINE = 110
ANY_WIDTH = 10_000  # of what is no terminal
LONGEST_MESSAGE = 4000  # characters, enough for the tail of a log


def show_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print one line per row with long values cut, or all rows as JSON; "none" for no rows."""
    if as_json:
        click.echo(json.dumps(_finite(rows), default=str))
    for row in rows if not as_json else ():
        cells = (f"{key}: {message(printable(str(value)))}" for key, value in row.items())
        click.echo("  ".join(cells))
    if not rows and not as_json:
        click.echo("none")


def show_json(kind: str, **values: Any) -> None:
    """Print an object as JSON, with the version and the kind of its form first."""
    click.echo(json.dumps(_finite({"version": 1, "kind": kind} | values), default=str))


def show_check(rows: "Sequence[CheckRow]") -> None:
    """Print the rows of a check, with long sentences wrapped."""
    about = max(len(row.about) for row in rows)
    width = min(shutil.get_terminal_size().columns, LONGEST_LINE)
    for row in rows:
        lines = wrap(
            printable(row.because),
            width,
            initial_indent=f"{row.word:4}  {row.about:{about}}  ",
            subsequent_indent=" " * (about + 8),
            break_long_words=False,  # a path can be copied
            break_on_hyphens=False,
        )
        word, rest = lines[0][:4], lines[0][4:]
        click.secho(word, fg=COLOURS_OF_CHECKS[row.word], nl=False)
        click.echo("\n".join([rest, *lines[1:]]))


def _finite(value: Any) -> Any:
    """Return a value without NaN and infinity, which JSON lacks: they become strings."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def show_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with aligned columns."""
    table = [header, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


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
        _show_options([_option(row) for row in found["options"]])
    click.echo()
    for number, step in enumerate(found["next"], start=1):
        command = f"\n   {step['command']}" if "command" in step else ""
        click.echo(printable(f"{number}. {step['do']}{command}", lines=True))
    if "disturbed" in figures:
        click.echo(f"\n{figures['disturbed']}")
    click.echo(f"\n{folder / 'report.html'}")


def _show_options(rows: Sequence[Sequence[str]]) -> None:
    """Print the options as a table, or as lists on a terminal that is too narrow for it."""
    widths = (max(map(len, column)) for column in zip(OPTION_HEADER, *rows, strict=True))
    if sum(widths) + 2 * len(OPTION_HEADER) <= shutil.get_terminal_size((ANY_WIDTH, 0)).columns:
        show_table(OPTION_HEADER, rows)
        return
    for name, *cells in rows:
        click.secho(name, bold=True)
        for title, cell in zip(OPTION_HEADER[1:], cells, strict=True):
            if cell:
                click.echo(f"  {title}: {cell}")


def open_page(page: Path) -> None:
    """Open a page in the browser, and print its path on standard error."""
    import webbrowser

    opened = webbrowser.open(page.resolve().as_uri())
    said = "opened in the browser" if opened else "no browser was found here; open it yourself"
    click.echo(f"{page}: {said}", err=True)


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


def next_step(said: str) -> None:
    """Print the next command on standard error, so that it is no part of the results."""
    click.echo(f"next: {said}", err=True)


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
