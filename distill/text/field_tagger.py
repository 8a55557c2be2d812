"""The cheap baseline of an extract task.

Logistic regression predicts the field of each word from the word and its neighbours. For a field
whose values are not in the inputs, a classifier chooses one of the values seen in training.
Training takes seconds, and an answer takes milliseconds.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

from distill.core.words import (
    HANGUL,
    KOREAN_LETTERS,
    NO_SPACES,
    in_word,
    letters_a_word,
    word_pattern,
)
from distill.text.classifiers import Classifier, fit_tfidf

C = 10.0
REACH = 2  # words on each side whose neighbourhood counts
# Min share of a field's values that are in the inputs. Below it, the field has a classifier.
LEAST_COPIED = 0.5
ABSENT = ""

# A Korean word is tagged by letters, too, since particles follow the value.
_ALONE = NO_SPACES + HANGUL
_HANGUL = re.compile(f"[{HANGUL}]")
_LETTER_ALONE = re.compile(f"[{_ALONE}]")

Features = dict[str, float]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tagger:
    """A fitted tagger.

    - words: the model that predicts a word's field; None if all words have the same tag
    - choices: the classifiers of the fields whose values are not in the inputs
    - numbers: the fields whose values are numbers
    - lists: the fields whose values are lists
    """

    words: Any | None
    choices: Mapping[str, Classifier]
    numbers: frozenset[str]
    lists: frozenset[str]

    def predict(self, texts: Sequence[str]) -> list[str]:
        """Return an object for each text, as JSON."""
        return [json.dumps(self._found(text), ensure_ascii=False) for text in texts]

    def _found(self, text: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field, value in self._tagged(text):
            if field in self.lists:
                found.setdefault(field, []).append(value)
            else:
                found.setdefault(field, value)
        for field, classifier in self.choices.items():
            chosen = str(classifier.predict([text])[0])
            if chosen != ABSENT:
                found[field] = json.loads(chosen)
        return found

    def _tagged(self, text: str) -> Iterator[tuple[str, Any]]:
        """Yield (field, value) for each run of words with the same field, the likeliest first."""
        spans = _tokens(text)
        if self.words is None or not spans:
            return
        chances = self.words.predict_proba(_features(text, spans))
        tags = [str(self.words.classes_[row.argmax()]) for row in chances]
        runs = []
        for tag, places in groupby(range(len(spans)), key=tags.__getitem__):
            run = list(places)
            if tag != ABSENT:
                sure = sum(float(chances[place].max()) for place in run) / len(run)
                runs.append((sure, tag, text[spans[run[0]][0] : spans[run[-1]][1]]))
        for _, tag, said in sorted(runs, key=lambda run: -run[0]):
            value = number_in(said) if tag in self.numbers else said
            if value is not None:
                yield tag, value


def fit_tagger(texts: Sequence[str], answers: Sequence[str]) -> Tagger:
    """Fit a tagger to inputs and their answers, which are objects as JSON."""
    objects = [json.loads(answer) for answer in answers]
    fields = dict.fromkeys(field for found in objects for field in found)
    copied = [field for field in fields if _is_copied(field, texts, objects)]
    rows: list[Features] = []
    tags: list[str] = []
    for text, found in zip(texts, objects, strict=True):
        spans = _tokens(text)
        rows += _features(text, spans)
        tags += _tags(text, spans, {field: found[field] for field in copied if field in found})
    values = {field: [found[field] for found in objects if field in found] for field in fields}
    return Tagger(
        words=_fit_words(rows, tags),
        choices=dict(_fit_choices([f for f in fields if f not in copied], texts, objects)),
        numbers=frozenset(f for f in copied if all(_is_number(v) for v in values[f])),
        lists=frozenset(f for f in copied if all(isinstance(v, list) for v in values[f])),
    )


@cache
def _token() -> re.Pattern[str]:
    return re.compile(rf"{word_pattern(_ALONE)}|[^\w\s]")


def _tokens(text: str) -> list[Span]:
    """Return the spans of words and signs; a letter of a script without spaces is a word."""
    return [match.span() for match in _token().finditer(text)]


def _fit_words(rows: Sequence[Features], tags: Sequence[str]) -> Any | None:
    """Fit the model that predicts a word's field; None if there are fewer than two tags."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    if len(set(tags)) < 2:
        return None
    return make_pipeline(DictVectorizer(), LogisticRegression(C=C, max_iter=1000)).fit(rows, tags)


