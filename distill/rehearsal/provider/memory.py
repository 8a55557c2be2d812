"""The rows behind the answers, a source of labels for texts and of new texts."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any
from unicodedata import normalize

from distill.core.words import word_units

# Max rows to search for the words of a question, the rarest words first. A common word in thousands
# of seeds takes the most time and contributes little.
MOST_OCCURRENCES = 2000

_WORD = re.compile(r"\w+")


def _folded(text: str) -> str:
    """Return a text in NFC form, case-folded."""
    return text.casefold() if text.isascii() else normalize("NFC", text).casefold()


def _words(text: str) -> list[str]:
    """Split a text into folded words, or into letters in a script without spaces."""
    folded = _folded(text)
    return _WORD.findall(folded if text.isascii() else " ".join(word_units(folded)))


def _units(text: str) -> list[str]:
    """Split a text into words, each followed by a space, for new texts.

    A word in a script without spaces is split into letters, of which only the last has a space.
    """
    found = []
    for word in text.split() or ["nothing"]:
        *before, last = [word] if word.isascii() else word_units(word)
        found += [*before, f"{last} "]
    return found


class Memory:
    """The texts and labels behind the answers. Raises ValueError without rows."""

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
        """Return the label of the row that has the most words in common with a text.

        Rare words have a higher weight. `allowed`: the labels to choose from; None for all. Returns
        None if no row with an allowed label has a common word.
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
        # The order of `scores` depends only on the text, so ties are always broken in the same way.
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
        """Return the labels that occur most often in a text; all labels if none occurs."""
        lower = _folded(text)
        found = Counter({label: lower.count(_folded(label)) for label in self.labels if label})
        most = max(found.values(), default=0)
        return [label for label in self.labels if most and found[label] == most] or self.labels

    def new_text(self, labels: Sequence[str], taken: set[str], random: Random) -> str:
        """Return a new text in the style of the labels' texts, and add it to `taken`.

        The text differs from all rows and from all texts in `taken`.
        """
        known = [label for label in labels if label in self.texts] or self.labels
        texts = self.texts[random.choice(known)]
        text = _mixed(texts, random)
        while text in taken or text in self._known:
            text = f"{text} {random.choice(random.choice(texts)).strip()} {random.randint(2, 99)}"
        taken.add(text)
        return text


def _mixed(texts: Sequence[Sequence[str]], random: Random) -> str:
    """Return the beginning of a random text, a word of another and the end of a third."""
    first, second, third = (random.choice(texts) for _ in range(3))
    head = first[: random.randint(len(first) // 3, 2 * len(first) // 3)]
    tail = third[random.randint(len(third) // 3, 2 * len(third) // 3) :]
    return "".join([*head, random.choice(second), *tail]).strip()


def load(path: Path) -> Memory:
    """Load the rows {"input", "label"} or {"input", "answer"} of a JSON-lines file.

    A row may have "messages" in place of "input". A line {"about"} is skipped. Raises ValueError
    for any other line.
    """
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        row = json.loads(line) if line.strip() else {"about": ""}
        key = "label" if isinstance(row, dict) and "label" in row else "answer"
        text = _asked(row) if isinstance(row, dict) else None
        if not isinstance(row, dict) or not ((text is not None and key in row) or "about" in row):
            raise ValueError(f'line {number} of {path} has no "input" and "label"')
        if key in row and text is not None:
            rows.append((text, _text(row[key])))
    return Memory(rows)


def _asked(row: Mapping[str, Any]) -> str | None:
    """Return the text of a row: its input, or the contents of its messages; None without one."""
    if "messages" not in row:
        return str(row["input"]) if "input" in row else None
    return "\n".join(str(turn.get("content")) for turn in row["messages"])


def _text(label: object) -> str:
    return label if isinstance(label, str) else json.dumps(label, ensure_ascii=False)
