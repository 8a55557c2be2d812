"""The check of a chat example file (JSON lines): errors, warnings and statistics.

The format is that of OpenAI's supervised fine-tuning, which `distill train` also writes. Each line
is {"messages": [{"role", "content", "name"?, "weight"?}, …]}, with the answer last. Tool calls and
content in parts are not allowed, because no trainer here supports them.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distill.core.errors import InputError
from distill.train.chat_file.rows import FORM, SHORT, ChatRow, FileFinding, row_of
from distill.train.chat_file.statistics import EPOCHS, LengthSpread, estimates, statistics
from distill.train.chat_file.warnings import warnings_of

SHOWN = 20

UTF_16_SEEN = 4  # bytes
# Longer byte order marks first: that of UTF-32 begins with that of UTF-16.
_ENCODINGS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
# The first bytes of files that are not text.
_BINARIES = {
    b"\x1f\x8b": "compressed with gzip: unpack it",
    b"PK\x03\x04": "a zip archive or a spreadsheet: unpack it, or save it as JSON lines",
    b"PAR1": "Parquet: write it as JSON lines",
    b"SQLite format 3": "a SQLite database: write a query's rows as JSON lines",
}
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check: the rows without errors, the errors and the warnings."""

    path: Path
    rows: tuple[ChatRow, ...]
    errors: tuple[FileFinding, ...]
    warnings: tuple[FileFinding, ...]


def read(path: Path, context_tokens: int) -> Checked:
    """Check a file; warn about rows above `context_tokens` tokens. Raises OSError if unreadable."""
    content = path.read_bytes()
    if problem := _other_form(content):
        return Checked(path, (), (FileFinding(problem),), ())
    rows: list[ChatRow] = []
    errors = [FileFinding("begins with a byte order mark: save it as UTF-8 without BOM", (1,))]
    errors = errors if content.startswith(_BOM) else []
    # Only \n, \r and \r\n end a line, as at OpenAI: a text may contain other line separators.
    lines = content.removeprefix(_BOM).splitlines()
    if not lines:
        errors.append(FileFinding(f"the file has no line; write one such object per line: {FORM}"))
    for number, line in enumerate(lines, 1):
        found = row_of(number, line)
        if isinstance(found, ChatRow):
            rows.append(found)
        else:
            errors += found
    return Checked(path, tuple(rows), tuple(errors), tuple(warnings_of(rows, context_tokens)))


def _other_form(content: bytes) -> str:
    """Return the reason why a file is not JSON lines in UTF-8; "" if none is found."""
    for mark, name in _ENCODINGS.items():
        if content.startswith(mark):
            return f"is {name}: save it as UTF-8"
    for start, form in _BINARIES.items():
        if content.startswith(start):
            return f"is {form}, each line one object: {FORM}"
    if b"\0\0\0" in content[:UTF_16_SEEN]:
        return "is UTF-32: save it as UTF-8"
    # JSON begins with an ASCII character: UTF-16 without a mark has a 0 in its first two bytes.
    if len(content) >= UTF_16_SEEN and 0 in content[:2] and any(content[:2]):
        return "is UTF-16: save it as UTF-8"
    if content.removeprefix(_BOM).lstrip()[:1] == b"[":
        return (
            "is a JSON array (or one per line): write one object per line, without [ ] around "
            f"them and without commas between them: {FORM}"
        )
    if _spans_lines(content):
        return f"has objects over several lines: write each on one line: {FORM}"
    return ""


def _spans_lines(content: bytes) -> bool:
    """True if the first object spans several lines."""
    try:
        text = content.removeprefix(_BOM).decode("utf-8").lstrip()
        _, end = json.JSONDecoder().raw_decode(text) if text.startswith("{") else (None, 0)
    except (ValueError, RecursionError):
        return False
    return "\n" in text[:end]


def refuse(checked: Checked) -> None:
    """Raise InputError, with the first SHOWN errors, if a file has errors."""
    errors, path = checked.errors, checked.path
    if errors:
        wheres = [":".join([str(path), *map(str, error.lines)]) for error in errors[:SHOWN]]
        shown = [f"{where}: {e.message}" for where, e in zip(wheres, errors, strict=False)]
        more = len(errors) - len(shown)
        rest = [f"… and {more} more; --json lists all"] if more else []
        noun = "error" if len(errors) == 1 else "errors"
        raise InputError("\n".join([f"{path} has {len(errors)} {noun}", *shown, *rest]))


def figures(checked: Checked) -> dict[str, Any]:
    """Return the file's errors, warnings and statistics for JSON.

    USD and dates are strings. The statistics cover the rows without errors.
    """
    rows = checked.rows
    found = statistics(rows) if rows else None
    return {
        "file": str(checked.path),
        "ok": not checked.errors,
        "errors": [asdict(error) for error in checked.errors],
        "warnings": [asdict(warning) for warning in checked.warnings],
        "statistics": found and asdict(found),
        "estimates": [
            asdict(estimate) | {"usd": str(estimate.usd)}
            for estimate in (estimates(found.tokens.total) if found else [])
        ],
    }


def words(checked: Checked) -> list[str]:
    """Return the lines to print for a file with rows: warnings, statistics and prices."""
    found = statistics(checked.rows)
    shown = [f"warning: {warning}" for warning in checked.warnings[:SHOWN]]
    if more := len(checked.warnings) - len(shown):
        shown.append(f"warning: … and {more} more; --json lists all")
    repeated = f" ({found.repeated} repeat the one above)" if found.repeated else ""
    return [
        *shown,
        f"rows           {found.rows:,}{repeated}",
        f"messages       {found.messages:,}",
        f"tokens         {_spread_words(found.tokens)}",
        f"answer tokens  {_spread_words(found.answer_tokens)}",
        f"answers        {found.answers:,} different",
        *(f"  {count:,} × {SHORT.repr(answer)}" for answer, count in found.top_answers),
        f"price of {EPOCHS} epochs, estimated:",
        *(f"  {e.trainer}  ${e.usd:.4f}  {e.ends}" for e in estimates(found.tokens.total)),
    ]


def _spread_words(spread: LengthSpread) -> str:
    row = f"min {spread.min:,}, median {spread.median:,}, p95 {spread.p95:,}, max {spread.max:,}"
    return f"about {spread.total:,}; a row: {row}"
