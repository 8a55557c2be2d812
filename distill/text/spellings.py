"""Copies of texts in plain spelling, with the original position of each character.

A regular expression for ASCII does not find a value in another spelling. Examples are full-width
signs, no-break spaces, special dashes and points, digits of other scripts, escapes (`&#64;`, `%40`)
and zero-width characters.
"""

import html
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# Decompositions of a sign into another form of the same sign (UAX #44).
_SAME_SIGN = ("<wide>", "<narrow>", "<small>", "<font>", "<noBreak>")
_JOINERS = "\u034f\u180b\u180c\u180d"  # zero-width characters outside category Cf
_HYPHENS = "\u2010\u2011\ufe63\uff0d"
_REFERENCE = re.compile(
    r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,16});"
    r"|(?<=\w)%(?:40|2[0BDEbde])(?=\w)|\\u00(?:40|2[0deDE])"  # escapes of URLs and JSON
)
_PLAIN = re.compile(r"[\x00-\x7f]*")
_SPECIAL = re.compile(r"[&%\\]")
_POINTS = "\u2024\u3002\uff0e\uff61\u00b7\u2027\u2219\u30fb\uff65"
_POINT_WITHIN = re.compile(rf"(?<=[A-Za-z0-9])[{_POINTS}](?=[A-Za-z0-9])")
_DASH_AT_DIGIT = re.compile(
    r"(?<=\d)[\u2012-\u2015\u2212](?=\w)|(?<=\w)[\u2012-\u2015\u2212](?=\d)"
    r"|(?<=\d )[\u2012-\u2015\u2212](?= \d)"
)


@dataclass(frozen=True, slots=True)
class Respelled:
    """A copy of a text in plain spelling.

    `copy[n]` is the plain spelling of the text from `starts[n]` to `ends[n]`.
    """

    copy: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Convert a span of the copy to a span of the text."""
        return self.starts[start], self.ends[end - 1]


def respell(text: str) -> Respelled | None:
    """Return a copy of a text in plain spelling; None if the text is already plain."""
    if _PLAIN.fullmatch(text) and not _SPECIAL.search(text):
        return None
    signs: list[tuple[str, int, int]] = []
    at = 0
    for reference in [*_REFERENCE.finditer(text), None]:
        until = reference.start() if reference else len(text)
        signs += ((sign, n, n + 1) for n in range(at, until) for sign in _plain(text[n]))
        if reference:
            at = reference.end()
            written = _unescaped(reference[0])
            signs += ((sign, until, at) for one in written for sign in _plain(one))
    copy = _DASH_AT_DIGIT.sub("-", "".join(sign for sign, _, _ in signs))
    copy = _POINT_WITHIN.sub(".", copy)
    if copy == text:
        return None
    return Respelled(copy, tuple(s for _, s, _ in signs), tuple(e for _, _, e in signs))


def _unescaped(reference: str) -> str:
    if reference[0] == "&":
        return html.unescape(reference)
    return chr(int(reference[-2:], 16))


def respelled(text: str) -> str:
    """Return a text in plain spelling."""
    found = respell(text)
    return found.copy if found else text


@lru_cache(maxsize=4096)
def _plain(sign: str) -> str:
    """Return the plain spelling of a character; "" for a zero-width character."""
    kind = unicodedata.category(sign)
    if kind == "Cf" or sign in _JOINERS or "\ufe00" <= sign <= "\ufe0f":
        return ""
    if kind == "Zs":
        return " "
    if kind == "Nd":
        return str(unicodedata.decimal(sign))
    if sign in _HYPHENS:
        return "-"
    if unicodedata.decomposition(sign).startswith(_SAME_SIGN):
        return unicodedata.normalize("NFKC", sign)
    return sign
