"""Texts of systems on gold → how often each wins against the teacher's, by a judge that is a model.

Every pair is judged in both orders: a model that likes what stands first has no favourite so. What
the judge is worth is measured beside it: whether it tells the teacher's answer from the teacher's
answer to another input (the control), and whether it agrees with people, where the task has some.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from distill.core.evaluation import Prediction, Score
from distill.core.purpose import COMPARED, MEASURED
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
# What a pair's first answer got where it was shown first, and where it was shown second.
SHOWN_FIRST, SHOWN_SECOND = "win_shown_first", "win_shown_second"
UNREADABLE = "unreadable"  # how many of a pair's two verdicts were none
CONTROL, PEOPLE = "control", "people"  # of what the judge is worth, in the place of a system
CONTROLS = 50
WON, LEVEL, LOST = 1.0, 0.5, 0.0

ByGold = Mapping[str, Prediction]


@dataclass(frozen=True, slots=True)
class AnswerPair:
    """Two answers to an input, the one of `system` first, with the id of the row that they are
    about, and a person's answer, empty for none."""

    system: str
    row_id: str
    input: str
    first: str
    second: str
    reference: str = ""


def wins(context: Context, store: Store, predictions: Sequence[Prediction]) -> list[Score]:
    """The win rate on each gold row of every system that is there, the teacher among them, and what
    the judge said in each order.

    Raises BudgetReached and Waiting as any paid call does.
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
    """The same of some answers, with what is to be judged `beside` them."""
    known = _by_gold(teacher)
    asked = [*pairs(context.task, answers, known), *beside]
    return [*_plain(answers, known), *_scores(asked, judged(context, store, asked))]


def _by_gold(predictions: Sequence[Prediction]) -> ByGold:
    return {row.gold_id: row for row in predictions}


def plain_result(row: Prediction, teacher: Prediction) -> float | None:
    """What needs no judge: the teacher's answer is level with itself and with the same text, one
    that is none loses, and wins against none. None for what has to be judged."""
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
    """The answers that have to be judged, each against the teacher's."""
    gold = {row.id: row for row in task.gold}
    for row in predictions:
        theirs = teacher[row.gold_id]
        if plain_result(row, theirs) is None:
            asked = gold[row.gold_id]
            yield AnswerPair(
                row.system, asked.id, asked.input, row.answer, theirs.answer, asked.answer
            )


def controls(task: Task, teacher: ByGold) -> list[AnswerPair]:
    """The teacher's answers against its answers to other inputs, of at most CONTROLS gold rows,
    evenly from the file."""
    rows = [row for row in task.gold if teacher[row.id].valid]
    found = []
    for place, row in enumerate(rows):
        # The one from the other half of the file; only another text can be told apart.
        other = teacher[rows[(place + len(rows) // 2) % len(rows)].id].answer
        if other != teacher[row.id].answer:
            found.append(AnswerPair(CONTROL, row.id, row.input, teacher[row.id].answer, other))
    return found[:: -(-len(found) // CONTROLS)] if found else []


def people(task: Task) -> list[AnswerPair]:
    """What people compared."""
    return [
        AnswerPair(PEOPLE, row.id, row.input, row.first, row.second) for row in task.preferences
    ]


def both_ways(task: Task, model: Model, pair: AnswerPair) -> tuple[Request, Request]:
    """The judge's requests about a pair: the first answer shown first, and shown second."""
    first, second = pair.first, pair.second
    return (
        comparison_request(task, model, pair.input, (first, second), pair.reference),
        comparison_request(task, model, pair.input, (second, first), pair.reference),
    )


def judged(
    context: Context, store: Store, asked: Sequence[AnswerPair]
) -> list[tuple[float | None, float | None]]:
    """For each pair what its first answer got, shown first and shown second; None for a verdict
    that is none."""
    task = context.task
    judge = choose(task.judge_of_systems)
    settings = teacher_settings(task, context.log(f"{MEASURED}-judge"))
    requests = [both_ways(task, judge.model, pair) for pair in asked]
    once = {
        request.id: (pair.input, request)
        for pair, both in zip(asked, requests, strict=True)
        for request in both
    }
    # A list of its own for every set of pairs: students of a learning curve come later.
    purpose = f"{COMPARED}.{stable_hash(list(once))[:8]}"
    asks = [PlannedRequest(purpose, text, request) for text, request in once.values()]
    with lazy_endpoint(
        judge.model, lambda: judge.serve(settings), MEASURED, context.progress
    ) as endpoint:
        answered = complete_requests(
            context, store, asks, endpoint, batches_at=task.judge_of_systems
        )
    said = {row.ask.request.id: _verdict(row) for row in answered}
    return [(said[first.id], _turned(said[second.id])) for first, second in requests]


def _verdict(answered: CompletedRequest) -> float | None:
    """What answer A got."""
    if answered.completion.problem:
        return None
    return VERDICTS.get(label_of(answered.completion.text))


def _turned(value: float | None) -> float | None:
    return None if value is None else 1.0 - value


def win(first: float | None, second: float | None) -> float:
    """What a pair's first answer got: the mean of both orders. A verdict that is none counts as one
    against it, since it shows nothing for it."""
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
