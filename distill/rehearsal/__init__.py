"""`distill rehearse`: the whole run, with a stand-in on loopback for the provider. It shows what a
run does, what the ledger makes of a provider's faults, and whether it agrees with the bill, before
a cent is spent. What it makes lies apart from real runs, and is stamped.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from distill import pipeline
from distill.core.errors import DistillError, InputError
from distill.core.model_ref import SOURCES, key_variables
from distill.core.workspace import Workspace
from distill.estimate.consent import WHOLE_BUDGET
from distill.estimate.run_start import RunOptions
from distill.llm.models import choose
from distill.llm.teacher_choice import by_keys
from distill.rehearsal.provider import Bill, Settings, running
from distill.rehearsal.provider.faults import check, parse
from distill.store.rehearsals import clear, rehearsals_of
from distill.task import Task
from distill.task.loading import load_task

NO_REAL_KEY = "rehearsal"
PLAYED = ("openai", "anthropic")  # the providers that the stand-in plays


@dataclass(frozen=True, slots=True)
class RehearsalOptions:
    """What is rehearsed: the teacher and its mode ("" for the task's, where a stand-in can play
    it), the stand-in's faults and its limit in requests per second, and up to which stage."""

    teacher: str = ""
    mode: str = ""
    faults: Mapping[str, float] = field(default_factory=dict)
    requests_per_second: float | None = None
    until: str = "report"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The run, the stand-in's own bill, what the ledger made of it, in USD, and why another teacher
    than the run's was played; empty for the run's own."""

    outcome: pipeline.RunResult
    bill: Bill
    answers_usd: Decimal
    possibly_paid_twice_usd: Decimal
    instead: str = ""

    @property
    def agrees(self) -> bool:
        """Does the bill lie where the ledger says?"""
        most = self.answers_usd + self.possibly_paid_twice_usd
        return self.answers_usd <= self.bill.usd <= most


def parse_faults(text: str) -> dict[str, float]:
    """`429=0.05,cut=0.01` → what the stand-in is told. Raises InputError, with the known ones."""
    try:
        faults = dict(parse(part.strip()) for part in text.split(",") if part.strip())
        check(faults)
    except ValueError as error:
        raise InputError(f"--faults: {error}") from error
    return faults


def rehearse(workspace: Workspace, name: str, wanted: RehearsalOptions) -> Rehearsed:
    """A run from the start, in a folder of its own that every rehearsal makes anew.

    Raises DistillError when the bill and the ledger do not agree, InputError where the folder holds
    anything but a rehearsal, and what any run raises.
    """
    task, instead = _with_teacher(load_task(workspace.prompts, name), wanted)
    apart = rehearsals_of(workspace)
    clear(apart, name)
    settings = Settings(
        task.folder / "seeds.jsonl",
        faults=wanted.faults,
        requests_per_second=wanted.requests_per_second,
    )
    with running(settings) as standin, _pointed_to(standin.url):
        # Nothing leaves this machine: the stand-in's bill is nobody's.
        way = RunOptions(wanted.until, consent=WHOLE_BUDGET, rehearsal=True)
        outcome = pipeline.run_task(apart, task, way)
        bill = standin.bill()
    with outcome.context.store() as store:
        billed = store.billed_usd(outcome.run.id)
        twice = store.possibly_paid_twice_usd(outcome.run.id)
    done = Rehearsed(outcome, bill, billed, twice, instead)
    if not done.agrees:
        raise DistillError(
            f"the stand-in billed ${bill.usd}, the ledger has ${done.answers_usd} and at most "
            f"${twice} possibly paid twice: please report this with {apart.database(name)}"
        )
    return done


def _with_teacher(task: Task, wanted: RehearsalOptions) -> tuple[Task, str]:
    """The task with the teacher that is rehearsed, and why it is not the run's own: the one that is
    asked for, else the run's; where the stand-in does not play that, the one that `auto` would
    take with a key."""
    own, instead = by_keys(task)[0].spec.teacher.model, ""
    name = wanted.teacher or own
    if not wanted.teacher and own.partition(":")[0] not in PLAYED:
        backend, model = PLAYED[0], SOURCES[PLAYED[0]].automatic
        name = f"{backend}:{model}"
        instead = (
            f"the run's teacher would be {own}, which the stand-in does not play; {name} is what "
            f'"auto" takes where {SOURCES[backend].key} is set (--teacher names another)'
        )
    if choose(name).model.api not in PLAYED:
        raise InputError(
            f"--teacher: the stand-in plays openai:<id> and anthropic:<id>, not {name}"
        )
    changes = {"mode": wanted.mode} if wanted.mode else {}
    return task.with_teacher(model=name, **changes), instead


@contextmanager
def _pointed_to(url: str) -> Iterator[None]:
    """The official clients look at the stand-in, with a key that opens nothing."""
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
