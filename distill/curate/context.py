"""The context of the checks: the task, the search for similar pairs, judge and teacher."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from distill.core.dataset import Candidate, CheckNote, ReviewDecision, SimilarPair
from distill.core.text import fold, stable_hash
from distill.curate.masking import masked
from distill.store import Store
from distill.task import Task
from distill.text.embedding_models import MINILM
from distill.text.embeddings import similar_pairs
from distill.text.near_duplicates import near_pairs

Method = Literal["near", "semantic"]
# (method, texts, threshold) → pairs of similar texts
Search = Callable[[Method, Sequence[str], float], list[SimilarPair]]
# rows → a score for each row, or None if the judge's answer is unusable
Judge = Callable[[Sequence[Candidate]], list[int | None]]
# () → the teacher's answer to each requested seed, or "" if it is unusable; None if the budget does
# not cover the requests
SeedAnswers = Callable[[], list[str] | None]


def search(
    method: Method, texts: Sequence[str], threshold: float, embedding_model: str = MINILM
) -> list[SimilarPair]:
    """Return pairs of similar texts.

    `method`: "near" for the Jaccard index of character shingles, "semantic" for the cosine of
        embeddings.
    """
    if method == "near":
        return near_pairs(texts, threshold)
    return similar_pairs(texts, threshold, embedding_model)


def same_inputs(rows: Sequence[Candidate], task: Task) -> list[list[Candidate]]:
    """Group rows with equal inputs, in order.

    Inputs are compared as in training, with personal data masked, and without case and white space.
    """
    groups: dict[str, list[Candidate]] = {}
    for row in rows:
        groups.setdefault(fold(masked(row, task)[0]), []).append(row)
    return list(groups.values())


def no_judge(rows: Sequence[Candidate]) -> list[int | None]:
    """Return None for each row, because there is no judge."""
    return [None for _ in rows]


def no_answers() -> list[str] | None:
    """Return None, because there is no teacher."""
    return None


def untold(note: CheckNote) -> None:
    """Ignore a note."""


@dataclass(frozen=True)
class CheckContext:
    """The context of the checks.

    `task`: the task.
    `search`: finds pairs of similar texts.
    `judge`: scores rows.
    `seed_answers`: returns the teacher's answers to seeds.
    `tell`: receives a check's note on its own quality.
    """

    task: Task
    search: Search = search
    judge: Judge = no_judge
    seed_answers: SeedAnswers = no_answers
    tell: Callable[[CheckNote], None] = untold

    @cached_property
    def reviews(self) -> Mapping[str, ReviewDecision]:
        """Return folded input → human review."""
        return {fold(row.input): row for row in self.task.reviews}


# Thresholds of the stored searches, which contain the pairs of every higher threshold.
FLOORS: dict[Method, float] = {"near": 0.7, "semantic": 0.85}


def search_once(
    store: Store,
    method: Method,
    texts: Sequence[str],
    threshold: float,
    embedding_model: str = MINILM,
) -> list[SimilarPair]:
    """Return the pairs of a search from the store, or else run and store the search."""
    named = [embedding_model] if method == "semantic" and embedding_model != MINILM else []
    id_ = stable_hash([method, list(texts), *named])
    found = store.pairs(id_, threshold)
    if found is None:
        floor = min(threshold, FLOORS[method])
        store.add_pairs(id_, floor, search(method, texts, floor, embedding_model))
        found = store.pairs(id_, threshold) or []
    return found
