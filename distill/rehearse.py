"""`distill rehearse`: the whole run, with a stand-in on loopback for the provider. It shows what a
run does, what the ledger makes of a provider's faults, and whether it agrees with the bill, before
a cent is spent. What it makes lies apart from real runs, and is stamped.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from distill import pipeline
from distill.backends.batches import BATCHES
from distill.backends.teachers import KEYS, choose
from distill.errors import DistillError, InputError
from distill.rehearsal import Bill, Settings, running
from distill.rehearsal.faults import check, parse
from distill.store import open_store
from distill.task import Task, load_task
from distill.workspace import Workspace

FOLDER = "rehearsal"
USUAL_TEACHER = "openai:gpt-6-luna"
NO_REAL_KEY = "rehearsal"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is rehearsed: the teacher and its mode ("" for the task's, where a stand-in can play
    it), the stand-in's faults and its limit in requests per second, and up to which stage."""

    teacher: str = ""
    mode: str = ""
    faults: Mapping[str, float] = field(default_factory=dict)
    requests_per_second: float | None = None
    until: str = "report"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The run, the stand-in's own bill, and what the ledger made of it, in USD."""

    outcome: pipeline.Outcome
    bill: Bill
    answers_usd: Decimal
    possibly_paid_twice_usd: Decimal

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


def rehearse(workspace: Workspace, name: str, wanted: Wanted) -> Rehearsed:
    """A run from the start, in a folder of its own that every rehearsal makes anew.

    Raises DistillError when the bill and the ledger do not agree, and what any run raises.
    """
    task = _with_teacher(load_task(workspace.prompts, name), wanted)
    apart = Workspace(workspace.prompts, workspace.runs / FOLDER)
    _clear(apart, name)
    settings = Settings(
        task.folder / "seeds.jsonl",
        faults=wanted.faults,
        requests_per_second=wanted.requests_per_second,
    )
    with running(settings) as standin, _pointed_to(standin.url):
        way = pipeline.Way(wanted.until, rehearsal=True)
        outcome = pipeline.run_task(apart, task, way)
        bill = standin.bill()
    with outcome.context.store() as store:
        billed = store.billed_usd(outcome.run.id)
        twice = store.possibly_paid_twice_usd(outcome.run.id)
    done = Rehearsed(outcome, bill, billed, twice)
    if not done.agrees:
        raise DistillError(
            f"the stand-in billed ${bill.usd}, the ledger has ${done.answers_usd} and at most "
            f"${twice} possibly paid twice: please report this with {apart.database(name)}"
        )
    return done


def _with_teacher(task: Task, wanted: Wanted) -> Task:
    """The task with the teacher that is rehearsed."""
    own = pipeline.settle_teacher(task).spec.teacher
    played = own.model.partition(":")[0] in BATCHES
    name = wanted.teacher or (own.model if played else USUAL_TEACHER)
    if choose(name).model.api not in BATCHES:
        raise InputError(
            f"--teacher: the stand-in plays openai:<id> and anthropic:<id>, not {name}"
        )
    return task.with_teacher(model=name, **({"mode": wanted.mode} if wanted.mode else {}))


def _clear(apart: Workspace, name: str) -> None:
    """Forget the rehearsal before, and mark the store of this one."""
    with apart.locked(name):
        for entry in apart.task_folder(name).iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != ".lock":
                entry.unlink()
        with open_store(apart.database(name)) as store:
            store.begin_rehearsal()


@contextmanager
def _pointed_to(url: str) -> Iterator[None]:
    """The official clients look at the stand-in, with a key that opens nothing."""
    changed = dict.fromkeys(KEYS.values(), NO_REAL_KEY)
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
