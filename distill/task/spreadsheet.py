"""CSV files that people edit in a spreadsheet: cells out, rows back in."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path

from distill.core.errors import InvalidInput, Problem
from distill.task.files import read_text

# A spreadsheet interprets a cell that starts like this as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Excel reads a file without a byte order mark as Windows-1252.
ENCODING = "utf-8-sig"

SheetRow = Mapping[str, str | None]


def cell(text: str, most: int | None = None) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula.

    `most`: the number of characters after which the text is cut; None to keep it whole.
    """
    text = text.replace("\x00", "\\x00")
    if most is not None and len(text) > most:
        text = f"{text[:most]}… ({len(text):,} characters)"
    return f"'{text}" if text.startswith(FORMULA) else text


def read_sheet(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, SheetRow]]:
    """Yield (line, row) of an exported file that a person has filled in.

    Raises InvalidInput for a file without one of the columns, and for a line that is no CSV.
    """
    text = read_text(path)
    # In locales with a decimal comma, spreadsheets separate columns with semicolons.
    head = text.partition("\n")[0]
    semicolons = ";" in head and "," not in head
    lines = StringIO(text, newline="")  # a line separator within a text does not end the row
    reader = csv.DictReader(lines, delimiter=";" if semicolons else ",", strict=True)
    try:
        if missing := [name for name in columns if name not in (reader.fieldnames or ())]:
            said = f"no column {', '.join(missing)}"
            raise InvalidInput(Problem(said, str(path), 1, fix="keep the header of the export"))
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        fix = "correct the line, or export anew"
        raise InvalidInput(
            Problem(f"not CSV: {error}", str(path), reader.line_num, fix=fix)
        ) from error
