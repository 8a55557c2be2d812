"""The answers of a classify task: labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from unicodedata import normalize

from distill.core.suggestions import did_you_mean
from distill.task.answer_json import label_of

MOST_NAMED = 20  # labels in a message


@dataclass(frozen=True)
class Labels:
    """The form of answers in a classify task: one of several labels, each with a meaning."""

    meanings: Mapping[str, str]
    key: str = "label"
    metric: str = "accuracy"

    @property
    def choices(self) -> tuple[str, ...]:
        """The labels."""
        return tuple(self.meanings)

    @property
    def schema_text(self) -> str:
        """Empty, since a label has no schema."""
        return ""

    @property
    def groups(self) -> tuple[str, ...]:
        """The labels: each label is a group."""
        return tuple(self.meanings)

    def of_row(self, value: object) -> str:
        """Parse a label. Raises ValueError, with the known labels, for an unknown one."""
        label = self._spelt(value) if isinstance(value, str) else None
        if label is None:
            raise ValueError(f"unknown label {value!r}; {self._hint(value)}")
        return label

    def _hint(self, value: object) -> str:
        """Return the nearest label, or else the known labels."""
        if isinstance(value, str) and (meant := did_you_mean(value.strip(), self.meanings)):
            return meant
        more = len(self.meanings) - MOST_NAMED
        known = ", ".join([*self.meanings][:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        hint = "" if isinstance(value, str) else "; a label is a string: put it in quotes"
        return f"known: {known}{hint}"

    def of_text(self, text: str) -> str:
        """Return the label in {"label": …}, or the whole text if it is not such an object."""
        answer = label_of(text)
        return self._spelt(answer) or answer

    def _spelt(self, text: str) -> str | None:
        """Return the label that equals a text up to Unicode normalisation; None if none does."""
        return text if text in self.meanings else self._composed.get(normalize("NFC", text))

    @cached_property
    def _composed(self) -> dict[str, str]:
        return {normalize("NFC", label): label for label in self.meanings}

    def is_valid(self, answer: str) -> bool:
        """True for a known label."""
        return answer in self.meanings

    def group(self, answer: str) -> str:
        """Return the label itself."""
        return answer

    def group_values(self, group: str) -> dict[str, str]:
        """Return the `label` and the `meaning` of a group."""
        return {"label": group, "meaning": self.meanings[group]}

    def contradict(self, first: str, second: str) -> bool:
        """True for two different labels."""
        return first != second

    def values(self) -> dict[str, object]:
        """Return `labels`, the meanings by label."""
        return {"labels": self.meanings}

    def counts(self) -> dict[str, int]:
        """Return the number of `labels`."""
        return {"labels": len(self.meanings)}
