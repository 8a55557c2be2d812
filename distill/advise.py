"""Is it worth beginning? What can be said of a task before its run: the seeds, what the gold can
tell, and whether the student could ever pay for itself at the task's traffic.

In: a task and, where there is one, its store. Out: findings, each with what speaks for or against.
Nothing is asked and nothing is written.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Literal

from distill.break_even import at_provider, on_machines, pay_back
from distill.levels import level_of_look
from distill.plan import Plan, dollars
from distill.probe import look
from distill.report.advice import LATE_DAYS
from distill.stats import gold_that_settles
from distill.task import Task, load_task
from distill.wanted import EVALUATE
from distill.workspace import Workspace

FEWEST_SEEDS = 3  # of a label, or of a set of fields
DIFFERING = 0.1  # share of gold rows on which two systems of like quality differ (not measured)

Word = Literal["go", "no go", "careful"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what it says, and by which figures."""

    about: str
    word: Word
    because: str


def advise(workspace: Workspace, name: str) -> list[Finding]:
    """What speaks for and against a run of the task. Raises InputError for a task that cannot be
    read, or a teacher whose price is not known."""
    task = load_task(workspace.prompts, name)
    return [*_seeds(task), *_gold(task), *_money(task, look(workspace, name))]


def verdict_of(findings: list[Finding]) -> Word:
    """The worst of them."""
    words = {finding.word for finding in findings}
    return "no go" if "no go" in words else "careful" if "careful" in words else "go"


def _seeds(task: Task) -> Iterator[Finding]:
    counts = Counter(task.form.group(seed.answer) for seed in task.seeds)
    few = [group for group in task.groups if counts[group] < FEWEST_SEEDS]
    told = f"{len(task.seeds)} seeds for {len(task.groups)} groups"
    if few and task.form.groups:
        yield Finding("seeds", "no go", f"{told}; fewer than {FEWEST_SEEDS} for {', '.join(few)}")
    else:
        yield Finding("seeds", "go", told)


def _gold(task: Task) -> Iterator[Finding]:
    spec = task.spec.evaluate
    level = level_of_look(spec.confidence, 1)
    needed = gold_that_settles(DIFFERING, margin=spec.margin, confidence=level)
    told = (
        f"{len(task.gold)} gold rows; a margin of {100 * spec.margin:.1f} points takes about "
        f"{needed:,} where two systems of like quality differ on {DIFFERING:.0%} of them"
    )
    yield Finding("gold", "go" if len(task.gold) >= needed else "careful", told)


def _money(task: Task, plan: Plan) -> Iterator[Finding]:
    """The most that a student can save: on one machine, whatever the traffic."""
    asked = task.spec.traffic.requests_per_day
    step = next((step for step in plan.steps if step.purpose == EVALUATE), None)
    if step is None or not step.requests:
        told = "its teacher sends no bill: what a student saves is time of the same machine"
        if step and step.answered:
            told = "all gold is answered already: the report says whether a student pays for itself"
        yield Finding("money", "careful", told)
        return
    teacher = at_provider(1000 * step.usd / step.requests, asked)
    # As fast as it takes: how many machines a student needs is not known before it is served.
    machine = on_machines(task.spec.machine.usd_per_hour, asked, asked, 1.0)
    people = task.spec.people.usd
    found = pay_back(plan.expected_usd + people, teacher, machine)
    told = (
        f"the teacher costs {dollars(teacher.usd_per_day)} a day at {asked:,} requests, one "
        f"machine {dollars(machine.usd_per_day)}; the run about {dollars(plan.expected_usd)}"
        f"{f', and people {dollars(people)}' if people else ''}"
    )
    if found.days is None:
        yield Finding("money", "no go", f"{told}: a student of your own never pays for itself")
        return
    days = ceil(found.days)
    word: Word = "go" if days <= LATE_DAYS else "no go"
    yield Finding("money", word, f"{told}: paid back after {days:,} days at the earliest")


def shown(findings: list[Finding]) -> list[dict[str, str]]:
    """Rows for a terminal or JSON, the verdict first."""
    rows: list[dict[str, str]] = [{"advice": verdict_of(findings)}]
    return rows + [{"about": f.about, "word": f.word, "because": f.because} for f in findings]
