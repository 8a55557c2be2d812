"""The figures of a run's report.json."""

import json
from pathlib import Path
from typing import Any

TIMES = {"run", "created", "latency_p50_s", "latency_p95_s", "requests_per_s", "spend"}
TIMES |= {"usd_per_1k_requests", "headline", "usd", "latency_p99_s", "completion_tokens_per_s"}
TIMES |= {"start_s", "memory_mib", "break_even", "others_cpu", "disturbed", "latency"}
TIMES |= {"shorter_prompt"}  # its tokens are in `systems`, too
# A real model's probabilities depend in their last digits on which requests shared a batch.
TIMES |= {"confidence", "calibration", "coverage"}


def figures(folder: Path) -> Any:
    """Read the report.json of a run's folder."""
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def timeless(value: Any) -> Any:
    """Leave out of a report what depends on time."""
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items() if key not in TIMES}
    if isinstance(value, list):
        return [timeless(item) for item in value if not is_of_the_pace(item)]
    return value


def is_of_the_pace(value: Any) -> bool:
    """True for an advice that depends on the speed of the machine."""
    return isinstance(value, dict) and value.get("rule") == "busy_machine"
