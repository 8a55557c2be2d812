"""The requests of a run to its teacher and judges, with the stored answers.

Requests on inputs that do not exist yet cannot be rendered. They are counted, and priced like
similar requests.

The run finds the nearest seeds of an input with a model of meanings, which takes seconds to load. A
workload without a store needs only the lengths of the prompts, so it can show other seeds.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

from distill.core.dataset import Candidate
from distill.core.purpose import ANSWER, COMPARED, JUDGED, ON_SEEDS, SYNTHESIZE, Purpose
from distill.core.requests import CompletedRequest, Completion, Model, PlannedRequest, Request
from distill.curate.classifier_check import is_on
from distill.curate.on_seeds import requests_on_seeds
from distill.evaluate.pairwise_judge import CONTROLS, AnswerPair, both_ways
from distill.evaluate.systems import TEACHER_AGAIN, compared_systems, gold_for
from distill.generate import inputs_by_label, synthesised_candidates
from distill.generate.contrasts import confused_labels
from distill.generate.rounds import ASSUMED_YIELD, planned_counts
from distill.generate.synthesis import (
    COVERED_SHOWN,
    first_words,
    inputs_per_request,
    synthesis_request,
    synthesis_rounds,
)
from distill.llm.models import choose
from distill.llm.tokens import worst_case
from distill.store import Store
from distill.task import Task
from distill.task.prompts import (
    Examples,
    annotation_requests,
    judge_request,
    longest,
    longest_seeds,
    nearest_seeds,
    random_seeds,
    requests_with,
)

EVALUATE, AGAIN = Purpose.of_system("teacher"), Purpose.of_system(TEACHER_AGAIN)
MOST_ALIKE = 200

Known = Mapping[str, Completion]
# The seeds in the prompts of a workload: those of the run, or others of its length or above.
Shown = Literal["nearest", "random", "longest"]
EXAMPLES: dict[Shown, Examples] = {
    "nearest": nearest_seeds,
    "random": random_seeds,
    "longest": longest_seeds,
}


@dataclass(frozen=True, slots=True)
class PurposeWorkload:
    """The requests of a purpose, without duplicates.

    `missing`: the requests without a stored answer.
    `answered`: the requests with their stored answers.
    `more`: the number of further requests, which cannot be rendered yet.
    `alike`: similar requests, by which to price the further ones.
    `unmade`: the part of `more` that depends on inputs still to be generated.
    """

    purpose: Purpose
    missing: tuple[Request, ...]
    answered: tuple[tuple[Request, Completion], ...]
    more: int = 0
    alike: tuple[Request, ...] = ()
    unmade: int = 0


@dataclass(frozen=True, slots=True)
class StoredAnswers:
    """The stored answers and finished stages, by which a workload is counted.

    `store`: the task's store; None before the first run.
    `finished`: the finished stages of the resumed run.
    `aside`: the ids of requests whose stored answers are to be discarded.
    `shown`: the seeds in the prompts. Only requests with the nearest ones have stored answers.
    """

    store: Store | None = None
    finished: Collection[str] = ()
    aside: Collection[str] = ()
    shown: Shown = "nearest"

    @property
    def examples(self) -> Examples:
        """The function that returns the examples of the prompts."""
        return EXAMPLES[self.shown]

    def completions(self, requests: Sequence[Request]) -> Known:
        """Return the stored completions of the requests, by request id."""
        return self.store.completions(requests, self.aside) if self.store else {}


@dataclass(frozen=True, slots=True)
class Workload:
    """The requests of a run to its teacher and its judges, by purpose.

    `new_share`: the share of the requested inputs that were generated; None before any answer.
    `new_inputs`: the number of inputs still to be generated.
    """

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
        """The workloads of all purposes, in the order of the run."""
        curated = (self.synthesize, self.answer, self.seeds, self.judge)
        return (*curated, self.evaluate, self.again, self.compared)


def workload(task: Task, model: Model, stock: StoredAnswers) -> Workload:
    """Count the remaining requests to a billed teacher and to judges until the task's report."""
    first, answers = _synthesis(task, model, stock)
    made = {row.input for row in synthesised_candidates(task, answers) if row.input}
    each = inputs_per_request(task, model)
    new_share = len(made) / (len(answers) * each) if answers else None
    inputs = sorted(made | _given(task))
    answers_wanted = (row for _, row in annotation_requests(task, model, inputs, stock.examples))
    second = wanted_requests(ANSWER, answers_wanted, stock)
    if "generate" in stock.finished:  # a finished stage sends no more requests
        first = replace(first, missing=(), more=0, alike=())
        second = replace(second, missing=())
    expected = (len(first.missing) + first.more) * each
    if new_share is not None:
        expected = round(expected * new_share)
    more = expected * task.spec.teacher.votes
    alike = _alike(task, model, sorted(made), stock.examples) if more else ()
    second = replace(second, more=more, alike=alike, unmade=more)
    seeds = _about_seeds(task, model, stock)
    third = _judged(task, stock, len(inputs) + len(task.logged_answers), expected)
    gold = gold_wanted(task, model, EVALUATE, stock)
    again = PurposeWorkload(AGAIN, (), ())
    if task.spec.evaluate.teacher_twice:
        again = gold_wanted(task, model, AGAIN, stock, vote=1)
    compared = _compared(task, stock)
    return Workload(first, second, seeds, third, gold, again, compared, new_share, expected)


