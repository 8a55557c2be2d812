"""The times of each system, their method of measurement, and disturbances by other processes.

A price from machine time is right only if nothing else used the machine. Disturbed times are
marked, and no sentence of the report uses them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

from distill.core.evaluation import LoadTestResult, Pace, Prediction
from distill.core.processors import is_disturbed
from distill.core.purpose import ANSWER, EVALUATION, Purpose
from distill.core.requests import Completion
from distill.core.students import Student
from distill.evaluate.statistics import percentile
from distill.evaluate.systems import LOCAL_SYSTEMS
from distill.pricing.token_prices import usd_per_1k
from distill.report.loaded import LoadedResults
from distill.report.spend import part_of, shown_usd
from distill.store import Run, Store
from distill.task import Task

MARK = "†"
# The maximum ratio of another speed of a model to its speed on gold. Undisturbed runs answered gold
# up to 1.8 times slower than the closed loop; a disturbed teacher was 4 times slower.
FAR = 3.0
ROUNDS = 4  # minimum answers for a pace, per request in flight
SAME_PROMPT = {Purpose.of_system("teacher"): ANSWER}

From = Literal["closed_loop", "gold", "in_process"]
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Times:
    """The speed of a system.

    - `requests_per_s`: requests per second
    - `latency_p50_s`: median latency in seconds
    - `latency_p95_s`: 95th percentile of the latency in seconds
    - `taken`: method of measurement
    - `in_flight`: number of requests in flight; None if unknown
    - `others_cpu`: share of CPU time that other processes used; None if unknown
    - `disturbed`: True if other processes disturbed the machine
    """

    requests_per_s: float
    latency_p50_s: float
    latency_p95_s: float
    taken: From
    in_flight: int | None
    others_cpu: float | None
    disturbed: bool

    @property
    def figures(self) -> Figures:
        """Return `timing` of a system whose price comes from these times."""
        return {
            "from": self.taken,
            "in_flight": self.in_flight,
            "others_cpu": self.others_cpu,
            "disturbed": self.disturbed,
        }


def times_of(task: Task, store: Store, run_id: str, results: LoadedResults) -> dict[str, Times]:
    """Return system → its times, from the closed loops if all systems had one, else from gold."""
    speeds = {(row.system, row.in_flight): row for row in store.speeds(run_id)}
    others, in_flight = store.others_cpu(run_id), task.spec.evaluate.in_flight
    suspicious = is_slow_on_gold(run_id, store.paces(), store.speeds(run_id), in_flight)
    found = {}
    for name, rows in results.predictions.items():
        local = name in LOCAL_SYSTEMS
        speed = speeds.get((name, 1 if local else in_flight))
        if speed is not None and speed.is_comparable:
            found[name] = _of_speed(speed, "in_process" if local else "closed_loop")
        else:
            share = others.get(Purpose.of_system(name))
            doubted = is_disturbed(share) if share is not None else suspicious
            found[name] = _of_gold(rows, results.answers(name), share, disturbed=doubted)
    return found


def _of_speed(speed: LoadTestResult, taken: From) -> Times:
    return Times(
        *(speed.requests_per_s, speed.latency_p50_s, speed.latency_p95_s),
        taken,
        speed.in_flight,
        speed.others_cpu,
        is_disturbed(speed.others_cpu),
    )


def _of_gold(
    rows: Sequence[Prediction],
    answers: Sequence[Completion],
    others_cpu: float | None,
    *,
    disturbed: bool,
) -> Times:
    latencies = [row.latency_s for row in rows]
    pace = len(rows) / (busy_seconds(answers) or sum(latencies))
    p50, p95 = percentile(latencies, 50), percentile(latencies, 95)
    if not answers:
        return Times(pace, p50, p95, "in_process", 1, others_cpu, disturbed)
    return Times(pace, p50, p95, "gold", in_flight_of(answers), others_cpu, disturbed)


def busy_seconds(answers: Sequence[Completion]) -> float:
    """Return the seconds during which at least one answer was in progress.

    Breaks of a run are excluded. Times with fewer requests in flight than allowed are included."""
    spans = sorted((row.at.timestamp() - row.latency_s, row.at.timestamp()) for row in answers)
    busy, until = 0.0, -inf
    for begun, ended in spans:
        busy += max(ended - max(begun, until), 0.0)
        until = max(until, ended)
    return busy


def in_flight_of(answers: Iterable[Completion]) -> int | None:
    """Return the allowed requests in flight; None if unknown, or if it differs among answers."""
    known = {row.in_flight for row in answers}
    return known.pop() if len(known) == 1 else None


def is_slow_on_gold(
    run_id: str, paces: Sequence[Pace], speeds: Sequence[LoadTestResult], in_flight: int
) -> bool:
    """True if a system answered a run's gold at less than 1 / FAR of another speed of its model.

    No time of such a run is used, because its systems were timed one after another."""
    enough = [row for row in paces if row.answers >= ROUNDS * in_flight]
    loops = {row.system: row.requests_per_s for row in speeds if row.in_flight == in_flight}
    for gold in enough:
        if (gold.run_id, gold.purpose.stage) == (run_id, EVALUATION):
            others = [row.per_s for row in enough if _like(row, gold)]
            if max(*others, loops.get(gold.purpose.step, 0.0)) > FAR * gold.per_s:
                return True
    return False


def _like(row: Pace, gold: Pace) -> bool:
    """True if both paces are of the same model with the same prompt."""
    purposes = {gold.purpose, SAME_PROMPT.get(gold.purpose)}
    return row.model == gold.model and row.purpose in purposes


def speed_figures(task: Task, rows: Sequence[LoadTestResult]) -> list[Figures]:
    """Return the student's speed at each load, and its price at this load all day."""
    hour = task.spec.machine.usd_per_hour
    return [
        {
            "in_flight": row.in_flight,
            "requests": row.requests,
            "latency_p50_s": row.latency_p50_s,
            "latency_p95_s": row.latency_p95_s,
            "latency_p99_s": row.latency_p99_s,
            "requests_per_s": row.requests_per_s,
            "completion_tokens_per_s": row.completion_tokens_per_s,
            "usd_per_1k_requests": shown_usd(usd_per_1k(hour, row.requests_per_s)),
            "timing": _of_speed(row, "closed_loop").figures,
        }
        for row in rows
        if row.system == "student"
    ]


