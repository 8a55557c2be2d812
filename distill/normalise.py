"""Values that are written in different ways and mean the same: a schema's `x-normalize` names what
is to be overlooked when an answer is scored."""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial

# A number with "." for decimals and perhaps "," between thousands, and a sign of currency or "%".
_NUMBER = re.compile(r"([+-]?)[$€£¥]?\s*((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)\s*[$€£¥%]?")


def whitespace(text: str) -> str:
    """Runs of white space are one space, at the ends none."""
    return " ".join(text.split())


def case(text: str) -> str:
    """Upper and lower case are the same."""
    return text.casefold()


def number(text: str) -> str:
    """ "$1,250.00" is 1250; a text that is no number stays."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return text
    value = Decimal(found[1] + found[2].replace(",", "")).normalize()
    return f"{value:f}" if value else "0"


def date(text: str, *, dayfirst: bool = False) -> str:
    """A whole date as ISO 8601 writes it; what names no day, month and year (dateutil) stays.
    Of 03/04/2026 the first is the month, unless `dayfirst`; an ISO date is what it is."""
    from dateutil import parser

    # What a text leaves out comes from the default: with two of them it shows.
    defaults = datetime(2000, 1, 1), datetime(2003, 2, 2)
    iso = re.fullmatch(r"\d{4}-\d{2}-\d{2}\b.*", text.strip()) is not None
    try:
        first, second = (
            parser.parse(text, default=default, dayfirst=dayfirst and not iso).date()
            for default in defaults
        )
    except (ValueError, OverflowError):
        return text
    return first.isoformat() if first == second else text


NORMALISERS: dict[str, Callable[[str], str]] = {
    "whitespace": whitespace,
    "case": case,
    "number": number,
    "date": date,
    "date_dayfirst": partial(date, dayfirst=True),
}
