"""The plan of a run: its billed requests, counted and priced in advance.

A plan has a step for each billed purpose. To make a plan, nothing is sent and nothing is written.
Stored answers replace assumptions about the remaining requests.

A plan without a store loads no model of meanings. Its prompts show random seeds, and those of its
maximum the longest seeds. Seeds that only mean the same as a gold row are counted.

A plan with a store shows the nearest seeds, because stored answers are found by the prompts. The
run has kept the embeddings, so only new texts need the model.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import cycle, islice
from pathlib import Path

from distill.core.model_ref import decides
from distill.core.purpose import ANSWER, COMPARED, JUDGED, ON_SEEDS, STAGES, SYNTHESIZE, Purpose
from distill.core.requests import Model, Request, Usage
from distill.estimate.costs import CostEstimate, CostLine
from distill.estimate.finetuning import (
    STUDENT,
    TRAIN,
    TrainingCost,
    base_of,
    gold_requests,
    kept_of,
    systems_of,
    training_tokens,
)
from distill.estimate.training_time import TrainingTime, training_time
from distill.estimate.usage import UsageForecast, assumptions, expectations
from distill.estimate.workload import (
    AGAIN,
    EVALUATE,
    PurposeWorkload,
    StoredAnswers,
    Workload,
    at_most,
    comparisons,
    gold_wanted,
    once,
    wanted_requests,
    workload,
)
from distill.evaluate.learning_curve import SHARES
from distill.llm.models import cached_and_written, choose, price_of, takes_batches
from distill.llm.rate_limit import FIRST_WINDOW
from distill.llm.tokens import of_prompt, worst_case
from distill.pricing.break_even import Tuned
from distill.pricing.finetuning import TUNABLE
from distill.pricing.table import today
from distill.pricing.token_prices import TokenPrice, assumption, token_price
from distill.store import Store
from distill.store.batches import goes_in_batches, was_batched
from distill.task import Task
from distill.task.leak_gate import without_leaking_seeds
from distill.train.permission import lines
from distill.train.trainers import trainer_of

__all__ = ["CostEstimate", "CostLine", "curve_plan", "plan"]


def plan(
    task: Task,
    store: Store | None = None,
    run_id: str | None = None,
    *,
    detach: bool = False,
    aside: Collection[str] = (),
) -> CostEstimate:
    """Plan the remaining payments until the task's report.

    `run_id`: the run to resume; None for a new run.
    `detach`: True if the user does not wait for batches.
    `aside`: the ids of requests whose stored answers are to be discarded.

    Needs no API key. Raises InputError if the teacher does not exist or its price is unknown.
    """
    name = task.spec.teacher.model
    price = price_of(name, task.rates)
    spent = store.billed_usd(run_id) if store and run_id else Decimal(0)
    twice = store.possibly_paid_twice_usd(run_id) if store and run_id else Decimal(0)
    terms = _terms(task)
    stock = _stock(store, run_id, aside)
    training = _training_time(task, name, stock)
    if not terms:
        budget = task.spec.budget.usd
        may = _permission(task)
        return CostEstimate(
            *(task.name, name, None, False, (), budget, spent, (), False, training, may, twice)
        )
    task, model = without_leaking_seeds(task, meanings=store is not None), choose(name).model
    asked = workload(task, model, stock)
    billed = _billed(task, asked, stock, terms)
    most = billed
    if store is None:
        most = _maximum(task, model, replace(stock, shown="longest"), terms)
    found = expectations(task, {purpose: row.model for purpose, row in terms.items()}, billed)
    mode, batches = task.spec.teacher.mode, takes_batches(model.api)
    began = store is not None and run_id is not None and was_batched(store, run_id)
    steps = [
        *(
            _step(row, found[row.purpose], terms[row.purpose], largest)
            for row, largest in zip(billed, most, strict=True)
        ),
        *_training(task, model, stock, run_id),
    ]
    planned = CostEstimate(
        task=task.name,
        teacher=model.name,
        price=price,
        batches=batches,
        steps=tuple(sorted(steps, key=lambda step: STAGES.index(step.purpose.stage))),
        budget_usd=task.spec.budget.usd,
        spent_usd=spent,
        assumptions=(
            *assumptions(task, asked, found),
            *_assumed_seeds(task, store),
            *_assumed_prices(terms.values()),
        ),
        in_batches=batches and goes_in_batches(mode, detach=detach, began=began),
        training=training,
        terms=_permission(task),
        possibly_paid_twice_usd=twice,
        new_inputs=asked.new_inputs,
    )
    return _with_warnings(task, planned)


def _billed(
    task: Task,
    asked: Workload,
    stock: StoredAnswers,
    terms: Mapping[Purpose, "_PurposePricing"],
) -> list[PurposeWorkload]:
    """Return the billed workloads of all purposes, each request only once."""
    wanted_of_all = once([*asked.wanted, *_student_wanted(task, stock), *_baselines(task, stock)])
    return [wanted for wanted in wanted_of_all if wanted.purpose in terms]


def _maximum(
    task: Task,
    model: Model,
    stock: StoredAnswers,
    terms: Mapping[Purpose, "_PurposePricing"],
) -> list[PurposeWorkload]:
    """Return the billed workloads with prompts that the run's do not exceed in length."""
    billed = _billed(task, workload(task, model, stock), stock, terms)
    return [at_most(wanted, terms[wanted.purpose].model) for wanted in billed]


