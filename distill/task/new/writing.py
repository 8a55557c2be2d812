"""The files of a new task, written to its folder all at once."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from distill.core.conversation import input_row
from distill.core.errors import InputError, InvalidInput, Problem
from distill.task import EXAMPLES, PROMPTS, SCHEMA
from distill.task.loading import load_task
from distill.task.new.splitting import Parts, Row
from distill.task.whole_files import new_folder

Kind = str  # classify, extract or generate
ASKS_FOR_MEANINGS = "# Say in a sentence for each label what belongs there."
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LABELS = re.compile(r"\s*\[\s*labels\s*\]\s*(#.*)?")
_SECTION = re.compile(r"\s*\[")


@dataclass(frozen=True)
class NewTask:
    """The content of a new task's folder.

    `labels`: label → its meaning. `other`: the label of what belongs to no other; "" for none.
    `schema`: the schema of answers; None unless the kind is extract.
    `inputs`: texts without an answer. `system`: the system prompt of the rows; "" without one.
    `teacher`: False if the student learns from people's rows alone.
    """

    name: str
    kind: Kind
    description: str
    parts: Parts
    margin: float
    source: str
    labels: Mapping[str, str] = field(default_factory=dict)
    other: str = ""
    schema: Mapping[str, Any] | None = None
    inputs: tuple[str, ...] = ()
    context_tokens: int | None = None
    system: str = ""
    teacher: bool = True


def write_task(folder: Path, task: NewTask) -> None:
    """Write a task's folder, or nothing.

    Raises InputError if the folder exists, and if the task would not load.
    """
    with new_folder(folder) as partial:
        for name, text in _files(task):
            (partial / name).write_text(text, encoding="utf-8")
        _check(partial, task.source)


def _check(folder: Path, source: str) -> None:
    try:
        load_task(folder.parent, folder.name)
    except InputError as error:
        said = " ".join(error.lines[0].replace(f"{folder}/", "").split())
        raise InputError(f"{source}: its rows make no valid task: {said}") from error


def _files(task: NewTask) -> Iterable[tuple[str, str]]:
    """Yield the name and the text of each file."""
    yield "task.toml", task_toml(task)
    prompts = files("distill.task.new") / "prompts" / task.kind
    for name in PROMPTS:
        yield name, (prompts / name).read_text(encoding="utf-8")
    if task.schema is not None:
        yield SCHEMA, json.dumps(task.schema, ensure_ascii=False, indent=2) + "\n"
    if task.system:
        yield "answer.system.md", f"{{% raw %}}{task.system}{{% endraw %}}\n"
    key = "label" if task.kind == "classify" else "answer"
    about = f"from {task.source}, by `distill new`"
    yield "gold.jsonl", _lines(f"Test rows {about}. Only ever tested on.", task.parts.gold, key)
    yield "seeds.jsonl", _lines(f"Rows {about}, shown to the teacher.", task.parts.seeds, key)
    if task.parts.examples:
        yield EXAMPLES, _lines(f"Training rows {about}.", task.parts.examples, key)
    if task.inputs:
        rows = [{"about": f"Texts without an answer {about}."}]
        yield "inputs.jsonl", _joined([*rows, *map(input_row, task.inputs)])


def _lines(about: str, rows: Iterable[Row], key: str) -> str:
    return _joined([{"about": about}, *({**input_row(row.input), key: row.answer} for row in rows)])


def _joined(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def task_toml(task: NewTask) -> str:
    """Return the text of task.toml."""
    lines = [
        "# Every key that is not given has a default: docs/task-file.md lists them all.",
        f"name = {toml_text(task.name)}",
        f'kind = "{task.kind}"',
        f"description = {toml_text(task.description)}",
    ]
    if task.labels:
        lines += ["", ASKS_FOR_MEANINGS, "[labels]"]
        lines += [_label(label, says, task.other) for label, says in task.labels.items()]
    if not task.teacher:
        lines += ["", "# The student learns from people's rows alone.", "[generate]"]
        lines += ["sources = []"]
    if task.context_tokens is not None:
        lines += ["", "[student]", f"context_tokens = {task.context_tokens}"]
    tested = len(task.parts.gold)
    lines += [
        "",
        f"# The loss that you accept. {tested} test rows can prove no less.",
        "[evaluate]",
    ]
    return "\n".join([*lines, f"margin = {task.margin:g}"]) + "\n"


def _label(label: str, meaning: str, other: str) -> str:
    """Return the line of a label in [labels]."""
    said = toml_text(meaning)
    if label == other:
        said = f"{{meaning = {said}, other = true}}"
    return f"{_key(label)} = {said}"


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else toml_text(text)


def toml_text(text: str) -> str:
    """Return a text as a basic string of TOML, which has the escapes of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def with_labels(path: Path, text: str, labels: Mapping[str, str]) -> str:
    """Return the text of a task.toml with more labels at the end of its section [labels].

    Raises InvalidInput, with the lines to add, if the labels are written in another form.
    """
    lines = text.split("\n")
    added = [f"{_key(label)} = {toml_text(says)}" for label, says in labels.items()]
    header = next((n for n, line in enumerate(lines) if _LABELS.fullmatch(line)), None)
    if header is not None:
        end = next((n for n in range(header + 1, len(lines)) if _SECTION.match(lines[n])), None)
        last = max(n for n in range(header, end or len(lines)) if n == header or "=" in lines[n])
        changed = "\n".join([*lines[: last + 1], *added, *lines[last + 1 :]])
        before, after = _labels_of(text), _labels_of(changed)
        if before is not None and after == {**before, **labels}:
            return changed
    said = f"has no section [labels] with a line for each label, to add {', '.join(labels)}"
    raise InvalidInput(Problem(said, str(path), fix=f"add the labels yourself: {'; '.join(added)}"))


def with_meanings(
    path: Path, text: str, before: Mapping[str, Any], drafts: Mapping[str, str], author: str
) -> str:
    """Return the text of a task.toml with drafts in place of the meanings of labels.

    `before`: the labels as in task.toml. `author`: the model that wrote the drafts.

    Raises InvalidInput, with the lines to write, if the labels are written in another form.
    """
    drafted = f"# Drafted by {author}. Correct what is wrong."
    changed = text.replace(ASKS_FOR_MEANINGS, drafted)
    for label, meaning in drafts.items():
        old = f"{_key(label)} = {toml_text(before[label])}\n"
        changed = changed.replace(old, f"{_key(label)} = {toml_text(meaning)}\n", 1)
    if _labels_of(changed) == {**before, **drafts}:
        return changed
    lines = "; ".join(f"{_key(label)} = {toml_text(says)}" for label, says in drafts.items())
    said = "has labels in another form than `distill new` writes"
    raise InvalidInput(Problem(said, str(path), fix=f"write the drafts yourself: {lines}"))


def _labels_of(text: str) -> dict[str, Any] | None:
    """Return the labels of a task.toml; None if it cannot be read."""
    try:
        found = tomllib.loads(text).get("labels")
    except tomllib.TOMLDecodeError:
        return None
    return found if isinstance(found, dict) else None
