"""How sure the student is, by hand and against scikit-learn's curve."""

import random
from math import log

import pytest
from sklearn.calibration import calibration_curve

from distill.core.requests import Message, Request, Sampling
from distill.llm.models import provider_api
from distill.report.calibration import (
    ConfidenceRow,
    Figures,
    Said,
    as_good_as_teacher,
    calibration,
    coverage,
    sentence,
)
from tests.support.seeds import for_seeds

SAID = Said("right", 0.02, "2", 10_000)
USAGE = {"prompt_tokens": 1, "completion_tokens": 1}


def rows(*values: tuple[float, float, float], times: int = 1) -> list[ConfidenceRow]:
    return [ConfidenceRow(*value) for value in values for _ in range(times)]


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


@for_seeds(range(50))
def test_the_bins_are_those_of_scikit_learn(seed: int) -> None:
    draw = random.Random(seed)
    drawn = [ConfidenceRow(draw.random(), float(draw.random() < 0.7), 1.0) for _ in range(200)]
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
    half, everything = coverage(sure + unsure, margin=0.02, confidence=0.95)
    assert (half["share"], half["threshold"]) == (0.5, 0.9)
    assert (half["student"], half["teacher"]) == (1.0, 0.9)
    assert half["value"] == pytest.approx(0.95)
    assert half["difference"] == pytest.approx(0.05) and half["result"] == "non_inferior"
    assert half["handed_over"] == 50 and everything["handed_over"] == 0
    assert (everything["share"], everything["threshold"]) == (1.0, 0.3)
    assert everything["difference"] == pytest.approx(-0.4) and everything["result"] == "inferior"
    assert as_good_as_teacher([half, everything]) == half
    text = sentence([half | {"usd_per_1k_requests": "1.1", "at_traffic": {}}, everything], SAID)
    assert text.startswith("The student can answer the 50% that it is surest of (from a prob")
    assert "95.0% right together (+5.0 points to the teacher alone, shown to be no worse" in text
    assert text.endswith(
        "than -2.0), for $1.10 per 1,000 requests at 10,000 a day instead of $2.00."
    )


@pytest.mark.parametrize(
    ("usd", "ends"),
    [
        ("2.5", "for $2.50 per 1,000 requests at 10,000 a day instead of $2.00, which is dearer."),
        ("2", "for $2.00 per 1,000 requests at 10,000 a day, about as much as the teacher alone."),
        (None, "; the price of both together could not be measured."),
    ],
)
def test_a_mixture_is_held_against_the_teacher_alone(usd: str | None, ends: str) -> None:
    (row,) = coverage(rows((0.9, 1, 1), times=300), margin=0.02, confidence=0.95)
    priced = {} if usd is None else {"usd_per_1k_requests": usd, "at_traffic": {}}
    assert sentence([row | priced], SAID).endswith(ends)


@pytest.mark.parametrize(
    ("sure", "unsure", "shown"),
    [
        (0.99994, 0.5, "0.999"),  # as "1.000" nothing would reach it
        (0.99994, 0.9992, "0.9999"),  # three digits would let in the other rows
        (0.99994, 0.99993, "0.99994"),
        (1.0, 0.99994, "1.000"),
        (0.5, 0.1, "0.500"),
    ],
)
def test_a_threshold_is_shown_so_that_the_same_rows_reach_it(
    sure: float, unsure: float, shown: str
) -> None:
    found = coverage(rows((sure, 1, 1), (unsure, 1, 1), times=200), margin=0.02, confidence=0.95)
    assert (found[0]["share"], found[0]["threshold_shown"]) == (0.5, shown)
    assert unsure < float(shown) <= sure
    told = [row | {"usd_per_1k_requests": "1", "at_traffic": {}} for row in found[:1]]
    assert f"(from a probability of {shown} on)" in sentence(told, SAID)


def test_a_share_beyond_one_that_fails_is_not_named() -> None:
    """Ten tests of which the best counts would be wrong more often than the 5 % that is said."""
    points = [
        {"share": share, "result": result}
        for share, result in (
            *((0.1, "non_inferior"), (0.2, "non_inferior")),
            *((0.3, "inconclusive"), (0.4, "non_inferior")),
        )
    ]
    assert as_good_as_teacher(points) == points[1]
    assert as_good_as_teacher(points[2:]) is None


DRAWS, MARGIN = 300, 0.02


def drawn_points(draw: random.Random) -> list[Figures]:
    """All harm is in the surest tenth: the student is right there in 20 points less than the
    teacher. Of the rest both are right on as many, and seldom on the same. So every share from a
    tenth on is worse than the teacher by exactly the margin."""
    drawn = []
    for _ in range(240):
        sure = draw.random()
        only_teacher, only_student = (0.25, 0.05) if sure >= 0.9 else (0.3, 0.3)
        luck = draw.random()
        right = (0.0, 1.0) if luck < only_teacher else (1.0, 1.0)
        if only_teacher <= luck < only_teacher + only_student:
            right = (1.0, 0.0)
        drawn.append(ConfidenceRow(sure, *right))
    return coverage(drawn, margin=MARGIN, confidence=0.95)


def test_the_share_that_is_chosen_is_worse_than_the_margin_in_five_percent() -> None:
    draw = random.Random(7)
    chosen = best_of_all = 0
    for _ in range(DRAWS):
        points = drawn_points(draw)
        named = as_good_as_teacher(points)
        chosen += named is not None and named["threshold"] <= 0.9
        best_of_all += any(
            row["result"] == "non_inferior" and row["threshold"] <= 0.9 for row in points
        )
    most = 0.05 + 2 * (0.05 * 0.95 / DRAWS) ** 0.5
    assert chosen / DRAWS <= most < best_of_all / DRAWS, (chosen, best_of_all)


def test_rows_that_are_as_sure_are_not_told_apart() -> None:
    found = coverage(rows((0.75, 1, 1), times=10), margin=0.02, confidence=0.95)
    assert [row["share"] for row in found] == [1.0]


def test_a_student_that_is_always_worse_answers_nothing_alone() -> None:
    worse = rows((0.9, 0, 1), (0.8, 0, 1), (0.7, 0, 1), times=50)
    found = coverage(worse, margin=0.02, confidence=0.95)
    assert as_good_as_teacher(found) is None
    assert sentence(found, SAID).startswith("No part of the messages")


@pytest.mark.parametrize("api", ["chat", "openai"])
def test_a_student_is_asked_for_its_probability_and_read(api: str) -> None:
    dialect = provider_api(api)
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
    assert "logprobs" not in provider_api("chat").body(request)
    sure = Request("o-next", (Message("user", "?"),), Sampling(8, logprobs=True))
    assert "logprobs" not in provider_api("openai").body(sure)
    assert request.id != Request("gpt-4o-mini", request.messages, Sampling(8, logprobs=True)).id