def _about_seeds(task: Task, model: Model, stock: StoredAnswers) -> PurposeWorkload:
    """Return the requests to the teacher on seeds.

    They are only sent if a second opinion differs from the teacher, which is assumed. Empty without
    a second opinion, and after curation.
    """
    if not is_on(task) or "curate" in stock.finished:
        return PurposeWorkload(ON_SEEDS, (), ())
    return wanted_requests(ON_SEEDS, requests_on_seeds(task, model, stock.examples), stock)


def _judged(task: Task, stock: StoredAnswers, inputs: int, new_inputs: int) -> PurposeWorkload:
    """Return the expected number of requests to the judge of examples.

    A share of ASSUMED_YIELD of the rows is assumed to pass the checks before the judge. Empty
    without a judge, and after curation.
    """
    if not task.judge or "curate" in stock.finished:
        return PurposeWorkload(JUDGED, (), ())
    model = choose(task.judge).model
    rows = [Candidate(row.input, None, (row.answer,), "inputs", row.id) for row in task.seeds]
    alike = tuple(judge_request(task, model, row) for row in rows[:MOST_ALIKE])
    judged, of_inputs = (round(n * ASSUMED_YIELD) for n in (inputs + new_inputs, inputs))
    return PurposeWorkload(JUDGED, (), (), judged, alike, unmade=judged - of_inputs)


def _compared(task: Task, stock: StoredAnswers) -> PurposeWorkload:
    """Return the number of requests to the judge of systems, two per pair of answers.

    The systems' answers do not exist yet, so seeds' answers are used for the price. Pairs of equal
    answers are counted, too, although they are not judged. Empty without a judge, and after the
    evaluation.
    """
    if not task.judge_of_systems or "evaluate" in stock.finished:
        return PurposeWorkload(COMPARED, (), ())
    asked = sum(len(gold_for(name, task.gold)) for name in compared_systems(task))
    return comparisons(task, asked + min(len(task.gold), CONTROLS) + len(task.preferences))


