"""The columns that hold input and answer: named by the person, or guessed where it is plain."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import fmean
from typing import Any

from distill.core.errors import InvalidInput, Problem
from distill.core.suggestions import did_you_mean
from distill.core.words import count_words
from distill.task.new.tables import Table, text_of

LOOKED_AT = 2000  # rows by which columns are guessed
INPUT_NAMES = (
    *("input", "text", "message", "body", "content", "question", "query", "utterance", "sentence"),
    *("prompt", "email", "ticket", "comment", "review", "description", "document", "passage"),
)
ANSWER_NAMES = (
    *("label", "answer", "category", "class", "intent", "target", "output", "completion"),
    *(
        "response",
        "references",
        "topic",
        "queue",
        "team",
        "department",
        "tag",
        "sentiment",
        "folder",
        "type",
    ),
)
SHORT = 60  # characters of a label, at most
REPEATED = 3  # how often a label occurs, on average, at least
SHOWN = 40  # characters of a sample


class UnclearColumns(InvalidInput):
    """Several columns that could be the input, or the label.

    `option`: the option that names the column. `names`: the columns.
    """

    def __init__(self, problem: Problem, names: Sequence[str]) -> None:
        super().__init__(problem)
        self.option, self.names = problem.key, tuple(names)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table that make a task.

    `answers`: one column of labels, objects or texts, or several columns, each one field.
    `group`: rows with the same value stay together; "" without such a column.
    `time`: the newest rows become the test; "" without such a column.
    """

    input: str
    answers: tuple[str, ...]
    group: str = ""
    time: str = ""


@dataclass
class _Column:
    """Statistics of a column's values in the first rows."""

    filled: int = 0
    lengths: list[int] = field(default_factory=list)
    values: set[str] = field(default_factory=set)
    objects: int = 0

    def add(self, value: Any) -> None:
        text = text_of(value)
        if not text:
            return
        self.filled += 1
        self.lengths.append(len(text))
        self.values.add(text)
        self.objects += isinstance(value, dict)

    @property
    def length(self) -> float:
        return fmean(self.lengths) if self.lengths else 0.0

    @property
    def says_something(self) -> bool:
        """False for a column with one value, and for one with ids or numbers of rows."""
        if len(self.values) < 2:
            return False
        ids = all(count_words(value) == 1 for value in self.values)
        return not (ids and len(self.values) == self.filled > len(("few", "rows", "show")))

    @property
    def repeats(self) -> bool:
        """True if its values are short and come again, as labels do."""
        return (
            len(self.values) > 1
            and self.filled >= REPEATED * len(self.values)
            and max(self.lengths) <= SHORT
        )


def choose_columns(
    table: Table,
    *,
    input_column: str = "",
    answers: Sequence[str] = (),
    group: str = "",
    time: str = "",
) -> Columns:
    """Return the columns of a table.

    Raises InputError for a name that the table lacks, and for columns that are not plain, with the
    option that names them.
    """
    for option, name in (
        *(("--input", name) for name in filter(None, [input_column])),
        *(("--label", name) for name in answers),
        *(("--group", name) for name in filter(None, [group])),
        *(("--time", name) for name in filter(None, [time])),
    ):
        _check_known(table, option, name)
    looks = _looks(table)
    apart = {group, time}
    found = input_column or _input_of(table, looks, {*answers, *apart})
    return Columns(
        found, tuple(answers) or (_answer_of(table, looks, {found, *apart}),), group, time
    )


def _check_known(table: Table, option: str, name: str) -> None:
    if name not in table.columns:
        meant = did_you_mean(name, table.columns)
        known = ", ".join(map(printable, table.columns))
        told = f"has no column {name!r}; it has {known}"
        raise InvalidInput(Problem(told, table.name, key=option, fix=meant))


def printable(name: str) -> str:
    """Return the name of a column for a message: in quotes if it has a line end or the like."""
    return name if name.isprintable() and name else repr(name)


def _looks(table: Table) -> Mapping[str, _Column]:
    looks = {name: _Column() for name in table.columns}
    for record in islice(table.read(), LOOKED_AT):
        for name, value in record.values.items():
            if name in looks:
                looks[name].add(value)
    return looks


def _named(names: Sequence[str], columns: Iterable[str]) -> list[str]:
    """Return the columns with one of the names, in the order of the names."""
    by_name = {column.lower(): column for column in columns}
    return [by_name[name] for name in names if name in by_name]


def _input_of(table: Table, looks: Mapping[str, _Column], taken: set[str]) -> str:
    """Return the column of inputs: by its name, or the one with clearly the longest texts."""
    free = [name for name in table.columns if name not in taken and looks[name].filled]
    if not free:
        said = "has no column with texts that could be the input"
        raise InvalidInput(Problem(said, table.name, key="--input"))
    if named := _named(INPUT_NAMES, free):
        return named[0]
    by_length = sorted(free, key=lambda name: -looks[name].length)
    if len(by_length) == 1 or looks[by_length[0]].length >= 2 * looks[by_length[1]].length:
        return by_length[0]
    raise _unclear(table, looks, by_length[:4], "input", "--input")


def _answer_of(table: Table, looks: Mapping[str, _Column], taken: set[str]) -> str:
    """Return the column of answers: by its name, or the only one with values that repeat."""
    free = [name for name in table.columns if name not in taken and looks[name].filled]
    named = _named(ANSWER_NAMES, free)
    if len(named) == 1:
        return named[0]
    telling = [name for name in free if looks[name].says_something]
    objects = [name for name in telling if looks[name].objects == looks[name].filled]
    repeated = [name for name in telling if looks[name].repeats]
    for plain in () if named else (objects, repeated, telling):
        if len(plain) == 1:
            return plain[0]
    if not free:
        said = "has no column with answers, and a task needs rows that people labelled"
        fix = "name the column with --label, or label some rows first"
        raise InvalidInput(Problem(said, table.name, key="--label", fix=fix))
    unclear = named or repeated or telling or free
    raise _unclear(table, looks, unclear[:6], "label", "--label")


def _unclear(
    table: Table, looks: Mapping[str, _Column], names: Sequence[str], what: str, option: str
) -> UnclearColumns:
    samples = ", ".join(
        f"{printable(name)} ({min(looks[name].values)[:SHOWN]!r}, {len(looks[name].values)} values)"
        for name in names
    )
    told, fix = f"several columns could be the {what}: {samples}", f"choose with {option}"
    return UnclearColumns(Problem(told, table.name, key=option, fix=fix), names)
