"""The estimate of `distill plan`, and a probe of at most five paid calls to improve it.

A probe sends the first requests of the real run, through the run's ledger. The answers and bills
are stored as part of the run, which does not send these requests again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from distill.core.purpose import ANSWER, SYNTHESIZE
from distill.core.requests import Request
from distill.core.workspace import Workspace
from distill.estimate import CostEstimate, CostLine, plan
from distill.estimate.consent import NO_CONSENT, Consent
from distill.estimate.run_start import (
    RunOptions,
    check_before_paying,
    choose_run,
    new_run_reason,
    plan_of,
    write_run,
)
from distill.estimate.workload import PurposeWorkload, StoredAnswers, workload
from distill.llm.client import complete_all
from distill.llm.complete import teacher_settings
from distill.llm.ledger import SpendLedger
from distill.llm.models import choose
from distill.llm.teacher_choice import by_keys
from distill.store import Store, open_store
from distill.store.batches import requests_out
from distill.task import Task
from distill.task.leak_gate import without_leaking_seeds
from distill.task.loading import load_task
from distill.text.embedding_cache import kept_in

CALLS = 5
SYNTHESES = 3  # max synthesis calls, sent first because new inputs vary most in length

Say = Callable[[int, Decimal], None]


def estimate_run(workspace: Workspace, name: str) -> CostEstimate:
    """Estimate the remaining payments for the task. Nothing is sent and no run is begun."""
    return estimate_task(workspace, load_task(workspace.prompts, name))


def estimate_task(workspace: Workspace, task: Task) -> CostEstimate:
    """Estimate the remaining payments for a loaded task, as in `estimate_run`.

    The embeddings of new texts are kept in the folder of a task with a store.
    """
    database = workspace.database(task.name)
    if not database.exists():
        return plan(by_keys(task)[0])
    with kept_in(database.parent), open_store(database) as store:
        runs = store.runs()
        if runs and new_run_reason(task, runs[-1], asked=False) is None:
            return plan(task.with_teacher(model=runs[-1].teacher), store, runs[-1].id)
        return plan(by_keys(task)[0], store)


def probe_run(
    workspace: Workspace, name: str, say: Say, consent: Consent = NO_CONSENT
) -> CostEstimate:
    """Send at most CALLS requests of the run, and return the plan updated with their answers.

    Before the calls, `say` is called with their number and their maximum bill in USD.

    Raises InputError if the API key is missing. Raises NotAgreed or Declined if the user does not
    agree to pay. Raises BudgetReached if the calls could cost more than the budget or the consent.
    """
    task, way = load_task(workspace.prompts, name), RunOptions(consent=consent)
    with workspace.locked(name), kept_in(workspace.task_folder(name)):
        # by_keys chooses a provider's teacher even without consent; only its bills need a probe.
        chosen = choose_run(workspace, task, way, by_keys(task))
        found = plan_of(workspace, chosen, way)
        if found is None or found.price is None or not found.requests:
            return found or estimate_task(workspace, task)
        check_before_paying(chosen.task, _of_calls(found), way)
        run, task = chosen.run, chosen.task
        limit_usd = write_run(workspace, chosen, found, way)
        log = workspace.run_folder(name, run.id) / "logs" / "probe.log"
        with open_store(workspace.database(name)) as store:
            _ask_first(task, _Probe(store, run.id, limit_usd, log), say)
            return plan(task, store, run.id)


@dataclass(frozen=True, slots=True)
class _Probe:
    """The store and the run of a probe's calls.

    `limit_usd`: the maximum total bill of the run, in USD, after the calls.
    `log`: the log of the server.
    """

    store: Store
    run_id: str
    limit_usd: Decimal
    log: Path


def _of_calls(found: CostEstimate) -> CostEstimate:
    """Return the plan of only the probe's calls, each at the mean price of its step."""
    steps, left = [], CALLS
    for step in found.steps:
        most = {SYNTHESIZE: SYNTHESES, ANSWER: left}.get(step.purpose, 0)
        count = min(most, left, step.requests)
        left -= count
        steps += [_first(step, count)] if count else []
    return replace(found, steps=tuple(steps), in_batches=False)


def _first(step: CostLine, count: int) -> CostLine:
    share = Decimal(count) / step.requests
    usd = share * step.usd
    return replace(
        step,
        requests=count,
        usd=usd,
        batch_usd=None,
        certain_usd=usd,
        certain_batch_usd=None,
        worst_usd=share * step.worst_usd,
    )


def _ask_first(task: Task, probe: _Probe, say: Say) -> None:
    """Send the first requests of synthesis, and then of annotation.

    `say` is called before each with the number of requests and their maximum bill in USD.
    """
    task, teacher = without_leaking_seeds(task), choose(task.spec.teacher.model)
    store = probe.store
    with teacher.serve(teacher_settings(task, probe.log)) as endpoint:
        store.settle_lost()
        ledger = SpendLedger(store, probe.run_id, endpoint, probe.limit_usd)

        def ask(requests: Sequence[Request]) -> None:
            if requests:
                worst = (ledger.worst(request) for request in requests)
                say(len(requests), sum(worst, Decimal(0)))
                store.add_requests(requests)
                complete_all(endpoint, ledger.ask(iter(requests), lambda answers: None))

        out = requests_out(store)  # already in a batch, which will answer and bill them

        def missing(wanted: PurposeWorkload, most: int) -> list[Request]:
            return [row for row in wanted.missing if row.id not in out][:most]

        asked = workload(task, teacher.model, StoredAnswers(store))
        first = missing(asked.synthesize, SYNTHESES)
        first += missing(asked.answer, CALLS - len(first))
        ask(first)
        if len(first) < CALLS and asked.answer.more:
            again = workload(task, teacher.model, StoredAnswers(store))
            ask(missing(again.answer, CALLS - len(first)))
