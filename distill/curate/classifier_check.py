"""A second opinion on labels: a linear model on sentence embeddings, fitted to the seeds.

The check needs a task with labels. A small teacher is often wrong. A different model seldom makes
the same error, so labels on which both agree are mostly right. With a good teacher, the check would
drop correct rows. Rows are therefore dropped only if the linear model beats the teacher on the
seeds. A tested seed is in neither the model's training data nor the teacher's prompt.

Rows of the label `other` are not judged: their near misses resemble the seeds of another label. The
seeds of `other` are therefore no test of the check.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from distill.core.dataset import Candidate, CheckNote, Drop
from distill.curate.context import CheckContext
from distill.curate.human_review import decided
from distill.curate.on_seeds import places_asked
from distill.task import Task
from distill.text.classifiers import fit_embeddings, left_out

NAME = "second_opinion"
REASON = "another answer"


@dataclass(frozen=True, slots=True)
class Standing:
    """The results of second opinion and teacher on the same seeds: True for a correct answer."""

    opinion: Sequence[bool]
    teacher: Sequence[bool]

    @property
    def overrules(self) -> bool:
        """True if the second opinion is correct on more seeds than the teacher."""
        return sum(self.opinion) > sum(self.teacher)

    @property
    def words(self) -> str:
        """Describe the number of seeds that both, and only one, answered correctly."""
        pairs = list(zip(self.opinion, self.teacher, strict=True))
        alone = sum(ours and not theirs for ours, theirs in pairs)
        teachers = sum(theirs and not ours for ours, theirs in pairs)
        return (
            f"on {len(pairs)} seeds, each left out, it is right on {sum(self.opinion)} and the "
            f"teacher on {sum(self.teacher)} (it alone on {alone}, the teacher alone on {teachers})"
        )


def is_on(task: Task) -> bool:
    """True if the task has a second opinion."""
    return bool(task.spec.curate.second_opinion and task.form.choices and task.seeds)


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop rows whose answer differs from a second opinion that beats the teacher on the seeds.

    Drops nothing if the teacher is as good, or was not asked about the seeds. Seeds and reviewed
    rows are kept, because people gave their answers.
    """
    found = differing(rows, means) if is_on(means.task) else []
    if not found:
        return []
    standing = standing_of(means)
    if standing is not None and standing.overrules:
        means.tell(CheckNote(NAME, f"it overrules the teacher: {standing.words}"))
        return found
    words = "the budget does not carry the teacher's answers to the seeds, which would show it"
    if standing is not None:
        words = standing.words
    count = sum(row.source != "seeds" for row in rows)
    would = f"It would have dropped {len(found)} of {count} rows"
    means.tell(CheckNote(NAME, f"it drops nothing: {words}. {would}", tuple(found)))
    return []


def differing(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Return a drop for each row whose answer differs from the second opinion."""
    other = means.task.spec.other_label
    rows = [row for row in rows if row.source != "seeds" and row.answer != other]
    rows = [row for row in rows if not decided(row, means)]
    if not rows:
        return []
    return [
        Drop(row.id, NAME, REASON, f"answered {row.answer}, second opinion {other}")
        for row, other in zip(rows, opinions([row.input for row in rows], means.task), strict=True)
        if row.answer != other
    ]


def standing_of(means: CheckContext) -> Standing | None:
    """Return the results of second opinion and teacher on the seeds that the teacher answered.

    Unusable answers are left out, because rows with one never reach this check. None if the teacher
    was not asked about the seeds. Seeds of the label `other` are left out, too.
    """
    said = means.seed_answers()
    if said is None:
        return None
    texts, labels = zip(*((seed.input, seed.answer) for seed in means.task.seeds), strict=True)
    answers = dict(zip(places_asked(means.task), said, strict=True))
    other = means.task.spec.other_label
    usable = [place for place, answer in answers.items() if answer and labels[place] != other]
    opinion = left_out(texts, labels, usable, means.task.spec.embedding_model)
    return Standing(
        [own == labels[place] for own, place in zip(opinion, usable, strict=True)],
        [answers[place] == labels[place] for place in usable],
    )


def opinions(texts: Sequence[str], task: Task) -> list[str]:
    """Return the linear model's label for each text."""
    seeds = [seed.input for seed in task.seeds], [seed.answer for seed in task.seeds]
    model = fit_embeddings(*seeds, embedding_model=task.spec.embedding_model)
    return [str(label) for label in model.predict(list(texts))]
