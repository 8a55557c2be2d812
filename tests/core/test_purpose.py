"""Purposes: what the product asks for, and its text in the store."""

import pytest

from distill.core.purpose import (
    ANSWER,
    COMPARED,
    JUDGED,
    ON_SEEDS,
    STAGES,
    SYNTHESIZE,
    Purpose,
    stages_until,
)
from distill.estimate.finetuning import BASE, BASE_FEW_SHOT, STUDENT, TRAIN
from distill.estimate.workload import AGAIN, EVALUATE
from distill.evaluate import PARITY, PROBE
from distill.evaluate.systems import SYSTEMS

# The texts are in stores: they stay.
MADE = {
    "generate:synthesize": SYNTHESIZE,
    "generate:synthesize.2": SYNTHESIZE.in_round("2"),
    "generate:answer": ANSWER,
    "generate:answer.12": ANSWER.in_round("12"),
    "curate:seeds": ON_SEEDS,
    "curate:judge": JUDGED,
    "curate:judge.0123abcd": JUDGED.in_round("0123abcd"),
    "train:openai": TRAIN,
    "evaluate:judge": COMPARED,
    "evaluate:judge.89ab0000": COMPARED.in_round("89ab0000"),
    "evaluate:teacher": EVALUATE,
    "evaluate:teacher_again": AGAIN,
    "evaluate:student": STUDENT,
    "evaluate:base": BASE,
    "evaluate:base_few_shot": BASE_FEW_SHOT,
    "evaluate:parity": Purpose.of_system(PARITY),
    "evaluate:probes": Purpose.of_system(PROBE),
    "evaluate:openai:gpt-6.1-sol": Purpose.of_system("openai:gpt-6.1-sol"),
    "evaluate:vllm:/models/judge.v2": Purpose.of_system("vllm:/models/judge.v2"),
    **{f"evaluate:{system}": Purpose.of_system(system) for system in SYSTEMS},
}


@pytest.mark.parametrize("text", MADE)
def test_a_purpose_is_read_as_it_is_written(text: str) -> None:
    assert str(MADE[text]) == text
    assert Purpose.parse(text) == MADE[text]


@pytest.mark.parametrize(
    "text",
    (
        "",
        "answer",
        "generate",
        "generate:",
        "generate:.2",
        "generate:answer.",
        "evaluate:",
        "evaluate:judge.",
        "review:answer",
        ":answer",
        " generate:answer",
    ),
)
def test_a_wrong_text_is_no_purpose(text: str) -> None:
    with pytest.raises(ValueError, match="purpose"):
        Purpose.parse(text)


@pytest.mark.parametrize(
    "values",
    (
        ("generate", "answer.2", ""),
        ("evaluate", "teacher", "2"),
        ("evaluate", "judge.2", ""),
        ("generate:answer", "2", ""),
        ("judge", "", "2"),
    ),
)
def test_values_that_would_be_read_in_another_way_are_no_purpose(
    values: tuple[str, str, str],
) -> None:
    with pytest.raises(ValueError, match="is not a purpose"):
        Purpose(*values)


def test_a_round_belongs_to_its_purpose() -> None:
    assert ANSWER.in_round("2").without_round == ANSWER
    assert EVALUATE.without_round == EVALUATE
    model = Purpose.of_system("openai:gpt-6.1-sol")
    assert (model.step, model.round, model.without_round) == ("openai:gpt-6.1-sol", "", model)


def test_what_is_timed_judged_or_learned_from() -> None:
    known = {text: purpose for text, purpose in MADE.items() if "openai" not in text}
    judged = {text for text, purpose in known.items() if purpose.is_judged}
    assert judged == {text for text in known if text.partition(":")[2].startswith("judge")}
    timed = {text for text, purpose in known.items() if purpose.is_timed}
    assert timed == {text for text in known if text.startswith("evaluate:")} - judged
    learned_from = {text for text, purpose in known.items() if purpose.is_learned_from}
    assert learned_from == {text for text in known if text.startswith("generate:")}


def test_stages_end_with_the_last_one() -> None:
    assert stages_until("curate") == ["generate", "curate"]
    assert stages_until("report") == list(STAGES)
