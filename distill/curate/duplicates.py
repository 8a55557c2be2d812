"""The same input twice: equal but for case and white space, nearly the same characters, nearly the
same meaning. Of those that are alike the best stays, not the first.

Texts are compared as a student would learn them, with personal data masked: two that differ in a
telephone number alone are one. What is nearly the same with an answer that contradicts is no
duplicate: such rows show where a label ends.
"""

from collections import defaultdict
from collections.abc import Sequence

from distill.core.dataset import Candidate, Drop, SimilarPair
from distill.curate.context import CheckContext, Method, same_inputs
from distill.curate.human_review import accepted
from distill.curate.masking import masked

SOURCES = ("seeds", "inputs", "synthesis")


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop all but the best of every group. Both searches see the same texts whatever the
    thresholds are, so that a higher one finds its pairs among those that are stored."""
    spec = means.task.spec.curate
    found = _exact(rows, means) if spec.exact_duplicates else []
    rest = _without(rows, found)
    near = _alike(rest, means, "near", spec.near_duplicates)
    drops = keep_best(rest, near, means, "near_duplicates")
    semantic = _alike(rest, means, "semantic", spec.semantic_duplicates)
    left = {row.id for row in _without(rest, drops)}
    semantic = [p for p in semantic if rest[p.first].id in left and rest[p.second].id in left]
    return [*found, *drops, *keep_best(rest, semantic, means, "semantic_duplicates")]


def keep_best(
    rows: Sequence[Candidate], pairs: Sequence[SimilarPair], means: CheckContext, check: str
) -> list[Drop]:
    """A drop for each row that is paired with a better one that stays, and which that is. A chain
    of pairs does not make its ends alike."""
    answers = [masked(row, means.task)[1] for row in rows]
    partners: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for first, second, score in pairs:
        if not means.task.form.contradict(answers[first], answers[second]):
            partners[first].append((score, second))
            partners[second].append((score, first))
    kept: set[int] = set()
    found = []
    for index in sorted(partners, key=lambda i: (*_rank(rows[i], means), i)):
        twins = [(score, -twin) for score, twin in partners[index] if twin in kept]
        if not twins or accepted(rows[index], means):
            kept.add(index)
            continue
        score, twin = max(twins)
        reason = check.replace("_", " ").removesuffix("s")
        found.append(Drop(rows[index].id, check, reason, rows[-twin].id, score))
    return found


def _rank(row: Candidate, means: CheckContext) -> tuple[bool, int, float, bool]:
    """The lower, the better: people's answers, then by source, by how many votes agree, and by
    whether the label is the one that was asked for."""
    asked = row.asked_label in (None, means.task.form.group(row.answer))
    return not accepted(row, means), SOURCES.index(row.source), -row.agreement, not asked


def _exact(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    found = []
    for twins in same_inputs(rows, means.task):
        best = min(twins, key=lambda row: _rank(row, means))
        found += [
            Drop(row.id, "exact_duplicates", "exact duplicate", best.id, 1.0)
            for row in twins
            if row is not best
        ]
    return found


def _alike(
    rows: Sequence[Candidate], means: CheckContext, method: Method, threshold: float
) -> list[SimilarPair]:
    if not threshold:
        return []
    return means.search(method, [masked(row, means.task)[0] for row in rows], threshold)


def _without(rows: Sequence[Candidate], drops: Sequence[Drop]) -> list[Candidate]:
    gone = {drop.candidate_id for drop in drops}
    return [row for row in rows if row.id not in gone]
