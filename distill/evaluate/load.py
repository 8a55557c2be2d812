"""A system → how fast it answers: one request at a time, and as many as its server takes at once.

The closed loop of every system that we serve is the same, so that their prices can be compared.
"""

from collections.abc import Sequence

from distill.core.evaluation import LoadTestResult
from distill.core.progress import Progress
from distill.core.requests import Endpoint, Request
from distill.evaluate.statistics import percentile
from distill.llm.load_test import Extent, closed_loop

ROUNDS = 2  # of a loop at least: every place in flight is taken so often
SECONDS = 20.0  # that the loop of a system beside the student takes, where it needs no more


def extents(in_flight: int, total: int, *, alone: bool) -> list[Extent]:
    """The loads of a system: `total` requests one at a time, where that is wanted, and as many with
    `in_flight`, at least two for each place."""
    least = ROUNDS * in_flight
    if alone:
        loads = {1: Extent(1, total), in_flight: Extent(in_flight, max(total, least))}
        return [loads[load] for load in sorted(loads)]
    return [Extent(in_flight, max(total, least), least, SECONDS)]


def measure(
    system: str,
    endpoint: Endpoint,
    requests: Sequence[Request],
    loads: Sequence[Extent],
    progress: Progress,
) -> list[LoadTestResult]:
    """How a system's `requests` are answered at each load. Raises DistillError when one fails."""
    found = []
    for load in loads:
        step = f"speed of {system}, {load.in_flight} at a time"
        with progress.step("evaluate", step, load.most) as advance:
            loaded = closed_loop(endpoint, requests, load)
            advance(len(loaded.latencies_s))
        p50, p95, p99 = (percentile(loaded.latencies_s, percent) for percent in (50, 95, 99))
        found.append(
            LoadTestResult(
                *(system, load.in_flight, len(loaded.latencies_s), loaded.seconds),
                *(p50, p95, p99),
                loaded.completion_tokens,
                loaded.others_cpu,
            )
        )
    return found