def _assumed_seeds(task: Task, store: Store | None) -> Iterator[str]:
    """Yield what a plan without a store assumes about the seeds in prompts."""
    if store is not None:
        return
    shown = any(name and not decides(name) for _, name in task.models_asked)
    if task.spec.teacher.few_shot and shown:
        yield "prompts show random seeds, and for the maximum the longest seeds"
    if task.spec.leaks.semantic:
        yield "no seed only means the same as a gold row: the run leaves such seeds out"


def _permission(task: Task) -> tuple[str, ...]:
    """Return the terms of the teacher, the judge and the base as sentences."""
    return tuple(lines(task, today()))


def _training_time(task: Task, teacher: str, stock: StoredAnswers) -> TrainingTime | None:
    """Return the duration of the student's training; None if it is finished or unknown."""
    if "train" in stock.finished:
        return None
    return training_time(task, kept_of(task, model_of(teacher)), stock.store)


def model_of(teacher: str) -> Model:
    """Return the model that `teacher.model` names, without fetching any weights."""
    served_here = Model(teacher, Path(), "chat")
    return served_here if teacher.startswith("vllm:") else choose(teacher).model


def _assumed_prices(terms: Iterable["_PurposePricing"]) -> list[str]:
    """List the assumptions about models without known cache prices."""
    words = (assumption(row.model.name, row.online) for row in terms)
    return list(dict.fromkeys(filter(None, words)))


def _with_warnings(task: Task, found: CostEstimate) -> CostEstimate:
    """Return the plan with the warnings about a provider that trains the student."""
    base, day = base_of(task), today()
    if base is None:
        return found
    tuned = tuned_student(task, found)
    told = (
        trainer_of(task.spec.student.trainer).closing(base.place, day),
        *([tuned.in_words(day)] if tuned else []),
    )
    return replace(found, assumptions=(*found.assumptions, *told))


def tuned_student(task: Task, found: CostEstimate) -> Tuned | None:
    """Return the student that a provider trains, with the prices of student and teacher.

    `spent` includes the whole run and people's hours. Returns None if the student is trained on
    this machine, or if the teacher is not billed. Returns None if student or teacher has already
    answered all gold.
    """
    base, teacher = base_of(task), teacher_usd(found)
    step = next((step for step in found.steps if step.purpose == STUDENT and step.requests), None)
    if base is None or teacher is None or step is None:
        return None
    spent = found.spent_usd + found.expected_usd + task.spec.people.usd
    return Tuned(spent, teacher, step.usd / step.requests, TUNABLE[base.place].shutdown)


