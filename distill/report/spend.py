"""The cost of a run, part by part, in USD."""

from decimal import Decimal
from typing import Any

from distill.core.purpose import ON_SEEDS, Purpose
from distill.core.students import Student
from distill.pricing.token_prices import machine_usd
from distill.store import Run, Store
from distill.task import Task

SHOWN_PLACES = 8  # decimal places of USD

Figures = dict[str, Any]


def spend_figures(task: Task, store: Store, run: Run, student: Student | None) -> Figures:
    """Return a run's cost, part by part, with the total, in USD as strings.

    The billed, possibly billed, estimated and budgeted amounts are also returned. The cost of
    people is a part if the task declares it, but does not count against the budget. The possible
    cost of lost answers is in no sum, because it is unknown whether they were billed.
    """
    spent = store.spent(run.id)
    paid = dict.fromkeys(("generate_usd", "judge_usd", "seeds_usd", "evaluate_usd"), Decimal(0))
    for purpose, usd in spent.items():
        paid[part_of(purpose)] += usd
    curve = [train_usd(task, row) for row in store.curve_students(run.id).values()]
    parts = {
        "generate_usd": paid["generate_usd"],
        "judge_usd": paid["judge_usd"],
        "seeds_usd": paid["seeds_usd"],
        "train_usd": train_usd(task, student) if student else Decimal(0),
        **({"curve_usd": sum(curve, Decimal(0))} if curve else {}),
        "evaluate_usd": paid["evaluate_usd"],
        **({"people_usd": people} if (people := task.spec.people.usd) else {}),
    }
    shown = {name: round(usd, SHOWN_PLACES) for name, usd in parts.items()}
    amounts = shown | {
        "total_usd": sum(shown.values(), Decimal(0)),  # as a reader adds up the rounded parts
        "billed_usd": store.billed_usd(run.id),
        "budget_usd": task.spec.budget.usd,
        "possibly_paid_twice_usd": store.possibly_paid_twice_usd(run.id),
    }
    estimate = store.estimate_usd(run.id)
    if estimate is not None:
        amounts["estimate_usd"] = estimate
    certain = store.certain_usd(run.id)
    if certain is not None:
        amounts["estimate_certain_usd"] = certain
    return {name: shown_usd(usd) for name, usd in amounts.items()}


def part_of(purpose: Purpose) -> str:
    """Return the name of the part of `spend` for a purpose's answers.

    The judge of examples and the judge of systems' answers share a part."""
    if purpose == ON_SEEDS:
        return "seeds_usd"
    return "judge_usd" if purpose.is_judged else f"{purpose.stage}_usd"


def rows_usd(task: Task, spend: Figures) -> Decimal:
    """Return the cost in USD of the student's rows, which rivals may also be trained on.

    It includes the teacher's answers, also on seeds, the judge of examples, and people's work. A
    generate task's judge is excluded, because it compares systems' answers."""
    parts = ["generate_usd", "seeds_usd", "people_usd"]
    if not task.judge_of_systems:
        parts.append("judge_usd")
    return sum((Decimal(spend.get(part, "0")) for part in parts), Decimal(0))


def train_usd(task: Task, student: Student) -> Decimal:
    """Return the cost of a training in USD: the provider's bill, or the machine's time."""
    if student.train_usd is None:
        return machine_usd(task.spec.machine.usd_per_hour, student.train_seconds)
    return student.train_usd


def short_usd(text: str) -> str:
    """Return USD for a sentence or a table: two decimals from $1 on, else four significant
    digits."""
    amount = Decimal(text)
    return f"{amount:,.2f}" if abs(amount) >= 1 else f"{Decimal(f'{amount:.4g}'):f}"


def shown_usd(amount: Decimal) -> str:
    """Return USD as a string, so that a JSON reader does not convert it to a float."""
    return f"{amount:.{SHOWN_PLACES}f}".rstrip("0").rstrip(".") if amount else "0"
