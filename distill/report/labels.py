"""Expected labels and answers → macro F1, the figures of each label, and what it was taken for."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

INVALID = ""  # an answer that is no label, or that was cut off: no label is empty
NO_LABEL = "no label"  # INVALID in the report

Figures = dict[str, Any]


def name_of_invalid(labels: Collection[str]) -> str:
    """Name invalid answers as none of the labels is named."""
    name = NO_LABEL
    while name in labels:
        name = f"({name})"
    return name


def macro_f1(expected: Sequence[str], answers: Sequence[str], labels: Sequence[str]) -> float:
    """The mean of the labels' F1, of those that gold has (scikit-learn)."""
    from sklearn.metrics import f1_score

    present = sorted(set(expected) & set(labels))
    found = f1_score(expected, answers, labels=present, average="macro", zero_division=0.0)
    return float(found)


def by_label(
    expected: Sequence[str], answers: Sequence[str], labels: Sequence[str]
) -> dict[str, Figures]:
    """Label → n (its gold rows), precision, recall and f1 (scikit-learn; 0 where there is nothing
    to divide by), and `taken_for`: wrong answer → how often, the commonest first; an answer that is
    no label is called `name_of_invalid`."""
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        expected, answers, labels=list(labels), zero_division=0.0
    )
    invalid = name_of_invalid(labels)
    wrong = Counter(pair for pair in zip(expected, answers, strict=True) if pair[0] != pair[1])
    return {
        label: {
            "n": int(n),
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "taken_for": {
                invalid if answer == INVALID else answer: count
                for (true, answer), count in wrong.most_common()
                if true == label
            },
        }
        for label, precision, recall, f1, n in zip(labels, *columns, strict=True)
    }
