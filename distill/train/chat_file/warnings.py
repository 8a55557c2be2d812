"""The warnings about rows that have no errors."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from distill.core.text import fold
from distill.pricing.finetuning import FEWEST_EXAMPLES, TUNABLE
from distill.serve.context_length import long_chats
from distill.serve.embedded_models import STUDENT
from distill.text.spellings import respelled
from distill.train.chat_file.marks import has_control, has_mark, has_thought, is_mojibake, marks_in
from distill.train.chat_file.rows import SHORT, ChatRow, FileFinding

LONGEST_EXAMPLE = min(base.example_tokens for base in TUNABLE.values())
SHORT_ANSWER = 1  # characters
ANSWERS_SHOWN = 4  # answers of a contradiction, or spellings of an answer
MARKS_SHOWN = 6
# Characters in which spellings of one answer may differ: at its ends, and between its words.
AROUND = " .,;:!?\"'`*\u00ab\u00bb\u2018\u2019\u201c\u201d\u201e()[]<>"
BETWEEN = re.compile(r"[\s_-]+")


def warnings_of(rows: Sequence[ChatRow], context_tokens: int) -> Iterator[FileFinding]:
    """Yield the warnings about a file, first the few that concern the whole file."""
    if len(rows) < FEWEST_EXAMPLES:
        yield FileFinding(
            f"{len(rows)} examples: OpenAI refuses a training file with fewer than "
            f"{FEWEST_EXAMPLES}; the local trainers take it"
        )
    yield from _several_system_prompts(rows)
    yield from _odd_rows(rows)
    yield from _too_long_here(rows, context_tokens)
    yield from _marks(rows)
    yield from _spellings(rows)
    yield from _contradictions(rows)
    yield from _duplicates(rows)


def _several_system_prompts(rows: Sequence[ChatRow]) -> Iterator[FileFinding]:
    counts = Counter(row.system_prompt for row in rows)
    if len(counts) > 1:
        usual, count = counts.most_common(1)[0]
        others = tuple(row.line for row in rows if row.system_prompt != usual)
        yield FileFinding(
            f"{len(counts)} system prompts (none counts as one), the most frequent on {count} of "
            f"{len(rows)} rows: the served student gets only one, so use the same for all rows",
            others,
        )


def _odd_rows(rows: Sequence[ChatRow]) -> Iterator[FileFinding]:
    odd: list[tuple[Callable[[ChatRow], bool], str]] = [
        (
            lambda row: row.tokens > LONGEST_EXAMPLE,
            f"about more than {LONGEST_EXAMPLE:,} tokens: OpenAI cuts off the end, and with it the "
            "answer; shorten the input",
        ),
        (
            lambda row: len(row.answer.strip()) <= SHORT_ANSWER,
            "an answer of one character: fine for a label, otherwise it was cut off",
        ),
        (
            lambda row: all(turn.role != "user" for turn in row.turns),
            "no user message: some chat templates refuse such rows; add one",
        ),
        (
            has_thought,
            "a thinking block in an answer: the student learns to write it; remove it unless you "
            "want that",
        ),
        (
            is_mojibake,
            "letters read in a wrong encoding (like Ã©), or \ufffd: read the source as UTF-8 again",
        ),
        (
            has_control,
            "NUL or another control character: some tokenizers and programs stop there; remove it",
        ),
        (
            _is_learnt_otherwise_here,
            "earlier answers, or weights: OpenAI trains on every answer except those of weight 0, "
            "the local trainers only on the last one, whatever its weight",
        ),
    ]
    for is_odd, message in odd:
        lines = tuple(row.line for row in rows if is_odd(row))
        if lines:
            yield FileFinding(message, lines)


def _too_long_here(rows: Sequence[ChatRow], context_tokens: int) -> Iterator[FileFinding]:
    chats = [[{"role": turn.role, "content": turn.content} for turn in row.turns] for row in rows]
    places, surely = long_chats(chats, context_tokens, STUDENT)
    if places:
        yield FileFinding(
            f"{'' if surely else 'perhaps '}more than {context_tokens:,} tokens of the default "
            "student's tokenizer: too long for a local student with that context; shorten the "
            "input or raise student.context_tokens",
            tuple(rows[place].line for place in places),
        )


def _marks(rows: Sequence[ChatRow]) -> Iterator[FileFinding]:
    """Yield a warning on special tokens, at which a trainer or a server would end the message."""
    if marked := [row for row in rows if has_mark(row)]:
        marks = marks_in([turn.content for row in marked for turn in row.turns])
        yield FileFinding(
            f"special tokens of chat models ({', '.join(marks[:MARKS_SHOWN])}): trainers and "
            "servers read them as the end or the beginning of a message; remove them",
            tuple(row.line for row in marked),
        )


def _spellings(rows: Sequence[ChatRow]) -> Iterator[FileFinding]:
    """Yield a warning for each set of answers that differ only in spelling.

    Spellings differ in case, white space, invisible characters, quotes at the ends or JSON layout.
    """
    groups: dict[str, Counter[str]] = {}
    for row in rows:
        groups.setdefault(_spelled(row.answer), Counter())[row.answer] += 1
    for same in groups.values():
        if len(same) > 1:
            usual, count = same.most_common(1)[0]
            others = tuple(row.line for row in rows if row.answer in same and row.answer != usual)
            shown = ", ".join(map(SHORT.repr, list(same)[:ANSWERS_SHOWN]))
            yield FileFinding(
                f"{len(same)} spellings of one answer: {shown}; the most frequent is "
                f"{SHORT.repr(usual)} ({count} of {same.total()}): use it for all",
                others,
            )


def _spelled(answer: str) -> str:
    """Return an answer with its spelling normalised, to compare answers by meaning."""
    try:
        found = json.loads(answer) if answer.lstrip()[:1] in ("{", "[") else None
    except (ValueError, RecursionError):
        found = None
    if found:
        return json.dumps(found, sort_keys=True)
    return BETWEEN.sub(" ", fold(respelled(answer)).strip(AROUND)).strip()


def _is_learnt_otherwise_here(row: ChatRow) -> bool:
    # If the last answer has weight 0, an earlier one has weight 1, which suffices here.
    return any(turn.role == "assistant" and turn.weight for turn in row.turns[:-1])


def _contradictions(rows: Sequence[ChatRow]) -> Iterator[FileFinding]:
    for same in _groups(rows, lambda row: row.folded_input):
        answers: dict[str, str] = {}
        for row in same:
            answers.setdefault(fold(row.answer), row.answer)
        if len(answers) > 1:
            said = ", ".join(map(SHORT.repr, list(answers.values())[:ANSWERS_SHOWN]))
            message = f"the same input with {len(answers)} answers: {said}; keep the right one"
            yield FileFinding(message, tuple(row.line for row in same))


def _duplicates(rows: Sequence[ChatRow]) -> Iterator[FileFinding]:
    repeated = repeats(rows)
    once = [row for row in rows if row.line not in repeated]
    for same in _groups(once, lambda row: (row.folded_input, fold(row.answer))):
        lines = tuple(row.line for row in same)
        yield FileFinding("the same row except for case and white space; keep one", lines)


def repeats(rows: Sequence[ChatRow]) -> set[int]:
    """Return the line numbers of rows that are identical to the row above.

    Repeating a row gives an example more weight (`student.seed_repeats`), so it causes no warning.
    """
    return {row.line for above, row in pairwise(rows) if row.turns == above.turns}


def _groups(rows: Sequence[ChatRow], key: Callable[[ChatRow], object]) -> Iterator[list[ChatRow]]:
    """Yield the groups of at least two rows with an equal key."""
    groups: dict[object, list[ChatRow]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return (group for group in groups.values() if len(group) > 1)
