"""The table of docs/benchmarks.md, from the files `benchmarks/results/<name>/<date>.json`.

A file has `date`, `command`, `machine`, `commit` and `claims`: each with its figure, and with its
target and whether it was met, both null without a target. `lost` says in a sentence how a model
that needs no training did as well. `note` and `output` are for readers of the file.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
HEAD = ("claim", "figure", "target", "met", "command", "machine", "date", "commit")
UNKNOWN = "not recorded"

Result = dict[str, Any]


def results(folder: Path = RESULTS) -> list[tuple[Path, Result]]:
    """Return the newest result of each benchmark, with its path."""
    newest = (max(one.glob("*.json")) for one in sorted(folder.iterdir()))
    return [(path, json.loads(path.read_text(encoding="utf-8"))) for path in newest]


def table(folder: Path = RESULTS) -> str:
    """Return all claims as a Markdown table."""
    rows = [HEAD, ("---",) * len(HEAD), *_rows(folder)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def lost(folder: Path = RESULTS) -> str:
    """Return a list of the runs in which a model without training did as well as the student."""
    found = ((path, result["lost"]) for path, result in results(folder) if "lost" in result)
    return "\n".join(f"- {said} {_link(path)}" for path, said in found)


def _rows(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each claim; where it was measured is in a result's first row only."""
    for path, result in results(folder):
        command = f"`{result['command']}`" if result["command"] else "none"
        where = (command, result["machine"], _link(path), result["commit"] or UNKNOWN)
        for one in result["claims"]:
            met = {True: "yes", False: "**no**", None: ""}[one["met"]]
            yield (one["claim"], one["figure"], one["target"] or "", met, *where)
            where = ("",) * 4


def _link(path: Path) -> str:
    name = f"{path.parent.name}/{path.name}"
    return f"[{path.stem}](../benchmarks/results/{name})"
