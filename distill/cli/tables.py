"""Tables and records on the terminal, and plain ones in a pipe.

A table that is wider than the terminal is shown as records. Colours are only for a terminal, and
never if NO_COLOR is set.
"""

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any
from unicodedata import combining, east_asian_width

import click

LONGEST_LINE = 110  # of a wrapped sentence on a wide terminal
LEAST_ROOM = 24  # for a wrapped sentence beside its indent; with less room it is below
GAP = "  "
Row = Mapping[str, Any]


def terminal_columns() -> int | None:
    """Return the width of the terminal; None if standard output is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def show_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    colours: Mapping[str, str] | None = None,
) -> None:
    """Print a table with aligned columns. `colours`: the colour of each cell with such a text."""
    widths = [max(map(width_of, column)) for column in zip(header, *rows, strict=True)]
    columns = terminal_columns()
    if columns is not None and sum(widths) + len(GAP) * (len(widths) - 1) > columns:
        before = sum(width + len(GAP) for width in widths[:-1])
        if columns - before < LEAST_ROOM:
            _show_narrow(header, rows, columns)
            return
        for row in [header, *rows]:
            start = _aligned([*row[:-1], ""], widths).ljust(before)
            click.echo("\n".join(wrapped(row[-1], columns, start, " " * before)).rstrip())
        return
    click.secho(_aligned(header, widths), bold=True)
    for row in rows:
        line = _aligned(row, widths)
        found = [colour for text, colour in (colours or {}).items() if text in row]
        click.secho(line, fg=found[0] if found else None)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - width_of(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return GAP.join(padded).rstrip()


def width_of(text: str) -> int:
    """Return the columns that a text takes on a terminal: two for each wide character."""
    if text.isascii():
        return len(text)
    narrow = sum(not combining(sign) for sign in text)
    return narrow + sum(east_asian_width(sign) in "WF" for sign in text)


def _show_narrow(header: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> None:
    """Print each row on one line if it fits, otherwise its first cell and the others below it."""
    was_long = False
    for number, row in enumerate(rows):
        lines = _narrow(header, row, columns)
        if number and (was_long or len(lines) > 1):
            click.echo()
        click.echo("\n".join(lines))
        was_long = len(lines) > 1


def _narrow(header: Sequence[str], row: Sequence[str], columns: int) -> list[str]:
    """Return the lines of a row: its first cell, and the others, each after its name."""
    items = [f"{name} {cell}" for name, cell in zip(header[1:], row[1:], strict=True) if cell]
    whole = GAP.join([row[0], *items])
    if width_of(whole) <= columns:
        return [whole]
    lines = wrapped(row[0] or header[0], columns, "", "")
    line = ""
    for item in items:
        if line and width_of(GAP + line + GAP + item) > columns:
            lines += wrapped(line, columns, GAP, GAP)
            line = ""
        line = f"{line}{GAP}{item}" if line else item
    return lines + (wrapped(line, columns, GAP, GAP) if line else [])


def show_record(row: Row) -> None:
    """Print a line for each key and its value."""
    columns = terminal_columns()
    for key, value in row.items():
        text = f"{key}: {value}"
        click.echo("\n".join(wrapped(text, columns, "", GAP)) if columns else text)


def show_sentence(start: str, text: str, colour: str | None) -> None:
    """Print a sentence after a start of fixed width, whose first word has a colour."""
    columns = min(shutil.get_terminal_size().columns, LONGEST_LINE)
    indent = " " * len(start)
    if columns - len(start) < LEAST_ROOM:
        lines = [*wrapped(start, columns, "", GAP), *wrapped(text, columns, GAP, GAP)]
    else:
        lines = wrapped(text, columns, start, indent)
    word, space, rest = lines[0].partition(" ")
    click.secho(word, fg=colour, nl=False)
    click.echo("\n".join([space + rest, *lines[1:]]))


def wrapped(text: str, columns: int, first: str, others: str) -> list[str]:
    """Wrap a text at spaces, so that a path can be copied. `first`, `others`: the indents."""
    found = wrap(
        text,
        max(columns, 1),
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return found or [first]


def blocks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Divide rows into tables: consecutive rows whose first key is the same."""
    for _, block in groupby(rows, key=lambda row: next(iter(row), "")):
        yield list(block)
