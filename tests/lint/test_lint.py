"""The linter as a whole: clean tasks, the docs, and the time for many rows."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from distill.core.errors import InvalidInput
from distill.lint import RULES, count_in_words, lint, stop_on_errors
from distill.llm.teacher_choice import by_keys
from distill.task import Task
from distill.task.bundled import BUNDLED
from distill.task.loading import load_task
from tests.conftest import jsonl
from tests.support.clean_task import SEEDS, clean

PROMPTS = Path(__file__).parents[2] / "prompts"


def test_a_clean_task_has_no_finding(tmp_path: Path) -> None:
    assert lint(clean(tmp_path)) == []


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_task_has_one_known_finding(name: str) -> None:
    """Gold proves less than the margin; of policy, claims that differ in one fact are meant."""
    task, _ = by_keys(load_task(PROMPTS, name))
    known = "copies" if name == "policy" else "gold-too-small"
    assert [finding.rule for finding in lint(task)] == [known]


def test_every_rule_has_a_name_of_its_own_and_errors_come_first() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    levels = [rule.level for rule in RULES]
    assert levels == sorted(levels, reverse=True)


def test_every_rule_is_in_the_docs() -> None:
    page = Path("docs/checks.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert f"| `{rule.name}` | {rule.level} | {rule.finds} |" in page


def test_errors_stop_and_warnings_are_counted(tmp_path: Path) -> None:
    other = {"input": SEEDS[0]["input"], "label": "tickets"}
    task = clean(tmp_path, seeds_jsonl=jsonl([*SEEDS, other]))
    findings = lint(task)
    assert [(one.rule, one.level) for one in findings] == [("seeds-contradict", "stop")]
    with pytest.raises(InvalidInput, match=r"seeds\.jsonl:7 has the same input as seeds\.jsonl:1"):
        stop_on_errors(findings)
    warnings = [replace(findings[0], level="look")]
    stop_on_errors(warnings)
    assert count_in_words([], "ferry") == ""
    assert count_in_words(warnings, "ferry") == "1 warning: `distill check ferry` shows it"
    both = count_in_words([*findings, *warnings, *warnings], "ferry")
    assert both == "1 error and 2 warnings: `distill check ferry` shows them"


def calls_of(work: Callable[[], object]) -> int:
    """Count the calls of functions, also of those in C, during a piece of work."""
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def with_inputs(task: Task, count: int) -> Task:
    """A task with many inputs, every fifth of which repeats another."""
    rows = [f"{n - n % 5 // 4} boats and {n * 7919 % 10_007} gulls at sea" for n in range(count)]
    path = task.folder / "inputs.jsonl"
    path.write_text(jsonl([{"input": text} for text in rows]), encoding="utf-8")
    return replace(task, inputs=tuple(rows))


def test_twice_the_inputs_are_at_most_twice_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.lint.rows.MOST_COMPARED", 500)  # the search of pairs has its tests
    task = clean(tmp_path)
    lint(with_inputs(task, 200))  # imports, and loads the bundled tasks
    calls = []
    for count in (10_000, 20_000):
        many = with_inputs(task, count)
        calls.append(calls_of(partial(lint, many)))
    assert calls[0] > 10_000
    assert calls[1] < 2.1 * calls[0]
