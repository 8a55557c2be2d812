"""What a run asks of its teacher: the real requests, rendered, with the answers that are stored.

Requests about inputs that the teacher has not made yet cannot be rendered: they are counted, and
said to be like others that can.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from distill.core.dataset import Candidate
from distill.core.purpose import COMPARED
from distill.core.purpose import ON_SEEDS as SEEDS
from distill.core.requests import CompletedRequest, Completion, Model, PlannedRequest, Request
from distill.curate.classifier_check import is_on
from distill.curate.judge import PURPOSE as JUDGE
from distill.curate.on_seeds import requests_on_seeds
from distill.evaluate.pairwise_judge import CONTROLS, AnswerPair, both_ways
from distill.evaluate.systems import TEACHER_AGAIN, gold_for
from distill.generate import ANSWER, SYNTHESIZE, inputs_by_label, synthesised_candidates
from distill.generate.rounds import ASSUMED_YIELD, planned_counts
from distill.generate.synthesis import inputs_per_request, synthesis_request, synthesis_rounds
from distill.llm.models import choose
from distill.store import Store
from distill.task import Task
from distill.task.prompts import annotation_requests, answer_requests, judge_request

EVALUATE = "evaluate:teacher"
AGAIN = f"evaluate:{TEACHER_AGAIN}"
MOST_ALIKE = 200

__all__ = [
    "AGAIN",
    "ANSWER",
    "COMPARED",
    "EVALUATE",
    "JUDGE",
    "SEEDS",
    "SYNTHESIZE",
    "PurposeWorkload",
    "StoredAnswers",
    "Workload",
    "comparisons",
    "gold_wanted",
    "once",
    "wanted_requests",
    "workload",
]

Known = Mapping[str, Completion]


@dataclass(frozen=True, slots=True)
class PurposeWorkload:
    """The requests of one purpose, each once: those that are to be asked, those that have an
    answer, and how many `more` there will be, each like one of `alike`. Of the `more`, `unmade` are
    about new inputs, if these come and are new."""

    purpose: str
    missing: tuple[Request, ...]
    answered: tuple[tuple[Request, Completion], ...]
    more: int = 0
    alike: tuple[Request, ...] = ()
    unmade: int = 0


@dataclass(frozen=True, slots=True)
class StoredAnswers:
    """What there is already: the store, None before the first run, the stages that are done of the
    run that is to go on, and the answers that it would put aside, by their requests."""

    store: Store | None = None
    finished: Collection[str] = ()
    aside: Collection[str] = ()

    def completions(self, requests: Sequence[Request]) -> Known:
        """Request id → its stored completion."""
        return self.store.completions(requests, self.aside) if self.store else {}


@dataclass(frozen=True, slots=True)
class Workload:
    """All that a run asks of its teacher and its judges, and which share of the new inputs that it
    asked for came, None before any did. `new_inputs` are still to come."""

    synthesize: PurposeWorkload
    answer: PurposeWorkload
    seeds: PurposeWorkload
    judge: PurposeWorkload
    evaluate: PurposeWorkload
    again: PurposeWorkload
    compared: PurposeWorkload
    new_share: float | None
    new_inputs: int

    @property
    def wanted(self) -> tuple[PurposeWorkload, ...]:
        """In the order of asking."""
        curated = (self.synthesize, self.answer, self.seeds, self.judge)
        return (*curated, self.evaluate, self.again, self.compared)


def workload(task: Task, model: Model, stock: StoredAnswers) -> Workload:
    """What bringing the task to its report takes, of a teacher that sends bills."""
    first, answers = _synthesis(task, model, stock)
    made = {row.input for row in synthesised_candidates(answers) if row.input}
    each = inputs_per_request(task, model)
    new_share = len(made) / (len(answers) * each) if answers else None
    inputs = sorted(made | _given(task))
    answers_wanted = (row for _, row in annotation_requests(task, model, inputs))
    second = wanted_requests(ANSWER, answers_wanted, stock)
    if "generate" in stock.finished:  # what was not asked for by now is asked for no more
        first = replace(first, missing=(), more=0, alike=())
        second = replace(second, missing=())
    expected = (len(first.missing) + first.more) * each
    if new_share is not None:
        expected = round(expected * new_share)
    more = expected * task.spec.teacher.votes
    alike = _alike(task, model, sorted(made)) if more else ()
    second = replace(second, more=more, alike=alike, unmade=more)
    seeds = _about_seeds(task, model, stock)
    third = _judged(task, stock, len(inputs), expected)
    gold = gold_wanted(task, model, EVALUATE, stock)
    again = PurposeWorkload(AGAIN, (), ())
    if task.spec.evaluate.teacher_twice:
        again = gold_wanted(task, model, AGAIN, stock, vote=1)
    compared = _compared(task, stock)
    return Workload(first, second, seeds, third, gold, again, compared, new_share, expected)


def _about_seeds(task: Task, model: Model, stock: StoredAnswers) -> PurposeWorkload:
    """The teacher is asked about seeds where a second opinion differs with it, which only its
    answers can tell."""
    if not is_on(task) or "curate" in stock.finished:
        return PurposeWorkload(SEEDS, (), ())
    return wanted_requests(SEEDS, requests_on_seeds(task, model), stock)


def _judged(task: Task, stock: StoredAnswers, inputs: int, new_inputs: int) -> PurposeWorkload:
    """The judge sees what the checks before it let through, which only they can tell."""
    if not task.judge or "curate" in stock.finished:
        return PurposeWorkload(JUDGE, (), ())
    model = choose(task.judge).model
    rows = [Candidate(row.input, None, (row.answer,), "inputs", row.id) for row in task.seeds]
    alike = tuple(judge_request(task, model, row) for row in rows[:MOST_ALIKE])
    judged, of_inputs = (round(n * ASSUMED_YIELD) for n in (inputs + new_inputs, inputs))
    return PurposeWorkload(JUDGE, (), (), judged, alike, unmade=judged - of_inputs)


def _compared(task: Task, stock: StoredAnswers) -> PurposeWorkload:
    """The judge of texts sees what the systems will answer, twice; before that, seeds' answers. It
    is not asked where two are the same."""
    if not task.judge_of_systems or "evaluate" in stock.finished:
        return PurposeWorkload(COMPARED, (), ())
    systems = ("student", "base", "base_few_shot", "nearest", *task.spec.evaluate.baselines)
    again = (TEACHER_AGAIN,) if task.spec.evaluate.teacher_twice else ()
    asked = [len(gold_for(name, task.gold)) for name in (*systems, *again)]
    return comparisons(task, sum(asked) + min(len(task.gold), CONTROLS) + len(task.preferences))


def comparisons(task: Task, pairs: int) -> PurposeWorkload:
    """So many pairs for the judge of texts, each in both orders."""
    model = choose(task.judge_of_systems).model
    others = [*task.seeds[1:], *task.seeds[:1]]
    alike = [
        request
        for row, other in zip(task.seeds, others, strict=True)
        for request in both_ways(
            task, model, AnswerPair("", row.id, row.input, row.answer, other.answer, row.answer)
        )
    ]
    return PurposeWorkload(COMPARED, (), (), 2 * pairs, tuple(alike[:MOST_ALIKE]))


def _synthesis(
    task: Task, model: Model, stock: StoredAnswers
) -> tuple[PurposeWorkload, list[CompletedRequest]]:
    """The requests of all rounds, and what is answered of them. Those of a round that shows what
    is not made yet are like ones that show seeds instead."""
    found = PurposeWorkload(SYNTHESIZE, (), ())
    answers: list[CompletedRequest] = []
    for places in synthesis_rounds(planned_counts(task, model), model):
        covered = inputs_by_label(answers)
        if found.missing or found.more:
            alike = tuple(
                synthesis_request(task, model, place, covered[place[0]] or _seeds(task, place[0]))
                for place in places
            )
            found = replace(found, more=found.more + len(alike), alike=found.alike + alike)
            continue
        asks = [
            PlannedRequest(
                SYNTHESIZE, place[0], synthesis_request(task, model, place, covered[place[0]])
            )
            for place in places
        ]
        found = wanted_requests(SYNTHESIZE, (ask.request for ask in asks), stock, found.answered)
        known = {row.id: answer for row, answer in found.answered}
        answers += [
            CompletedRequest(ask, known[ask.request.id]) for ask in asks if ask.request.id in known
        ]
    return found, answers


def _seeds(task: Task, group: str) -> list[str]:
    return [seed.input for seed in task.seeds_of(group)]


def wanted_requests(
    purpose: str,
    requests: Iterable[Request],
    stock: StoredAnswers,
    before: tuple[tuple[Request, Completion], ...] = (),
) -> PurposeWorkload:
    """The requests, each once, with the answers that the store has; `before` are answered ones of
    the same purpose."""
    once = list({request.id: request for request in requests}.values())
    known = stock.completions(once)
    missing = tuple(row for row in once if row.id not in known)
    answered = tuple((row, known[row.id]) for row in once if row.id in known)
    return PurposeWorkload(purpose, missing, before + answered)


def once(wanted_of_all: Sequence[PurposeWorkload]) -> list[PurposeWorkload]:
    """The same, where what several purposes ask for is missing of the first of them alone: one
    answer serves all."""
    seen: set[str] = set()
    found = []
    for wanted in wanted_of_all:
        found.append(
            replace(wanted, missing=tuple(row for row in wanted.missing if row.id not in seen))
        )
        seen.update(row.id for row in wanted.missing)
    return found


def _given(task: Task) -> set[str]:
    wanted = "inputs" in task.spec.generate.sources
    return {text for text in task.inputs if text} if wanted else set()


def _alike(task: Task, model: Model, made: Sequence[str]) -> tuple[Request, ...]:
    """Requests about inputs like those to come: those that came, before any the seeds."""
    texts = list(made) or [seed.input for seed in task.seeds]
    some = texts[:: -(-len(texts) // MOST_ALIKE)]
    return tuple(answer_requests(task, model, some, shots=task.spec.teacher.few_shot))


def gold_wanted(
    task: Task, model: Model, purpose: str, stock: StoredAnswers, *, vote: int = 0
) -> PurposeWorkload:
    """What a model that is asked as the teacher is will be asked about gold."""
    gold = gold_for(purpose.partition(":")[2], task.gold)
    inputs, shots = [row.input for row in gold], task.spec.teacher.few_shot
    return wanted_requests(
        purpose, answer_requests(task, model, inputs, shots=shots, vote=vote), stock
    )
