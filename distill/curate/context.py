"""What checks work with besides the rows: the task, what is like what, whom they may ask."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from distill.core.dataset import Candidate, CheckNote, ReviewDecision, SimilarPair
from distill.core.text import fold, stable_hash
from distill.curate import context
from distill.curate.masking import masked
from distill.store import Store
from distill.task import Task
from distill.text.embeddings import similar_pairs
from distill.text.near_duplicates import near_pairs

Method = Literal["near", "semantic"]
# (method, texts, threshold) → their pairs
Search = Callable[[Method, Sequence[str], float], list[SimilarPair]]
# rows → each one's score, None where the judge gave none
Judge = Callable[[Sequence[Candidate]], list[int | None]]
# the teacher's answer to each seed that it is asked about, "" for one that cannot be used; None
# where the budget does not carry them
SeedAnswers = Callable[[], list[str] | None]


def search(method: Method, texts: Sequence[str], threshold: float) -> list[SimilarPair]:
    """Pairs of texts that are alike: by the Jaccard index of their characters' shingles ("near"),
    by the cosine of their embeddings ("semantic")."""
    return (near_pairs if method == "near" else similar_pairs)(texts, threshold)


def same_inputs(rows: Sequence[Candidate], task: Task) -> list[list[Candidate]]:
    """The rows in groups of inputs that are equal as a student would learn them, whatever their
    case and white space; in order."""
    groups: dict[str, list[Candidate]] = {}
    for row in rows:
        groups.setdefault(fold(masked(row, task)[0]), []).append(row)
    return list(groups.values())


def no_judge(rows: Sequence[Candidate]) -> list[int | None]:
    """Nobody to be asked."""
    return [None for _ in rows]


def no_answers() -> list[str] | None:
    """No teacher to be asked."""
    return None


def untold(note: CheckNote) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class CheckContext:
    """The task, a search for pairs of texts that are alike, a judge, the teacher's answers to
    seeds, and whom a check tells what it found out about itself."""

    task: Task
    search: Search = search
    judge: Judge = no_judge
    seed_answers: SeedAnswers = no_answers
    tell: Callable[[CheckNote], None] = untold

    @cached_property
    def reviews(self) -> Mapping[str, ReviewDecision]:
        """Folded input → a person's word on it."""
        return {fold(row.input): row for row in self.task.reviews}


# A search for less than this is one for this: what a higher threshold needs is in it.
FLOORS: dict[Method, float] = {"near": 0.7, "semantic": 0.85}


def search_once(
    store: Store, method: Method, texts: Sequence[str], threshold: float
) -> list[SimilarPair]:
    """The pairs of a search that is stored, else of one that is made and stored now."""
    id_ = stable_hash([method, list(texts)])
    found = store.pairs(id_, threshold)
    if found is None:
        floor = min(threshold, FLOORS[method])
        store.add_pairs(id_, floor, context.search(method, texts, floor))
        found = store.pairs(id_, threshold) or []
    return found
