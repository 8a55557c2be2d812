"""Shared look-ups in the figures of report.json."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_figures(path: Path) -> dict[str, Any]:
    """Return the figures of a report.json; {} if there is none, or if it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def system_of(figures: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a system's row of a report."""
    found: Mapping[str, Any] = next(row for row in figures["systems"] if row["name"] == name)
    return found


def is_disturbed(system: Mapping[str, Any]) -> bool:
    """True if other programs used the CPU while a system was timed.

    No sentence may use the price of such a system."""
    return bool(system.get("timing", {}).get("disturbed", False))


def timing_command(task: str) -> str:
    """Return the command that measures the speeds of a task's systems again."""
    return f"distill evaluate {task} --timing"
