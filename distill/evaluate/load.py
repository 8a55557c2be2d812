"""The load of a system: one request at a time, and as many as its server takes at once.

Every system that we serve gets the same closed loop, so that their prices can be compared.
"""

from collections.abc import Sequence

from distill.core.evaluation import LoadTestResult
from distill.core.progress import Progress
from distill.core.purpose import EVALUATION
from distill.core.requests import Endpoint, Request
from distill.evaluate.statistics import percentile
from distill.llm.load_test import Extent, closed_loop

ROUNDS = 2  # minimum of a loop: requests for each place in flight
SECONDS = 20.0  # after these, any loop but the student's ends once it has its minimum


def extents(in_flight: int, total: int, *, alone: bool) -> list[Extent]:
    """Return the loads of a system: `total` requests with `in_flight` at a time.

    Each place in flight gets at least ROUNDS requests. With `alone`, `total` requests one at a time
    come first. Without `alone`, no request begins after SECONDS, once the minimum has begun.
    """
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
    """Measure the answers to a system's `requests` at each load.

    Raises DistillError if a request fails.
    """
    found = []
    for load in loads:
        step = f"speed of {system}, {load.in_flight} at a time"
        with progress.step(EVALUATION, step, load.most) as advance:
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
