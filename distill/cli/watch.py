"""The progress of a run while it changes: redrawn on a terminal, a line per change in a pipe."""

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click

from distill.cli.output import printable


def show_changes(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print each status in place of the one before; without a terminal, on a line of its own."""
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        for row in rows:
            click.echo(printable(line_of(row)))
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(), auto_refresh=False) as live:
        for row in rows:
            shown = "\n".join(printable(f"{key}: {value}") for key, value in row.items())
            live.update(Text(shown), refresh=True)


def line_of(row: Mapping[str, Any]) -> str:
    """Return a status as one line."""
    if "stage" not in row:
        return f"{row['run']} {row['state']}"
    done = f" {row['done']}" if "done" in row else ""
    left = f", about {row['seconds_left']} s left" if "seconds_left" in row else ""
    step = f"{row['stage']}: {row['step']}{done} ({row['event']}) in {row['seconds']} s{left}"
    return f"{row['run']} {row['state']}, {step}"
