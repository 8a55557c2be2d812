"""Protection of meaningful signs from the removal of punctuation.

`keep_meaning` replaces a meaningful sign with a private-use character, which is not punctuation.
Texts with different meanings therefore still differ after the removal of punctuation.

- kept: operators, signs and marks of numbers ("-20", "3.5", "5%", "x > 5", "6'"), currencies
- kept: names with signs ("C++", "C#", "A-"), brackets of a sum or an interval, emoticons
- not kept: commas, dashes, quotes and brackets of prose
"""

import re
import unicodedata

from distill.core.text import fold

PRIVATE_PLANE = 0xF0000
_ANY_SIGN = re.compile(r"[^\w\s]")
_ONE_SPELLING = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "\u2010": "-",
        "\u2011": "-",
        "×": "*",
        "÷": "/",
        "\u2215": "/",
        "\u2044": "/",
        "⋅": "*",
    }
)
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_POWER = re.compile(rf"(?<=[\w)])[⁻⁺]?[{_SUPERSCRIPTS}]+")
_THOUSANDS = re.compile(r"(?<![\d.,])(\d{1,3})((?:,\d{3})+)(?![\d,])")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_CURRENCIES = "$€£¥₹₩₽₺₴₪₫฿₦¢"
_KEPT = re.compile(
    "|".join(
        (
            r"(?<!\S)[:;=][\u2019'-]?[()\[\]|/\\](?!\w)",  # emoticons
            r"(?<=\w)(?:\+{1,2}|#)(?!\w)",  # C++, F#, Disney+, A+
            r"(?<=\b[^\W\d_])-(?!\w)",  # A-, O-
            r"(?<=\b[^\W\d_][^\W\d_])-(?![\w\s])",  # AB-
            r"[-!<>=+*/%&|^~:]=+|<>|&&|\|\|",
            r"[-=]>|<[-=](?!\d)",  # arrows
            rf"[<>](?=\s?[-+]?[{_CURRENCIES}]?\s?[.]?\d)",  # under <100
            r"(?<!\w)(?:\+\+|--)(?=[\w(])|(?<=\b[^\W\d_])--(?!\w)",  # ++i, i--
            r"(?<=[\s(&|=])!(?=[\w(])|(?<!\w)~(?=\d)",  # not !ready
            r"(?<=\de)[-+](?=\d)",  # 1e-5
            r"(?<=[-+*/^=<>(,]\s)[-+](?=[^\W\d_])|(?<=[=*^])[-+](?=[^\W\d_])",  # x = -y
            rf"(?<![\w)])[-+](?=[{_CURRENCIES}]\s?\d)",  # -$5
            r"(?<=[\d)])!(?=\s*(?:[-+*/^=<>?)]|over\b))",  # 5! / 3!
            r"(?<=\d)\u2032{1,3}|(?<=\b[^\W\d_])['\u2019\u2032]{1,3}(?=\()",  # feet; f'(x)
            r"(?<=\d)[.:](?=\d)|(?<![\w.])\.(?=\d)",  # 3.5, 2:1, .5
            r"(?<=\d) ?[%‰]",
            r"(?<![\w)][\s.,])(?<![\w)])[-+](?=\d)",  # -20, at the start
            r"(?<![-\s]) [-+](?=\d)",  # at -20
            # An operator between numbers or single letters.
            r"(?<=\d)\s?[-+*/^=<>~|&]\s?(?=-?[\d(]|[^\W\d_]\b)",
            r"(?<=\b[^\W\d_])\s?[-+*/^=<>~|&]\s?(?=-?[\d(]|[^\W\d_]\b)",
            r"(?<=\))\s?[-+*/^=<>]\s?(?=[\w(])",
            r"(?<=\w)\s[+*/=<>]\s(?=[\w(-])",  # price > cost
            r"(?<=[^\W_])[*^=](?=[\w(])",  # rate*hours, a=b
            r"(?<=[-+*/^=<>])\s?\(|\)\s?(?=[-+*/^=<>])",  # (2*3)+4
        )
    )
)
# Letters with signs of prose alone, none of which is kept. Most texts match.
_PROSE = re.compile(r"(?:[^\W\d]|[\s.,?]|['\u2019](?!\()|!(?![\w(=]))*+")

# [1,2) and (1,2]; two round brackets are punctuation.
_BOUNDS = r"\s?-?\d[\d.]{0,20}\s?[,;.]\s?-?\d[\d.]{0,20}\s?"
_INTERVAL = re.compile(rf"(\[)({_BOUNDS})([\])])|(\()({_BOUNDS})(\])")
_ABSOLUTE = re.compile(r"\|(-?\w{1,20})\|")
_INCHES = re.compile(r"(?<![\w.,])(\d+(?:[.]\d+)?)(''|[\"'])(?![\w\"'])")
_QUOTED = 200  # max characters between two quotation marks


def keep_meaning(text: str) -> str:
    """Return a folded text with its meaningful signs as private-use characters."""
    folded = fold(text)
    has_power = _POWER.search(text) is not None
    if not has_power and (_PROSE.fullmatch(folded) or not _ANY_SIGN.search(text)):
        return folded
    return _keep_signs(fold(_POWER.sub(_power, text)) if has_power else folded)


def _keep_signs(folded: str) -> str:
    folded = folded.translate(_ONE_SPELLING)
    folded = _THOUSANDS.sub(lambda found: found[1] + found[2].replace(",", ""), folded)
    folded = _DECIMAL_COMMA.sub(".", folded)
    folded = _INTERVAL.sub(_interval, folded)
    folded = _ABSOLUTE.sub(lambda found: _private("|") + found[1] + _private("|"), folded)
    folded = _INCHES.sub(_length, folded)
    kept = _KEPT.sub(lambda found: _private(found[0]), folded)
    signs = {sign for sign in kept if not sign.isalnum() and not sign.isspace()}
    return kept.translate({ord(sign): _private(sign) for sign in signs if _is_kept_alone(sign)})


def _interval(found: re.Match[str]) -> str:
    opened, bounds, closed = (part for part in found.groups() if part is not None)
    return _private(opened) + bounds + _private(closed)


def _length(found: re.Match[str]) -> str:
    """Protect the sign of feet or inches, unless it ends a quotation."""
    before = found.string[max(0, found.start() - _QUOTED) : found.start()]
    if before.count(found[2]) % 2:
        return found[0]
    return found[1] + _private('"' if found[2] == "''" else found[2])


def _power(found: re.Match[str]) -> str:
    return "^" + unicodedata.normalize("NFKC", found[0])


def _private(signs: str) -> str:
    return "".join(sign if sign == " " else chr(PRIVATE_PLANE + ord(sign)) for sign in signs)


def _is_kept_alone(sign: str) -> bool:
    """True for a currency sign, or a mathematical sign outside ASCII."""
    kind = unicodedata.category(sign)
    return kind == "Sc" or (kind == "Sm" and not sign.isascii())
