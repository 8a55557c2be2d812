"""The judge of texts: each system's win rate on gold, against the teacher's texts.

The judge is a model. Every pair is judged in both orders, so that a preference for the first text
cancels out. In the control, the judge must prefer the teacher's answer to the teacher's answer to
another input. If the task has people's preferences, the judge's agreement with them is measured.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from distill.core.evaluation import Prediction, Score
from distill.core.purpose import COMPARED, EVALUATION
from distill.core.requests import CompletedRequest, Model, PlannedRequest, Request
from distill.core.text import stable_hash
from distill.llm.complete import complete_requests, lazy_endpoint, teacher_settings
from distill.llm.models import choose
from distill.store import Store
from distill.task import Task
from distill.task.answer_json import label_of
from distill.task.prompts import VERDICTS, comparison_request
from distill.task.run_context import Context

WIN_RATE = "win_rate"
# The score of a pair's first answer in each of the two orders.
SHOWN_FIRST, SHOWN_SECOND = "win_shown_first", "win_shown_second"
UNREADABLE = "unreadable"  # metric: the number of a pair's two verdicts that cannot be read
CONTROL, PEOPLE = "control", "people"  # the judge's checks, in place of a system
CONTROLS = 50
WON, LEVEL, LOST = 1.0, 0.5, 0.0

ByGold = Mapping[str, Prediction]


@dataclass(frozen=True, slots=True)
class AnswerPair:
    """Two answers to an input, the first by `system`.

    `row_id`: the id of the input's row.
    `reference`: a person's answer, or "".
    """

    system: str
    row_id: str
    input: str
    first: str
    second: str
    reference: str = ""


def wins(context: Context, store: Store, predictions: Sequence[Prediction]) -> list[Score]:
    """Return each system's win rate on each gold row, including the teacher's.

    The scores in each order, and the number of unreadable verdicts, are also returned. Raises
    BudgetReached and BatchesPending like any paid call.
    """
    teacher = [row for row in predictions if row.system == "teacher"]
    beside = [*controls(context.task, _by_gold(teacher)), *people(context.task)]
    return judge_against_teacher(context, store, predictions, teacher, beside)


def judge_against_teacher(
    context: Context,
    store: Store,
    answers: Sequence[Prediction],
    teacher: Sequence[Prediction],
    beside: Sequence[AnswerPair] = (),
) -> list[Score]:
    """Return the win rates of answers against the teacher's.

    `beside`: further pairs for the same judge, such as the controls.
    """
    known = _by_gold(teacher)
    asked = [*pairs(context.task, answers, known), *beside]
    return [*_plain(answers, known), *_scores(asked, judged(context, store, asked))]


def _by_gold(predictions: Sequence[Prediction]) -> ByGold:
    return {row.gold_id: row for row in predictions}


def plain_result(row: Prediction, teacher: Prediction) -> float | None:
    """Return the win rate of an answer that needs no judge; None if the answer must be judged.

    The teacher's own answer, or an equal text, has a win rate of 0.5. An invalid answer loses. A
    valid answer wins against an invalid answer of the teacher.
    """
    if row.system == "teacher":
        return LEVEL
    if not row.valid:
        return LOST
    if not teacher.valid:
        return WON
    return LEVEL if row.answer == teacher.answer else None


def _plain(predictions: Sequence[Prediction], teacher: ByGold) -> Iterator[Score]:
    for row in predictions:
        value = plain_result(row, teacher[row.gold_id])
        if value is not None:
            yield Score(row.system, row.gold_id, WIN_RATE, value)


def pairs(task: Task, predictions: Sequence[Prediction], teacher: ByGold) -> Iterator[AnswerPair]:
    """Yield the answers that must be judged, each paired with the teacher's."""
    gold = {row.id: row for row in task.gold}
    for row in predictions:
        theirs = teacher[row.gold_id]
        if plain_result(row, theirs) is None:
            asked = gold[row.gold_id]
            yield AnswerPair(
                row.system, asked.id, asked.input, row.answer, theirs.answer, asked.answer
            )


def controls(task: Task, teacher: ByGold) -> list[AnswerPair]:
    """Return pairs of the teacher's answer to an input, and to another input.

    There are at most CONTROLS pairs, evenly spread over the gold file.
    """
    rows = [row for row in task.gold if teacher[row.id].valid]
    found = []
    for place, row in enumerate(rows):
        # The other input is half a file away. Equal texts are left out: they cannot be told apart.
        other = teacher[rows[(place + len(rows) // 2) % len(rows)].id].answer
        if other != teacher[row.id].answer:
            found.append(AnswerPair(CONTROL, row.id, row.input, teacher[row.id].answer, other))
    return found[:: -(-len(found) // CONTROLS)] if found else []


def people(task: Task) -> list[AnswerPair]:
    """Return the pairs that people compared."""
    return [
        AnswerPair(PEOPLE, row.id, row.input, row.first, row.second) for row in task.preferences
    ]


def both_ways(task: Task, model: Model, pair: AnswerPair) -> tuple[Request, Request]:
    """Return the judge's two requests on a pair: with the first answer shown first, and second."""
    first, second = pair.first, pair.second
    return (
        comparison_request(task, model, pair.input, (first, second), pair.reference),
        comparison_request(task, model, pair.input, (second, first), pair.reference),
    )


def judged(
    context: Context, store: Store, asked: Sequence[AnswerPair]
) -> list[tuple[float | None, float | None]]:
    """Return the two scores of each pair's first answer: when shown first, and when shown second.

    A score is None if the verdict cannot be read.
    """
    task = context.task
    judge = choose(task.judge_of_systems)
    settings = teacher_settings(task, context.log("evaluate-judge"))
    requests = [both_ways(task, judge.model, pair) for pair in asked]
    once = {
        request.id: (pair.input, request)
        for pair, both in zip(asked, requests, strict=True)
        for request in both
    }
    # Each set of pairs has its own purpose, because a learning curve's students are judged later.
    purpose = COMPARED.in_round(stable_hash(list(once))[:8])
    asks = [PlannedRequest(purpose, text, request) for text, request in once.values()]
    with lazy_endpoint(
        judge.model, lambda: judge.serve(settings), EVALUATION, context.progress
    ) as endpoint:
        answered = complete_requests(
            context, store, asks, endpoint, batches_at=task.judge_of_systems
        )
    said = {row.ask.request.id: _verdict(row) for row in answered}
    return [(said[first.id], _turned(said[second.id])) for first, second in requests]


def _verdict(answered: CompletedRequest) -> float | None:
    """Return the score of answer A; None if the verdict cannot be read."""
    if answered.completion.problem:
        return None
    return VERDICTS.get(label_of(answered.completion.text))


def _turned(value: float | None) -> float | None:
    return None if value is None else 1.0 - value


def win(first: float | None, second: float | None) -> float:
    """Return the score of a pair's first answer: the mean of both orders.

    A verdict that cannot be read counts as a loss, because it is no evidence for the answer.
    """
    return ((first or 0.0) + (second or 0.0)) / 2


def _scores(
    asked: Sequence[AnswerPair], said: Sequence[tuple[float | None, float | None]]
) -> Iterator[Score]:
    for pair, (first, second) in zip(asked, said, strict=True):
        yield Score(pair.system, pair.row_id, WIN_RATE, win(first, second))
        for metric, value in ((SHOWN_FIRST, first), (SHOWN_SECOND, second)):
            if value is not None:
                yield Score(pair.system, pair.row_id, metric, value)
        yield Score(pair.system, pair.row_id, UNREADABLE, [first, second].count(None))
