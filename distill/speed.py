"""A served model → how fast it answers: one request at a time, and as many as it takes at once."""

from collections.abc import Sequence

from distill.backends.load import closed_loop
from distill.progress import Progress
from distill.records import Endpoint, Request, Speed
from distill.stats import percentile


def measure(
    system: str,
    endpoint: Endpoint,
    requests: Sequence[Request],
    *,
    total: int,
    progress: Progress,
) -> list[Speed]:
    """How a system's `requests`, `total` of them for each load, are answered. Raises DistillError
    when one fails."""
    found = []
    for in_flight in sorted({1, endpoint.in_flight}):
        with progress.step("evaluate", f"speed, {in_flight} at a time", total) as advance:
            loaded = closed_loop(endpoint, requests, in_flight=in_flight, total=total)
            advance(total)
        p50, p95, p99 = (percentile(loaded.latencies_s, percent) for percent in (50, 95, 99))
        found.append(
            Speed(
                *(system, in_flight, total, loaded.seconds),
                *(p50, p95, p99, loaded.completion_tokens),
            )
        )
    return found