def disturbed_spend(store: Store, run: Run, student: Student | None) -> list[str]:
    """Return the parts of `spend` whose durations were disturbed by other processes."""
    found = set()
    for purpose, share in store.others_cpu(run.id).items():
        if is_disturbed(share):
            found.add(part_of(purpose))
    if student is not None and is_disturbed(student.others_cpu):
        found.add("train_usd")
    if any(is_disturbed(row.others_cpu) for row in store.curve_students(run.id).values()):
        found.add("curve_usd")
    return sorted(found)


def machine_figures(task: Task, systems: Sequence[Mapping[str, Any]]) -> Figures:
    """Return `machine`: its price, the task's requests in flight, and a sentence on the times."""
    return {
        "usd_per_hour": shown_usd(task.spec.machine.usd_per_hour),
        "in_flight": task.spec.evaluate.in_flight,
        "sentence": _how_timed(systems),
    }


def _how_timed(systems: Sequence[Mapping[str, Any]]) -> str:
    """Return a sentence on the method by which each system was timed."""
    ways: dict[str, list[str]] = {}
    for row in systems:
        ways.setdefault(_way(row), []).append(row["name"])
    return f"Timed {'; '.join(f'{way}: ' + ', '.join(names) for way, names in ways.items())}."


def _way(row: Mapping[str, Any]) -> str:
    if "timing" not in row:
        return f"by answers on gold, {_so_many(row['answers_in_flight'])}"
    timing = row["timing"]
    if timing["from"] == "in_process":
        return "in this process, one at a time"
    by = "in a closed loop" if timing["from"] == "closed_loop" else "by answers on gold"
    return f"{by}, {_so_many(timing['in_flight'])}"


def _so_many(in_flight: int | None) -> str:
    return "requests in flight not known" if in_flight is None else f"{in_flight} in flight"


def mark(row: Mapping[str, Any]) -> str:
    """Return the mark after a disturbed price; "" for any other price."""
    return f" {MARK}" if row.get("timing", {}).get("disturbed") else ""


def doubt(systems: Sequence[Mapping[str, Any]], *names: str) -> str:
    """Return the note below a table of sums that depend on these systems' prices.

    "" if no price is disturbed."""
    busy = [row["name"] for row in systems if row["name"] in names and mark(row)]
    return f"{MARK} These sums go by disturbed times, of {', '.join(busy)}." if busy else ""


def disturbed_note(figures: Mapping[str, Any]) -> str:
    """Return the explanation of the mark in the tables; "" if nothing was disturbed."""
    rows = [row for row in figures["systems"] if row.get("timing", {}).get("disturbed")]
    told = [f"{row['name']} ({_others(row['timing'])})" for row in rows]
    told += [
        f"the student's speed, {row['in_flight']} at a time ({_others(row['timing'])})"
        for row in figures.get("speed", ())
        if row["timing"]["disturbed"]
    ]
    spent = [part.removesuffix("_usd") for part in figures["spend"].get("disturbed", ())]
    if not told and not spent:
        return ""
    said = f"{MARK} This machine was busy with other processes"
    if told:
        said += f" while these were timed: {', '.join(told)}. Such times and prices are too high, "
        said += "and no sentence goes by them: "
        said += f"`distill evaluate {figures['task']} --timing` takes them anew"
    if spent:
        said += f"{'. So it was' if told else ''} during {', '.join(spent)}: what that cost of our "
        said += "machine's time is too high"
    return said + "."


def _others(timing: Mapping[str, Any]) -> str:
    share = timing["others_cpu"]
    if share is None:
        return f"a model of the run was over {FAR:g} times as fast elsewhere in this store"
    return f"{share:.0%} of the processors"
