"""The gold rows on which student and teacher differ, or both fail."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from distill.core.conversation import shown_input
from distill.core.dataset import LabelledExample
from distill.core.evaluation import Prediction
from distill.evaluate.pairwise_judge import LEVEL
from distill.task.kinds import AnswerForm
from distill.task.kinds.generate import Text

SHOWN = 20

Figures = dict[str, Any]
ByGold = Mapping[str, Prediction]


def mistakes(
    gold: Sequence[LabelledExample],
    student: ByGold,
    teacher: ByGold,
    scores: Mapping[str, Mapping[str, float]],
    form: AnswerForm,
) -> Figures:
    """Return the gold rows that student or teacher gets wrong.

    - `worst`: the student scores less than the teacher
    - `better`: the student scores more than the teacher
    - `both_wrong`: both score the same, below the best score
    - `mistakes`: number of rows of each of these

    A text that is as good as the teacher's is not wrong. `scores`: both systems' scores, by gold
    id. `form`: the form of answers. The first SHOWN rows of each list are returned. The group with
    the most rows comes first, and within a group the row with the student's highest confidence.
    """
    best = LEVEL if isinstance(form, Text) else 1.0
    rows: dict[str, list[LabelledExample]] = {"worst": [], "better": [], "both_wrong": []}
    for row in gold:
        if name := _which(scores["student"][row.id], scores["teacher"][row.id], best):
            rows[name].append(row)
    shown: Figures = {
        name: [_row(row, student, teacher) for row in _ordered(held, student, form.group)[:SHOWN]]
        for name, held in rows.items()
    }
    return shown | {"mistakes": {name: len(held) for name, held in rows.items()}}


def _which(student: float, teacher: float, best: float) -> str:
    if student == teacher:
        return "" if student == best else "both_wrong"
    return "worst" if student < teacher else "better"


def _ordered(
    rows: Sequence[LabelledExample], student: ByGold, group: Callable[[str], str]
) -> list[LabelledExample]:
    of_group = Counter(group(row.answer) for row in rows)

    def place(row: LabelledExample) -> tuple[int, str, float, str]:
        sure = student[row.id].confidence or 0.0
        return (-of_group[group(row.answer)], group(row.answer), -sure, row.id)

    return sorted(rows, key=place)


def _row(row: LabelledExample, student: ByGold, teacher: ByGold) -> Figures:
    said = student[row.id]
    figures: Figures = {
        **shown_input(row.input),
        "expected": row.answer,
        "teacher": teacher[row.id].answer,
        "student": said.answer,
    }
    return figures if said.confidence is None else figures | {"confidence": said.confidence}