def comparisons(task: Task, pairs: int) -> PurposeWorkload:
    """Return the workload of judging `pairs` pairs of answers, each in both orders."""
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
    """Return the requests of all rounds of synthesis, and the stored answers.

    The prompt of a round contains inputs of earlier rounds. If these do not exist yet, it is
    rendered with seeds instead.
    """
    seeds = {group: [seed.input for seed in task.seeds_of(group)] for group in task.groups}
    confused = {} if model.is_local else confused_labels(task)
    if stock.shown == "longest":
        seeds = {group: _longest_starts(texts) for group, texts in seeds.items()}
        task = _with_longest_seeds(task)
    found = PurposeWorkload(SYNTHESIZE, (), ())
    answers: list[CompletedRequest] = []
    for places in synthesis_rounds(planned_counts(task, model), model):
        covered = inputs_by_label(task, answers)
        if found.missing or found.more:
            alike = tuple(
                synthesis_request(
                    task, model, place, covered[place[0]] or seeds[place[0]], confused
                )
                for place in places
            )
            found = replace(found, more=found.more + len(alike), alike=found.alike + alike)
            continue
        asks = [
            PlannedRequest(
                SYNTHESIZE,
                place[0],
                synthesis_request(task, model, place, covered[place[0]], confused),
            )
            for place in places
        ]
        found = wanted_requests(SYNTHESIZE, (ask.request for ask in asks), stock, found.answered)
        known = {row.id: answer for row, answer in found.answered}
        answers += [
            CompletedRequest(ask, known[ask.request.id]) for ask in asks if ask.request.id in known
        ]
    return found, answers


def _with_longest_seeds(task: Task) -> Task:
    """Return the task with as many seeds of each group as a synthesis shows, the longest."""
    groups = (
        longest(task.seeds_of(group), task.spec.generate.seeds_shown) for group in task.groups
    )
    return replace(task, seeds=tuple(chain.from_iterable(groups)))


def _longest_starts(texts: Sequence[str]) -> list[str]:
    """Return the texts of which a synthesis shows most: their first words are longest."""
    by_length = sorted(texts, key=lambda text: len(first_words(text).encode()), reverse=True)
    return by_length[:COVERED_SHOWN]


def wanted_requests(
    purpose: Purpose,
    requests: Iterable[Request],
    stock: StoredAnswers,
    before: tuple[tuple[Request, Completion], ...] = (),
) -> PurposeWorkload:
    """Split the distinct requests into missing and answered ones.

    `before`: answered requests of the same purpose, which come first in the result.
    """
    once = list({request.id: request for request in requests}.values())
    known = stock.completions(once)
    missing = tuple(row for row in once if row.id not in known)
    answered = tuple((row, known[row.id]) for row in once if row.id in known)
    return PurposeWorkload(purpose, missing, before + answered)


def at_most(wanted: PurposeWorkload, model: Model) -> PurposeWorkload:
    """Return the workload with all further requests like the longest of the similar ones."""
    if not wanted.alike:
        return wanted
    return replace(wanted, alike=(max(wanted.alike, key=lambda row: worst_case(model, row)),))


def once(wanted_of_all: Sequence[PurposeWorkload]) -> list[PurposeWorkload]:
    """Remove each missing request from all but its first purpose, since all share the answer."""
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
    answered = {row.input for row in task.examples} | task.logged_answers.keys()
    return {text for _, text in task.unlabelled if text} - answered if wanted else set()


def _alike(
    task: Task, model: Model, made: Sequence[str], examples: Examples
) -> tuple[Request, ...]:
    """Return at most MOST_ALIKE requests on generated inputs, or on seeds if there are none."""
    texts = list(made) or [seed.input for seed in task.seeds]
    some = texts[:: -(-len(texts) // MOST_ALIKE)]
    shown = examples(task, some, task.spec.teacher.few_shot, 0)
    return tuple(requests_with(task, model, some, shown))


def gold_wanted(
    task: Task, model: Model, purpose: Purpose, stock: StoredAnswers, *, vote: int = 0
) -> PurposeWorkload:
    """Return the requests on gold to a model, with the prompts of the teacher."""
    gold = gold_for(purpose.step, task.gold)
    inputs, shots = [row.input for row in gold], task.spec.teacher.few_shot
    shown = stock.examples(task, inputs, shots, vote)
    return wanted_requests(purpose, requests_with(task, model, inputs, shown, vote), stock)
