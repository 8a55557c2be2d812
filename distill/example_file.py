"""A chat example file (JSON lines) in; out: what is wrong with it, what is odd, and its figures.

The form is that of OpenAI's supervised fine-tuning, which `distill train` writes too: each line
{"messages": [{"role", "content", "name"?, "weight"?}, …]}, the answer last. Without tool calls and
content in parts: no trainer here learns them.
"""

import json
import re
import reprlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

from distill.backends import token_count
from distill.backends.tuning_prices import NO_NEW_JOBS, TUNABLE, training_usd
from distill.errors import InputError
from distill.records import fold

ROLES = ("system", "developer", "user", "assistant")
ROW_KEYS = ("messages",)
MESSAGE_KEYS = ("role", "content", "name", "weight")
FORM = '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}'
FEWEST_EXAMPLES = 10  # of OpenAI
LONGEST_EXAMPLE = min(base.example_tokens for base in TUNABLE.values())
SHORT_ANSWER = 1  # characters
EPOCHS = 3
LOCAL = "on this machine"
SHOWN = 20
SHOWN_LINES = 10
TOP_ANSWERS = 10
ANSWERS_SHOWN = 4  # of a contradiction

_BOM = b"\xef\xbb\xbf"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


@dataclass(frozen=True, slots=True)
class Turn:
    """A message; an answer of weight 0 is shown and not learnt."""

    role: str
    content: str
    name: str = ""
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """An example without errors, and its tokens, estimated: of all messages, and of the answers
    that are learnt."""

    line: int
    turns: tuple[Turn, ...]
    tokens: int
    answer_tokens: int

    @property
    def answer(self) -> str:
        """The last message."""
        return self.turns[-1].content

    @property
    def folded_input(self) -> tuple[tuple[str, str], ...]:
        """(role, content) of what comes before the answer; equal for what counts as equal."""
        return tuple((turn.role, fold(turn.content)) for turn in self.turns[:-1])

    @property
    def system_prompt(self) -> tuple[str, ...]:
        """All that it says as system or developer."""
        return tuple(turn.content for turn in self.turns if turn.role in ROLES[:2])


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong or odd and what to do, and on which lines; none: the whole file."""

    message: str
    lines: tuple[int, ...] = ()

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.lines[:SHOWN_LINES]))
        more = f", … {len(self.lines)} in all" if len(self.lines) > SHOWN_LINES else ""
        noun = "line" if len(self.lines) == 1 else "lines"
        return f"{self.message} ({noun} {shown}{more})" if self.lines else self.message


@dataclass(frozen=True, slots=True)
class Checked:
    """A file: the rows without errors, the errors, and what is odd about the rows."""

    path: Path
    rows: tuple[Row, ...]
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """Tokens of all rows, and of single ones; the median and p95 are the nearest row's."""

    total: int
    min: int
    median: int
    p95: int
    max: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is in a file. `repeated`: rows that are the same as the one above. `top_answers`: the
    commonest with their counts, none where an answer stands less than twice on average."""

    rows: int
    repeated: int
    messages: int
    tokens: Spread
    answer_tokens: Spread
    answers: int
    top_answers: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a training on a file would cost, in USD, and until when it can be had."""

    trainer: str
    epochs: int
    trained_tokens: int
    usd: Decimal
    ends: str


def read(path: Path, context_tokens: int) -> Checked:
    """Check a file; rows of more than `context_tokens` tokens are warned of. Raises OSError."""
    content = path.read_bytes()
    rows: list[Row] = []
    errors = [Finding("begins with a byte order mark: save it as UTF-8 without BOM", (1,))]
    errors = errors if content.startswith(_BOM) else []
    # Only \n, \r and \r\n end a line here, as for OpenAI; a text may hold other line ends raw.
    lines = content.removeprefix(_BOM).splitlines()
    if not lines:
        errors.append(Finding(f"the file has no line; write one such object a line: {FORM}"))
    for number, line in enumerate(lines, 1):
        found = _row(number, line)
        if isinstance(found, Row):
            rows.append(found)
        else:
            errors += found
    return Checked(path, tuple(rows), tuple(errors), tuple(_warnings(rows, context_tokens)))


