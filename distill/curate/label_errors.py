"""The check for suspect labels, which differ from similar rows', by out-of-fold prediction."""

from collections.abc import Sequence

from distill.core.dataset import Candidate, Drop
from distill.curate.classifier_check import opinions
from distill.curate.context import CheckContext
from distill.text.label_errors import Suspect, suspect_labels

REASON = "suspect label"


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop rows with a suspect label.

    In mode "second_opinion", rows are kept if the second opinion gives the same label.
    """
    mode = means.task.spec.curate.suspect_labels
    if mode == "off":
        return []
    found = suspects(rows, means)
    if mode == "second_opinion" and found:
        said = opinions([rows[item.index].input for item in found], means.task)
        found = [
            item
            for item, label in zip(found, said, strict=True)
            if label != rows[item.index].answer
        ]
    return [_drop(rows[item.index], item) for item in found]


def suspects(rows: Sequence[Candidate], means: CheckContext) -> list[Suspect]:
    """Return the suspects, by index in `rows`; [] if the task has no labels.

    The seeds' labels are trusted. The label `other` is not suspect, since its near misses resemble
    rows of another label.
    """
    if not means.task.form.choices:
        return []
    own = [index for index, row in enumerate(rows) if row.source != "seeds"]
    trusted = [(seed.input, seed.answer) for seed in means.task.seeds]
    found = suspect_labels(
        [rows[index].input for index in own],
        [rows[index].answer for index in own],
        trusted=trusted,
        embedding_model=means.task.spec.embedding_model,
    )
    suspect = [Suspect(own[item.index], item.suggested, item.score) for item in found]
    other = means.task.spec.other_label
    return [item for item in suspect if rows[item.index].answer != other]


def _drop(row: Candidate, found: Suspect) -> Drop:
    words = f"answered {row.answer}, rows like it {found.suggested}"
    return Drop(row.id, "suspect_labels", REASON, words, found.score)
