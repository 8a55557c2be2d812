"""Personal data and secrets in a text → their spans, or the text with reserved values instead.

Numbers with a check are checked (numbering plans, Luhn, ISO 7064, global addresses). Order numbers,
prices, dates and versions therefore stay. Reserved values belong to nobody and are not found, so a
masked text is clean.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from distill.text.pii.reference_words import is_computed, is_reference
from distill.text.pii.replacements import NAMES, find_written, is_reserved, reserved_values
from distill.text.pii.secrets import find_keys
from distill.text.spellings import respell

KINDS = ("email", "phone", "card", "iban", "ip", "secret")
WITH_DIGITS = ("phone", "card", "iban", "ip")

Span = tuple[int, int]

# Latin, Greek and Cyrillic: a Chinese sentence runs into the address in it without a space.
_LETTER = "A-Za-z\u00c0-\u024f\u0370-\u052f"
_AT = r"(?:@|\s@\s|\s?[\[({<]\s?(?:at|@|\xe4t|arroba|chiocciola)\s?[\])}>]\s?)"
_DOT = r"(?:\.|\s?[\[({<]\s?(?:dot|\.|punkt|point|punto|ponto)\s?[\])}>]\s?)"
_EMAIL = re.compile(
    rf"(?<![{_LETTER}0-9_%+-])[{_LETTER}0-9_%+-](?:[.']?[{_LETTER}0-9_%+-]){{0,63}}+{_AT}"
    rf"(?:[{_LETTER}0-9-]{{1,63}}{_DOT}){{1,6}}[{_LETTER}]{{2,24}}(?![{_LETTER}0-9])",
    re.IGNORECASE,
)
_EMAIL_IN_WORDS = re.compile(
    r"(?<![\w.])[a-z0-9][\w.+-]{0,63} at (?:[a-z0-9-]{1,63} dot ){1,4}"
    r"(?:com|net|org|edu|gov|info|io|co|me|biz|eu|uk|us|ca|au|de|at|ch|fr|es|it|nl|be|pl|pt|br|mx|in|jp)"
    r"(?!\w)",
    re.IGNORECASE,
)
_AT_SIGN = re.compile(r"@|[\[({<]\s?(?:at|\xe4t|arroba|chiocciola)\s?[\])}>]", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_IBAN_HEAD = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?=[ ./_-]{0,2}[A-Z0-9])", re.IGNORECASE | re.ASCII)
LONGEST_IBAN = 34 + 16  # characters, with two spaces between its groups
_GAP = r" {1,2}| ?[-/._] ?|\t"  # between the groups of a card, the same throughout
_CARD = re.compile(
    rf"(?<!\w)(?<!\d[ .-])(?:\d{{14,19}}|\d{{4}}({_GAP})\d{{4}}\1\d{{4}}\1\d{{2,4}}(?:\1\d{{3}})?"
    rf"|\d{{4}}({_GAP})\d{{6}}\2\d{{4,5}})(?!\w|[ .-]\d{{4}})",
    re.ASCII,
)
# Visa, Mastercard, American Express, Diners, JCB, Discover, UnionPay, Maestro (ISO/IEC 7812).
_ISSUED = re.compile(
    r"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[0-2])\d{13}|3[47]\d{13}|3[0689]\d{12}"
    r"|35\d{14}|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}|(?:50|5[6-8]|6[37])\d{14,17}"
)
_IP4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)", re.ASCII)
_IP6 = re.compile(r"(?<![\w:.])[23][0-9a-f]{3}:[0-9a-f:.]{2,41}(?!\w)", re.IGNORECASE)
_VERSION = re.compile(
    r"\b(?:v|vers?|versions?|releases?|firmware|build|updat\w*|upgrad\w*|app|driver|software|patch"
    r"|android|ios|windows|macos|chrome|firefox|safari|section|chapter|clause)\b[^.!?,;]{0,12}$"
)
_ABROAD = re.compile(r"(?<![\w+.,-])00(?=[1-9]\d{0,2}[ \d])", re.ASCII)
BEFORE, AFTER = 40, 24  # characters that say what a number is
# A number costs 0.1 ms to try; no message has so many that are none.
MOST_PHONES_TRIED = 20_000


@dataclass(frozen=True, slots=True)
class PersonalData:
    """The data at `text[start:end]`; `kind` is one of KINDS, or "name" for a name given."""

    kind: str
    start: int
    end: int


def find_personal(
    text: str, kinds: Sequence[str] = KINDS, *, region: str = "US", names: Sequence[str] = ()
) -> list[PersonalData]:
    """Return the personal data in a text, in order and without overlaps.

    - `region`: the ISO 3166 code for telephone numbers without a country code.
    - `names`: the names to find, as whole words in any case.
    """
    found = _without_overlaps(text, _candidates(text, kinds, region, names))
    return [one for one in found if not is_reserved(one.kind, text[one.start : one.end])]


def _without_overlaps(
    text: str, candidates: Iterable[tuple[str, Iterable[Span]]]
) -> list[PersonalData]:
    """Return the spans in the order of the text; the first candidate wins an overlap."""
    taken = bytearray(len(text))
    found = []
    for kind, spans in candidates:
        for start, end in spans:
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append(PersonalData(kind, start, end))
    return sorted(found, key=lambda one: one.start)


def name_kinds(
    text: str, kinds: Sequence[str] = KINDS, *, region: str = "US", names: Sequence[str] = ()
) -> str:
    """Replace every value with its kind, including reserved values.

    Texts that differ only in personal data become equal. A text and its masked copy do, too."""
    names = (*names, *NAMES) if names else ()
    candidates = chain(_candidates(text, kinds, region, names), find_written(text, kinds))
    parts, at = [], 0
    for one in _without_overlaps(text, candidates):
        parts += [text[at : one.start], f"[{one.kind}]"]
        at = one.end
    return "".join([*parts, text[at:]])


def mask_personal(text: str, found: Sequence[PersonalData]) -> str:
    """The text with a reserved value for each: equal ones for equal values."""
    values = [(one.kind, text[one.start : one.end]) for one in found]
    parts, at = [], 0
    for one, value in zip(found, reserved_values(values), strict=True):
        parts += [text[at : one.start], value]
        at = one.end
    return "".join([*parts, text[at:]])


def _candidates(
    text: str, kinds: Sequence[str], region: str, names: Sequence[str]
) -> Iterator[tuple[str, Iterable[Span]]]:
    """Yield respelled data first: in the text as given, a part of it may look whole."""
    plain = respell(text)
    if plain is None:
        yield from _written(text, kinds, region, names)
        return
    for kind, spans in _written(plain.copy, kinds, region, names):
        yield kind, [plain.span(*span) for span in spans]
    # A telephone number is one in both or in none: the words before it decide.
    rest = [kind for kind in kinds if kind != "phone"]
    yield from _written(text, rest, region, names)


def _written(
    text: str, kinds: Sequence[str], region: str, names: Sequence[str]
) -> Iterator[tuple[str, Iterator[Span]]]:
    """The surest kinds first: what they take is not looked at again."""
    has_digit = _DIGIT.search(text) is not None
    for kind, finder in _FINDERS.items():
        if kind in kinds and (has_digit or kind not in WITH_DIGITS):
            yield kind, finder(text)
    if "phone" in kinds and has_digit:
        yield "phone", _phones(text, region)
    if names:
        yield "name", (match.span() for match in _names(tuple(names)).finditer(text))


def _emails(text: str) -> Iterator[Span]:
    if _AT_SIGN.search(text):
        yield from (match.span() for match in _EMAIL.finditer(text))
    if " dot " in text.lower():
        yield from (match.span() for match in _EMAIL_IN_WORDS.finditer(text))


def _ibans(text: str) -> Iterator[Span]:
    """IBANs by their countries' lengths and structures and their check digits (ISO 13616)."""
    for match in _IBAN_HEAD.finditer(text):
        from stdnum import iban

        start, length = match.start(), _iban_length(match[0][:2].upper())
        places = [
            at for at, char in enumerate(text[start : start + LONGEST_IBAN]) if char.isalnum()
        ]
        end = start + places[:length][-1] + 1
        whole = len(places) >= length and not text[end : end + 1].isalnum()
        written = "".join(text[start + at] for at in places[:length])
        if whole and iban.is_valid(written, check_country=False):
            yield start, end


