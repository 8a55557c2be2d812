"""The bundled task `policy`: a handbook in the teacher's prompt, and one line in the student's."""

import json
from collections import Counter
from pathlib import Path

import pytest

from distill.core.dataset import Candidate
from distill.core.requests import Model
from distill.curate.boilerplate import check
from distill.curate.context import CheckContext
from distill.llm.prompt_length import prompted_tokens
from distill.llm.tokens import of_prompt, of_text
from distill.task import Task
from distill.task.leak_gate import leaking_seeds
from distill.task.loading import load_task
from distill.task.prompts import longest_seeds, requests_with, student_request

API = Model("gpt-6.1-terra", None, "openai")
LOCAL = Model("gemma", Path("weights"), "completions")
BASE = Model("base", Path("weights"), "chat")
RULE = "Sums in another currency without the sum in dollars. The limits do not apply to them."
HANDBOOK_TOKENS = 2_800, 3_200


@pytest.fixture(scope="module")
def policy() -> Task:
    return load_task(Path(__file__).parents[2] / "prompts", "policy")


def test_its_rows_are_as_many_as_its_headers_say(policy: Task) -> None:
    for rows, each in ((policy.seeds, 10), (policy.gold, 20)):
        assert Counter(row.answer for row in rows) == dict.fromkeys(policy.form.choices, each)
    assert len(policy.form.choices) == 7 and len(set(policy.inputs)) == len(policy.inputs) >= 250
    header = (policy.folder / "inputs.jsonl").read_text(encoding="utf-8").splitlines()[0]
    assert json.loads(header)["about"].startswith(f"{len(policy.inputs)} claims without labels")


def test_no_seed_and_no_input_is_like_gold(policy: Task) -> None:
    assert leaking_seeds(policy, meanings=False) == []
    tested = {row.input.casefold() for row in policy.gold}
    assert not tested & {text.casefold() for text in policy.inputs}
    assert len(policy.unlabelled) == len(policy.inputs)


def test_the_handbook_has_about_three_thousand_tokens(policy: Task) -> None:
    low, high = HANDBOOK_TOKENS
    assert low <= of_text(policy.render("answer.system.md")) <= high


def test_every_decision_is_in_the_handbook(policy: Task) -> None:
    handbook = policy.render("answer.system.md")
    assert all(f" {label}: " in handbook for label in policy.form.choices)


@pytest.mark.parametrize("model", [API, LOCAL, BASE])
@pytest.mark.parametrize("shots", [0, 4])
def test_every_teacher_reads_the_handbook_once_and_first(
    policy: Task, model: Model, shots: int
) -> None:
    """A provider gets it as the system message, which it caches; a served model in its prompt."""
    handbook = policy.render("answer.system.md")
    texts, shown = [row.input for row in policy.gold[:2]], policy.seeds[:shots]
    one, other = requests_with(policy, model, texts, [shown, shown])
    for request in (one, other):
        assert request.messages[0].content.startswith(handbook)
        assert sum(turn.content.count(handbook) for turn in request.messages) == 1
    assert len(one.messages) == (2 if model is API else 1)
    assert of_prompt(one).shared >= HANDBOOK_TOKENS[0] or model is not API


def test_the_student_reads_no_line_of_the_handbook(policy: Task) -> None:
    handbook = policy.render("answer.system.md")
    request = student_request(policy, BASE, "Lunch in Ghent, $21.")
    shown = "\n".join(turn.content for turn in request.messages)
    assert not [line for line in handbook.splitlines() if line.strip() and line in shown]
    assert of_text(shown) < 20


def test_a_claim_that_repeats_a_rule_is_dropped_as_text_of_the_prompt(policy: Task) -> None:
    """The rule's words are in the handbook only; claims of people are never mistaken for it."""
    own = [*policy.inputs, *(row.input for row in policy.seeds)]
    rows = [
        Candidate(text, None, ("approve",), "synthesis", str(number))
        for number, text in enumerate([*own, RULE])
    ]
    (drop,) = check(rows, CheckContext(policy))
    assert (drop.candidate_id, drop.reason) == (rows[-1].id, "text of the prompt")


def test_a_server_gets_room_for_the_whole_prompt(policy: Task) -> None:
    """The bound holds for any tokenizer, and fits the student's base, which is asked, too."""
    text = max(policy.inputs, key=len)
    (request,) = requests_with(policy, LOCAL, [text], longest_seeds(policy, [text], 4, 0))
    assert of_prompt(request).total + 16 < prompted_tokens(policy) < 8192
