"""The checks for duplicate inputs: equal texts, similar texts, and texts of similar meaning.

Equal inputs may differ in case and white space. Of similar rows, the best is kept, not the first.

Texts are compared as in training, with personal data masked: two texts that differ only in a
telephone number are duplicates. Similar rows with different answers are not duplicates, because
they show the student the boundary between labels.
"""

from collections import defaultdict
from collections.abc import Sequence

from distill.core.dataset import Candidate, CheckNote, Drop, SimilarPair
from distill.curate.context import CheckContext, Method, same_inputs
from distill.curate.human_review import accepted
from distill.curate.masking import masked
from distill.text.embeddings import count_unread

NAME = "semantic_duplicates"
MOST_UNREAD = 0.1  # share of the rows
SOURCES = ("seeds", "examples", "inputs", "synthesis")


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop all but the best of each group of duplicates.

    Both searches get the same texts at every threshold. The stored pairs therefore contain the
    pairs of every higher threshold.
    """
    spec = means.task.spec.curate
    found = _exact(rows, means) if spec.exact_duplicates else []
    rest = _without(rows, found)
    near = _alike(rest, means, "near", spec.near_duplicates)
    drops = keep_best(rest, near, means, "near_duplicates")
    semantic = _alike(rest, means, "semantic", spec.semantic_duplicates)
    left = {row.id for row in _without(rest, drops)}
    semantic = [p for p in semantic if rest[p.first].id in left and rest[p.second].id in left]
    return [*found, *drops, *keep_best(rest, semantic, means, NAME)]


def tell_unread(rows: Sequence[Candidate], means: CheckContext) -> None:
    """Tell how many rows have no semantic duplicates, if they are MOST_UNREAD of all or more.

    The embedding model does not read these rows.
    """
    spec = means.task.spec
    if not spec.curate.semantic_duplicates or not rows:
        return
    unread = count_unread([row.input for row in rows], spec.embedding_model)
    if unread >= MOST_UNREAD * len(rows):
        words = (
            f"{spec.embedding_model} does not read {unread} of {len(rows)} texts, which have no "
            "semantic duplicates: name a model of their language as embedding_model in task.toml"
        )
        means.tell(CheckNote(NAME, words))


def keep_best(
    rows: Sequence[Candidate], pairs: Sequence[SimilarPair], means: CheckContext, check: str
) -> list[Drop]:
    """Return a drop, with the kept row's id, for each row that is paired with a better kept row.

    Rows are compared only in pairs: the ends of a chain of pairs may be different.
    """
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
    """Return the rank of a row; lower is better.

    A person's answer comes first. Source, vote agreement and a match with the requested label
    decide ties, in this order.
    """
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
