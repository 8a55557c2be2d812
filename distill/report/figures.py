"""Look-ups in the rows of report.json that every reader of a report shares."""

from collections.abc import Mapping
from typing import Any


def system_of(figures: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a system's row of a report."""
    found: Mapping[str, Any] = next(row for row in figures["systems"] if row["name"] == name)
    return found


def is_disturbed(system: Mapping[str, Any]) -> bool:
    """True if other programs used the processors while a system's row of a report was timed. No
    sentence may use the price of such a row."""
    return bool(system.get("timing", {}).get("disturbed", False))


def timing_command(task: str) -> str:
    """Return the command that times a task's systems anew."""
    return f"distill evaluate {task} --timing"
