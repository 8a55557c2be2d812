"""The kinds of tasks: the check, the comparison and the scoring of answers."""

from typing import Protocol

ANY = "any"  # the only group of a generate task


class AnswerForm(Protocol):
    """The form of a task's answers."""

    @property
    def key(self) -> str:
        """Key of the answer in a row of seeds or gold."""

    @property
    def metric(self) -> str:
        """Name of the main metric."""

    @property
    def choices(self) -> tuple[str, ...]:
        """Answers to choose from; empty if there is no list of answers."""

    @property
    def schema_text(self) -> str:
        """JSON Schema that an answer must fit; empty for none."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups that must all have seeds."""

    def of_row(self, value: object) -> str:
        """Read a person's answer. Raises ValueError, with the problem, if the answer is invalid."""

    def of_text(self, text: str) -> str:
        """Read a model's answer, valid or not."""

    def is_valid(self, answer: str) -> bool:
        """True if an answer is valid."""

    def group(self, answer: str) -> str:
        """Return the group of an answer, for balancing examples and requesting new inputs."""

    def group_values(self, group: str) -> dict[str, str]:
        """Return the values of a group for prompts that ask for new inputs."""

    def contradict(self, first: str, second: str) -> bool:
        """True if two answers to one input cannot both be right."""

    def values(self) -> dict[str, object]:
        """Return the values of the form for prompts."""

    def counts(self) -> dict[str, int]:
        """Count the labels or the fields."""
