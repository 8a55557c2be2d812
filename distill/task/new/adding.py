"""More rows for a task that exists: `distill new NAME --add`.

Rows of the task stay where they are. New rows are split as the first ones were. A hash of each text
draws the test, near copies stay together, and each label keeps its share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distill.core.conversation import input_row
from distill.core.dataset import LabelledExample
from distill.core.errors import InputError, InvalidInput, Problem
from distill.core.sample_size import provable_margin
from distill.core.text import fold
from distill.core.workspace import Workspace
from distill.task import EXAMPLES, Task
from distill.task.files import json_lines, read_text
from distill.task.gold import agree
from distill.task.input_rows import INPUT, MESSAGES, conversation, text_input
from distill.task.loading import load_task
from distill.task.new import (
    SAYS,
    NewTaskOptions,
    context_for,
    in_words,
    open_source,
    read_answered,
    without_contradictions,
)
from distill.task.new.columns import Columns
from distill.task.new.fitting import answers_by_text, as_answers, labelled
from distill.task.new.splitting import (
    SEEDS_OF_LABEL,
    Row,
    representatives,
    size_of_test,
    tested_places,
)
from distill.task.new.writing import with_labels
from distill.task.whole_files import add_rows, changed_folder, restore_folder, write_whole

INPUTS = "inputs.jsonl"


@dataclass
class AddedRows:
    """The rows that were added to a task, by file, and the rows that were not.

    `known`: the number of rows that the task had. `answered`: the number of inputs that have a
    person's answer now. `labels`: the labels that the task did not have.
    `tested`: the number of test rows now; `proves`: the least margin that they prove.
    """

    folder: Path
    source: str
    columns: Columns
    margin: float
    gold: list[Row] = field(default_factory=list)
    seeds: list[Row] = field(default_factory=list)
    examples: list[Row] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    known: int = 0
    answered: int = 0
    labels: tuple[str, ...] = ()
    tested: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def proves(self) -> float:
        """The least margin that the test rows prove."""
        return provable_margin(self.tested)

    @property
    def is_empty(self) -> bool:
        """True if nothing was added."""
        return not (self.gold or self.seeds or self.examples or self.inputs)


def add_to_task(
    workspace: Workspace, name: str, options: NewTaskOptions, *, new_labels: bool = False
) -> AddedRows:
    """Add the rows of a file that a task does not have.

    `new_labels`: add the labels that task.toml does not name. Raises InputError, with file, line
    and cure, before anything is written.
    """
    with workspace.locked(name):
        restore_folder(workspace.prompts / name)
        task = load_task(workspace.prompts, name)
        table, columns = open_source(options)
        found = read_answered(table, columns)
        added = AddedRows(
            task.folder, table.name, columns, task.spec.evaluate.margin, notes=[*table.notes]
        )
        rows = as_answers(task, found, options, new_labels=new_labels)
        fresh = without_contradictions(_not_known(task, rows, added), found.notes)
        if options.group and added.known < len(labelled(task)):
            found.notes.append(
                f"the {options.group} of rows that {table.name} lacks is not known: a new row may "
                "be of one group with a test row"
            )
        _share_out(task, fresh, rows, added, options.test)
        known = {fold(text) for text in (*task.inputs, *answers_by_text(task))}
        added.inputs = [text for text in found.inputs if fold(text) not in known]
        added.labels = tuple(
            dict.fromkeys(row.label for row in fresh if row.label not in task.form.groups)
            if task.spec.kind == "classify"
            else ()
        )
        added.notes += found.notes
        _check_lengths(task, fresh, added)
        if not added.is_empty:
            _write(task, added)
    return added


def _not_known(task: Task, rows: Sequence[Row], added: AddedRows) -> list[Row]:
    """Return the rows that the task does not have, and count the others."""
    answers, fresh, other = answers_by_text(task), list[Row](), list[Row]()
    for row in rows:
        before = answers.get(fold(row.input))
        if before is None:
            fresh.append(row)
        elif agree(before, _canonical(task, row.answer), task.form):
            added.known += 1
        else:
            other.append(row)
    if other:
        added.notes.append(
            f"left out {len(other):,} rows whose text has another answer in the task, the first "
            f"at {other[0].place}"
        )
    return fresh


def _canonical(task: Task, answer: Any) -> str:
    return task.form.of_row(answer) if isinstance(answer, dict) else str(answer)


def _share_out(
    task: Task, fresh: list[Row], rows: Sequence[Row], added: AddedRows, asked: int | None
) -> None:
    """Share the new rows out among the test, the seeds of new labels, and the examples."""
    added.tested = len(task.gold)
    if not fresh:
        return
    groups = {fold(row.input): row.group for row in rows}
    before = labelled(task)
    old = [
        Row(row.input, row.answer, _group_of(task, row), "", groups.get(fold(row.input), ""))
        for row, _ in before
    ]
    by_label = task.spec.kind == "classify"
    tested = size_of_test(len(old) + len(fresh), asked, added.source)
    places = tested_places(
        [*old, *fresh], tested, by_label=by_label, before=[is_test for _, is_test in before]
    )
    sides = [(row, len(old) + number in places) for number, row in enumerate(fresh)]
    added.gold = [row for row, is_test in sides if is_test]
    added.tested += len(added.gold)
    rest = [row for row, is_test in sides if not is_test]
    unseen = dict.fromkeys(
        row.label for row in rest if by_label and row.label not in task.form.groups
    )
    for label in unseen:
        of_label = [row for row in rest if row.label == label]
        added.seeds += representatives(of_label, SEEDS_OF_LABEL)
    shown = {row.place for row in added.seeds}
    added.examples = [row for row in rest if row.place not in shown]


def _group_of(task: Task, row: LabelledExample) -> str:
    return task.form.group(row.answer) if task.spec.kind != "generate" else ""


def _check_lengths(task: Task, fresh: Sequence[Row], added: AddedRows) -> None:
    """Note a text that may be too long for the student. Raises InputError if it surely is."""
    needed = context_for(max((len(row.input) for row in fresh), default=0), fresh)
    if needed is not None and needed > (task.spec.student.context_tokens or 0):
        added.notes.append(
            f"the longest new text may need student.context_tokens = {needed} in task.toml"
        )


def _write(task: Task, added: AddedRows) -> None:
    """Write all files of the task, or none."""
    key, about = task.form.key, f"from {added.source}, by `distill new --add`"
    with changed_folder(task.folder) as folder:
        for name, rows in (
            ("gold.jsonl", added.gold),
            ("seeds.jsonl", added.seeds),
            (EXAMPLES, added.examples),
        ):
            objects: list[Mapping[str, Any]] = [
                {**input_row(row.input), key: row.answer} for row in rows
            ]
            add_rows(folder / name, objects, f"Rows {about}.")
        added.answered = _without_inputs(folder / INPUTS, added)
        texts = [input_row(text) for text in added.inputs]
        add_rows(folder / INPUTS, texts, f"Texts without an answer {about}.")
        if added.labels:
            meanings = {label: in_words(label) for label in added.labels}
            toml = folder / "task.toml"
            text = with_labels(toml, read_text(toml), meanings)
            counts = (len(task.form.choices), len(task.form.choices) + len(meanings))
            old, new = (SAYS["classify"].format(n=count) for count in counts)
            write_whole(toml, [text.replace(f'"{old}"', f'"{new}"')])


def _without_inputs(path: Path, added: AddedRows) -> int:
    """Remove the inputs that people answered now, and return their number."""
    if not path.exists():
        return 0
    answered = {fold(row.input) for row in (*added.gold, *added.seeds, *added.examples)}
    gone = {line for line, row in json_lines(path) if fold(_input_of(row, path)) in answered}
    if gone:
        lines = read_text(path).split("\n")
        kept = [line for number, line in enumerate(lines, 1) if number not in gone]
        write_whole(path, ["\n".join(kept)])
    return len(gone)


def _input_of(row: Mapping[str, Any], path: Path) -> str:
    """Return the input of a row of a loaded task's file; "" for a row without one."""

    def fail(key: str, said: str, fix: str) -> InputError:
        return InvalidInput(Problem(said, str(path), key=key, fix=fix))

    if MESSAGES in row:
        return conversation(row, fail)
    return text_input(str(row.get(INPUT, "")))
