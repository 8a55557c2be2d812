"""Scores by hand, and against scikit-learn on random rows."""

import json
import random
from collections import Counter
from statistics import fmean

import numpy
import pytest
import sacrebleu
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support
from sklearn.preprocessing import MultiLabelBinarizer

from distill.evaluate.scorers import scorer_of
from distill.report.labels import INVALID, by_field, by_label, macro_f1
from distill.task.kinds.classify import Labels
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text
from tests.support.seeds import for_seeds

NAMES = ("a", "b", "c", "d")
FORM = Fields({"type": "object", "properties": {name: {"type": "string"} for name in NAMES}})
SCORE = scorer_of(FORM)
CASES = range(200)


@pytest.mark.parametrize(
    ("expected", "answer", "valid", "f1", "exact"),
    [
        ('{"a":"x"}', '{"a":"x"}', True, 1.0, 1.0),
        ("{}", "{}", True, 1.0, 1.0),
        ("{}", '{"a":"x"}', True, 0.0, 0.0),
        ('{"a":"x"}', "{}", True, 0.0, 0.0),
        ('{"a":"x","b":"y"}', '{"a":"x"}', True, 2 / 3, 0.0),
        ('{"a":"x","b":"y"}', '{"a":"x","b":"z"}', True, 0.5, 0.0),
        ('{"a":"x","b":"y"}', '{"a":"x","b":"y","c":"z"}', True, 0.8, 0.0),
        ('{"a":"x"}', '{"b":"x"}', True, 0.0, 0.0),
        ("{}", "{}", False, 0.0, 0.0),
    ],
)
def test_objects_by_hand(expected: str, answer: str, valid: bool, f1: float, exact: float) -> None:
    found = SCORE(expected, answer, valid=valid)
    assert found == {"field_f1": pytest.approx(f1), "exact_match": exact}


def objects(draw: random.Random, count: int) -> list[str]:
    """Objects with any of the fields, of few values so that some agree."""
    return [
        json.dumps(
            {n: draw.choice("xyz") for n in NAMES if draw.random() < 0.5}, separators=(",", ":")
        )
        for _ in range(count)
    ]


@for_seeds(CASES)
def test_fields_are_what_scikit_learn_says(seed: int) -> None:
    draw = random.Random(seed)
    count = draw.randint(1, 12)
    expected, answers = objects(draw, count), objects(draw, count)
    pairs = [[set(FORM.pairs(text)) for text in texts] for texts in (expected, answers)]
    every = [(name, f'"{value}"') for name in NAMES for value in "xyz"]
    gold, said = (MultiLabelBinarizer(classes=every).fit_transform(rows) for rows in pairs)
    ours = [SCORE(e, a, valid=True)["field_f1"] for e, a in zip(expected, answers, strict=True)]
    theirs = f1_score(gold, said, average="samples", zero_division=1.0)
    assert numpy.mean(ours) == pytest.approx(theirs, abs=1e-12)
    exact = [SCORE(e, a, valid=True)["exact_match"] for e, a in zip(expected, answers, strict=True)]
    assert numpy.mean(exact) == pytest.approx(accuracy_score(gold, said))
    table = by_field(FORM, expected, answers)
    for place, name in enumerate(NAMES):
        columns = slice(3 * place, 3 * place + 3)
        precision, recall, f1, _ = precision_recall_fscore_support(
            gold[:, columns], said[:, columns], average="micro", zero_division=0.0
        )
        row = table[name]
        assert (row["precision"], row["recall"], row["f1"]) == pytest.approx(
            (precision, recall, f1)
        )
        right = row["n"] - row["wrong"] - row["missing"]
        assert right == (gold[:, columns] & said[:, columns]).sum()
        assert right + row["wrong"] + row["too_many"] == said[:, columns].sum()


def test_a_field_that_is_only_said_is_in_the_table() -> None:
    form = Fields(
        {
            "type": "object",
            "properties": {"buyer": {"type": "object", "properties": {"name": {}, "city": {}}}},
        }
    )
    table = by_field(form, ["{}"], ['{"buyer":{"city":"Rom"}}'])
    assert list(table) == ["buyer.city"] and table["buyer.city"]["too_many"] == 1


