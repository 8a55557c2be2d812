"""New tasks from people's data: `distill new`.

- `tables`: reads a file, a folder or a data set as rows of columns.
- `columns`: chooses the columns of input and answer.
- `labels`, `schema`: infer the labels, or the schema of objects.
- `splitting`: splits the rows into test, seeds and examples, the test first.
- `writing`: writes the folder of the task, or nothing.
- `adding`: adds rows to a task that exists.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from distill.core.conversation import encode_text
from distill.core.errors import InvalidInput, Problem
from distill.core.sample_size import provable_margin, sample_size_for_margin
from distill.core.text import fold
from distill.core.words import count_words
from distill.task.kinds.extract import Fields
from distill.task.new.columns import REPEATED, SHORT, Columns, choose_columns, printable
from distill.task.new.labels import (
    FEWEST_ROWS,
    check_labels,
    folded_note,
    known_label,
    merge_rare,
    one_spelling,
)
from distill.task.new.sample import MOST_ROWS, Sample
from distill.task.new.schema import infer_schema, with_lists, without_nulls
from distill.task.new.splitting import Row, size_of_test, split_rows
from distill.task.new.tables import Record, Table, open_table, text_of
from distill.task.new.writing import NewTask, write_task
from distill.task.spec import NAME, label_problem
from distill.task.whole_files import check_is_new

Kind = Literal["classify", "extract", "generate"]
MISSING = ("", "nan", "null")  # cells without an answer, folded
CHARS_PER_TOKEN = 3  # at least, in most languages
DEFAULT_CONTEXT, LARGEST_CONTEXT = 1024, 8192  # tokens
ROOM = 256  # tokens for instructions and answer
SAYS = {
    "classify": "Sort a text into one of {n} labels.",
    "extract": "Take {names} out of a text.",
    "generate": "Write the output that belongs to an input.",
}


@dataclass(frozen=True, slots=True)
class NewTaskOptions:
    """The options of `distill new`.

    `source`: a file, a folder, or the id of a data set of the Hugging Face hub.
    `answers`: the column of answers, or several columns that become fields.
    `kind`: "" to infer it. `description`: the job in a sentence; "" for a general one.
    `test`: the number of test rows; None for the default.
    `merge_rare`: the label that takes the rows of labels with too few rows; "" for none.
    `drop_rare`: leave those rows out. `other`: the label of what belongs to no other; "" for none.
    `no_teacher`: learn from people's rows alone.
    """

    source: str
    input: str = ""
    answers: tuple[str, ...] = ()
    kind: Kind | Literal[""] = ""
    description: str = ""
    group: str = ""
    time: str = ""
    test: int | None = None
    merge_rare: str = ""
    drop_rare: bool = False
    other: str = ""
    no_teacher: bool = False
    query: str = ""
    encoding: str = ""


@dataclass
class Reading:
    """The rows of a table, and what was found while they were read."""

    rows: list[Row] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    systems: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MadeTask:
    """A written task, with the choices that were made for it."""

    folder: Path
    task: NewTask
    columns: Columns
    notes: tuple[str, ...]

    @property
    def proves(self) -> str:
        """The sentence on what the test rows can prove."""
        tested = len(self.task.parts.gold)
        more = [point for point in (0.05, 0.02) if point < self.task.margin]
        needed = ", ".join(f"{sample_size_for_margin(p):,} for {100 * p:g}" for p in more)
        return f"{tested:,} test rows can prove a loss under {100 * self.task.margin:g} points" + (
            f"; you need about {needed}" if needed else ""
        )


def new_task(prompts: Path, name: str, options: NewTaskOptions) -> MadeTask:
    """Write the folder of a task from people's data.

    Raises InputError, with file, line and cure, before anything is written.
    """
    check_name(prompts, name)
    table, columns = open_source(options)
    found = read_answered(table, columns)
    kind: Kind = options.kind or _kind_of(found.rows, columns, table.name)
    if options.other and kind != "classify":
        fix = "leave out --other, or give --kind classify"
        raise InvalidInput(Problem(f"a {kind} task has no labels", key="--other", fix=fix))
    task = _TASKS[kind](found, options, table.name)
    rows = without_contradictions(task.rows, found.notes)
    tested = size_of_test(len(rows), options.test, table.name)
    parts = split_rows(rows, tested, by_label=kind == "classify")
    longest = max((len(row.input) for row in rows), default=0)
    made = NewTask(
        name=name,
        kind=kind,
        description=options.description or task.description,
        parts=parts,
        margin=provable_margin(len(parts.gold)),
        source=table.name,
        labels=task.labels,
        other=task.other,
        schema=task.schema,
        inputs=tuple(found.inputs),
        context_tokens=context_for(longest, rows),
        system=_system(found),
        teacher=not options.no_teacher,
    )
    folder = prompts / name
    write_task(folder, made)
    return MadeTask(folder, made, columns, (*table.notes, *found.notes))


def check_name(prompts: Path, name: str) -> None:
    """Raise InputError for a name that no folder can have, and for one that is taken."""
    if not re.fullmatch(NAME, name):
        said = f"{name!r} is not the name of a task"
        fix = "give a name of small letters, digits, - and _, like tickets"
        raise InvalidInput(Problem(said, key="NAME", fix=fix))
    check_is_new(prompts / name)


def open_source(options: NewTaskOptions) -> tuple[Table, Columns]:
    """Open the table that the options name, and choose its columns.

    Raises InputError, with file, line and cure.
    """
    table = open_table(options.source, query=options.query, encoding=options.encoding)
    columns = choose_columns(
        table,
        input_column=options.input,
        answers=options.answers,
        group=options.group,
        time=options.time,
    )
    return table, columns


def read_answered(table: Table, columns: Columns) -> Reading:
    """Read all rows; a row without an answer becomes an input, and one without a text is left out.

    Of rows with equal input and answer the first counts. More than MOST_ROWS rows are sampled.
    """
    found, empty = Reading(), 0
    tools: dict[str, str] = {}  # name → the first row whose answer calls it
    sample = Sample(MOST_ROWS)
    for record in table.read():
        text = text_of(record.values.get(columns.input))
        if not text:
            empty += 1
            continue
        text = text if record.is_input else encode_text(text)
        answer = _answer(record, columns)
        if answer is not None:
            tools.setdefault(record.tool, record.place)
        sample.add(_row(record, columns, text, answer))
        if system := text_of(record.values.get("system")):
            found.systems[system] += 1
    _check_tools(tools)
    rows = sample.rows()
    if not rows:
        said = f"has no row with a text in the column {printable(columns.input)}"
        raise InvalidInput(Problem(said, table.name, key=columns.input))
    found.rows = [row for row in rows if row.answer is not None]
    answered = {row.input for row in found.rows}
    unanswered = dict.fromkeys(row.input for row in rows if row.answer is None)
    found.inputs = [text for text in unanswered if text not in answered]
    if empty:
        found.notes.append(f"left out {empty:,} rows without a text in {printable(columns.input)}")
    if sample.left_out:
        found.notes.append(f"took {len(rows):,} rows and left out {sample.left_out:,}")
    return found


def _check_tools(tools: Mapping[str, str]) -> None:
    """Raise InputError if answers call different tools, or only some of them call one."""
    if len(tools) > 1:
        (first, place), (second, other) = list(tools.items())[:2]
        first, second = (f"calls {name}" if name else "is a text" for name in (first, second))
        said = (
            f"the answer {second}, but that of {place} {first}: all answers of a task are calls of "
            "one tool, or none is"
        )
        raise InvalidInput(Problem.at(other, said, "make a task for each tool"))


def _answer(record: Record, columns: Columns) -> Any:
    """Return a row's answer: a text, or an object; None without one."""
    if len(columns.answers) > 1:
        fields = {name: record.values.get(name) for name in columns.answers}
        return {
            name: value for name, value in fields.items() if fold(text_of(value)) not in MISSING
        }
    value = record.values.get(columns.answers[0])
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if isinstance(value, dict | list):
        return value
    text = text_of(value)
    if fold(text) in MISSING:
        return None
    if text.startswith("{") and text.endswith("}"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _row(record: Record, columns: Columns, text: str, answer: Any) -> Row:
    return Row(
        text,
        answer,
        "",
        record.place,
        text_of(record.values.get(columns.group)) if columns.group else "",
        _time(record, columns.time) if columns.time else None,
    )


def _time(record: Record, column: str) -> float:
    """Return the time of a row in seconds, to compare it with other rows."""
    from dateutil.parser import ParserError, parse

    value = text_of(record.values.get(column))
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return float(parse(value).timestamp())
    except (ParserError, OverflowError) as error:
        said = f"{value!r} in the column {printable(column)} is not a time"
        problem = replace(Problem.at(record.place, said, "write it like 2026-11-29"), key=column)
        raise InvalidInput(problem) from error


def _kind_of(rows: Sequence[Row], columns: Columns, name: str) -> Kind:
    """Infer the kind from the answers. Raises InputError for answers that show none."""
    answer = printable(columns.answers[0])
    if not rows:
        said = f"no row has an answer in the column {answer}"
        fix = "choose another with --label, or label some rows first"
        raise InvalidInput(Problem(said, name, key=columns.answers[0], fix=fix))
    if all(isinstance(row.answer, dict) for row in rows):
        return "extract"
    texts = [text_of(row.answer) for row in rows]
    distinct = len({fold(text) for text in texts})
    if len(texts) >= REPEATED * distinct and max(map(len, texts)) <= SHORT:
        return "classify"
    if all(count_words(text) == 1 for text in texts) and distinct > len(texts) / 2:
        said = (
            f"the column {answer} has {distinct:,} different values in {len(texts):,} rows, "
            "like a column of ids"
        )
        fix = "choose another with --label"
        raise InvalidInput(Problem(said, name, key=columns.answers[0], fix=fix))
    return "generate"


@dataclass(frozen=True)
class _Kinded:
    """The rows of a kind, with labels or schema."""

    rows: list[Row]
    description: str
    labels: Mapping[str, str] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None
    other: str = ""


def _classify(found: Reading, options: NewTaskOptions, where: str) -> _Kinded:
    spellings = one_spelling([text_of(row.answer) for row in found.rows])
    if note := folded_note(spellings):
        found.notes.append(note)
    labels = [spellings[text_of(row.answer)] for row in found.rows]
    counts = Counter(labels)
    if options.merge_rare:
        merged = merge_rare(counts, options.merge_rare)
        labels = [merged[label] for label in labels]
    kept = Counter(labels)
    rare = {label for label in kept if options.drop_rare and kept[label] < FEWEST_ROWS}
    if rare:
        found.notes.append(f"left out the labels {', '.join(sorted(rare))}: too few rows")
    rows = [
        replace(row, answer=label, label=label)
        for row, label in zip(found.rows, labels, strict=True)
        if label not in rare
    ]
    for row in rows:
        if problem := label_problem(row.label):
            raise InvalidInput(Problem.at(row.place, problem))
    counts = Counter(row.label for row in rows)
    check_labels(counts, where)
    meanings = {label: in_words(label) for label, _ in counts.most_common()}
    other = known_label(options.other, meanings, where) if options.other else ""
    return _Kinded(rows, SAYS["classify"].format(n=len(counts)), labels=meanings, other=other)


def _extract(found: Reading, options: NewTaskOptions, where: str) -> _Kinded:
    for row in found.rows:
        if not isinstance(row.answer, dict):
            said = f"the answer {text_of(row.answer)[:SHORT]!r} is not an object"
            fix = 'an extract task has answers like {"date": "2 May"}'
            raise InvalidInput(Problem.at(row.place, said, fix))
    objects, listed_fields = with_lists([without_nulls(row.answer) for row in found.rows])
    if listed_fields:
        found.notes.append(
            f"made lists of single values, since other rows have lists: {', '.join(listed_fields)}"
        )
    schema = infer_schema(objects, [row.input for row in found.rows], where)
    form = Fields(schema)
    rows = [
        replace(row, answer=value, label=form.group(json.dumps(value, ensure_ascii=False)))
        for row, value in zip(found.rows, objects, strict=True)
    ]
    names = [in_words(name) for name in schema["properties"]]
    listed = " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
    return _Kinded(rows, SAYS["extract"].format(names=listed), schema=schema)


def _generate(found: Reading, options: NewTaskOptions, where: str) -> _Kinded:
    rows = [replace(row, answer=text_of(row.answer)) for row in found.rows]
    return _Kinded(rows, SAYS["generate"])


_TASKS = {"classify": _classify, "extract": _extract, "generate": _generate}


def in_words(name: str) -> str:
    """Return a name of a label or field as words: "order_arrived" is "order arrived"."""
    return " ".join(name.replace("_", " ").replace("-", " ").split()).lower()


def without_contradictions(rows: Sequence[Row], notes: list[str]) -> list[Row]:
    """Leave out inputs with two different answers, since nobody knows which is right."""
    answers: dict[str, set[str]] = {}
    for row in rows:
        answers.setdefault(fold(row.input), set()).add(text_of(row.answer))
    kept = [row for row in rows if len(answers[fold(row.input)]) == 1]
    if len(kept) < len(rows):
        first = next(row for row in rows if len(answers[fold(row.input)]) > 1)
        notes.append(
            f"left out {len(rows) - len(kept)} rows whose text has two answers, the first at "
            f"{first.place}"
        )
    return kept


def context_for(longest: int, rows: Sequence[Row]) -> int | None:
    """Return `student.context_tokens` for the longest text; None if the default is enough."""
    needed = longest // CHARS_PER_TOKEN + ROOM
    if needed <= DEFAULT_CONTEXT:
        return None
    if needed > LARGEST_CONTEXT:
        row = max(rows, key=lambda row: len(row.input))
        said = (
            f"the text has {len(row.input):,} characters, about {needed:,} tokens, and a small "
            f"student takes at most {LARGEST_CONTEXT:,}"
        )
        raise InvalidInput(Problem.at(row.place, said, "shorten or remove such rows"))
    size = DEFAULT_CONTEXT
    while size < needed:
        size *= 2
    return size


def _system(found: Reading) -> str:
    """Return the system prompt that most rows have; "" if there is none."""
    if not found.systems:
        return ""
    (prompt, _), *others = found.systems.most_common()
    if others:
        found.notes.append(f"{len(others)} rarer system prompts were not taken over")
    return prompt
