"""Language identification by naive Bayes on byte n-grams (py3langid, 139 languages, offline).

Languages are ISO 639 codes, such as "en", "de" and "zh"; `languages` lists them. A text takes about
80 µs.
"""

import copy
from collections.abc import Sequence
from functools import cache
from typing import Any

from distill.core.errors import InputError

UNDETERMINED = "und"  # ISO 639-2
NO_LANGUAGE = "zxx"  # ISO 639-2: markup, numbers, identifiers
# A text with a lower probability of the expected language counts as another language. At 0.001 this
# affects no English row of banking77 or restaurant8k; at 0.01, every eighth single name.
UNLIKELY = 0.001
# Max characters to read. py3langid damps counts and length, so that a megabyte fits any language.
MOST_READ = 1_000


def language_of(text: str, among: Sequence[str] = ()) -> tuple[str, float]:
    """Return the likeliest language of a text and its probability, 0–1.

    `among`: the possible languages; empty for all. Returns ("und", 0.0) for a text without a
    letter. Short texts get low probabilities. Raises InputError for an unknown code.
    """
    if not _has_letter(text):
        return UNDETERMINED, 0.0
    code, probability = _identifier(_known(among)).classify(text[:MOST_READ])
    return str(code), float(probability)


def other_language(text: str, language: str) -> bool:
    """True if a text is clearly not in the expected language.

    False for a text without a clear language, such as a number or a name. Raises InputError for an
    unknown code.
    """
    (code,) = _known([language])
    if not _has_letter(text):
        return False
    ranking = _identifier(()).rank(text[:MOST_READ])
    return ranking[0][0] not in (code, NO_LANGUAGE) and dict(ranking)[code] < UNLIKELY


@cache
def languages() -> tuple[str, ...]:
    """Return the codes of all languages that can be identified, sorted."""
    return tuple(sorted(set(_identifier(()).labels) - {NO_LANGUAGE}))


def _has_letter(text: str) -> bool:
    return any(character.isalpha() for character in text[:MOST_READ])


def _known(codes: Sequence[str]) -> tuple[str, ...]:
    for code in codes:
        if code not in languages():
            raise InputError(f"unknown language {code!r}; known: {', '.join(languages())}")
    return tuple(codes)


@cache
def _identifier(among: tuple[str, ...]) -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    if not among:
        return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    restricted = copy.copy(_identifier(()))
    restricted.set_languages(among)
    return restricted
