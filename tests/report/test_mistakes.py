"""Which gold rows are shown as mistakes, and in which order."""

from distill.core.dataset import LabelledExample
from distill.core.evaluation import Prediction
from distill.report.mistakes import SHOWN, mistakes
from distill.task.kinds.classify import Labels

# (label, the student is right, the teacher is right, the student's confidence)
Row = tuple[str, float, float, float | None]


def found(*rows: Row) -> dict[str, object]:
    gold = [LabelledExample(f"message {n}", row[0], "gold.jsonl", n) for n, row in enumerate(rows)]
    predictions: dict[str, dict[str, Prediction]] = {"student": {}, "teacher": {}}
    right: dict[str, dict[str, float]] = {"student": {}, "teacher": {}}
    for where, (label, student, teacher, sure) in zip(gold, rows, strict=True):
        for system, score in (("student", student), ("teacher", teacher)):
            answer = label if score else f"not {label}"
            confidence = sure if system == "student" else None
            predictions[system][where.id] = Prediction(
                system, where.id, answer, True, 0.1, None, confidence
            )
            right[system][where.id] = score
    return mistakes(gold, predictions["student"], predictions["teacher"], right, Labels({}))


def shown(rows: object) -> list[str]:
    assert isinstance(rows, list)
    return [row["input"].removeprefix("message ") for row in rows]


def test_the_label_with_most_mistakes_first_and_in_it_the_surest() -> None:
    result = found(
        ("dogs", 0, 1, 0.9),
        ("cats", 0, 1, 0.2),
        ("cats", 0, 1, 0.8),
        ("cats", 1, 1, 0.99),
        ("birds", 1, 0, 0.6),
        ("birds", 0, 0, 0.5),
    )
    assert shown(result["worst"]) == ["2", "1", "0"]
    assert (shown(result["better"]), shown(result["both_wrong"])) == (["4"], ["5"])
    assert result["mistakes"] == {"worst": 3, "better": 1, "both_wrong": 1}
    worst = result["worst"]
    assert isinstance(worst, list) and worst[0] == {
        **{"input": "message 2", "expected": "cats", "teacher": "cats", "student": "not cats"},
        "confidence": 0.8,
    }


def test_only_the_first_are_shown_and_all_are_counted() -> None:
    result = found(*[("cats", 0.0, 1.0, None)] * (SHOWN + 5))
    assert len(shown(result["worst"])) == SHOWN
    assert result["mistakes"] == {"worst": SHOWN + 5, "better": 0, "both_wrong": 0}
    worst = result["worst"]
    assert isinstance(worst, list) and "confidence" not in worst[0]