@lru_cache
def _iban_length(country: str) -> int:
    """Characters without spaces; more than any IBAN has where the country has none."""
    from stdnum import numdb

    info = numdb.get("iban").info(country)[0][1]
    parts = re.findall(r"(\d+)!", info.get("bban", ""))
    return 4 + sum(int(part) for part in parts) if parts else 99


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        from stdnum import luhn

        digits = re.sub(r"\D", "", match[0])
        if _ISSUED.fullmatch(digits) and luhn.is_valid(digits):
            yield match.span()


def _addresses(text: str) -> Iterator[Span]:
    """Global IP addresses: private and reserved ones are nobody's."""
    for match in _IP4.finditer(text):
        if _is_global(match[0]) and not _VERSION.search(_before(text, match.start())):
            yield match.span()
    for match in _IP6.finditer(text):
        value = match[0].rstrip(".")
        value = value if value.endswith("::") else value.rstrip(":")
        if _is_global(value):
            yield match.start(), match.start() + len(value)


def _is_global(value: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(value).is_global
    except ValueError:
        return False


def phone_regions() -> frozenset[str]:
    """The countries whose numbering plans are known, by their two letters."""
    from phonenumbers import SUPPORTED_REGIONS

    return frozenset(SUPPORTED_REGIONS)


def _phones(text: str, region: str) -> Iterator[Span]:
    """Numbers that a numbering plan has, unless the words before say that they are references."""
    if not re.search(r"\d\D{0,4}\d\D{0,4}\d", text):
        return
    from phonenumbers import Leniency, PhoneNumberMatcher

    # Of the same length, so that places stay.
    dialled = _ABROAD.sub(" +", text)
    for match in PhoneNumberMatcher(dialled, region, Leniency.VALID, MOST_PHONES_TRIED):
        opened = match.raw_string[0] == "(" and ")" not in match.raw_string
        start = match.start + opened
        start -= text[start] != dialled[start]
        if not _is_no_phone(text, start, match.end):
            yield start, match.end


def _is_no_phone(text: str, start: int, end: int) -> bool:
    """True for an order number, a version, a number in a sum and their like, none of which is
    written with a country code."""
    if text[start] in "+(":
        return False
    before = _before(text, start)
    after = text[end : end + AFTER]
    computed = text[start:end].isdecimal() and is_computed(before, after)
    return computed or is_reference(before) or _IP4.fullmatch(text, start, end) is not None


def _before(text: str, start: int) -> str:
    return text[max(0, start - BEFORE) : start].lower()


@lru_cache
def _names(names: tuple[str, ...]) -> re.Pattern[str]:
    """Each run of names is one: a given name and a family name are one person."""
    one = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{one})(?:[ \t]+(?:{one}))*(?!\w)", re.IGNORECASE)


_FINDERS: dict[str, Callable[[str], Iterator[Span]]] = {
    "secret": find_keys,
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "ip": _addresses,
}
