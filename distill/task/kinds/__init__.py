"""The kinds of tasks: how an answer is checked, compared and scored."""

from typing import Protocol

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
