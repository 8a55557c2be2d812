"""The rows behind the answers: the label that fits a text, and new texts similar to known ones."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from random import Random
from unicodedata import normalize

from distill.core.words import word_units

# Maximum occurrences of a question's words that are searched, the rarest words first. A common
# word in thousands of seeds tells little and costs the most time.
MOST_OCCURRENCES = 2000

_WORD = re.compile(r"\w+")


def _folded(text: str) -> str:
    """Normalise a text's case and the form of its accents."""
    return text.casefold() if text.isascii() else normalize("NFC", text).casefold()


def _words(text: str) -> list[str]:
    """Split a text into words, or into letters for scripts without spaces."""
    folded = _folded(text)
    return _WORD.findall(folded if text.isascii() else " ".join(word_units(folded)))


def _units(text: str) -> list[str]:
    """Split a text into its written words, each with a space after it.

    Letters of scripts without spaces are units of their own, without a space.
    """
    found = []
    for word in text.split() or ["nothing"]:
        *before, last = [word] if word.isascii() else word_units(word)
        found += [*before, f"{last} "]
    return found


class Memory:
    """Texts and their labels."""

    def __init__(self, rows: Iterable[tuple[str, str]]) -> None:
        self.rows = list(rows)
        if not self.rows:
            raise ValueError("there are no rows to answer from")
        self.texts: dict[str, list[list[str]]] = defaultdict(list)
        self._rows_with: dict[str, list[int]] = defaultdict(list)
        for number, (text, label) in enumerate(self.rows):
            self.texts[label].append(_units(text))
            for word in sorted(set(_words(text))):
                self._rows_with[word].append(number)
        self.labels = list(self.texts)
        self._known = {text for text, _ in self.rows}

    def label_of(self, text: str, allowed: Collection[str] | None = None) -> str | None:
        """Return the allowed label of the row that shares most words with the text; None if no row
        does.

        A word counts more if fewer rows have it.
        """
        scores: dict[int, float] = defaultdict(float)
        looked = 0
        known = (self._rows_with.get(word, []) for word in dict.fromkeys(_words(text)))
        for rows in sorted(known, key=len):
            looked += len(rows)
            if scores and looked > MOST_OCCURRENCES:
                break
            weight = 1 / len(rows) if rows else 0
            for row in rows:
                scores[row] += weight
        # The order of the rows depends only on the text, so ties are broken consistently.
        best = max(scores, key=scores.__getitem__, default=None)
        if best is None or allowed is None:
            return None if best is None else self.rows[best][1]
        spelt = {_folded(label): label for label in allowed}
        if (label := spelt.get(_folded(self.rows[best][1]))) is not None:
            return label
        ranked = sorted(scores, key=scores.__getitem__, reverse=True)
        found = (spelt.get(_folded(self.rows[row][1])) for row in ranked)
        return next((label for label in found if label is not None), None)

    def topics(self, text: str) -> list[str]:
        """Return the labels that the text names most often; all labels if it names none."""
        lower = _folded(text)
        found = Counter({label: lower.count(_folded(label)) for label in self.labels if label})
        most = max(found.values(), default=0)
        return [label for label in self.labels if most and found[label] == most] or self.labels

    def new_text(self, labels: Sequence[str], taken: set[str], random: Random) -> str:
        """Write a text similar to those of the labels, different from all known and taken texts."""
        known = [label for label in labels if label in self.texts] or self.labels
        texts = self.texts[random.choice(known)]
        text = _mixed(texts, random)
        while text in taken or text in self._known:
            text = f"{text} {random.choice(random.choice(texts)).strip()} {random.randint(2, 99)}"
        taken.add(text)
        return text


def _mixed(texts: Sequence[Sequence[str]], random: Random) -> str:
    """Join the beginning of one text, a word of another and the end of a third."""
    first, second, third = (random.choice(texts) for _ in range(3))
    head = first[: random.randint(len(first) // 3, 2 * len(first) // 3)]
    tail = third[random.randint(len(third) // 3, 2 * len(third) // 3) :]
    return "".join([*head, random.choice(second), *tail]).strip()


def load(path: Path) -> Memory:
    """Load the rows of a JSON lines file {"input", "label"} or {"input", "answer"}.

    A line {"about"} is skipped. Raises ValueError for any other line.
    """
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        row = json.loads(line) if line.strip() else {"about": ""}
        key = "label" if isinstance(row, dict) and "label" in row else "answer"
        if not isinstance(row, dict) or not ({"input", key} <= set(row) or "about" in row):
            raise ValueError(f'line {number} of {path} has no "input" and "label"')
        if key in row:
            rows.append((str(row["input"]), _text(row[key])))
    return Memory(rows)


def _text(label: object) -> str:
    return label if isinstance(label, str) else json.dumps(label, ensure_ascii=False)
