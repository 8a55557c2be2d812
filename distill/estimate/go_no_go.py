"""The advice before a run: is a student worth its cost?

The findings are about the number of seeds, the statistical power of gold, and the break-even at the
task's traffic. The student is served on a machine of ours, or by the provider that trains it.
Nothing is sent and nothing is written.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from math import ceil
from typing import Literal

from distill.core.model_ref import key_variables
from distill.core.numbers import exact_dollars
from distill.core.workspace import Workspace
from distill.estimate import CostEstimate, teacher_usd, tuned_student
from distill.estimate.finetuning import STUDENT, base_of
from distill.estimate.probe import estimate_task
from distill.estimate.workload import EVALUATE
from distill.lint.gold import rows_needed, size_in_words
from distill.pricing.break_even import LATE_DAYS, DailyCost, at_provider, on_machines, pay_back
from distill.pricing.table import lifetime_of, today
from distill.task import Task
from distill.task.loading import load_task
from distill.train.trainers import trainer_of

FEWEST_SEEDS = 3  # min seeds for each label

Word = Literal["go", "no go", "careful"]


@dataclass(frozen=True, slots=True)
class AdviceFinding:
    """A finding: its subject, its verdict in a word, and the figures behind it."""

    about: str
    word: Word
    because: str


def advise(workspace: Workspace, name: str) -> list[AdviceFinding]:
    """Return the findings for and against a run of the task.

    Raises InputError if the task is invalid, or if the teacher's price is unknown.
    """
    task = load_task(workspace.prompts, name)
    return findings(task, estimate_task(workspace, task))


def findings(task: Task, plan: CostEstimate) -> list[AdviceFinding]:
    """Return the findings for and against a run with this plan."""
    return [*_seeds(task), *_gold(task), *_money(task, plan)]


def verdict_of(found: list[AdviceFinding]) -> Word:
    """Return the worst verdict of the findings."""
    words = {finding.word for finding in found}
    return "no go" if "no go" in words else "careful" if "careful" in words else "go"


def _seeds(task: Task) -> Iterator[AdviceFinding]:
    counts = Counter(task.form.group(seed.answer) for seed in task.seeds)
    few = [group for group in task.groups if counts[group] < FEWEST_SEEDS]
    told = f"{len(task.seeds)} seeds for {len(task.groups)} groups"
    if few and task.form.groups:
        yield AdviceFinding(
            "seeds", "no go", f"{told}; fewer than {FEWEST_SEEDS} for {', '.join(few)}"
        )
    else:
        yield AdviceFinding("seeds", "go", told)


def _gold(task: Task) -> Iterator[AdviceFinding]:
    word: Word = "go" if len(task.gold) >= rows_needed(task) else "careful"
    yield AdviceFinding("gold", word, size_in_words(task))


def _money(task: Task, plan: CostEstimate) -> Iterator[AdviceFinding]:
    """Yield the finding about money: the earliest possible break-even of a student."""
    if why := trainer_of(task.spec.student.trainer).closed(today()):
        yield AdviceFinding("money", "no go", why)
    elif any(
        step.purpose == EVALUATE and step.answered and not step.requests for step in plan.steps
    ):
        told = "all gold is already answered: the report says whether a student pays for itself"
        yield AdviceFinding("money", "careful", told)
    elif base_of(task) is not None:
        yield _at_provider(task, plan)
    else:
        yield _on_a_machine(task, plan)


def _on_a_machine(task: Task, plan: CostEstimate) -> AdviceFinding:
    """Return the finding for a student that we serve on one machine.

    The number of machines is unknown until the student is served, so the best case is assumed.
    """
    asked, each = task.spec.traffic.requests_per_day, teacher_usd(plan)
    if each is None:
        told = "the teacher is not billed: a student saves only time on the same machine"
        return AdviceFinding("money", "careful", told)
    teacher, machine = at_provider(1000 * each, asked), _one_machine(task)
    found = pay_back(_spent(task, plan), teacher, machine)
    told = (
        f"{_teacher(teacher)}, one machine {exact_dollars(machine.usd_per_day)}; {_run(task, plan)}"
    )
    if found.days is None:
        return AdviceFinding(
            "money", "no go", f"{told}: a student on your machine never pays for itself"
        )
    days = ceil(found.days)
    word: Word = "go" if days <= LATE_DAYS else "no go"
    return _before_its_teacher_ends(
        plan,
        days,
        AdviceFinding("money", word, f"{told}: paid back after {days:,} days at the earliest"),
    )


def _at_provider(task: Task, plan: CostEstimate) -> AdviceFinding:
    """Return the finding for a student that a provider serves until it shuts the model down."""
    asked, day = task.spec.traffic.requests_per_day, today()
    tuned = tuned_student(task, plan)
    if tuned is None:
        return _instead_of_a_machine(task, plan)
    teacher, student = (at_provider(1000 * usd, asked) for usd in (tuned.teacher, tuned.student))
    told = (
        f"{_teacher(teacher)}, the student {exact_dollars(student.usd_per_day)}; {_run(task, plan)}"
    )
    if tuned.needed is None:
        return AdviceFinding("money", "no go", f"{told}: {tuned.in_words(day)}")
    days, left = ceil(tuned.needed / asked), tuned.days_left(day)
    told += f": paid back after {days:,} days; its model ends on {tuned.ends}, {left} days from now"
    word: Word = "go" if days <= min(left, LATE_DAYS) else "no go"
    return _before_its_teacher_ends(plan, days, AdviceFinding("money", word, told))


def _instead_of_a_machine(task: Task, plan: CostEstimate) -> AdviceFinding:
    """Return the finding for a provider's student that replaces a teacher on our machines.

    The teacher needs at least one machine.
    """
    step = next((step for step in plan.steps if step.purpose == STUDENT and step.requests), None)
    if step is None:
        told = "all gold is already answered: the report says whether a student pays for itself"
        return AdviceFinding("money", "careful", told)
    asked = task.spec.traffic.requests_per_day
    student = at_provider(1000 * step.usd / step.requests, asked)
    machine = _one_machine(task).usd_per_day
    told = (
        "the teacher is not billed, but needs one machine or more: a machine costs "
        f"{exact_dollars(machine)} a day, the student {exact_dollars(student.usd_per_day)} at "
        f"{asked:,} requests; {_run(task, plan)}"
    )
    if student.usd_per_day >= machine:
        least = int(student.usd_per_day // machine) + 1
        told += f": it saves money only if the teacher needs {least:,} machines or more"
    return AdviceFinding("money", "careful", told)


def _one_machine(task: Task) -> DailyCost:
    asked = task.spec.traffic.requests_per_day
    return on_machines(task.spec.machine.usd_per_hour, asked, asked, 1.0)


def _spent(task: Task, plan: CostEstimate) -> Decimal:
    return plan.spent_usd + plan.expected_usd + task.spec.people.usd


def _teacher(teacher: DailyCost) -> str:
    usd, asked = exact_dollars(teacher.usd_per_day), teacher.requests_per_day
    return f"the teacher costs {usd} a day at {asked:,} requests"


def _run(task: Task, plan: CostEstimate) -> str:
    people = task.spec.people.usd
    usd = exact_dollars(plan.spent_usd + plan.expected_usd)
    return f"the run about {usd}" + (f", and people {exact_dollars(people)}" if people else "")


def _before_its_teacher_ends(
    plan: CostEstimate, days: int, finding: AdviceFinding
) -> AdviceFinding:
    """Return the finding, with "go" changed to "careful" if the teacher ends before the break-even.

    A finding of "no go" stays "no go".
    """
    rows = [row for api in key_variables() if (row := lifetime_of(api, plan.teacher))]
    paid_back = today() + timedelta(days=days)
    if not rows or paid_back <= rows[0].shutdown:
        return finding
    told = f"{finding.because}; but the teacher ends on {rows[0].shutdown}"
    word: Word = "careful" if finding.word == "go" else finding.word
    return replace(finding, word=word, because=f"{told}: compare with its successor")


def shown(found: list[AdviceFinding]) -> list[dict[str, str]]:
    """Return the findings as rows for a terminal or JSON, after a row with the verdict."""
    rows: list[dict[str, str]] = [{"advice": verdict_of(found)}]
    return rows + [{"about": f.about, "word": f.word, "because": f.because} for f in found]
