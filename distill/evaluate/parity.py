"""Does the served student answer like the trained one?

The trainer leaves `answers.json`: what its own model answered, greedily, to prompts of the split.
The server is asked the same. Three things must hold: the chat template is the same, a prompt has
the same tokens on both sides (a second beginning-of-text token shows only there), and the answers
are the same, ends included, but for a share that rounding explains.
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
    """What the trainer's model made of a prompt."""

    messages: tuple[Message, ...]
    prompt_tokens: int
    answer: str
    ended: bool


@dataclass(frozen=True, slots=True)
class ReferenceAnswers:
    """What a trainer left behind: its chat template's hash, the most tokens of an answer, and the
    answers."""

    template: str
    max_tokens: int
    rows: tuple[TrainedAnswer, ...]


def trained_answers(student: Student) -> ReferenceAnswers | None:
    """What the student's trainer left; None for a student that is served where it was trained."""
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
    """The same prompts for the server, unconstrained: an answer that does not end shows, too."""
    sampling = Sampling(max_tokens=trained.max_tokens)
    return [Request(model.name, row.messages, sampling) for row in trained.rows]


def compare(trained: ReferenceAnswers, served: Sequence[CompletedRequest]) -> Parity:
    """How many answers are the same."""
    same = sum(_equal(row, answered) for row, answered in zip(trained.rows, served, strict=True))
    return Parity(len(trained.rows), same)


def _equal(row: TrainedAnswer, served: CompletedRequest) -> bool:
    ended = served.completion.finish_reason == "stop"
    return (row.answer, row.ended) == (served.completion.text, ended)


def gate(
    trained: ReferenceAnswers, served: Sequence[CompletedRequest], weights: Path, least: float
) -> Parity:
    """The parity, if it is good enough to measure anything. Raises DistillError with what differs
    and where that usually comes from."""
    found = compare(trained, served)
    trouble = (
        _template_trouble(trained, weights)
        or _token_trouble(trained, served)
        or _answer_trouble(trained, served, found.agreement < least)
    )
    if trouble:
        raise DistillError(
            f"the served student is not the trained one: {trouble}\nNothing of it was measured. "
            f"The weights are in {weights}; evaluate.parity is the share that must agree."
        )
    return found


def _template_trouble(trained: ReferenceAnswers, weights: Path) -> str:
    served = chat_template(weights)
    if served and hashlib.sha256(served.encode()).hexdigest() == trained.template:
        return ""
    return "its folder has another chat template than the one it was trained with."


def _token_trouble(trained: ReferenceAnswers, served: Sequence[CompletedRequest]) -> str:
    for row, answered in zip(trained.rows, served, strict=True):
        tokens = answered.completion.prompt_tokens
        if tokens != row.prompt_tokens:
            return (
                f"{row.messages[-1].content!r} is {tokens} tokens for the server and was "
                f"{row.prompt_tokens} in training: one of them adds a beginning-of-text token, or "
                "they use other templates or tokenizers."
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
        why = "most served answers do not end: generation_config.json misses the end-of-text token"
    else:
        why = "the merged weights are not what was trained"
    return f"{len(pairs)} of {len(trained.rows)} answers differ; {why}.\n{shown}"


def _does_not_end(trained: TrainedAnswer, served: Completion) -> bool:
    """Whether the server goes on where the trainer's model ended; of an answer of no text it cannot
    be told."""
    goes_on = served.finish_reason != "stop" and served.text.startswith(trained.answer)
    return trained.ended and bool(trained.answer) and goes_on
