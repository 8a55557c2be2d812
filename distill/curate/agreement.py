"""Do the answers agree: with each other, with the label that was asked for, and with those to the
same input?"""

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


def _group(row: Candidate, means: CheckContext) -> str:
    """What new inputs are asked for by: a label, or the fields that are there."""
    return means.task.form.group(row.answer)


def _contradictions(rows: Sequence[Candidate], means: CheckContext) -> Iterator[Drop]:
    """Inputs and answers are compared as a student would learn them."""
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
    """The answer that comes most often; None where two are as frequent."""
    ranked = Counter(answers).most_common(2)
    return None if len(ranked) == 2 and ranked[0][1] == ranked[1][1] else ranked[0][0]
