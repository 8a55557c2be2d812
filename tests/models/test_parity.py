"""The served student must be the trained one: four faults that others' users lose quality by."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from distill import pipeline
from distill.core.errors import DistillError
from distill.core.purpose import Purpose
from distill.core.requests import CompletedRequest, Completion, Message, Model, PlannedRequest
from distill.core.workspace import Workspace
from distill.evaluate import parity
from distill.evaluate.parity import ReferenceAnswers, TrainedAnswer
from distill.train.trainers import TRAINERS
from distill.train.trainers.base import LocalWeights, OnSteps, TrainJob, TrainResult
from tests.conftest import WriteTask
from tests.support.figures import figures
from tests.support.scripted import Trainer
from tests.support.standin import ANIMALS, StandIn

TEMPLATE = "{{ messages }}"
STUDENT = Model("student@1", Path("merged"), "chat")


def trained(count: int = 100) -> ReferenceAnswers:
    """What a trainer left, one prompt of 20 tokens after another."""
    rows = tuple(
        TrainedAnswer((Message("system", "Which?"), Message("user", f"text {n}")), 20, "cats", True)
        for n in range(count)
    )
    return ReferenceAnswers(sha256(TEMPLATE.encode()).hexdigest(), 10, rows)


def served(answers: ReferenceAnswers) -> list[CompletedRequest]:
    """The same from a server."""
    return [
        CompletedRequest(
            PlannedRequest(Purpose.of_system("parity"), row.messages[-1].content, request),
            Completion(
                request.id,
                row.answer,
                "stop",
                row.prompt_tokens,
                2,
                Decimal(0),
                0.1,
                datetime.now(UTC),
            ),
        )
        for row, request in zip(answers.rows, parity.requests(answers, STUDENT), strict=True)
    ]


def changed(rows: list[CompletedRequest], count: int, **values: Any) -> list[CompletedRequest]:
    """The first `count` completions with other values."""
    other = [replace(row, completion=replace(row.completion, **values)) for row in rows[:count]]
    return other + rows[count:]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    return tmp_path


def test_the_same_answers_pass(weights: Path) -> None:
    found = parity.gate(trained(), served(trained()), weights, 0.98)
    assert (found.asked, found.agreed, found.agreement) == (100, 100, 1.0)


def test_what_rounding_changes_passes_and_is_counted(weights: Path) -> None:
    found = parity.gate(trained(), changed(served(trained()), 2, text="dogs"), weights, 0.98)
    assert found.agreement == 0.98


def test_a_bad_merge_is_seen_and_shown(weights: Path) -> None:
    with pytest.raises(DistillError, match="3 of 100 answers differ; the saved weights") as caught:
        parity.gate(trained(), changed(served(trained()), 3, text="dogs"), weights, 0.98)
    assert "'text 0': 'cats' in training, 'dogs' (stop) served" in str(caught.value)


def test_weights_without_their_adapter_that_do_not_end_are_no_missing_end(weights: Path) -> None:
    other = changed(served(trained()), 9, text="I am sorry for", finish_reason="length")
    with pytest.raises(DistillError, match="the saved weights differ from the trained ones"):
        parity.gate(trained(), other, weights, 0.98)


def test_a_missing_end_is_seen_even_if_the_answer_begins_alike(weights: Path) -> None:
    endless = changed(served(trained()), 9, text="cats cats", finish_reason="length")
    with pytest.raises(DistillError, match=r"do not end: generation_config\.json lacks"):
        parity.gate(trained(), endless, weights, 0.98)


def test_the_same_text_without_an_end_is_another_answer(weights: Path) -> None:
    endless = changed(served(trained()), 9, finish_reason="length")
    assert parity.compare(trained(), endless).agreed == 91


def test_a_second_beginning_of_text_is_seen_although_the_answers_agree(weights: Path) -> None:
    with pytest.raises(DistillError, match="'text 0' is 21 tokens for the server and was 20"):
        parity.gate(trained(), changed(served(trained()), 100, prompt_tokens=21), weights, 0.0)


@pytest.mark.parametrize("file", ["chat_template.jinja", "tokenizer_config.json"])
def test_another_template_is_seen_although_the_answers_agree(tmp_path: Path, file: str) -> None:
    template = TEMPLATE + " "
    text = template if file.endswith("jinja") else json.dumps({"chat_template": template})
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(DistillError, match="chat template in its folder differs"):
        parity.gate(trained(), served(trained()), tmp_path, 0.0)


def test_a_folder_without_a_template_is_seen(tmp_path: Path) -> None:
    with pytest.raises(DistillError, match="chat template in its folder differs"):
        parity.gate(trained(), served(trained()), tmp_path, 0.0)


@dataclass
class Answers(Trainer):
    """A scripted trainer whose model answers as the stand-in does, but for `wrong` prompts."""

    wrong: int = 0

    def train(self, job: TrainJob, on_steps: OnSteps) -> TrainResult:
        done = super().train(job, on_steps)
        assert isinstance(done.model, LocalWeights)
        (done.model.folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
        chats = [
            json.loads(line)["messages"] for line in job.parity.read_text("utf-8").splitlines()
        ]
        rows = [
            {
                "messages": chat[:-1],
                "prompt_tokens": len(chat[-2]["content"].split()),
                "answer": "no pet" if place < self.wrong else animal(chat[-2]["content"]),
                "ended": True,
            }
            for place, chat in enumerate(chats)
        ]
        found = {"template": trained().template, "max_tokens": 9, "rows": rows}
        (job.out / "answers.json").write_text(json.dumps(found), encoding="utf-8")
        return done


def animal(text: str) -> str:
    return next((animal for animal in ANIMALS if animal[:-1] in text.splitlines()[-1]), ANIMALS[0])


def test_a_student_that_answers_otherwise_when_served_is_not_measured(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(TRAINERS, "unsloth", Answers(wrong=1))
    pets()
    with pytest.raises(
        DistillError, match="the served student does not match the trained one: 1 of"
    ):
        pipeline.run(workspace, "pets")
    assert not (workspace.task_folder("pets") / "latest" / "report.json").exists()


@pytest.mark.parametrize("wrong", [0, 1])
def test_the_agreement_is_in_the_report(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    wrong: int,
) -> None:
    monkeypatch.setitem(TRAINERS, "unsloth", Answers(wrong))
    task = pets()
    text = (task.folder / "task.toml").read_text(encoding="utf-8")
    (task.folder / "task.toml").write_text(text + "[evaluate]\nparity = 0.9\n", encoding="utf-8")
    folder = pipeline.run(workspace, "pets").context.folder
    found = figures(folder)["parity"]
    assert found["n"] > 30
    assert found["agreement"] == 1 - wrong / found["n"]
    card = (folder / "student" / "README.md").read_text(encoding="utf-8")
    assert f"on {100 * found['agreement']:.1f} % of {found['n']} prompts" in card
