"""Answers of a generate task: texts."""

from dataclasses import dataclass

from distill.core.text import replace_lone_surrogates
from distill.task.kinds import ANY


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
        return replace_lone_surrogates(value).strip()

    def of_text(self, text: str) -> str:
        """The text itself."""
        return replace_lone_surrogates(text).strip()

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
