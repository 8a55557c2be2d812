"""The answers of a generate task: texts."""

from dataclasses import dataclass

from distill.core.text import replace_lone_surrogates
from distill.task.kinds import ANY


@dataclass(frozen=True)
class Text:
    """The form of a generate task: a free text.

    Many texts can be right, so a judge compares them two by two.
    """

    key: str = "answer"
    metric: str = "win_rate"

    @property
    def choices(self) -> tuple[str, ...]:
        """Empty: there is no list of texts."""
        return ()

    @property
    def schema_text(self) -> str:
        """Empty: a text has no schema."""
        return ""

    @property
    def groups(self) -> tuple[str, ...]:
        """Empty: no group needs seeds."""
        return ()

    def of_row(self, value: object) -> str:
        """Read a text. Raises ValueError if the value is empty or no text."""
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"answer: must be a string that is not empty, not {value!r}")
        return replace_lone_surrogates(value).strip()

    def of_text(self, text: str) -> str:
        """Return the text itself, without white space at its ends."""
        return replace_lone_surrogates(text).strip()

    def is_valid(self, answer: str) -> bool:
        """True for a text that is not empty."""
        return bool(answer)

    def group(self, answer: str) -> str:
        """Return the only group."""
        return ANY

    def group_values(self, group: str) -> dict[str, str]:
        """Return no values."""
        return {}

    def contradict(self, first: str, second: str) -> bool:
        """False: two different texts can both be right."""
        return False

    def values(self) -> dict[str, object]:
        """Return no values."""
        return {}

    def counts(self) -> dict[str, int]:
        """Return no counts."""
        return {}