def _row(number: int, line: bytes) -> Row | list[Finding]:
    """A line's row, or everything that is wrong with it."""
    try:
        value = _value(line)
    except ValueError as error:
        return [Finding(str(error), (number,))]
    problems = [Finding(problem, (number,)) for problem in _row_problems(value)]
    if problems or not isinstance(value, dict):
        return problems
    turns = tuple(Turn(**message) for message in value["messages"])
    learnt = [turn for turn in turns if turn.role == "assistant" and turn.weight]
    answer_tokens = sum(token_count.of_text(turn.content) for turn in learnt)
    return Row(number, turns, sum(map(_tokens, turns)), answer_tokens)


def _tokens(turn: Turn) -> int:
    texts = token_count.of_text(turn.content) + token_count.of_text(turn.name)
    return token_count.PER_MESSAGE + texts


def _value(line: bytes) -> object:
    """The JSON of a line. Raises ValueError with what is wrong with it."""
    if not line.strip():
        raise ValueError("is empty: remove the line")
    try:
        return json.loads(line.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} of the line"
        raise ValueError(f"is not UTF-8 at {where}: save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        where = f"character {error.colno}: {error.msg}"
        raise ValueError(f"is not valid JSON at {where}; a line is one whole object") from error
    except RecursionError as error:
        raise ValueError(f"is nested too deeply; write {FORM}") from error


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError for a key that stands twice: readers differ on which of them counts."""
    twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    if twice:
        raise ValueError(f"key {_SHORT.repr(twice[0])} stands twice in an object: keep one")
    return dict(pairs)


def _row_problems(value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"is no JSON object but {_SHORT.repr(value)}; write {FORM}"
        return
    yield from _unknown_keys("the row", value, ROW_KEYS)
    messages = value.get("messages")
    if "messages" not in value:
        yield f'"messages" is missing; write {FORM}'
    elif not isinstance(messages, list) or not messages:
        yield f'"messages" must be a list that is not empty, not {_SHORT.repr(messages)}'
    else:
        for place, message in enumerate(messages):
            yield from _message_problems(f"messages[{place}]", message)
        yield from _answer_problems([m for m in messages if isinstance(m, dict)])


def _unknown_keys(where: str, value: Mapping[str, Any], known: Collection[str]) -> Iterator[str]:
    for key in value:
        if key not in known:
            yield f"{where}: unknown key {_SHORT.repr(key)}: remove it; known: {', '.join(known)}"


def _message_problems(where: str, message: object) -> Iterator[str]:
    if not isinstance(message, dict):
        yield f'{where} must be an object with "role" and "content", not {_SHORT.repr(message)}'
        return
    yield from _unknown_keys(where, message, MESSAGE_KEYS)
    role = message.get("role")
    if role not in ROLES:
        said = f"unknown role {_SHORT.repr(role)}" if "role" in message else '"role" is missing'
        yield f"{where}: {said}; known: {', '.join(ROLES)}"
    if "content" not in message:
        yield f'{where}: "content" is missing; give the text of the message'
    for key in ("content", "name"):
        if key in message:
            yield from _text_problems(f"{where}.{key}", message[key])
    if "weight" in message:
        yield from _weight_problems(where, role, message["weight"])


def _text_problems(where: str, text: object) -> Iterator[str]:
    if not isinstance(text, str):
        yield f"{where} must be a text, not {_SHORT.repr(text)}"
    elif not text.strip():
        yield f"{where} is empty: nothing could be learnt from it; write it or remove the row"
    elif found := _LONE_SURROGATE.search(text):
        half = f"{found[0]!a} at character {found.start() + 1}"
        yield f"{where} has half of a surrogate pair, {half}, which is no character: remove it"


def _weight_problems(where: str, role: object, weight: object) -> Iterator[str]:
    # True == 1 in Python, not in JSON.
    if type(weight) is not int or weight not in (0, 1):
        yield f"{where}.weight must be 0 (not learnt) or 1 (learnt), not {_SHORT.repr(weight)}"
    elif role != "assistant":
        yield f"{where}.weight: only messages of the assistant are learnt; remove it"


def _answer_problems(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    answers = [message for message in messages if message.get("role") == "assistant"]
    if not messages or messages[-1].get("role") != "assistant":
        yield "the last message must be of the assistant: it is the answer to learn"
    elif all(message.get("weight") == 0 for message in answers):
        yield "every message of the assistant has weight 0: nothing is learnt; give one weight 1"


def _warnings(rows: Sequence[Row], context_tokens: int) -> Iterator[Finding]:
    """Those of the whole file first, since there are few of them."""
    if len(rows) < FEWEST_EXAMPLES:
        yield Finding(
            f"{len(rows)} examples: OpenAI refuses a training file with fewer than "
            f"{FEWEST_EXAMPLES}; the local trainers take it"
        )
    yield from _several_system_prompts(rows)
    yield from _odd_rows(rows, context_tokens)
    yield from _contradictions(rows)
    yield from _duplicates(rows)


def _several_system_prompts(rows: Sequence[Row]) -> Iterator[Finding]:
    counts = Counter(row.system_prompt for row in rows)
    if len(counts) > 1:
        usual, count = counts.most_common(1)[0]
        others = tuple(row.line for row in rows if row.system_prompt != usual)
        yield Finding(
            f"{len(counts)} system prompts (none counts as one), the commonest on {count} of "
            f"{len(rows)} rows: the student is asked with one, so give all rows the same",
            others,
        )


def _odd_rows(rows: Sequence[Row], context_tokens: int) -> Iterator[Finding]:
    odd: list[tuple[Callable[[Row], bool], str]] = [
        (
            lambda row: row.tokens > LONGEST_EXAMPLE,
            f"about more than {LONGEST_EXAMPLE:,} tokens: OpenAI cuts off the end, and with it the "
            "answer; shorten the input",
        ),
        (
            lambda row: row.tokens > context_tokens,
            f"about more than {context_tokens:,} tokens: too long for a local student with that "
            "context; shorten the input or raise student.context_tokens",
        ),
        (
            lambda row: len(row.answer.strip()) <= SHORT_ANSWER,
            "an answer of one character: fine for a label, otherwise it was cut off",
        ),
        (
            lambda row: all(turn.role != "user" for turn in row.turns),
            "no message of the user: nothing is asked, and some chat templates refuse that",
        ),
        (
            _is_learnt_otherwise_here,
            "earlier answers, or weights: OpenAI learns every answer but those of weight 0, the "
            "local trainers the last one, whatever its weight",
        ),
    ]
    for is_odd, message in odd:
        lines = tuple(row.line for row in rows if is_odd(row))
        if lines:
            yield Finding(message, lines)


def _is_learnt_otherwise_here(row: Row) -> bool:
    # Where the last answer is not learnt, an earlier one is: a row without any is an error.
    return any(turn.role == "assistant" and turn.weight for turn in row.turns[:-1])


def _contradictions(rows: Sequence[Row]) -> Iterator[Finding]:
    for same in _groups(rows, lambda row: row.folded_input):
        answers: dict[str, str] = {}
        for row in same:
            answers.setdefault(fold(row.answer), row.answer)
        if len(answers) > 1:
            said = ", ".join(map(_SHORT.repr, list(answers.values())[:ANSWERS_SHOWN]))
            message = f"the same input with {len(answers)} answers: {said}; keep the right one"
            yield Finding(message, tuple(row.line for row in same))


def _duplicates(rows: Sequence[Row]) -> Iterator[Finding]:
    repeats = _repeats(rows)
    once = [row for row in rows if row.line not in repeats]
    for same in _groups(once, lambda row: (row.folded_input, fold(row.answer))):
        lines = tuple(row.line for row in same)
        yield Finding("the same row but for case and white space; keep one", lines)


def _repeats(rows: Sequence[Row]) -> set[int]:
    """Lines of the rows that are the same, letter by letter, as the one above: that is how an
    example is given more weight (`student.seed_repeats`), so it is counted and not warned of."""
    return {row.line for above, row in pairwise(rows) if row.turns == above.turns}


def _groups(rows: Sequence[Row], key: Callable[[Row], object]) -> Iterator[list[Row]]:
    """Two and more rows with the same key each."""
    groups: dict[object, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return (group for group in groups.values() if len(group) > 1)


def statistics(rows: Sequence[Row]) -> Statistics:
    """Figures of at least one row."""
    answers = Counter(row.answer for row in rows)
    few = 2 * len(answers) <= len(rows)
    return Statistics(
        rows=len(rows),
        repeated=len(_repeats(rows)),
        messages=sum(len(row.turns) for row in rows),
        tokens=_spread([row.tokens for row in rows]),
        answer_tokens=_spread([row.answer_tokens for row in rows]),
        answers=len(answers),
        top_answers=tuple(answers.most_common(TOP_ANSWERS)) if few else (),
    )


def _spread(values: Sequence[int]) -> Spread:
    ranked = sorted(values)
    median, p95 = (ranked[ceil(share * len(ranked)) - 1] for share in (0.5, 0.95))
    return Spread(sum(ranked), ranked[0], median, p95, ranked[-1])


def estimates(tokens: int) -> list[Estimate]:
    """What EPOCHS passes over so many tokens cost with each trainer."""
    trained = EPOCHS * tokens
    tuned = [
        Estimate(
            f"openai:{base}",
            EPOCHS,
            trained,
            training_usd(base, trained),
            f"no new jobs from {NO_NEW_JOBS} on; base and students end on {tunable.shutdown}",
        )
        for base, tunable in TUNABLE.items()
    ]
    return [*tuned, Estimate(LOCAL, EPOCHS, trained, Decimal(0), "no bill; the weights are yours")]


def refuse(checked: Checked) -> None:
    """Raises InputError with the first errors of a file that has any."""
    errors, path = checked.errors, checked.path
    if errors:
        wheres = [":".join([str(path), *map(str, error.lines)]) for error in errors[:SHOWN]]
        shown = [f"{where}: {e.message}" for where, e in zip(wheres, errors, strict=False)]
        more = len(errors) - len(shown)
        rest = [f"… and {more} more; --json lists all"] if more else []
        noun = "error" if len(errors) == 1 else "errors"
        raise InputError("\n".join([f"{path} has {len(errors)} {noun}", *shown, *rest]))


def figures(checked: Checked) -> dict[str, Any]:
    """Everything, for other programs: USD and dates as text, figures of the rows without errors."""
    rows = checked.rows
    found = statistics(rows) if rows else None
    return {
        "file": str(checked.path),
        "ok": not checked.errors,
        "errors": [asdict(error) for error in checked.errors],
        "warnings": [asdict(warning) for warning in checked.warnings],
        "statistics": found and asdict(found),
        "estimates": [
            asdict(estimate) | {"usd": str(estimate.usd)}
            for estimate in (estimates(found.tokens.total) if found else [])
        ],
    }


def words(checked: Checked) -> list[str]:
    """What to show of a file with rows: warnings, figures, prices."""
    found = statistics(checked.rows)
    shown = [f"warning: {warning}" for warning in checked.warnings[:SHOWN]]
    if more := len(checked.warnings) - len(shown):
        shown.append(f"warning: … and {more} more; --json lists all")
    repeated = f" ({found.repeated} repeat the one above)" if found.repeated else ""
    return [
        *shown,
        f"rows           {found.rows:,}{repeated}",
        f"messages       {found.messages:,}",
        f"tokens         {_spread_words(found.tokens)}",
        f"answer tokens  {_spread_words(found.answer_tokens)}",
        f"answers        {found.answers:,} different",
        *(f"  {count:,} × {_SHORT.repr(answer)}" for answer, count in found.top_answers),
        f"price of {EPOCHS} epochs, estimated:",
        *(f"  {e.trainer}  ${e.usd:.4f}  {e.ends}" for e in estimates(found.tokens.total)),
    ]


def _spread_words(spread: Spread) -> str:
    row = f"min {spread.min:,}, median {spread.median:,}, p95 {spread.p95:,}, max {spread.max:,}"
    return f"about {spread.total:,}; a row: {row}"
