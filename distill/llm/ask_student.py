"""One request to a student, for a trial: no run, no store, no bill."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import exp

from distill.core.errors import DistillError, InputError
from distill.core.requests import Attempt, AttemptOutcome, Completion, Endpoint, Request
from distill.llm.client import complete_all
from distill.task import Task
from distill.task.prompts import student_request

SHOWN = 200  # characters of an unusable answer


@dataclass(frozen=True, slots=True)
class StudentAnswer:
    """A student's answer to one text.

    `valid`: True if the answer has the task's form.
    `confidence`: the probability of the answer; None if the student gives none.
    `seconds`: the duration of the request, without the server's start.
    """

    answer: str
    valid: bool
    confidence: float | None
    seconds: float


def ask_student(task: Task, endpoint: Endpoint, text: str) -> StudentAnswer:
    """Send an input to the student's server, as in production, and return the answer.

    Raises InputError if the input is empty. Raises DistillError if there is no usable answer.
    """
    if not text:
        raise InputError("TEXT is empty: give the text to answer")
    ledger = _OneRequest([student_request(task, endpoint.model, text)])
    complete_all(endpoint, ledger)
    (completion,) = ledger.completions
    if completion.problem:
        raise DistillError(
            f"{endpoint.model.name} gave no usable answer: {completion.problem} "
            f"({completion.text[:SHOWN]!r})"
        )
    answer = task.form.of_text(completion.text)
    sure = None if completion.logprob is None else exp(completion.logprob)
    return StudentAnswer(answer, task.form.is_valid(answer), sure, completion.latency_s)


@dataclass
class _OneRequest:
    """The ledger of requests that nobody bills: nothing is stored."""

    left: list[Request]
    completions: list[Completion] = field(default_factory=list)

    def turn(
        self, outcomes: Sequence[AttemptOutcome], again: Sequence[Request], wanted: int
    ) -> Sequence[Attempt]:
        """Keep the completions, and begin an attempt for each remaining request."""
        self.completions += [row.completion for row in outcomes if row.completion]
        asked, self.left = [*again, *self.left], []
        return [Attempt(request.id, request, Decimal(0)) for request in asked]
