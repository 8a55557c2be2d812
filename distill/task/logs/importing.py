"""`distill import`: from production logs to the inputs of a task."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.core.workspace import Workspace
from distill.task import Task
from distill.task.files import read_text
from distill.task.loading import load_task
from distill.task.logs.cleaning import Cleaned, clean, masked_prompts
from distill.task.logs.collecting import Collected, collect
from distill.task.logs.reading import Broken, read_calls
from distill.task.logs.today import Today, is_free, today_of

MOST_INPUTS = 10_000
INPUTS = "inputs.jsonl"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of `distill import`.

    `most`: the maximum number of texts to take. `system`: words of the system prompt of the calls.
    `any_system`: take the calls of all system prompts.
    """

    most: int = MOST_INPUTS
    system: str = ""
    any_system: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import.

    `today`: what the job costs today; None if the logs do not say.
    `today_written`: True if task.toml got a section [today].
    """

    folder: Path
    collected: Collected
    cleaned: Cleaned
    broken: Broken
    today: Today | None
    today_written: bool

    @property
    def left_out(self) -> Counter[str]:
        """The texts that were not added, by reason."""
        sampled = len(self.cleaned.texts) + self.cleaned.left_out.total()
        beyond = Counter({"beyond --most": self.collected.sample.distinct - sampled})
        return +(self.cleaned.left_out + beyond)

    @property
    def copies(self) -> int:
        """The number of calls whose text another call has, too."""
        return self.collected.calls - self.collected.sample.distinct


def import_logs(
    workspace: Workspace, name: str, logs: Sequence[Path], options: ImportOptions
) -> Imported:
    """Add the masked texts of production logs to the inputs of a task.

    Raises InputError before anything is written.
    """
    task = load_task(workspace.prompts, name)
    with workspace.locked(name):
        broken = Broken()
        collected = collect(read_calls(logs, broken), most=options.most, system=options.system)
        collected.systems = masked_prompts(task, collected.systems)
        collected.check(any_system=options.any_system)
        cleaned = clean(task, collected.sample.texts())
        texts = [{"input": row.text} for row in cleaned.texts]
        add_rows(task.folder / INPUTS, texts, "Texts of production logs, by `distill import`.")
        today = today_of(task, collected.models)
        written = today is not None and _write_today(task, today, collected.calls)
    return Imported(task.folder, collected, cleaned, broken, today, written)


def add_rows(path: Path, rows: Iterable[Mapping[str, Any]], about: str) -> None:
    """Add rows to a JSON-lines file, all or none. A new file begins with `about`."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    if not lines:
        return
    if path.exists():
        lines = ([] if _is_ended(path) else ["\n"]) + lines
    else:
        lines = [json.dumps({"about": about}, ensure_ascii=False) + "\n", *lines]
    append(path, lines)


def _is_ended(path: Path) -> bool:
    """True if the last line of a file has its end."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def append(path: Path, lines: Iterable[str]) -> None:
    """Append lines to a file, which may be missing, all or none."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        if path.exists():
            shutil.copy2(path, partial)
        with partial.open("a", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_today(task: Task, today: Today, calls: int) -> bool:
    """Write the section [today], if there is none and its model has a price; True if written."""
    path = task.folder / "task.toml"
    text = read_text(path)
    if not today.priced or not is_free(text, task):
        return False
    append(path, _today_lines(text, today, calls))
    return True


def _today_lines(text: str, today: Today, calls: int) -> Iterator[str]:
    yield "" if text.endswith("\n") else "\n"
    yield f"\n# The mean of {calls:,} logged calls, by `distill import`.\n"
    yield today.section
