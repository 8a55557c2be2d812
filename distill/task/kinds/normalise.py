"""Normalisers of values that mean the same in different spellings.

`x-normalize` in a schema names the differences that scoring ignores.
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from unicodedata import normalize

# A number with "." for decimals, optional "," between thousands, and a currency sign or "%".
_NUMBER = re.compile(
    r"([+-]?)([$€£¥]?)\s*((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)\s*([$€£¥%]?)"
)
OVERLOOKED_SIGN = "$"
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
# The year, month and day of a date with the year first. A time may follow.
_YEAR_FIRST = re.compile(
    r"(?<![\d:./-])(\d{4})(?:\s*([-/.,\s])\s*(\d{1,2})\s*\2\s*(\d{1,2})(?!\d)"
    r"|(\d{2})(\d{2})(?=(?:\d{4}|\d{6})?(?!\d)))"
)


def whitespace(text: str) -> str:
    """Reduce runs of white space to one space, and remove those at the ends."""
    return " ".join(text.split())


def case(text: str) -> str:
    """Ignore the difference of upper and lower case."""
    return text.casefold()


def number(text: str) -> str:
    """Normalise a number: "$1,250.00" is 1250, "€1,250.00" is €1250 and "50 %" is 50%.

    A dollar sign is ignored, and no other sign is. A comma separates thousands, never decimals. A
    text that is not a number stays.
    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None or (found[2] and found[4]):
        return text
    sign = (found[2] or found[4]).replace(OVERLOOKED_SIGN, "")
    digits = _digits(found[1] + found[3].replace(",", ""))
    if sign == "%":
        return digits + sign
    return f"-{sign}{digits[1:]}" if digits.startswith("-") else sign + digits


def _digits(written: str) -> str:
    """Return the shortest form of a decimal number, with every digit kept."""
    value = f"{Decimal(written):f}"  # Decimal.normalize would round to the context's 28 digits
    if "." in value:
        value = value.rstrip("0").rstrip(".")
    return "0" if value in ("-0", "+0") else value


def date(text: str, *, dayfirst: bool = False) -> str:
    """Write a whole date in ISO 8601; a text without day, month and year (dateutil) stays.

    In 03/04/2026 the first number is the month, or the day with `dayfirst`. If the year comes
    first, month and day follow. A time and its zone are left out and never shift the date.
    """
    from dateutil import parser

    plain = normalize("NFKC", text).translate(_DASHES)
    year_first = _YEAR_FIRST.search(plain)
    # A missing part comes from the default, so two defaults reveal a missing part.
    defaults = datetime(2000, 1, 1), datetime(2003, 2, 2)
    try:
        first, second = (
            parser.parse(
                plain,
                default=default,
                ignoretz=True,
                dayfirst=dayfirst and year_first is None,
                yearfirst=year_first is not None,
            ).date()
            for default in defaults
        )
    except (ValueError, OverflowError):
        return text
    if first != second or (year_first and _written(year_first) != first.timetuple()[:3]):
        return text
    return str(first.isoformat())


def _written(found: re.Match[str]) -> tuple[int, ...]:
    """Return the year, month and day of a match of _YEAR_FIRST."""
    year, _, *rest = found.groups()
    return tuple(int(part) for part in (year, *rest) if part is not None)


NORMALISERS: dict[str, Callable[[str], str]] = {
    "whitespace": whitespace,
    "case": case,
    "number": number,
    "date": date,
    "date_dayfirst": partial(date, dayfirst=True),
}
