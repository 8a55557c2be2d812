"""One pass over logs: what was called, how often, and a sample of the texts.

The memory is bounded: a hash of 8 bytes for each different text, and the sample.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from distill.core.errors import InputError
from distill.core.text import fold
from distill.task.logs import LoggedCall, UnusableCall

MOST_SYSTEMS = 1000  # different system prompts that are told apart
SHOWN = 3
LONGEST_SHOWN = 100
MOST_ANSWERS = 100  # different answers to one text that are counted
OTHER_SYSTEM = "another system prompt"
_DIGITS = re.compile(r"\d+")


class Answer(NamedTuple):
    """An answer of a log, with the model and the system prompt that gave it."""

    text: str
    model: str
    system: str


@dataclass(frozen=True, slots=True)
class LoggedText:
    """A text of a log, with its answers and their numbers."""

    text: str
    answers: Counter[Answer]


class TextSample:
    """The different texts with the least hashes, each with all its answers.

    So neither the order of the calls nor their number decides which texts are taken.

    `distinct`: the number of different texts, by their folded forms.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._texts: dict[int, LoggedText] = {}
        self._seen: set[int] = set()
        self._highest = 2**64

    @property
    def distinct(self) -> int:
        """The number of different texts."""
        return len(self._seen)

    def add(self, call: LoggedCall, system: str) -> None:
        """Add a call. `system`: the system prompt by which its kind is known."""
        key = int.from_bytes(blake2b(fold(call.input).encode(), digest_size=8).digest())
        self._seen.add(key)
        if key > self._highest:
            return
        found = self._texts.get(key)
        if found is None:
            found = self._texts[key] = LoggedText(call.input, Counter())
        answer = Answer(call.answer, call.model, system)
        if answer in found.answers or len(found.answers) < MOST_ANSWERS:
            found.answers[answer] += 1
        if len(self._texts) > 2 * self._most:
            self._cut()

    def texts(self) -> list[LoggedText]:
        """Return the sample, in the order of the hashes."""
        self._cut()
        return [self._texts[key] for key in sorted(self._texts)]

    def _cut(self) -> None:
        kept = sorted(self._texts)[: self._most]
        if len(kept) < len(self._texts):
            self._texts = {key: self._texts[key] for key in kept}
            self._highest = kept[-1]


@dataclass
class ModelUse:
    """The calls of a model, with sums over those whose tokens or price the log gives."""

    calls: int = 0
    counted: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    priced: int = 0
    usd: Decimal = Decimal(0)

    def add(self, call: LoggedCall) -> None:
        """Add a call."""
        self.calls += 1
        if call.prompt_tokens and call.completion_tokens is not None:
            self.counted += 1
            self.prompt_tokens += call.prompt_tokens
            self.completion_tokens += call.completion_tokens
        if call.usd is not None:
            self.priced += 1
            self.usd += call.usd


@dataclass
class Collected:
    """The usable calls of logs.

    `unusable`: reason → number of calls. `systems`: system prompt → number of calls.
    `first`, `last`: seconds since 1970; None without times in the log.
    """

    sample: TextSample
    calls: int = 0
    unusable: Counter[str] = field(default_factory=Counter)
    models: dict[str, ModelUse] = field(default_factory=dict)
    systems: Counter[str] = field(default_factory=Counter)
    first: float | None = None
    last: float | None = None

    def check(self, where: str, *, any_system: bool) -> None:
        """Raise InputError if there is no usable call, or if the calls may be of several tasks.

        `where`: the names of the logs.
        """
        if not self.calls:
            unusable = counted(self.unusable) or "none"
            raise InputError(f"{where}: the logs hold no call to use: {unusable}")
        if len(self.systems) > 1 and not any_system:
            raise InputError(
                f"{where}: the logs hold {len(self.systems):,} system prompts, perhaps of several "
                f"tasks: {'; '.join(shown_systems(self.systems))}. Choose one with --system and "
                "some of its words, or take all with --any-system"
            )


def counted(counts: Counter[str]) -> str:
    """Return the counts in words, the largest first."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common())


def shown_systems(systems: Counter[str]) -> list[str]:
    """Return the commonest system prompts with their numbers, cut to a line."""
    found = [
        f'"{_cut(system)}" ({count:,} calls)' if system else f"none ({count:,} calls)"
        for system, count in systems.most_common(SHOWN)
    ]
    more = len(systems) - len(found)
    return [*found, f"{more:,} more"] if more else found


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SHOWN else line[: LONGEST_SHOWN - 1] + "…"


def collect(
    calls: Iterable[LoggedCall | UnusableCall],
    *,
    most: int,
    system: str = "",
    unusable: Callable[[LoggedCall], str] = lambda call: "",
) -> Collected:
    """Read calls, and keep a sample of at most `most` texts.

    `system`: words of the system prompt that the calls must have; "" for any.
    `unusable`: returns the reason why a call cannot be used; "" for a usable one.
    System prompts that differ in numbers only, such as a date, count as one.
    """
    found = Collected(TextSample(most))
    words, kinds = fold(system), dict[str, str]()
    for call in calls:
        if isinstance(call, UnusableCall):
            found.unusable[call.reason] += 1
            continue
        if words and words not in _folded(call.system):
            found.unusable[OTHER_SYSTEM] += 1
            continue
        if reason := unusable(call):
            found.unusable[reason] += 1
            continue
        _add(found, call, kinds)
    return found


def _add(found: Collected, call: LoggedCall, kinds: dict[str, str]) -> None:
    """Add a usable call. `kinds`: the kind of each system prompt → the first of that kind."""
    found.calls += 1
    kind = _kind(call.system)
    if len(kinds) < MOST_SYSTEMS:
        kinds.setdefault(kind, call.system)
    system = kinds.get(kind, "…")
    found.systems[system] += 1
    found.models.setdefault(call.model, ModelUse()).add(call)
    found.sample.add(call, system)
    if call.at is not None:
        found.first = call.at if found.first is None else min(found.first, call.at)
        found.last = call.at if found.last is None else max(found.last, call.at)


@lru_cache(maxsize=1024)
def _folded(text: str) -> str:
    return fold(text)


def without_numbers(text: str) -> str:
    """Return a text with each number as 0."""
    return _DIGITS.sub("0", text)


@lru_cache(maxsize=1024)
def _kind(system: str) -> str:
    return without_numbers(fold(system))
