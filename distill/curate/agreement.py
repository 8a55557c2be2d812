"""Do the answers agree: with each other, with the label that was asked for, and with those to the
same input?"""

from collections import Counter
from collections.abc import Iterator, Sequence

from distill.curate.means import Means, same_inputs
from distill.curate.review import accepted
from distill.records import Candidate, Drop

ANOTHER = "another answer than asked for"
DIFFER = "votes differ"
CONTRADICTS = "another answer to the same input"


def check(rows: Sequence[Candidate], means: Means) -> list[Drop]:
    """Drop rows whose votes differ too much, whose answer is not the label asked for, and that
    contradict what people or most rows say of the same input."""
    spec = means.task.spec.curate
    found: dict[str, Drop] = {}
    for row in rows:
        if row.agreement < spec.min_agreement:
            votes = ", ".join(f"{n} {answer}" for answer, n in Counter(row.answers).most_common())
            found[row.id] = Drop(row.id, "agreement", DIFFER, votes, row.agreement)
        elif spec.agreement and row.asked_label not in (None, group := _group(row, means)):
            words = f"asked for {row.asked_label}, answered {group}"
            found[row.id] = Drop(row.id, "agreement", ANOTHER, words)
    if spec.contradictions:
        left = [row for row in rows if row.id not in found]
        found |= {drop.candidate_id: drop for drop in _contradictions(left, means)}
    return list(found.values())


def _group(row: Candidate, means: Means) -> str:
    """What new inputs are asked for by: a label, or the fields that are there."""
    return means.task.form.group(row.answer)


def _contradictions(rows: Sequence[Candidate], means: Means) -> Iterator[Drop]:
    for same in same_inputs(rows):
        if not any(means.task.form.contradict(same[0].answer, row.answer) for row in same):
            continue
        right = _right(same, means)
        for row in same:
            if row.answer != right and not accepted(row, means):
                others = ", ".join(sorted({twin.answer for twin in same} - {row.answer}))
                words = f"answered {row.answer}, elsewhere {others}"
                yield Drop(row.id, "agreement", CONTRADICTS, words)


def _right(same: Sequence[Candidate], means: Means) -> str | None:
    """The answer of people, else the one that most rows have; None where two are as frequent."""
    said = [row.answer for row in same if accepted(row, means)] or [row.answer for row in same]
    ranked = Counter(said).most_common(2)
    return None if len(ranked) == 2 and ranked[0][1] == ranked[1][1] else ranked[0][0]
