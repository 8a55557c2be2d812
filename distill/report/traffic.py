"""Systems with their prices and speeds → what each costs at the task's traffic, and when the
student has paid for itself."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

from distill.backends.tuning_prices import TUNABLE
from distill.break_even import PayBack, Running, at_provider, on_machines, pay_back
from distill.report.spend import shown_usd
from distill.task import Task

CENTS = Decimal("0.01")
MOST_DAYS = 36_500  # a hundred years: longer than anybody waits, and no date holds much more

Figures = dict[str, Any]
System = Mapping[str, Any]


def running(task: Task, system: System, *, billed: bool) -> Running:
    """What a system costs at the task's traffic."""
    asked = task.spec.traffic.requests_per_day
    if billed:
        return at_provider(Decimal(system["usd_per_1k_requests"]), asked)
    utilisation, hour = task.spec.traffic.utilisation, task.spec.machine.usd_per_hour
    return on_machines(hour, float(system["requests_per_s"]), asked, utilisation)


def traffic_figures(task: Task, system: System, *, billed: bool) -> Figures:
    """`at_traffic` of a system."""
    found = running(task, system, billed=billed)
    return {
        "at_traffic": {
            "usd_per_1k_requests": shown_usd(found.usd_per_1k),
            "usd_per_day": shown_usd(found.usd_per_day),
            "replicas": found.replicas,
        }
    }


def break_even_figures(
    task: Task, systems: Sequence[System], billed: Collection[str], spent: Decimal, base: str
) -> Figures:
    """When the student, which took `spent` USD to make, has paid for itself against its teacher.
    `requests` and `days` are absent where it never does; `ends` is the day on which a provider
    switches off what was made of `base`."""
    by_name = {system["name"]: system for system in systems}
    teacher, student = (
        running(task, by_name[name], billed=name in billed) for name in ("teacher", "student")
    )
    found = pay_back(spent, teacher, student)
    ends = TUNABLE[base].shutdown if "student" in billed and base in TUNABLE else None
    in_time = _in_time(found, ends)
    figures: Figures = {"never": not in_time}
    if in_time and found.days is not None:
        figures |= {"requests": found.requests, "days": round(float(found.days), 2)}
    return {
        "break_even": {
            **figures,
            "replicas": student.replicas,
            "spent_usd": shown_usd(spent),
            "monthly_saving_usd": shown_usd(found.saved_per_month.quantize(CENTS)),
            **({"ends": ends.isoformat()} if ends else {}),
            "assumptions": {
                "requests_per_day": task.spec.traffic.requests_per_day,
                "utilisation": task.spec.traffic.utilisation,
                "usd_per_hour": shown_usd(task.spec.machine.usd_per_hour),
            },
            "sentence": _sentence(task, found, ends, in_time=in_time),
        }
    }


def _in_time(found: PayBack, ends: date | None) -> bool:
    if found.days is None or found.days > MOST_DAYS:
        return False
    today = datetime.now(UTC).date()
    return ends is None or today + timedelta(days=float(found.days)) <= ends


def _sentence(task: Task, found: PayBack, ends: date | None, *, in_time: bool) -> str:
    at = f"at {task.spec.traffic.requests_per_day:,} requests a day"
    if found.days is None:
        return f"It never pays for itself {at}: it costs no less than its teacher there."
    if not in_time and ends is not None:
        return f"It does not pay for itself {at} before its model ends on {ends}."
    if not in_time:
        return f"It does not pay for itself {at} within a hundred years."
    days = ceil(found.days)
    return f"It has paid for itself after {days:,} {'day' if days == 1 else 'days'} {at}."


def prompt_tokens_saved(systems: Sequence[System]) -> Figures:
    """How many tokens of a prompt the training saves: the base needs its instructions and some
    seeds where the student knows the job. Both count with one tokenizer."""
    means = {row["name"]: row.get("prompt_tokens_mean") for row in systems}
    shown, student = means.get("base_few_shot"), means.get("student")
    if not shown or not student:
        return {}
    share = (shown - student) / shown
    return {"prompt_tokens_saved": {"base_few_shot": shown, "student": student, "share": share}}
