"""How sure the student is, by hand and against scikit-learn's curve."""

import random
from decimal import Decimal
from math import log

import pytest
from sklearn.calibration import calibration_curve

from distill.backends.apis import DIALECTS
from distill.records import Message, Request, Sampling
from distill.report.confidence import Sure, as_good_as_teacher, calibration, coverage, sentence

PRICES = (Decimal("0.10"), Decimal("2"))
USAGE = {"prompt_tokens": 1, "completion_tokens": 1}


def rows(*values: tuple[float, float, float], times: int = 1) -> list[Sure]:
    return [Sure(*value) for value in values for _ in range(times)]


def test_the_calibration_error_by_hand() -> None:
    found = calibration(rows((0.95, 1, 1), (0.91, 0, 1), (0.55, 1, 1), (1.0, 1, 0)))
    assert [(row["from"], row["to"], row["n"]) for row in found["bins"]] == [
        (0.5, 0.6, 1),
        (0.9, 1.0, 3),
    ]
    sure = found["bins"][1]
    assert sure["confidence"] == pytest.approx((0.95 + 0.91 + 1.0) / 3)
    assert sure["right"] == pytest.approx(2 / 3)
    assert found["ece"] == pytest.approx((0.45 + abs(2.86 - 2)) / 4)


@pytest.mark.parametrize("seed", range(50))
def test_the_bins_are_those_of_scikit_learn(seed: int) -> None:
    draw = random.Random(seed)
    drawn = [Sure(draw.random(), float(draw.random() < 0.7), 1.0) for _ in range(200)]
    found = calibration(drawn)["bins"]
    right, said = calibration_curve(
        [row.student for row in drawn], [row.confidence for row in drawn], n_bins=10
    )
    assert [row["right"] for row in found] == pytest.approx(list(right))
    assert [row["confidence"] for row in found] == pytest.approx(list(said))


def test_what_the_student_is_not_sure_of_goes_to_the_teacher() -> None:
    # Where it is sure it is always right, else never; the teacher is right on nine of ten.
    sure = rows((0.9, 1, 1), times=45) + rows((0.9, 1, 0), times=5)
    unsure = rows((0.3, 0, 1), times=45) + rows((0.3, 0, 0), times=5)
    half, everything = coverage(sure + unsure, margin=0.02, confidence=0.95, usd=PRICES)
    assert (half["share"], half["threshold"]) == (0.5, 0.9)
    assert (half["student"], half["teacher"]) == (1.0, 0.9)
    assert half["value"] == pytest.approx(0.95)
    assert half["difference"] == pytest.approx(0.05) and half["result"] == "non_inferior"
    assert half["usd_per_1k_requests"] == Decimal("1.10")
    assert (everything["share"], everything["threshold"]) == (1.0, 0.3)
    assert everything["difference"] == pytest.approx(-0.4) and everything["result"] == "inferior"
    assert everything["usd_per_1k_requests"] == Decimal("0.10")
    assert as_good_as_teacher([half, everything]) == half
    text = sentence([half, everything], "2")
    assert text.startswith("The student can answer the 50% that it is surest of (from a prob")
    assert "95.0% right together (+5.0 points" in text and "$1.10 per 1,000" in text


def test_rows_that_are_as_sure_are_not_told_apart() -> None:
    found = coverage(rows((0.75, 1, 1), times=10), margin=0.02, confidence=0.95, usd=PRICES)
    assert [row["share"] for row in found] == [1.0]


def test_a_student_that_is_always_worse_answers_nothing_alone() -> None:
    worse = rows((0.9, 0, 1), (0.8, 0, 1), (0.7, 0, 1), times=50)
    found = coverage(worse, margin=0.02, confidence=0.95, usd=PRICES)
    assert as_good_as_teacher(found) is None
    assert sentence(found, "2").startswith("No part of the messages")


@pytest.mark.parametrize("api", ["chat", "openai"])
def test_a_student_is_asked_for_its_probability_and_read(api: str) -> None:
    dialect = DIALECTS[api]  # type: ignore[index]
    request = Request("gpt-4o-mini", (Message("user", "?"),), Sampling(8, logprobs=True))
    assert dialect.body(request)["logprobs"] is True
    tokens = [{"token": "do", "logprob": log(0.5)}, {"token": "gs", "logprob": log(0.25)}]
    choice = {"message": {"content": "dogs"}, "finish_reason": "stop"}
    told = dialect.read({"choices": [choice | {"logprobs": {"content": tokens}}], "usage": USAGE})
    assert told.logprob == pytest.approx(log(0.125))
    for silent in ({}, {"logprobs": None}, {"logprobs": {"content": None}}):
        assert dialect.read({"choices": [choice | silent], "usage": USAGE}).logprob is None


def test_nobody_else_is_asked() -> None:
    request = Request("gpt-4o-mini", (Message("user", "?"),), Sampling(8))
    assert "logprobs" not in DIALECTS["chat"].body(request)
    sure = Request("o-next", (Message("user", "?"),), Sampling(8, logprobs=True))
    assert "logprobs" not in DIALECTS["openai"].body(sure)
    assert request.id != Request("gpt-4o-mini", request.messages, Sampling(8, logprobs=True)).id
