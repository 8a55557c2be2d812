"""Findings of the linter, and the lines that they are about."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from distill.core.errors import Problem
from distill.task import Task
from distill.task.files import json_lines
from distill.task.toml_places import line_of

Level = Literal["look", "stop"]
Check = Callable[[Task], Iterator[Problem]]
MOST_NAMED = 8  # labels or words in a message
TOML, GOLD, SEEDS, INPUTS = "task.toml", "gold.jsonl", "seeds.jsonl", "inputs.jsonl"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the linter.

    `name`: the name in messages and in JSON.
    `level`: "stop" if a run would fail or prove nothing; otherwise "look".
    `finds`: what the rule finds, for the docs.
    `check`: the search, which yields a problem with file, line and remedy for each fault.
    """

    name: str
    level: Level
    finds: str
    check: Check


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of a task that a rule has found."""

    rule: str
    level: Level
    problem: Problem


def of_key(task: Task, key: Sequence[str], message: str, fix: str) -> Problem:
    """Return a problem at a key of task.toml, such as ("evaluate", "margin").

    Without the key, the line is that of its section, and without the section 1.
    """
    path = task.folder / TOML
    return Problem(message, str(path), line_of(path, key) or 1, ".".join(key), fix)


def of_input(task: Task, place: int, message: str, fix: str) -> Problem:
    """Return a problem at a row of inputs.jsonl; `place` is the row's index from 0."""
    path = task.folder / INPUTS
    about = path.stat()
    line = _row_lines(path, about.st_mtime_ns, about.st_size)[place]
    return Problem(message, str(path), line, "input", fix)


@lru_cache(maxsize=2)
def _row_lines(path: Path, changed: int, size: int) -> tuple[int, ...]:
    """Return the line of each row, cached because several rules ask for lines of a large file."""
    return tuple(line for line, _ in json_lines(path))


def of_prompt(task: Task, prompt: str, message: str, fix: str, *, near: str = "") -> Problem:
    """Return a problem of a prompt, at the first line with the words `near`, or else at line 1."""
    lines = enumerate(task.prompts[prompt].split("\n"), start=1)
    found = re.compile(rf"(?i)(?<!\w){re.escape(near)}(?!\w)") if near else None
    line = next((number for number, text in lines if found and found.search(text)), 1)
    return Problem(message, str(task.folder / prompt), line, fix=fix)


def named(names: Sequence[str]) -> str:
    """Return names in quotes, with the number of those that are left out."""
    more = len(names) - MOST_NAMED
    shown = ", ".join(f"{name!r}" for name in names[:MOST_NAMED])
    return f"{shown} and {more:,} more" if more > 0 else shown
