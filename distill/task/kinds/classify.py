"""Answers of a classify task: one label of a set."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from unicodedata import normalize

from distill.task.answer_json import label_of


@dataclass(frozen=True)
class Labels:
    """One label of a set, each with what belongs there."""

    meanings: Mapping[str, str]
    key: str = "label"
    metric: str = "accuracy"

    @property
    def choices(self) -> tuple[str, ...]:
        """The labels."""
        return tuple(self.meanings)

    @property
    def schema_text(self) -> str:
        """None."""
        return ""

    @property
    def groups(self) -> tuple[str, ...]:
        """A label is a group."""
        return tuple(self.meanings)

    def of_row(self, value: object) -> str:
        """A known label."""
        label = self._spelt(value) if isinstance(value, str) else None
        if label is None:
            hint = "" if isinstance(value, str) else "; a label is a text: write it in quotes"
            known = ", ".join(self.meanings)
            raise ValueError(f"unknown label {value!r}; known: {known}{hint}")
        return label

    def of_text(self, text: str) -> str:
        """The label in {"label": …}, or the text itself."""
        answer = label_of(text)
        return self._spelt(answer) or answer

    def _spelt(self, text: str) -> str | None:
        """The label that reads like a text, whatever the form of its accents; None for no label."""
        return text if text in self.meanings else self._composed.get(normalize("NFC", text))

    @cached_property
    def _composed(self) -> dict[str, str]:
        return {normalize("NFC", label): label for label in self.meanings}

    def is_valid(self, answer: str) -> bool:
        """A known label."""
        return answer in self.meanings

    def group(self, answer: str) -> str:
        """Itself."""
        return answer

    def group_values(self, group: str) -> dict[str, str]:
        """`label` and `meaning`."""
        return {"label": group, "meaning": self.meanings[group]}

    def contradict(self, first: str, second: str) -> bool:
        """Two labels do."""
        return first != second

    def values(self) -> dict[str, object]:
        """`labels`, name → meaning."""
        return {"labels": self.meanings}

    def counts(self) -> dict[str, int]:
        """`labels`."""
        return {"labels": len(self.meanings)}
