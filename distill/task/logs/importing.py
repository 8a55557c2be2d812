"""`distill import`: from production logs to the inputs of a task."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from distill.core.conversation import input_row
from distill.core.workspace import Workspace
from distill.task import ANSWERS, Task
from distill.task.answers_file import lines_of, read_rows
from distill.task.files import read_text
from distill.task.kinds.extract import Fields
from distill.task.loading import load_task
from distill.task.logs import SEVERAL_TURNS, TOOL_CALL, LoggedCall
from distill.task.logs.answers import AnswerChoice, Chosen
from distill.task.logs.cleaning import Cleaned, clean, masked_prompts
from distill.task.logs.collecting import Collected, collect
from distill.task.logs.reading import Broken, read_calls
from distill.task.logs.today import Today, is_free, today_of
from distill.task.whole_files import add_rows, append, write_whole

MOST_INPUTS = 10_000
SHOWN = 3  # logs in a message
INPUTS, SYSTEM_PROMPT = "inputs.jsonl", "answer.system.md"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of `distill import`.

    `most`: the maximum number of texts to take. `system`: words of the system prompt of the calls.
    `any_system`: take the calls of all system prompts.
    `answers_as_labels`: the answers of other models and prompts are labels, too.
    `encoding`: the encoding of CSV files, if it is not UTF-8.
    """

    most: int = MOST_INPUTS
    system: str = ""
    any_system: bool = False
    answers_as_labels: bool = False
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import.

    `teacher`: the name of the teacher. `prompt_written`: True if the task got the system prompt.
    `is_used`: False if the task's `generate.sources` leaves given inputs out.
    `today`: what the job costs today; None if the logs do not say.
    `today_written`: True if task.toml got a section [today].
    """

    folder: Path
    collected: Collected
    cleaned: Cleaned
    broken: Broken
    chosen: Chosen
    teacher: str
    prompt_written: bool
    is_used: bool
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
    workspace: Workspace,
    name: str,
    logs: Sequence[Path],
    options: ImportOptions,
    settled: Callable[[Task], Task] = lambda task: task,
) -> Imported:
    """Add the masked texts of production logs to the inputs of a task, with their answers.

    `settled`: returns the task with its teacher, for a task whose teacher is `auto`. Raises
    InputError before anything is written.
    """
    task = load_task(workspace.prompts, name)
    teacher = settled(task).spec.teacher.model
    with workspace.locked(name):
        broken = Broken()
        collected = collect(
            read_calls(logs, broken, options.encoding),
            most=options.most,
            system=options.system,
            unusable=partial(_unusable, task),
        )
        collected.systems = masked_prompts(task, collected.systems)
        collected.check(_names(logs), any_system=options.any_system)
        cleaned = clean(task, collected.sample.texts())
        # With a store there may be paid answers to requests with the present prompt.
        prompt = "" if workspace.database(name).exists() else _new_prompt(task, collected)
        choice = AnswerChoice(
            task,
            teacher,
            prompt or task.render(SYSTEM_PROMPT),
            as_labels=options.answers_as_labels,
        )
        chosen = choice.choose([*cleaned.texts, *cleaned.known])
        if prompt:
            write_whole(task.folder / SYSTEM_PROMPT, [as_template(prompt), "\n"])
        _write_answers(task, chosen.rows)
        texts = [input_row(row.text) for row in cleaned.texts]
        add_rows(task.folder / INPUTS, texts, "Texts of production logs, by `distill import`.")
        today = today_of(task, collected.models, teacher)
        written = today is not None and _write_today(task, today, collected.calls)
    return Imported(
        folder=task.folder,
        collected=collected,
        cleaned=cleaned,
        broken=broken,
        chosen=chosen,
        teacher=teacher,
        prompt_written=bool(prompt),
        is_used="inputs" in task.spec.generate.sources,
        today=today,
        today_written=written,
    )


def _names(logs: Sequence[Path]) -> str:
    shown = ", ".join(map(str, logs[:SHOWN]))
    return f"{shown} and {len(logs) - SHOWN:,} more" if len(logs) > SHOWN else shown


def _unusable(task: Task, call: LoggedCall) -> str:
    """Return the reason why a task cannot use a call; "" if it can.

    Several turns need a task with conversations. A call of a tool is an answer of an extract task.
    """
    if call.turns > 1 and not task.has_conversations:
        return SEVERAL_TURNS
    if not call.tool:
        return ""
    is_taken = isinstance(task.form, Fields) and task.form.tool in ("", call.tool)
    return "" if is_taken else TOOL_CALL


def _new_prompt(task: Task, collected: Collected) -> str:
    """Return the system prompt of the logs, if it is the only one and the task has none."""
    if (task.folder / SYSTEM_PROMPT).exists() or len(collected.systems) != 1:
        return ""
    (system,) = collected.systems
    return "" if "endraw" in system else system


def as_template(text: str) -> str:
    """Return a template that renders a text as it is."""
    is_plain = not any(sign in text for sign in ("{{", "{%", "{#"))
    return text if is_plain else f"{{% raw %}}{text}{{% endraw %}}"


def _write_answers(task: Task, rows: Mapping[str, dict[str, Any]]) -> None:
    """Write answers into the file; a new answer to an input replaces the one of before."""
    path = task.folder / ANSWERS
    before = read_rows(path)
    after = before | dict(rows)
    if after != before:
        write_whole(path, lines_of(after.values()))


def _write_today(task: Task, today: Today, calls: int) -> bool:
    """Write the section [today], unless there is one or no use for it; True if written."""
    path = task.folder / "task.toml"
    text = read_text(path)
    if not today.priced or today.is_teacher or not is_free(text, task):
        return False
    append(path, _today_lines(text, today, calls))
    return True


def _today_lines(text: str, today: Today, calls: int) -> Iterator[str]:
    yield "" if text.endswith("\n") else "\n"
    yield f"\n# The mean of {calls:,} logged calls, by `distill import`.\n"
    yield today.section
