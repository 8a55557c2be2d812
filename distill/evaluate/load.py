"""The load tests of a system: one request at a time, and the maximum of concurrent requests.

Every system on our own servers gets the same closed loop, so that the costs are comparable.
"""

from collections.abc import Sequence

from distill.core.evaluation import LoadTestResult
from distill.core.progress import Progress
from distill.core.purpose import EVALUATION
from distill.core.requests import Endpoint, Request
from distill.evaluate.statistics import percentile
from distill.llm.load_test import Extent, closed_loop

ROUNDS = 2  # minimum of a loop, in requests per concurrent request
SECONDS = 20.0  # duration of a loop, except the student's, once it has sent its minimum


def extents(in_flight: int, total: int, *, alone: bool) -> list[Extent]:
    """Return the loads of a system: `total` requests, with `in_flight` at a time.

    There are at least ROUNDS × `in_flight` requests. With `alone`, `total` requests one at a time
    come first. Without it, no request begins after SECONDS, except for this minimum.
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
    """Return a system's measured speed at each load. Raises DistillError if a request fails."""
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
