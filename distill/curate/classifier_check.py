"""Does a linear model on sentence embeddings, fitted to the seeds, give the same answer?

A small teacher is wrong often; two that err differently and agree are wrong seldom. Only labels
have one. A good teacher loses right rows by it, so it overrules only a teacher that it is shown to
be better than: on the seeds, each left out of what the model is fitted to and of what the teacher
is shown.
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
    """The second opinion and the teacher on the same seeds: for each seed whether it is right."""

    opinion: Sequence[bool]
    teacher: Sequence[bool]

    @property
    def overrules(self) -> bool:
        """True if the second opinion is right on more of the seeds."""
        return sum(self.opinion) > sum(self.teacher)

    @property
    def words(self) -> str:
        """Count the seeds on which each is right, and on which it alone is."""
        pairs = list(zip(self.opinion, self.teacher, strict=True))
        alone = sum(ours and not theirs for ours, theirs in pairs)
        teachers = sum(theirs and not ours for ours, theirs in pairs)
        return (
            f"on {len(pairs)} seeds, each left out, it is right on {sum(self.opinion)} and the "
            f"teacher on {sum(self.teacher)} (it alone on {alone}, the teacher alone on {teachers})"
        )


def is_on(task: Task) -> bool:
    """Does the task have a second opinion?"""
    return bool(task.spec.curate.second_opinion and task.form.choices and task.seeds)


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop a row whose answer the second opinion does not share, where that is shown to be better
    than the teacher. Seeds and reviews are people's answers."""
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
    """The rows whose answer the second opinion does not share."""
    rows = [row for row in rows if row.source != "seeds" and not decided(row, means)]
    if not rows:
        return []
    return [
        Drop(row.id, NAME, REASON, f"answered {row.answer}, second opinion {other}")
        for row, other in zip(rows, opinions([row.input for row in rows], means.task), strict=True)
        if row.answer != other
    ]


def standing_of(means: CheckContext) -> Standing | None:
    """Both on the seeds to which the teacher gave a usable answer: a row without one never comes
    here. None where the teacher was not asked about seeds."""
    said = means.seed_answers()
    if said is None:
        return None
    texts, labels = zip(*((seed.input, seed.answer) for seed in means.task.seeds), strict=True)
    answers = dict(zip(places_asked(means.task), said, strict=True))
    usable = [place for place, answer in answers.items() if answer]
    opinion = left_out(texts, labels, usable)
    return Standing(
        [own == labels[place] for own, place in zip(opinion, usable, strict=True)],
        [answers[place] == labels[place] for place in usable],
    )


def opinions(texts: Sequence[str], task: Task) -> list[str]:
    """A label for each text."""
    model = fit_embeddings([seed.input for seed in task.seeds], [s.answer for s in task.seeds])
    return [str(label) for label in model.predict(list(texts))]