def test_an_answer_that_is_none_has_no_values() -> None:
    table = by_field(FORM, ['{"a":"x"}'], [INVALID])
    assert (table["a"]["n"], table["a"]["missing"], table["a"]["f1"]) == (1, 1, 0.0)


@for_seeds(CASES)
def test_labels_are_counted_as_their_definitions_say(seed: int) -> None:
    """Counted here, since the report's own come from scikit-learn."""
    draw, labels = random.Random(seed), ("a", "b", "c")
    count = draw.randint(1, 30)
    expected = [draw.choice(labels) for _ in range(count)]
    answers = [draw.choice((*labels, INVALID)) for _ in range(count)]
    score = scorer_of(Labels(dict.fromkeys(labels, "")))
    pairs = list(zip(expected, answers, strict=True))
    right = [score(e, a, valid=a != INVALID)["accuracy"] for e, a in pairs]
    assert sum(right) == sum(e == a for e, a in pairs)
    f1s = []
    for label, row in by_label(expected, answers, labels).items():
        both, n, said = pairs.count((label, label)), expected.count(label), answers.count(label)
        assert row["n"] == n
        assert row["recall"] == pytest.approx(both / n if n else 0)
        assert row["precision"] == pytest.approx(both / said if said else 0)
        if n:
            f1s.append(2 * both / (n + said))
    assert macro_f1(expected, answers, labels) == pytest.approx(sum(f1s) / len(f1s))


WORDS = ("refund", "of", "the", "broken", "kettle", "übergröße", "why?", "40", "東京", "a")


def chrf_by_definition(reference: str, text: str) -> float:
    """Popović 2015: the F-score, with recall twice as important, of the mean precision and the mean
    recall of character n-grams up to 6, without white space."""
    reference, text = ("".join(one.split()) for one in (reference, text))
    precisions, recalls = [], []
    for n in range(1, 7):
        wanted, given = (
            Counter(one[start : start + n] for start in range(len(one) - n + 1))
            for one in (reference, text)
        )
        if wanted and given:
            both = (wanted & given).total()
            precisions.append(both / given.total())
            recalls.append(both / wanted.total())
    if not precisions or not sum(precisions) + sum(recalls):
        return 0.0
    precision, recall = fmean(precisions), fmean(recalls)
    return 5 * precision * recall / (4 * precision + recall)


@for_seeds(CASES)
def test_chrf_is_what_sacrebleu_and_the_definition_say(seed: int) -> None:
    draw = random.Random(seed)
    reference, text = (
        " ".join(draw.choices(WORDS, k=draw.randint(1, 12))) for _ in ("reference", "text")
    )
    found = scorer_of(Text())(reference, text, valid=True)["chrf"]
    assert found == pytest.approx(sacrebleu.sentence_chrf(text, [reference]).score / 100)
    assert found == pytest.approx(chrf_by_definition(reference, text))


def test_texts_by_hand() -> None:
    score = scorer_of(Text())
    assert score("abc", "abc", valid=True) == {"chrf": pytest.approx(1.0)}
    assert score("abc", "xyz", valid=True) == {"chrf": 0.0}
    assert score("abc", "abc", valid=False) == {"chrf": 0.0}, "cut off is no answer"
    assert score("abc", "", valid=False) == {"chrf": 0.0}
    assert score("", "abc", valid=True) == {}, "there is nothing to compare with"
    # 1-grams: 2 of 3 and 2 of 4; 2-grams: 1 of 2 and 1 of 3; 3-grams: none of 1 and of 2.
    precision, recall = (2 / 3 + 1 / 2 + 0) / 3, (2 / 4 + 1 / 3 + 0) / 3
    assert score("abxy", "abc", valid=True)["chrf"] == pytest.approx(
        5 * precision * recall / (4 * precision + recall)
    )
