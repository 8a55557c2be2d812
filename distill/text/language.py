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
# The English names of the codes of two letters, with "_" for a space.
_NAMES = """
af=Afrikaans am=Amharic an=Aragonese ar=Arabic as=Assamese az=Azerbaijani ba=Bashkir
be=Belarusian bg=Bulgarian bn=Bengali br=Breton bs=Bosnian ca=Catalan cs=Czech cy=Welsh
da=Danish de=German dz=Dzongkha el=Greek en=English eo=Esperanto es=Spanish et=Estonian
eu=Basque fa=Persian fi=Finnish fo=Faroese fr=French fy=Frisian ga=Irish gd=Scottish_Gaelic
gl=Galician gu=Gujarati ha=Hausa he=Hebrew hi=Hindi hr=Croatian ht=Haitian_Creole hu=Hungarian
hy=Armenian id=Indonesian ig=Igbo is=Icelandic it=Italian ja=Japanese jv=Javanese ka=Georgian
kk=Kazakh km=Khmer kn=Kannada ko=Korean ku=Kurdish ky=Kyrgyz la=Latin lb=Luxembourgish
lg=Ganda ln=Lingala lo=Lao lt=Lithuanian lv=Latvian mg=Malagasy mk=Macedonian ml=Malayalam
mn=Mongolian mr=Marathi ms=Malay mt=Maltese my=Burmese ne=Nepali nl=Dutch nn=Norwegian_Nynorsk
no=Norwegian oc=Occitan om=Oromo or=Odia pa=Punjabi pl=Polish ps=Pashto pt=Portuguese
qu=Quechua ro=Romanian ru=Russian rw=Kinyarwanda sa=Sanskrit se=Northern_Sami si=Sinhala
sk=Slovak sl=Slovenian sn=Shona so=Somali sq=Albanian sr=Serbian st=Southern_Sotho sv=Swedish
sw=Swahili ta=Tamil te=Telugu tg=Tajik th=Thai tk=Turkmen tl=Tagalog tr=Turkish tt=Tatar
ug=Uyghur uk=Ukrainian ur=Urdu uz=Uzbek vi=Vietnamese vo=Volapük wa=Walloon xh=Xhosa yo=Yoruba
zh=Chinese zu=Zulu
"""


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


def english_name(code: str) -> str:
    """Return the English name of a language, such as "German" for "de"; the code if unnamed."""
    return _names().get(code, code)


@cache
def _names() -> dict[str, str]:
    pairs = (pair.split("=") for pair in _NAMES.split())
    return {code: name.replace("_", " ") for code, name in pairs}


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
