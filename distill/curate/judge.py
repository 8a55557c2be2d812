"""What the judge thinks of input and answer: dear, so it sees survivors only."""

from collections.abc import Sequence

from distill.core.dataset import Candidate, Drop
from distill.curate.context import Means


def check(rows: Sequence[Candidate], means: Means) -> list[Drop]:
    """Drop rows that the judge scores under `curate.judge`. Seeds are people's work."""
    least = means.task.spec.curate.judge
    judged = [row for row in rows if row.source != "seeds"]
    if not least or not judged:
        return []
    found = []
    for row, score in zip(judged, means.judge(judged), strict=True):
        if score is None:
            found.append(Drop(row.id, "judge", "no score"))
        elif score < least:
            found.append(Drop(row.id, "judge", "score too low", f"{score} of 5", score / 5))
    return found
