"""The rows that answers are made of: which label fits a text, and new texts like the known ones."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from random import Random
from unicodedata import normalize

from distill.core.words import word_units

# An answer looks at no more occurrences of its words than this, the rarest words first: a common
# word in thousands of seeds says little and would cost the most.
MOST_OCCURRENCES = 2000

_WORD = re.compile(r"\w+")


def _folded(text: str) -> str:
    """A text without differences of case and of the form of its accents."""
    return text.casefold() if text.isascii() else normalize("NFC", text).casefold()


def _words(text: str) -> list[str]:
    """A text's words; of scripts without spaces its letters."""
    folded = _folded(text)
    return _WORD.findall(folded if text.isascii() else " ".join(word_units(folded)))


def _units(text: str) -> list[str]:
    """A text's words as they stand in it, each with a space behind it; of scripts without spaces
    its letters, each alone."""
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
        """The label, among those allowed, of the row that shares most words with the text; a word
        counts the more the fewer rows have it. None when no row shares any."""
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
        # Rows come in here in an order that depends only on the text: ties are broken alike.
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
        """The labels that the text names most often; all of them when it names none."""
        lower = _folded(text)
        found = Counter({label: lower.count(_folded(label)) for label in self.labels if label})
        most = max(found.values(), default=0)
        return [label for label in self.labels if most and found[label] == most] or self.labels

    def new_text(self, labels: Sequence[str], taken: set[str], random: Random) -> str:
        """A text like those of the labels, but none of them and none of those taken."""
        known = [label for label in labels if label in self.texts] or self.labels
        texts = self.texts[random.choice(known)]
        text = _mixed(texts, random)
        while text in taken or text in self._known:
            text = f"{text} {random.choice(random.choice(texts)).strip()} {random.randint(2, 99)}"
        taken.add(text)
        return text


def _mixed(texts: Sequence[Sequence[str]], random: Random) -> str:
    """The beginning of one text, a word of another, and the end of a third."""
    first, second, third = (random.choice(texts) for _ in range(3))
    head = first[: random.randint(len(first) // 3, 2 * len(first) // 3)]
    tail = third[random.randint(len(third) // 3, 2 * len(third) // 3) :]
    return "".join([*head, random.choice(second), *tail]).strip()


def load(path: Path) -> Memory:
    """The rows of a file of JSON lines {"input", "label"} or {"input", "answer"}; a line {"about"}
    is passed over."""
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
