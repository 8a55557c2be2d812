"""Frozen records of rows: labelled rows, candidates, examples and the split."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from distill.core.text import majority_vote, stable_hash

Source = Literal["seeds", "inputs", "synthesis"]
Part = Literal["train", "validation"]
LeakKind = Literal["exact", "near", "semantic"]


@dataclass(frozen=True, slots=True)
class LabelledExample:
    """A row of seeds or gold: an input, its human answer, and its file and line."""

    input: str
    answer: str
    file: str
    line: int

    id: str = field(init=False)  # hash of the row and its place, computed once

    def __post_init__(self) -> None:
        found = stable_hash([self.file, self.line, self.input, self.answer])
        object.__setattr__(self, "id", found)

    @property
    def key(self) -> str:
        """Hash of the row without its place: rows inserted above do not change it."""
        return stable_hash([self.input, self.answer])


@dataclass(frozen=True, slots=True)
class Candidate:
    """An input with its answers, before curation.

    `origin`: the synthesis request that made the input, or the file and row of a given input.
    `answer_ids`: the ids of the requests that returned the answers.
    `problem`: the reason why an answer cannot be used; "" if all can.
    """

    input: str
    asked_label: str | None
    answers: tuple[str, ...]
    source: Source
    origin: str
    answer_ids: tuple[str, ...] = ()
    problem: str = ""

    @property
    def id(self) -> str:
        """Hash of source, origin and input: the same text from two origins is two candidates."""
        return stable_hash([self.source, self.origin, self.input])

    @property
    def answer(self) -> str:
        """The most frequent answer, the first one on a tie; "" without answers."""
        return majority_vote(self.answers)

    @property
    def agreement(self) -> float:
        """Share of the answers that equal `answer`; 0 without answers."""
        return self.answers.count(self.answer) / len(self.answers) if self.answers else 0.0


class SimilarPair(NamedTuple):
    """A pair of similar texts: two indices and a score, 1.0 for equal texts.

    Within one list `first` < `second`. Across two lists `first` is an index of the first list.
    """

    first: int
    second: int
    score: float


@dataclass(frozen=True, slots=True)
class GoldOverlap:
    """A text that equals or nearly equals a gold row.

    `text`, `gold`: the indices in the two lists.
    `kind`: exact, near or semantic.
    `score`: the similarity, 1.0 for equal texts.
    """

    text: int
    gold: int
    kind: LeakKind
    score: float


@dataclass(frozen=True, slots=True)
class ReviewDecision:
    """A reviewer's answer to an input, with its file and line.

    `answer` is None if the input must not be trained on.
    """

    input: str
    answer: str | None
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Drop:
    """A candidate that curation left out.

    `check`: the check that dropped the candidate.
    `reason`: the reason, worded the same for every such row, so that drops can be counted.
    `matched`: the row or text that the candidate was compared with, if any.
    `score`: the similarity of a duplicate, else None.
    """

    candidate_id: str
    check: str
    reason: str
    matched: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class CheckNote:
    """A check's remark on its results.

    `spared`: the drops that the check therefore did not make.
    """

    check: str
    words: str
    spared: tuple[Drop, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """An input with the answer to learn; `id` is the id of its candidate."""

    id: str
    input: str
    answer: str
    source: Source


@dataclass(frozen=True, slots=True)
class SplitExample:
    """An example's part of the split; an epoch shows the example `repeats` times."""

    example: Example
    part: Part
    repeats: int = 1


@dataclass(frozen=True, slots=True)
class GroupDiversity:
    """The diversity of a group's examples, as `distill.text.diversity` measures it.

    `covered`: the share of the group's real texts (seeds, given inputs) that have a synthesised
        text near.
    """

    label: str
    rows: int
    distinct_1: float
    distinct_2: float
    mean_nearest_distance: float
    covered: float
