"""Reserved values, which belong to nobody and are the replacements of personal data.

Sources:

- RFC 2606 and 6761 (domains), RFC 5737 and 3849 (IP addresses)
- 555-0100 to 555-0199 of the North American Numbering Plan, and Ofcom's numbers for drama
- the card networks' published test numbers
- the examples of ISO 13616 and of SWIFT's IBAN registry
"""

import re
from collections.abc import Iterator, Sequence

from distill.text.spellings import respelled

_DOMAIN = re.compile(r"(?:^|[.@])(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)$")
_PHONE = re.compile(
    r"1?(?:[2-9]\d{2})?55501\d{2}|(?:44|0)(?:(?:207946|113496|114496|115496|116496|117496|118496"
    r"|121496|131496|141496|151496|161496|191498|289018|292018)0|1632960|7700900)\d{3}"
)
AREAS = ("202", "312", "415", "617", "713", "206", "303", "404", "503", "602")
CARDS = (
    "4242 4242 4242 4242",
    "5555 5555 5555 4444",
    "4111 1111 1111 1111",
    "5105 1051 0510 5100",
    "4012 8888 8888 1881",
    "6011 1111 1111 1117",
    "3782 822463 10005",
    "3530 1113 3330 0000",
    "6011 0009 9013 9424",
    "3714 496353 98431",
)
IBANS = (
    "GB82 WEST 1234 5698 7654 32",
    "DE89 3704 0044 0532 0130 00",
    "FR14 2004 1010 0505 0001 3M02 606",
    "NL91 ABNA 0417 1643 00",
    "ES91 2100 0418 4502 0005 1332",
    "IT60 X054 2811 1010 0000 0123 456",
    "BE68 5390 0754 7034",
    "CH93 0076 2011 6238 5295 7",
    "AT61 1904 3002 3457 3201",
    "GB29 NWBK 6016 1331 9268 19",
)
SECRET = "[SECRET]"
NAMES = ("Alex", "Robin", "Sam", "Kim", "Jamie", "Chris", "Charlie", "Jordan", "Taylor", "Casey")
# Reserved values that the search for real values does not find: numbers of another region than the
# task's, IP addresses that are not global, and the replacement of secrets.
_WRITTEN = {
    "phone": re.compile(
        r"(?<![\w-])(?:\+?1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])?555[ .-]01\d{2}(?![\w-])",
        re.ASCII,
    ),
    "ip": re.compile(
        r"(?<![\w.])(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}(?!\w|\.\d)"
        r"|(?<![\w:.])2001:db8:[0-9a-f:]*[0-9a-f:](?!\w)",
        re.ASCII | re.IGNORECASE,
    ),
    "secret": re.compile(re.escape(SECRET)),
}
_PERHAPS_WRITTEN = re.compile(r"\[|555|\.0\.2\.|\.100\.|\.113\.|:db8:", re.IGNORECASE)


def find_written(text: str, kinds: Sequence[str]) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Yield (kind, spans) of the reserved values that the search for real values does not find."""
    if not _PERHAPS_WRITTEN.search(text):
        return
    for kind, pattern in _WRITTEN.items():
        if kind in kinds:
            yield kind, [match.span() for match in pattern.finditer(text)]


def reserved_values(values: Sequence[tuple[str, str]]) -> list[str]:
    """Return a reserved value for each (kind, value).

    Equal values get equal reserved values. Different values get different ones, as long as there
    are enough.
    """
    seen: dict[tuple[str, str], int] = {}
    count: dict[str, int] = {}
    for kind, value in values:
        if (kind, normal(kind, value)) not in seen:
            seen[kind, normal(kind, value)] = count.get(_pool(kind, value), 0)
            count[_pool(kind, value)] = count.get(_pool(kind, value), 0) + 1
    return [_reserved_value(kind, value, seen[kind, normal(kind, value)]) for kind, value in values]


def normal(kind: str, value: str) -> str:
    """Return the normal form of a value, which is the same for all its spellings."""
    value = respelled(value)
    if kind in ("phone", "card"):
        return re.sub(r"\D", "", value)[-9 if kind == "phone" else 0 :]
    if kind == "iban":
        return re.sub(r"[\W_]", "", value).upper()
    return value if kind == "secret" else value.casefold()


def is_reserved(kind: str, value: str) -> bool:
    """True if a value is reserved."""
    value = respelled(value)
    if kind == "email":
        return bool(_DOMAIN.search(re.sub(r"\s?[\[(]dot[\])]\s?", ".", value.casefold())))
    if kind == "phone":
        return bool(_PHONE.fullmatch(re.sub(r"\D", "", value.split("ext")[0])))
    published = {"card": CARDS, "iban": IBANS}.get(kind, ())
    return normal(kind, value) in {normal(kind, one) for one in published}


def _pool(kind: str, value: str) -> str:
    return "ip6" if kind == "ip" and ":" in value else kind


def _reserved_value(kind: str, value: str, number: int) -> str:
    """Return the reserved value with a number, counted from 0."""
    if kind == "email":
        return f"person{number + 1 if number else ''}@example.com"
    if kind == "phone":
        area = AREAS[number // 100 % len(AREAS)]
        return f"{'+1 ' if value[0] == '+' else ''}{area}-555-01{number % 100:02}"
    if kind == "ip":
        return f"2001:db8::{number + 1:x}" if ":" in value else f"192.0.2.{number % 254 + 1}"
    pool = {"card": CARDS, "iban": IBANS, "name": NAMES}.get(kind, (SECRET,))
    return pool[number % len(pool)]
