"""Frozen records of rows: labelled rows, candidates, examples and the split."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from distill.core.text import majority_vote, stable_hash

Source = Literal["seeds", "inputs", "synthesis"]
Part = Literal["train", "validation"]
LeakKind = Literal["exact", "near", "semantic"]


@dataclass(frozen=True, slots=True)
class LabelledExample:
    """A row of seeds or gold: an input with an answer given by people, and where it stands."""

    input: str
    answer: str
    file: str
    line: int

    id: str = field(init=False)  # a hash of the row and its place, worked out once

    def __post_init__(self) -> None:
        found = stable_hash([self.file, self.line, self.input, self.answer])
        object.__setattr__(self, "id", found)

    @property
    def key(self) -> str:
        """A hash of the row alone: rows that are put in above it leave it as it is."""
        return stable_hash([self.input, self.answer])


@dataclass(frozen=True, slots=True)
class Candidate:
    """An input with its answers, before curation. `origin` is the synthesis request that made it
    or the file and row it was given in; `answer_ids` are the requests that answered it; `problem`
    says why one of them is no answer."""

    input: str
    asked_label: str | None
    answers: tuple[str, ...]
    source: Source
    origin: str
    answer_ids: tuple[str, ...] = ()
    problem: str = ""

    @property
    def id(self) -> str:
        """The same text from two origins is two candidates."""
        return stable_hash([self.source, self.origin, self.input])

    @property
    def answer(self) -> str:
        """The most frequent answer, the first of them on a tie; empty when there is none."""
        return majority_vote(self.answers)

    @property
    def agreement(self) -> float:
        """Share of the answers that are `answer`."""
        return self.answers.count(self.answer) / len(self.answers) if self.answers else 0.0


class SimilarPair(NamedTuple):
    """Two texts that are alike, by their indices, and how much: 1.0 is the same. Within one list
    `first` < `second`; across two lists `first` is of the first list."""

    first: int
    second: int
    score: float


@dataclass(frozen=True, slots=True)
class GoldOverlap:
    """A text that is a gold row, or almost: their indices in the two lists, how they are alike, and
    how much: 1.0 is the same."""

    text: int
    gold: int
    kind: LeakKind
    score: float


@dataclass(frozen=True, slots=True)
class ReviewDecision:
    """A person's word on an input: the right answer, None for "do not learn from it"; and where it
    stands."""

    input: str
    answer: str | None
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Drop:
    """A candidate left out: which check, why (in the same words for every such row, so that they
    can be counted), what it was compared with, and for duplicates how well that matched."""

    candidate_id: str
    check: str
    reason: str
    matched: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class CheckNote:
    """What a check found out about itself, in words, and the drops that it therefore did not
    make."""

    check: str
    words: str
    spared: tuple[Drop, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """An input with the answer the student is to learn; its id is its candidate's."""

    id: str
    input: str
    answer: str
    source: Source


@dataclass(frozen=True, slots=True)
class SplitExample:
    """An example's place; `repeats` is how often an epoch shows it."""

    example: Example
    part: Part
    repeats: int = 1


@dataclass(frozen=True, slots=True)
class GroupDiversity:
    """How different the examples of a group are from each other (`distill.text.diversity` says
    how that is measured), and which share of the group's real texts (seeds, given inputs) has one
    of the synthesised near it."""

    label: str
    rows: int
    distinct_1: float
    distinct_2: float
    mean_nearest_distance: float
    covered: float
