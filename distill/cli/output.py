"""The output of rows, tables and texts on the terminal."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

SHOWN = 160
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
    """Print the headline of report.json, one row per system, and the path of the HTML report."""
    from distill.evaluate.systems import METRIC_TITLES

    click.echo("\n" + printable(figures["headline"]) + "\n")
    for one in figures.get("advice", []):
        click.echo(printable(f"- {one['say']} ({one['because']})") + "\n")
    rows = [
        [
            system["name"],
            f"{system['value']:.1%}",
            f"{system['ci_low']:.1%}–{system['ci_high']:.1%}",
            f"{system['valid_rate']:.0%}",
            _price(system),
            f"{1000 * system['latency_p50_s']:.0f}",
            f"{1000 * system['latency_p95_s']:.0f}",
            f"{system['requests_per_s']:.1f}",
        ]
        for system in figures.get("systems", [])
    ]
    if not rows:  # the run is not finished
        click.echo(folder / "report.html")
        return
    if figures.get("rehearsal"):
        rows = [[f"REHEARSAL {name}", *values] for name, *values in rows]
    header = [
        "system",
        METRIC_TITLES[figures["systems"][0]["metric"]],
        "interval",
        "valid",
        f"$/1,000 at {figures['break_even']['assumptions']['requests_per_day']:,} a day",
        "p50 ms",
        "p95 ms",
        "req/s",
    ]
    show_table(header, rows)
    if "disturbed" in figures:
        click.echo(f"\n{figures['disturbed']}")
    click.echo(f"\n{folder / 'report.html'}")


def _price(system: Mapping[str, Any]) -> str:
    """Return the USD per 1,000 requests at the task's traffic, as used in the headline."""
    from distill.report.figures import is_disturbed
    from distill.report.spend import short_usd

    usd = short_usd(system["at_traffic"]["usd_per_1k_requests"])
    return f"{usd} (disturbed)" if is_disturbed(system) else usd


def show_curve(figures: Mapping[str, Any]) -> None:
    """Print the points of a learning curve, and the expected effect of more examples."""
    from distill.evaluate.learning_curve import sentence

    rows = [
        [str(p["examples"]), f"{p['value']:.1%}", f"{p['ci_low']:.1%}–{p['ci_high']:.1%}"]
        for p in figures["points"]
    ]
    show_table(["examples", "right", "interval"], rows)
    click.echo(f"\n{sentence(figures)}")


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
