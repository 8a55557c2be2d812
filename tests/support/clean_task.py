"""A task without a fault, for the rules of the linter, and what a rule finds in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from distill.core.errors import Problem
from distill.lint import RULES
from distill.task import Task
from distill.task.loading import load_task
from tests.conftest import jsonl, write_files

TOML = """name = "ferry"
kind = "classify"
description = "Route what passengers of a ferry write."

[labels]
luggage = "Suitcases, bicycles and prams that passengers carry on deck"
timetable = "Departures, crossings and cancelled sailings in a storm"
tickets = "Fares, discounts for children and refunds of a booking"

[teacher]
model = "embedded"

[evaluate]
margin = 0.3
"""
TEXTS = {
    "luggage": (
        "May my bicycle stand beside the funnel?",
        "How heavy can two suitcases be?",
        "Our pram did not fit through the narrow door",
        "Somebody took the rucksack that I left below",
        "Is a surfboard allowed on board?",
    ),
    "timetable": (
        "When does the last boat leave on Sunday?",
        "Will you sail tomorrow although it blows hard",
        "The 8:15 crossing was an hour late again",
        "Are there more departures during the regatta?",
        "Which pier does the evening boat use",
    ),
    "tickets": (
        "My daughter is five, does she pay?",
        "I want the money for the return trip back",
        "What costs a yearly pass for pensioners?",
        "The machine swallowed my card and printed nothing",
        "Can ten pupils travel at a reduced fare",
    ),
}
SEEDS = [{"input": text, "label": label} for label, texts in TEXTS.items() for text in texts[:2]]
GOLD = [{"input": text, "label": label} for label, texts in TEXTS.items() for text in texts[2:]]
INPUTS = [{"input": "Where do dogs stay?"}, {"input": "Do you take coins from abroad"}]
FILES = {
    "task_toml": TOML,
    "synthesize_md": "What a passenger asks about {{ label }} ({{ meaning }}):\n"
    "{% for seed in seeds %}\n- {{ seed.input }}\n{% endfor %}\n-\n",
    "answer_md": "{% for seed in seeds %}\n{{ seed.input }} => {{ seed.answer }}\n{% endfor %}\n"
    "{{ input }} =>\n",
    "student_md": "Whose matter?\n",
    "seeds_jsonl": jsonl(SEEDS),
    "gold_jsonl": jsonl(GOLD),
    "inputs_jsonl": jsonl(INPUTS),
}


def clean(prompts: Path, name: str = "ferry", **changes: str) -> Task:
    """Write and load a classify task without a fault; a change replaces a file's text."""
    texts = FILES | {"task_toml": TOML.replace("ferry", name, 1)} | changes
    write_files(prompts / name, texts)
    return load_task(prompts, name)


def found(task: Task, rule: str) -> list[Problem]:
    """Return what a rule finds in a task."""
    (check,) = (one.check for one in RULES if one.name == rule)
    return list(check(task))


def only(task: Task, rule: str) -> tuple[str, int | None, str]:
    """Return (file name, line, message with remedy) of the one problem that a rule finds."""
    (problem,) = found(task, rule)
    assert Path(problem.file).parent == task.folder
    assert problem.fix, "every finding has a remedy"
    return Path(problem.file).name, problem.line, f"{problem.message}: {problem.fix}"


def with_header(rows: Sequence[Mapping[str, object]]) -> str:
    """Return JSON lines with a first line about them and an empty line, so that lines differ."""
    return '{"about": "by us"}\n\n' + jsonl(rows)
