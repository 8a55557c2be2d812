"""The answers of a generate task: texts."""

from dataclasses import dataclass

from distill.core.text import replace_lone_surrogates
from distill.task.kinds import ANY


@dataclass(frozen=True)
class Text:
    """The form of answers in a generate task: any text.

    Many texts can be right, so a judge compares pairs of them.
    """

    key: str = "answer"
    metric: str = "win_rate"

    @property
    def choices(self) -> tuple[str, ...]:
        """Empty, since any text is allowed."""
        return ()

    @property
    def schema_text(self) -> str:
        """Empty, since a text has no schema."""
        return ""

    @property
    def groups(self) -> tuple[str, ...]:
        """Empty, since no group must have a seed."""
        return ()

    def of_row(self, value: object) -> str:
        """Parse a person's text. Raises ValueError if the value is not a string, or is empty."""
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"answer: must be a string that is not empty, not {value!r}")
        return replace_lone_surrogates(value).strip()

    def of_text(self, text: str) -> str:
        """Return the text without white space at its ends."""
        return replace_lone_surrogates(text).strip()

    def is_valid(self, answer: str) -> bool:
        """True for a text that is not empty."""
        return bool(answer)

    def group(self, answer: str) -> str:
        """Return the only group."""
        return ANY

    def group_values(self, group: str) -> dict[str, str]:
        """Return {}, since the only group has no values."""
        return {}

    def contradict(self, first: str, second: str) -> bool:
        """Return False, since two different texts can both be right."""
        return False

    def values(self) -> dict[str, object]:
        """Return {}, since the form has no values."""
        return {}

    def counts(self) -> dict[str, int]:
        """Return {}, since there are neither labels nor fields."""
        return {}
