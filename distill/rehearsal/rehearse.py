"""`distill rehearse`: a whole run against a stand-in for the provider on loopback.

A rehearsal shows all stages of a run, and how the ledger handles a provider's faults, before
anything is paid. It also compares the ledger with the stand-in's bill. Its results are kept apart
from real runs and marked as a rehearsal.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from distill import pipeline
from distill.core.errors import DistillError, InputError
from distill.core.extras import check_installed
from distill.core.model_ref import SOURCES, key_variables
from distill.core.workspace import Workspace
from distill.estimate.consent import WHOLE_BUDGET
from distill.estimate.run_start import RunOptions
from distill.llm.models import choose
from distill.llm.teacher_choice import by_keys
from distill.pricing.model_names import check_model_name
from distill.rehearsal.provider import Bill, Settings, running
from distill.rehearsal.provider.faults import check, parse
from distill.store.rehearsals import clear, rehearsals_of
from distill.task import Task
from distill.task.loading import load_task

NO_REAL_KEY = "rehearsal"
PLAYED = ("openai", "anthropic", "decisions")  # providers that the stand-in simulates


@dataclass(frozen=True, slots=True)
class RehearsalOptions:
    """The options of a rehearsal.

    `teacher`: the name of the teacher; "" for the run's teacher, if the stand-in can simulate it.
    `mode`: the teacher's mode; "" for the mode in the task.
    `faults`: the faults that the stand-in produces.
    `requests_per_second`: the stand-in's rate limit; None for no limit.
    `until`: the last stage to run.
    """

    teacher: str = ""
    mode: str = ""
    faults: Mapping[str, float] = field(default_factory=dict)
    requests_per_second: float | None = None
    until: str = "report"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The result of a rehearsal.

    `outcome`: the result of the run.
    `bill`: the stand-in's bill.
    `answers_usd`: the USD billed according to the ledger.
    `possibly_paid_twice_usd`: the maximum USD that may have been billed for lost answers.
    `instead`: the reason why another teacher than the run's was rehearsed; "" if it was not.
    """

    outcome: pipeline.RunResult
    bill: Bill
    answers_usd: Decimal
    possibly_paid_twice_usd: Decimal
    instead: str = ""

    @property
    def agrees(self) -> bool:
        """True if the bill is within the bounds of the ledger."""
        most = self.answers_usd + self.possibly_paid_twice_usd
        return self.answers_usd <= self.bill.usd <= most


def parse_faults(text: str) -> dict[str, float]:
    """Parse faults such as `429=0.05,cut=0.01` into values by name.

    Raises InputError, with the reason, for an unknown fault or an invalid value.
    """
    try:
        faults = dict(parse(part.strip()) for part in text.split(",") if part.strip())
        check(faults)
    except ValueError as error:
        raise InputError(f"--faults: {error}") from error
    return faults


def rehearse(workspace: Workspace, name: str, wanted: RehearsalOptions) -> Rehearsed:
    """Run the task from the start against the stand-in, in the folder of rehearsals.

    The task's earlier rehearsal is deleted first. Raises DistillError if the bill and the ledger do
    not agree. Raises InputError if the folder contains anything but a rehearsal. Raises the errors
    of any run.
    """
    check_installed("a rehearsal", "rehearsal", "local")
    task, instead = _with_teacher(load_task(workspace.prompts, name), wanted)
    apart = rehearsals_of(workspace)
    clear(apart, name)
    settings = Settings(
        task.folder / "seeds.jsonl",
        faults=wanted.faults,
        requests_per_second=wanted.requests_per_second,
    )
    with running(settings) as standin, _pointed_to(standin.url):
        # The stand-in's bill is not real, so no consent is needed.
        way = RunOptions(wanted.until, consent=WHOLE_BUDGET, rehearsal=True)
        outcome = pipeline.run_task(apart, task, way)
        bill = standin.bill()
    with outcome.context.store() as store:
        billed = store.billed_usd(outcome.run.id)
        twice = store.possibly_paid_twice_usd(outcome.run.id)
    done = Rehearsed(outcome, bill, billed, twice, instead)
    if not done.agrees:
        raise DistillError(
            f"the stand-in billed ${bill.usd}, but the ledger has ${done.answers_usd} and at most "
            f"${twice} possibly paid twice: please report this with {apart.database(name)}"
        )
    return done


def _with_teacher(task: Task, wanted: RehearsalOptions) -> tuple[Task, str]:
    """Return the task with the teacher to rehearse, and the reason if it is not the run's teacher.

    The teacher is `wanted.teacher`, or without one the run's teacher. If the stand-in cannot
    simulate the run's teacher, the teacher is the choice of `auto` with OpenAI's key.
    """
    own, instead = by_keys(task)[0].spec.teacher.model, ""
    name = wanted.teacher or own
    if not wanted.teacher and own.partition(":")[0] not in PLAYED:
        backend, model = PLAYED[0], SOURCES[PLAYED[0]].automatic
        name = f"{backend}:{model}"
        instead = (
            f"the run's teacher would be {own}, which the stand-in cannot simulate; {name} is the "
            f'choice of "auto" if {SOURCES[backend].key} is set (--teacher selects another)'
        )
    check_model_name("--teacher", name)
    if choose(name).model.api not in PLAYED:
        raise InputError(
            "--teacher: the stand-in simulates openai:<id>, anthropic:<id> and decisions:<id>, "
            f"not {name}"
        )
    changes = {"mode": wanted.mode} if wanted.mode else {}
    return task.with_teacher(model=name, **changes), instead


@contextmanager
def _pointed_to(url: str) -> Iterator[None]:
    """Point the official clients to the stand-in during the block, with a key that is not real.

    The environment variables of keys and addresses are changed, and restored afterwards.
    """
    changed = dict.fromkeys(key_variables().values(), NO_REAL_KEY)
    changed |= {"OPENAI_BASE_URL": f"{url}/v1", "ANTHROPIC_BASE_URL": url}
    before = {name: os.environ.get(name) for name in changed}
    os.environ |= changed
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
