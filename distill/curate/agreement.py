"""The check of agreement: among votes, with the requested label, and between equal inputs."""

from collections import Counter
from collections.abc import Iterator, Sequence

from distill.core.dataset import Candidate, Drop
from distill.curate.context import CheckContext, same_inputs
from distill.curate.human_review import accepted
from distill.curate.masking import masked

ANOTHER = "another answer than asked for"
DIFFER = "votes differ"
CONTRADICTS = "another answer to the same input"


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop rows whose answers disagree.

    A row is dropped if its votes differ too much, or if its answer is not the requested label. A
    row is also dropped if it contradicts a person's answer to the same input, or the most frequent
    one.
    """
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


def _group(row: Candidate, means: CheckContext) -> str:
    """Return the group of a row's answer: a label or a set of fields."""
    return means.task.form.group(row.answer)


def _contradictions(rows: Sequence[Candidate], means: CheckContext) -> Iterator[Drop]:
    """Yield drops for contradicting answers; inputs and answers are masked, as in training."""
    for same in same_inputs(rows, means.task):
        answers = {row.id: masked(row, means.task)[1] for row in same}
        first = answers[same[0].id]
        if not any(means.task.form.contradict(first, answer) for answer in answers.values()):
            continue
        people = [answers[row.id] for row in same if accepted(row, means)]
        right = _most_frequent(people or [answers[row.id] for row in same])
        for row in same:
            answer = answers[row.id]
            if answer != right and not accepted(row, means):
                others = ", ".join(sorted({*answers.values()} - {answer}))
                words = f"answered {answer}, elsewhere {others}"
                yield Drop(row.id, "agreement", CONTRADICTS, words)


def _most_frequent(answers: Sequence[str]) -> str | None:
    """Return the most frequent answer; None on a tie."""
    ranked = Counter(answers).most_common(2)
    return None if len(ranked) == 2 and ranked[0][1] == ranked[1][1] else ranked[0][0]
