"""Frozen records of a data set: labelled rows, candidates, drops, examples and the split."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from distill.core.text import majority_vote, stable_hash

Source = Literal["seeds", "examples", "inputs", "synthesis"]
# The sources whose answers people gave.
LABELLED: tuple[Source, ...] = ("seeds", "examples")
# Begins the origin of an input whose answer is from a production log; the model follows.
LOGGED = "log:"
Part = Literal["train", "validation"]
LeakKind = Literal["exact", "near", "semantic"]


@dataclass(frozen=True, slots=True)
class LabelledExample:
    """A row of seeds or gold: an input, a person's answer, and the row's file and line."""

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
        """Hash of the input and answer, which stays the same when the row moves in its file."""
        return stable_hash([self.input, self.answer])


@dataclass(frozen=True, slots=True)
class LoggedAnswer:
    """A model's answer to an input, from a production log.

    `model`: the model, named as in `teacher.model` if its provider is known; "" if unknown.
    """

    input: str
    answer: str
    model: str

    @property
    def origin(self) -> str:
        """The origin of the answer, as it is stored."""
        return f"{LOGGED}{self.model}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An input with its answers, before curation.

    `asked_label`: the label that the synthesis request asked for; None without one.
    `origin`: the synthesis request that made the input, or the file and row of a given input. The
        row follows the origin of the answer if a production log answered.
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
        """Hash of source, origin and input, so equal texts of two origins are two candidates."""
        return stable_hash([self.source, self.origin, self.input])

    @property
    def answer_origin(self) -> str:
        """The origin of an answer from a production log; "" for other answers."""
        is_logged = self.source == "inputs" and self.origin.startswith(LOGGED)
        return self.origin.rpartition(" ")[0] if is_logged else ""

    @property
    def answer(self) -> str:
        """The most frequent answer, or on a tie the first of them; "" without answers."""
        return majority_vote(self.answers)

    @property
    def agreement(self) -> float:
        """The share of answers equal to `answer`; 0 without answers."""
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

    `text`, `gold`: the indices in the list of texts and in the list of gold rows.
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

    `answer` is None if the reviewer rejected the input for training.
    """

    input: str
    answer: str | None
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Drop:
    """The removal of a candidate by a check of curation.

    `check`: the name of the check.
    `reason`: the reason, in the same words for every such row, so that drops can be counted.
    `matched`: the row or text that the candidate was compared with, if any.
    `score`: the similarity of a duplicate; None for other drops.
    """

    candidate_id: str
    check: str
    reason: str
    matched: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class CheckNote:
    """A check's remark on its results.

    `spared`: the rows that the check kept for this reason, as the drops that it would have made.
    """

    check: str
    words: str
    spared: tuple[Drop, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """An input with the answer to train on; `id` is the id of its candidate."""

    id: str
    input: str
    answer: str
    source: Source


@dataclass(frozen=True, slots=True)
class SplitExample:
    """An example with its part of the split; each epoch trains on it `repeats` times."""

    example: Example
    part: Part
    repeats: int = 1


@dataclass(frozen=True, slots=True)
class GroupDiversity:
    """The diversity of a group's examples, as `distill.text.diversity` measures it.

    `covered`: the share of real texts (seeds, given inputs) with a synthesised text near them.
    """

    label: str
    rows: int
    distinct_1: float
    distinct_2: float
    mean_nearest_distance: float
    covered: float