def teacher_usd(found: CostEstimate) -> Decimal | None:
    """Return the mean USD of a request to the teacher for an answer.

    Returns None if the teacher is not billed, or has already answered all gold. The price is from
    the answers to gold, or from other inputs if these include all gold.
    """
    steps = {step.purpose: step for step in found.steps}
    gold = steps.get(EVALUATE)
    if gold is None or (gold.answered and not gold.requests):
        return None
    asked = next((step for step in (gold, steps[ANSWER]) if step.requests), None)
    return asked.usd / asked.requests if asked else None


def _student_wanted(task: Task, stock: StoredAnswers) -> list[PurposeWorkload]:
    """Return the requests on gold to a student at a provider and to its base; [] without one."""
    base = base_of(task)
    if base is None:
        return []
    return [
        wanted_requests(purpose, rows, stock)
        for purpose, rows in gold_requests(task, base, stock.examples).items()
    ]


def _baselines(task: Task, stock: StoredAnswers) -> list[PurposeWorkload]:
    """Return the requests on gold to the baselines of the task."""
    return [
        gold_wanted(task, choose(name).model, Purpose.of_system(name), stock)
        for name in task.spec.evaluate.baselines
    ]


def curve_plan(task: Task, store: Store, run_id: str, trainings: TrainingCost) -> CostEstimate:
    """Plan only a learning curve: its fine-tuning jobs, and the judge in a generate task."""
    found, base, terms = plan(task, store, run_id), base_of(task), _terms(task)
    steps = []
    if base is not None:
        steps.append(_training_step(base.place, len(SHARES), 0, trainings, trainings.usd))
    if COMPARED in terms:
        asked = comparisons(task, len(SHARES) * len(task.gold))
        expected = expectations(task, {COMPARED: terms[COMPARED].model}, [asked])[COMPARED]
        steps.append(_step(asked, expected, terms[COMPARED], asked))
    return replace(found, steps=tuple(steps), in_batches=False)


def _training(
    task: Task, teacher: Model, stock: StoredAnswers, run_id: str | None
) -> list[CostLine]:
    """Return the fine-tuning job as a step; [] if it is finished, or if no provider trains."""
    base = base_of(task)
    if base is None or "train" in stock.finished:
        return []
    tokens = training_tokens(task, base, teacher, stock.store, run_id)
    cost = tokens.cost(base)
    certain = cost.usd
    if "generate" not in stock.finished:
        of_given = training_tokens(_without_new_inputs(task), base, teacher, stock.store, run_id)
        certain = min(certain, of_given.cost(base).usd)
    return [_training_step(base.place, 1, tokens.counted, cost, certain)]


def _without_new_inputs(task: Task) -> Task:
    """Return the task without synthesis, so that only given inputs are used."""
    generate = task.spec.generate.model_copy(update={"requests": 0, "examples": 0})
    return replace(task, spec=task.spec.model_copy(update={"generate": generate}))


def _training_step(
    base: str, jobs: int, tokens: int, cost: TrainingCost, certain_usd: Decimal
) -> CostLine:
    return CostLine(
        purpose=TRAIN,
        model=base,
        requests=jobs,
        answered=0,
        prompt_tokens=tokens,
        cached_tokens=0,
        cache_written_tokens=0,
        completion_tokens=0,
        usd=cost.usd,
        batch_usd=None,
        certain_usd=certain_usd,
        certain_batch_usd=None,
        worst_usd=cost.worst_usd,
        seconds=0.0,
    )


def _stock(store: Store | None, run_id: str | None, aside: Collection[str]) -> StoredAnswers:
    if store is None or run_id is None:
        return StoredAnswers(store, aside=aside, shown="nearest" if store else "random")
    return StoredAnswers(store, store.finished_stages(run_id), aside)


