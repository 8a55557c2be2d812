"""`distill plan`: a look at what a run will cost, and at most five paid calls that make it surer.

A probe asks the first requests of the real run, through its ledger: they are stored and counted in
its spend, and the run does not ask them again.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from distill.asking import teacher_settings
from distill.backends.client import complete_all
from distill.backends.servers import ServerSettings
from distill.backends.teachers import choose
from distill.batch_store import requests_out
from distill.leaks import without_leaking_seeds
from distill.ledger import StoreLedger
from distill.permission import check_terms
from distill.pipeline import ALL_THE_WAY, begin, estimate, settle_teacher, why_new
from distill.plan import Plan, plan
from distill.records import Request
from distill.store import Store, open_store
from distill.task import Task, load_task
from distill.wanted import Stock, Wanted, demand
from distill.workspace import Workspace

CALLS = 5
SYNTHESES = 3  # of them: new inputs differ most in length

Say = Callable[[int, Decimal], None]


def look(workspace: Workspace, name: str) -> Plan:
    """What is left to be paid for the task; nothing is asked and no run is begun."""
    task = load_task(workspace.prompts, name)
    database = workspace.database(name)
    if not database.exists():
        return plan(settle_teacher(task))
    with open_store(database) as store:
        runs = store.runs()
        if runs and why_new(task, runs[-1], asked=False) is None:
            return plan(task.with_teacher(model=runs[-1].teacher), store, runs[-1].id)
        return plan(settle_teacher(task), store)


def measure(workspace: Workspace, name: str, say: Say) -> Plan:
    """Ask at most CALLS of what the run would ask, after telling `say` how many and the most that
    they can be billed; the plan that follows from what came.

    Raises InputError when the key is missing, BudgetReached when the budget does not carry them.
    """
    task = load_task(workspace.prompts, name)
    with workspace.locked(name):
        run, task = begin(workspace, task, ALL_THE_WAY)
        with open_store(workspace.database(name)) as store:
            found = estimate(task, store, run.id, ALL_THE_WAY)
            if found.price is None or not found.requests:
                return found
            check_terms(task)
            log = workspace.run_folder(name, run.id) / "logs" / "probe.log"
            settings = teacher_settings(task, log)
            _ask_first(task, store, run.id, settings, say)
            return plan(task, store, run.id)


def _ask_first(task: Task, store: Store, run_id: str, settings: ServerSettings, say: Say) -> None:
    """Ask a few requests of each sort; inputs have to be made before they can be answered."""
    task, teacher = without_leaking_seeds(task), choose(task.spec.teacher.model)
    with teacher.serve(settings) as endpoint:
        store.settle_lost()
        ledger = StoreLedger(store, run_id, endpoint, task.spec.budget.usd)

        def ask(requests: Sequence[Request]) -> None:
            if requests:
                worst = (ledger.worst(request) for request in requests)
                say(len(requests), sum(worst, Decimal(0)))
                store.add_requests(requests)
                complete_all(endpoint, ledger.ask(iter(requests), lambda answers: None))

        out = requests_out(store)  # their answers are on the way, and will be billed

        def missing(wanted: Wanted, most: int) -> list[Request]:
            return [row for row in wanted.missing if row.id not in out][:most]

        asked = demand(task, teacher.model, Stock(store))
        first = missing(asked.synthesize, SYNTHESES)
        first += missing(asked.answer, CALLS - len(first))
        ask(first)
        if len(first) < CALLS and asked.answer.more:
            again = demand(task, teacher.model, Stock(store))
            ask(missing(again.answer, CALLS - len(first)))
