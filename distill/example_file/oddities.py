"""Rows without errors → what is odd about them: the file's warnings."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from distill.backends.tuning_prices import FEWEST_EXAMPLES, TUNABLE
from distill.example_file.rows import SHORT, Finding, Row
from distill.records import fold

LONGEST_EXAMPLE = min(base.example_tokens for base in TUNABLE.values())
SHORT_ANSWER = 1  # characters
ANSWERS_SHOWN = 4  # of a contradiction


def warnings_of(rows: Sequence[Row], context_tokens: int) -> Iterator[Finding]:
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
            said = ", ".join(map(SHORT.repr, list(answers.values())[:ANSWERS_SHOWN]))
            message = f"the same input with {len(answers)} answers: {said}; keep the right one"
            yield Finding(message, tuple(row.line for row in same))


def _duplicates(rows: Sequence[Row]) -> Iterator[Finding]:
    repeated = repeats(rows)
    once = [row for row in rows if row.line not in repeated]
    for same in _groups(once, lambda row: (row.folded_input, fold(row.answer))):
        lines = tuple(row.line for row in same)
        yield Finding("the same row but for case and white space; keep one", lines)


def repeats(rows: Sequence[Row]) -> set[int]:
    """Lines of the rows that are the same, letter by letter, as the one above: that is how an
    example is given more weight (`student.seed_repeats`), so it is counted and not warned of."""
    return {row.line for above, row in pairwise(rows) if row.turns == above.turns}


def _groups(rows: Sequence[Row], key: Callable[[Row], object]) -> Iterator[list[Row]]:
    """Two and more rows with the same key each."""
    groups: dict[object, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return (group for group in groups.values() if len(group) > 1)
