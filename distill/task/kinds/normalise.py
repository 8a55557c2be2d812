"""Normalisers of values that have the same meaning in different spellings.

`x-normalize` in a schema names the normalisers that scoring applies to a value.
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from unicodedata import normalize

from distill.core.text import fold_case

# A number with a decimal point, optional commas between thousands, and a currency sign or "%".
_NUMBER = re.compile(
    r"([+-]?)([$€£¥]?)\s*((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)\s*([$€£¥%]?)"
)
OVERLOOKED_SIGN = "$"
# Full-width signs, and the Arabic separators of decimals and thousands.
_ASCII_SIGNS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_ASCII_SIGNS |= {0xFFE1: ord("£"), 0xFFE5: ord("¥"), 0x066B: ord("."), 0x066C: ord(",")}
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
# The year, month and day of a date with the year first. A time may follow.
_YEAR_FIRST = re.compile(
    r"(?<![\d:./-])(\d{4})(?:\s*([-/.,\s])\s*(\d{1,2})\s*\2\s*(\d{1,2})(?!\d)"
    r"|(\d{2})(\d{2})(?=(?:\d{4}|\d{6})?(?!\d)))"
)
# A date of Chinese, Japanese or Korean.
_NAMED_PARTS = re.compile(r"(?<!\d)(\d{4}) ?[年년] ?(\d{1,2}) ?[月월] ?(\d{1,2}) ?[日일号號]")


def whitespace(text: str) -> str:
    """Replace each run of white space with one space, and strip the ends."""
    return " ".join(text.split())


def case(text: str) -> str:
    """Fold upper and lower case."""
    return fold_case(text)


def number(text: str) -> str:
    """Normalise a number: "$1,250.00" is 1250, "€1,250.00" is €1250 and "50 %" is 50%.

    A dollar sign is removed; other currency signs are kept. A comma separates thousands, never
    decimals. Digits may be of any script. Returns any other text unchanged.
    """
    found = _NUMBER.fullmatch(text.strip().translate(_ASCII_SIGNS))
    if found is None or (found[2] and found[4]):
        return text
    sign = (found[2] or found[4]).replace(OVERLOOKED_SIGN, "")
    digits = _digits(found[1] + found[3].replace(",", ""))
    if sign == "%":
        return digits + sign
    return f"-{sign}{digits[1:]}" if digits.startswith("-") else sign + digits


def _digits(written: str) -> str:
    """Return a decimal number without trailing zeros, at full precision."""
    value = f"{Decimal(written):f}"  # Decimal.normalize would round to 28 digits
    if "." in value:
        value = value.rstrip("0").rstrip(".")
    return "0" if value in ("-0", "+0") else value


def date(text: str, *, dayfirst: bool = False) -> str:
    """Convert a date to ISO 8601; a text without a full date is returned unchanged.

    Months have English names, or are numbers as in 2026年4月3日. In 03/04/2026 the first number
    is the month, or with `dayfirst` the day. After a leading year, the order is month, day. A time
    and its zone are removed without shifting the date.
    """
    from dateutil import parser

    plain = _NAMED_PARTS.sub(r"\1-\2-\3", normalize("NFKC", text).translate(_DASHES))
    year_first = _YEAR_FIRST.search(plain)
    # dateutil takes a missing part from the default, so two defaults reveal a missing part.
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