def _fit_choices(
    fields: Sequence[str], texts: Sequence[str], objects: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Classifier]]:
    """Yield (field, classifier) for each field with more than one value."""
    for field in fields:
        values = [json.dumps(row[field]) if field in row else ABSENT for row in objects]
        if len(set(values)) > 1:
            yield field, fit_tfidf(texts, values)


def _is_copied(field: str, texts: Sequence[str], objects: Sequence[Mapping[str, Any]]) -> bool:
    found = [
        bool(_spans_of(text, row[field]))
        for text, row in zip(texts, objects, strict=True)
        if field in row
    ]
    return sum(found) >= LEAST_COPIED * len(found)


def _spans_of(text: str, value: Any) -> list[Span]:
    """Return the first span in a text of a value, or of each value of a list; [] if none."""
    if isinstance(value, dict | bool) or value is None:
        return []
    found = []
    for one in value if isinstance(value, list) else [value]:
        words = r"\s+".join(re.escape(word) for word in str(one).split())
        if words and (span := _span(text, re.compile(words, re.IGNORECASE))):
            found.append(span)
    return found


def _span(text: str, words: re.Pattern[str]) -> Span | None:
    """Return the first span of some words that is no part of a longer word."""
    found = words.search(text)
    while found:
        start, end = found.span()
        if not (_goes_on(text, start, start - 1) or _goes_on(text, end - 1, end)):
            return start, end
        found = words.search(text, start + 1)
    return None


def _goes_on(text: str, edge: int, beside: int) -> bool:
    """True if the word of the sign at `edge` goes on at `beside`, the next place."""
    if not 0 <= beside < len(text) or _LETTER_ALONE.match(text[edge]):
        return False
    return in_word(text[beside]) and not _LETTER_ALONE.match(text[beside])


def _tags(text: str, spans: Sequence[Span], found: Mapping[str, Any]) -> list[str]:
    """Return the field of each word; ABSENT for a word of no field."""
    tags = [ABSENT] * len(spans)
    for field, value in found.items():
        for start, end in _spans_of(text, value):
            for place, (first, last) in enumerate(spans):
                if start <= first and last <= end:
                    tags[place] = field
    return tags


def _features(text: str, spans: Sequence[Span]) -> list[Features]:
    """Return the features of each word: prefix, suffix, and the words and shapes around it."""
    words = [text[start:end] for start, end in spans]
    reach = REACH * _tokens_a_word(text)
    return [dict(_features_of(words, place, reach)) for place in range(len(words))]


def _tokens_a_word(text: str) -> int:
    return max(letters_a_word(text), KOREAN_LETTERS if _HANGUL.search(text) else 1)


def _features_of(words: Sequence[str], place: int, reach: int) -> Iterator[tuple[str, float]]:
    word = words[place].lower()
    yield f"starts {word[:3]}", 1.0
    yield f"ends {word[-3:]}", 1.0
    for step in range(-reach, reach + 1):
        near = words[place + step] if 0 <= place + step < len(words) else ""
        yield f"{step} {near.lower()}", 1.0
        yield f"{step} looks {_shape(near)}", 1.0
    if place > 0:
        yield f"pair {words[place - 1].lower()} {word}", 1.0


def _shape(word: str) -> str:
    """Replace each run of capitals, small letters or digits with "A", "a" or "9"."""
    return re.sub(r"([Aa9])\1+", r"\1", "".join(map(_shape_of, word)))


def _shape_of(sign: str) -> str:
    if sign.isdecimal():
        return "9"
    if sign.isupper():
        return "A"
    return "a" if sign != "_" and in_word(sign) else sign


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number_in(text: str) -> int | float | None:
    """Parse a number; None if the text is not a number."""
    try:
        found = json.loads(text.replace(",", ""))
    except json.JSONDecodeError:
        return None
    return found if _is_number(found) else None
