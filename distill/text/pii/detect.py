"""Detection of personal data and secrets in a text, and replacement with reserved values.

Numbers must pass a check (numbering plan, Luhn, ISO 7064, global IP address). Order numbers,
prices, dates and versions are therefore not found. Reserved values belong to nobody and are not
found either, so nothing is found in a masked text.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from distill.core.words import HANGUL, NO_SPACES, word_sign
from distill.text.pii.reference_words import is_computed, is_reference
from distill.text.pii.replacements import NAMES, find_written, is_reserved, reserved_values
from distill.text.pii.secrets import find_keys
from distill.text.spellings import respell

KINDS = ("email", "phone", "card", "iban", "ip", "secret")
WITH_DIGITS = ("phone", "card", "iban", "ip")

Span = tuple[int, int]

# Only Latin, Greek and Cyrillic, because a Chinese sentence has no space before an address.
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
LONGEST_IBAN = 34 + 16  # max characters, with two spaces between the groups
_GAP = r" {1,2}| ?[-/._] ?|\t"  # separator between the groups of a card number
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
BEFORE, AFTER = 40, 24  # characters before and after a number that show its kind
# Max numbers to try, at 0.1 ms each. No message has more numbers that are not phone numbers.
MOST_PHONES_TRIED = 20_000


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Personal data at `text[start:end]`; `kind` is one of KINDS, or "name"."""

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
    """Replace all personal data, including reserved values, with kinds such as "[email]".

    Texts that differ only in personal data become equal, and so do a text and its masked copy.
    """
    names = (*names, *NAMES) if names else ()
    candidates = chain(_candidates(text, kinds, region, names), find_written(text, kinds))
    parts, at = [], 0
    for one in _without_overlaps(text, candidates):
        parts += [text[at : one.start], f"[{one.kind}]"]
        at = one.end
    return "".join([*parts, text[at:]])


def mask_personal(text: str, found: Sequence[PersonalData]) -> str:
    """Replace personal data with reserved values; equal data get equal values."""
    values = [(one.kind, text[one.start : one.end]) for one in found]
    parts, at = [], 0
    for one, value in zip(found, reserved_values(values), strict=True):
        parts += [text[at : one.start], value]
        at = one.end
    return "".join([*parts, text[at:]])


def _candidates(
    text: str, kinds: Sequence[str], region: str, names: Sequence[str]
) -> Iterator[tuple[str, Iterable[Span]]]:
    """Yield (kind, spans) for the text in plain spelling, and then for the text as given.

    The plain spelling comes first, since a part of a value may match in the given text.
    """
    plain = respell(text)
    if plain is None:
        yield from _written(text, kinds, region, names)
        return
    for kind, spans in _written(plain.copy, kinds, region, names):
        yield kind, [plain.span(*span) for span in spans]
    # Telephone numbers are searched in the plain spelling only.
    rest = [kind for kind in kinds if kind != "phone"]
    yield from _written(text, rest, region, names)


def _written(
    text: str, kinds: Sequence[str], region: str, names: Sequence[str]
) -> Iterator[tuple[str, Iterator[Span]]]:
    """Yield (kind, spans), the most reliable kinds first, since the first kind wins an overlap."""
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
    """Yield the IBANs with a valid length, structure and check digits (ISO 13616)."""
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
    """Return the length of a country's IBANs without spaces; 99 if the country has no IBANs."""
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
    """Yield the global IP addresses, since private and reserved addresses belong to nobody."""
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
    """Return the two-letter codes of the countries with a known numbering plan."""
    from phonenumbers import SUPPORTED_REGIONS

    return frozenset(SUPPORTED_REGIONS)


def _phones(text: str, region: str) -> Iterator[Span]:
    """Yield the numbers of a numbering plan, except references and computed numbers."""
    if not re.search(r"\d\D{0,4}\d\D{0,4}\d", text):
        return
    from phonenumbers import Leniency, PhoneNumberMatcher

    # The replacement has the same length, so that positions stay the same.
    dialled = _ABROAD.sub(" +", text)
    for match in PhoneNumberMatcher(dialled, region, Leniency.VALID, MOST_PHONES_TRIED):
        opened = match.raw_string[0] == "(" and ")" not in match.raw_string
        start = match.start + opened
        start -= text[start] != dialled[start]
        if not _is_no_phone(text, start, match.end):
            yield start, match.end


def _is_no_phone(text: str, start: int, end: int) -> bool:
    """True for an order number, an IP address or a number in a computation.

    False for a number with a country code or an area code in brackets.
    """
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
    """Compile a pattern for runs of names, since a given name and a family name are one person.

    In scripts without spaces, and in Korean, a name may stand within a run of letters.
    """
    beside = word_sign(NO_SPACES + HANGUL)
    one = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<!{beside})(?:{one})(?:[ \t]+(?:{one}))*(?!{beside})", re.IGNORECASE)


_FINDERS: dict[str, Callable[[str], Iterator[Span]]] = {
    "secret": find_keys,
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "ip": _addresses,
}
