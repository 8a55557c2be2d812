"""The parity check: the served student's answers must match those of the trained student.

The trainer writes `answers.json`: the trained model's greedy answers to prompts of the split. The
server gets the same prompts. The chat template must match. The number of tokens of each prompt must
match; only this check finds a duplicate BOS token. Answers and their ends must match in a minimum
share of rows, because rounding may change a few.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distill.core.errors import DistillError
from distill.core.requests import CompletedRequest, Completion, Message, Model, Request, Sampling
from distill.core.students import Parity, Student
from distill.serve.base_folder import chat_template

SHOWN = 3
ANSWERS = "answers.json"


@dataclass(frozen=True, slots=True)
class TrainedAnswer:
    """The answer of the trainer's own model to a prompt."""

    messages: tuple[Message, ...]
    prompt_tokens: int
    answer: str
    ended: bool


@dataclass(frozen=True, slots=True)
class ReferenceAnswers:
    """The trained model's answers, its chat template's hash, and the max tokens of an answer.

    `template`: "" without a chat template.
    """

    template: str
    max_tokens: int
    rows: tuple[TrainedAnswer, ...]


def trained_answers(student: Student) -> ReferenceAnswers | None:
    """Return the trained model's answers from `answers.json`; None for a provider's student."""
    path = student.folder / ANSWERS
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    rows = tuple(
        TrainedAnswer(
            tuple(Message(**turn) for turn in row["messages"]),
            row["prompt_tokens"],
            row["answer"],
            row["ended"],
        )
        for row in found["rows"]
    )
    return ReferenceAnswers(found["template"], found["max_tokens"], rows)


def requests(trained: ReferenceAnswers, model: Model) -> list[Request]:
    """Return the same prompts as requests, unconstrained to reveal answers that do not end."""
    sampling = Sampling(max_tokens=trained.max_tokens)
    return [Request(model.name, row.messages, sampling) for row in trained.rows]


def compare(trained: ReferenceAnswers, served: Sequence[CompletedRequest]) -> Parity:
    """Return the number of equal answers, among all rows."""
    same = sum(_equal(row, answered) for row, answered in zip(trained.rows, served, strict=True))
    return Parity(len(trained.rows), same)


def _equal(row: TrainedAnswer, served: CompletedRequest) -> bool:
    ended = served.completion.finish_reason == "stop"
    return (row.answer, row.ended) == (served.completion.text, ended)


def gate(
    trained: ReferenceAnswers, served: Sequence[CompletedRequest], weights: Path, least: float
) -> Parity:
    """Check that the served student matches the trained one, and return the parity.

    Raises DistillError if the template, the token counts or too many answers differ. The message
    names the difference and its usual cause.
    """
    found = compare(trained, served)
    trouble = (
        _template_trouble(trained, weights)
        or _token_trouble(trained, served)
        or _answer_trouble(trained, served, found.agreement < least)
    )
    if trouble:
        raise DistillError(
            f"the served student does not match the trained one: {trouble}\nIt was not measured. "
            f"Its weights are in {weights}; evaluate.parity is the share that must match."
        )
    return found


def _template_trouble(trained: ReferenceAnswers, weights: Path) -> str:
    served = chat_template(weights)
    if not served and not trained.template:  # an encoder has none
        return ""
    if served and hashlib.sha256(served.encode()).hexdigest() == trained.template:
        return ""
    return "the chat template in its folder differs from the one used in training."


def _token_trouble(trained: ReferenceAnswers, served: Sequence[CompletedRequest]) -> str:
    for row, answered in zip(trained.rows, served, strict=True):
        tokens = answered.completion.prompt_tokens
        if tokens != row.prompt_tokens:
            return (
                f"{row.messages[-1].content!r} is {tokens} tokens for the server and was "
                f"{row.prompt_tokens} in training: one of them adds a BOS token, or their "
                "templates or tokenizers differ."
            )
    return ""


def _answer_trouble(
    trained: ReferenceAnswers, served: Sequence[CompletedRequest], too_few: bool
) -> str:
    if not too_few:
        return ""
    pairs = [
        (row, answered.completion)
        for row, answered in zip(trained.rows, served, strict=True)
        if not _equal(row, answered)
    ]
    shown = "\n".join(
        f"  {row.messages[-1].content!r}: {row.answer!r} in training, {completion.text!r} "
        f"({completion.finish_reason}) served"
        for row, completion in pairs[:SHOWN]
    )
    endless = sum(_does_not_end(row, completion) for row, completion in pairs)
    if endless > len(pairs) / 2:
        why = "most served answers do not end: generation_config.json lacks the EOS token"
    else:
        why = "the saved weights differ from the trained ones"
    return f"{len(pairs)} of {len(trained.rows)} answers differ; {why}.\n{shown}"


def _does_not_end(trained: TrainedAnswer, served: Completion) -> bool:
    """True if the served answer continues after the end of the trained model's answer.

    False if the trained model's answer is empty.
    """
    goes_on = served.finish_reason != "stop" and served.text.startswith(trained.answer)
    return trained.ended and bool(trained.answer) and goes_on
