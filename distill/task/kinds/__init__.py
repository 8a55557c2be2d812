"""The interface of the kinds of tasks: parsing, checking and comparing answers."""

from typing import Protocol

ANY = "any"  # the only group of a generate task


class AnswerForm(Protocol):
    """The form of a task's answers."""

    @property
    def key(self) -> str:
        """The key of the answer in a row of seeds or gold."""

    @property
    def metric(self) -> str:
        """The name of the main metric."""

    @property
    def choices(self) -> tuple[str, ...]:
        """The allowed answers; empty if there is no list of them."""

    @property
    def schema_text(self) -> str:
        """The JSON Schema that an answer must fit; "" for none."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that must each have a seed; empty for none."""

    def of_row(self, value: object) -> str:
        """Parse a person's answer. Raises ValueError, with the problem, for an invalid answer."""

    def of_text(self, text: str) -> str:
        """Parse a model's answer, which may be invalid."""

    def is_valid(self, answer: str) -> bool:
        """True if an answer is valid."""

    def group(self, answer: str) -> str:
        """Return the group of an answer."""

    def group_values(self, group: str) -> dict[str, str]:
        """Return a group's template values for prompts that ask for new inputs."""

    def contradict(self, first: str, second: str) -> bool:
        """True if two answers to one input cannot both be right."""

    def values(self) -> dict[str, object]:
        """Return the form's template values for all prompts."""

    def counts(self) -> dict[str, int]:
        """Return the number of labels or fields."""
