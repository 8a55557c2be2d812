"""What an answer of a task is, for each kind of task.

In: what people wrote into files and what models answered. Out: the answer as one text, written
always in the same way, so that equal answers are equal texts. Objects have a module of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol
from unicodedata import normalize

from distill.core.text import readable
from distill.task.answer_json import label_of

ANY = "any"  # the one group of answers in words of their own


class AnswerForm(Protocol):
    """The form of a task's answers."""

    @property
    def key(self) -> str:
        """What holds one in a row of seeds and gold."""

    @property
    def metric(self) -> str:
        """The one that comes first."""

    @property
    def choices(self) -> tuple[str, ...]:
        """What an answer is one of; empty where it is one of no list."""

    @property
    def schema_text(self) -> str:
        """The JSON Schema that an answer must fit; empty for none."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Those that must all have seeds."""

    def of_row(self, value: object) -> str:
        """A person's answer. Raises ValueError, in words, for one that is none."""

    def of_text(self, text: str) -> str:
        """A model's answer, valid or not."""

    def is_valid(self, answer: str) -> bool:
        """Whether it is an answer at all."""

    def group(self, answer: str) -> str:
        """Which answers it belongs with, where examples are balanced and new inputs asked for."""

    def group_values(self, group: str) -> dict[str, str]:
        """What prompts for new inputs can show of a group."""

    def contradict(self, first: str, second: str) -> bool:
        """Whether not both can be right of the same input."""

    def values(self) -> dict[str, object]:
        """What prompts can show of it."""

    def counts(self) -> dict[str, int]:
        """How much there is to choose or to find."""


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


@dataclass(frozen=True)
class Text:
    """A text in words of its own. Many can be right, so a judge compares them two by two."""

    key: str = "answer"
    metric: str = "win_rate"

    @property
    def choices(self) -> tuple[str, ...]:
        """There are too many."""
        return ()

    @property
    def schema_text(self) -> str:
        """None."""
        return ""

    @property
    def groups(self) -> tuple[str, ...]:
        """None must be there."""
        return ()

    def of_row(self, value: object) -> str:
        """A text that is not empty."""
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"answer: must be a text that is not empty, not {value!r}")
        return readable(value).strip()

    def of_text(self, text: str) -> str:
        """The text itself."""
        return readable(text).strip()

    def is_valid(self, answer: str) -> bool:
        """Any text."""
        return bool(answer)

    def group(self, answer: str) -> str:
        """All belong together."""
        return ANY

    def group_values(self, group: str) -> dict[str, str]:
        """Nothing."""
        return {}

    def contradict(self, first: str, second: str) -> bool:
        """The same can be said in other words."""
        return False

    def values(self) -> dict[str, object]:
        """Nothing."""
        return {}

    def counts(self) -> dict[str, int]:
        """Nothing."""
        return {}