@dataclass(frozen=True, slots=True)
class _PurposePricing:
    """The model of a purpose with its prices.

    `online`: the price of requests outside batches.
    `batch`: the price in batches; None if the purpose never uses batches.
    `in_flight`: the maximum of concurrent online requests.
    """

    model: Model
    online: TokenPrice
    batch: TokenPrice | None
    in_flight: int


def _terms(task: Task) -> dict[Purpose, _PurposePricing]:
    """Return the pricing of each billed purpose.

    Requests on gold are always online, because the report gives their latency.
    """
    spec, found = task.spec, dict[Purpose, _PurposePricing]()
    for purpose, name in (
        (SYNTHESIZE, spec.teacher.model),
        (ANSWER, spec.teacher.model),
        (ON_SEEDS, spec.teacher.model),
        (JUDGED, task.judge),
        (EVALUATE, spec.teacher.model),
        (AGAIN, spec.teacher.model),
        (COMPARED, task.judge_of_systems),
        *((Purpose.of_system(baseline), baseline) for baseline in spec.evaluate.baselines),
    ):
        price = price_of(name, task.rates) if name else None
        if price is not None:
            model = choose(name).model
            gold = purpose.is_timed
            batch = None
            if takes_batches(model.api) and not gold:
                batch = token_price(model.api, model.name, task.rates, batch=True)
            in_flight = spec.evaluate.in_flight if gold else spec.teacher.in_flight
            found[purpose] = _PurposePricing(model, price, batch, in_flight)
    base = base_of(task)
    for purpose, model in (systems_of(task, base) if base else {}).items():
        price = token_price(model.api, model.name, task.rates)
        found[purpose] = _PurposePricing(model, price, None, spec.evaluate.in_flight)
    return found


def _step(
    wanted: PurposeWorkload,
    expected: UsageForecast,
    terms: _PurposePricing,
    largest: PurposeWorkload,
) -> CostLine:
    """Return the step of a workload; `largest` is the workload of its maximum cost."""
    model, requests = terms.model, _requests(wanted)
    usages = list(_usages(model, requests, expected))
    certain = usages[: len(requests) - wanted.unmade]
    waves = max(len(requests) / terms.in_flight, 1) if requests else 0
    return CostLine(
        purpose=wanted.purpose,
        model=model.name,
        requests=len(requests),
        answered=len(wanted.answered),
        prompt_tokens=sum(usage.prompt for usage in usages),
        cached_tokens=sum(usage.cached for usage in usages),
        cache_written_tokens=sum(usage.cache_written for usage in usages),
        completion_tokens=sum(usage.completion for usage in usages),
        usd=_usd(terms.online, usages),
        batch_usd=None if terms.batch is None else _usd(terms.batch, usages),
        certain_usd=_usd(terms.online, certain),
        certain_batch_usd=None if terms.batch is None else _usd(terms.batch, certain),
        worst_usd=sum(
            (terms.online.worst(*worst_case(model, row)) for row in _requests(largest)), Decimal(0)
        ),
        seconds=waves * expected.seconds,
    )


def _requests(wanted: PurposeWorkload) -> list[Request]:
    """Return the requests without an answer, and for each further one a similar request."""
    return [*wanted.missing, *islice(cycle(wanted.alike), wanted.more)]


def _usages(model: Model, requests: Sequence[Request], expected: UsageForecast) -> Iterator[Usage]:
    """Yield the expected usage of each request.

    The first FIRST_WINDOW requests are sent before the first answer returns, so they read nothing
    from the provider's cache.
    """
    for index, request in enumerate(requests):
        prompt = of_prompt(request).times(expected.prompt_factor)
        read, written = cached_and_written(model, prompt, warm=index >= FIRST_WINDOW)
        # Whole tokens with the right sum: 5.4 tokens per request are 5, 6, 5, 6, 5, …
        completion = round(expected.tokens * (index + 1)) - round(expected.tokens * index)
        yield Usage(prompt.total, completion, read, written)


def _usd(price: TokenPrice, usages: Sequence[Usage]) -> Decimal:
    return sum((price.usd(usage, 0.0) for usage in usages), Decimal(0))
