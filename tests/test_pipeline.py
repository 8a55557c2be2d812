"""The whole way with scripted backends: what is done once, what again, and what is equal."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from distill import pipeline
from distill.cli import cli
from distill.cli import run as commands
from distill.core.errors import DistillError, InputError
from distill.core.purpose import ANSWER, STAGES, SYNTHESIZE, Purpose
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.estimate.workload import AGAIN, StoredAnswers, gold_wanted
from distill.evaluate import systems
from distill.evaluate.baselines import rivals
from distill.llm.models import choose
from distill.serve import context_length as chat_context
from distill.store import Store, open_store
from distill.task.leak_gate import without_leaking_seeds
from distill.train.trainers import TRAINERS
from distill.train.trainers.base import OnSteps, TrainJob, TrainResult
from tests.conftest import WriteTask, held_by_another_process, jsonl, pet_rows
from tests.support.command import json_rows
from tests.support.figures import figures, timeless
from tests.support.runs import finished
from tests.support.scripted import Trainer
from tests.support.standin import SURE, StandIn


def test_every_list_of_stages_is_the_same() -> None:
    assert tuple(pipeline.STAGES) == STAGES == tuple(commands.STAGES)


def test_a_stage_says_its_place_and_the_time_that_the_run_before_took(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, capsys: Any
) -> None:
    pets()
    first = pipeline.run(workspace, "pets", RunOptions(until="curate"))
    assert "stage 2 of 6: curate\n" in capsys.readouterr().err, "no run before"
    with open_store(workspace.database("pets")) as store:
        for stage, seconds in zip(STAGES, (600, 1, 1, 300, 240, 2), strict=True):
            store.finish_stage("before", stage, seconds)
    pipeline.run(workspace, "pets", RunOptions(until="train"))
    told = capsys.readouterr().err
    assert "stage 3 of 6: split, about 9 min left\nsplit: leak gate" in told
    assert "stage 4 of 6: train, about 9 min left\n" in told and first.run.id in told


@pytest.mark.usefixtures("drawn_charts", "whole_load")
def test_a_run_ends_in_a_report(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    outcome = pipeline.run(workspace, "pets")
    assert outcome.stages_run == tuple(pipeline.STAGES)
    card = (outcome.context.folder / "student" / "README.md").read_text(encoding="utf-8")
    found = figures(outcome.context.folder)
    assert card.startswith("---\nlicense: apache-2.0\n")
    for value in ("base", "data_hash", "artifact"):
        assert found["student"][value] in card
    student = next(row for row in found["systems"] if row["name"] == "student")
    assert f"| student | {100 * student['value']:.1f} % |" in card
    assert "batch_size 4" in card and found["headline"] in card
    found = figures(workspace.task_folder("pets") / "latest")
    values = {system["name"]: system["value"] for system in found["systems"]}
    assert values["teacher"] == values["student"] == 1.0
    assert found["coverage"]["points"][-1]["share"] == 1.0
    (told,) = found["calibration"]["bins"]
    assert told["n"] == 15 and told["confidence"] == pytest.approx(SURE)
    assert found["calibration"]["ece"] == pytest.approx(1 - SURE)
    alone, full = found["speed"]
    assert (alone["in_flight"], full["in_flight"], full["requests"]) == (1, 8, 100)
    assert alone["latency_p50_s"] <= alone["latency_p95_s"] <= alone["latency_p99_s"]
    an_hour = 3.6 * float(full["usd_per_1k_requests"]) * full["requests_per_s"]
    assert an_hour == pytest.approx(0.10, rel=0.01)
    by_name = {system["name"]: system for system in found["systems"]}
    assert by_name["student"]["to_teacher"]["mcnemar_p"] == 1.0
    assert "to_teacher" not in by_name["teacher"] and "to_base" not in by_name["base"]
    data = found["data"]
    assert data["requested"] == data["completed"] == 30
    assert data["leak_gate"] == {"status": "clean", "overlaps": 0}
    assert data["kept"] + sum(data["dropped"].values()) == 30
    assert data["train"] + data["validation"] == data["kept"] + data["seeds"]


def test_the_teacher_is_asked_again_about_some_gold_only(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(systems, "ASKED_AGAIN", 4)
    task = pets()
    outcome = pipeline.run(workspace, "pets")
    found = figures(outcome.context.folder)
    assert found["teacher_self_agreement"]["n"] == 4
    assert {row["n"] for row in found["systems"]} == {len(task.gold)}
    with outcome.context.store() as store:
        asked = [row.gold_id for row in store.predictions(outcome.run.id) if "again" in row.system]
    places = sorted([row.id for row in task.gold].index(id_) for id_ in asked)
    assert places == [0, 3, 7, 11], "from all labels"
    planned = gold_wanted(task, choose("embedded").model, AGAIN, StoredAnswers(), vote=1)
    assert len(planned.missing) == 4


def test_a_finished_run_is_not_done_again(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    first = pipeline.run(workspace, "pets")
    asked = scripted_backends.total
    second = pipeline.run(workspace, "pets")
    assert (second.run.id, second.stages_run) == (first.run.id, ())
    assert scripted_backends.total == asked


@pytest.mark.parametrize("answered", [7, 40, 75])
def test_a_run_that_fails_anywhere_asks_nothing_twice_and_ends_the_same(
    workspace: Workspace,
    tmp_path: Path,
    pets: WriteTask,
    scripted_backends: StandIn,
    answered: int,
) -> None:
    pets()
    undisturbed = Workspace(workspace.prompts, tmp_path / "undisturbed")
    expected = figures(finished(undisturbed, "pets").context.folder)
    scripted_backends.asked.clear()
    scripted_backends.fail_after = answered
    with pytest.raises(DistillError, match="told to fail"):
        pipeline.run(workspace, "pets")
    scripted_backends.fail_after = None
    outcome = pipeline.run(workspace, "pets")
    assert timeless(figures(outcome.context.folder)) == timeless(expected)
    assert set(scripted_backends.asked.values()) == {1}


def test_new_starts_another_run_with_the_stored_answers(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    first = pipeline.run(workspace, "pets")
    asked = scripted_backends.total
    second = pipeline.run(workspace, "pets", RunOptions(new=True))
    assert second.run.id != first.run.id
    assert second.run.why == "a new run was asked for"
    assert scripted_backends.total == asked


def test_an_edited_task_starts_another_run_and_says_why(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    task = pets()
    first = pipeline.run(workspace, "pets")
    before = scripted_backends.asked.copy()
    text = (task.folder / "task.toml").read_text(encoding="utf-8")
    pets(task_toml=text.replace("requests = 30", "requests = 36"))
    second = pipeline.run(workspace, "pets")
    assert second.run.why == f"edited since {first.run.id}: task.toml"
    assert all(scripted_backends.asked[request] == count for request, count in before.items())
    assert scripted_backends.total > before.total()


def test_a_stage_command_stops_after_its_stage(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    outcome = pipeline.run(workspace, "pets", RunOptions(until="split"))
    assert outcome.stages_run == ("generate", "curate", "split")
    assert pipeline.run(workspace, "pets", RunOptions(until="train")).stages_run == ("train",)


def test_a_trainer_that_dies_leaves_the_run_where_it_was(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pets()

    class Dies(Trainer):
        def train(self, job: Any, on_steps: Any) -> Any:
            raise DistillError("the trainer died")

    with monkeypatch.context() as patch:
        patch.setitem(TRAINERS, "unsloth", Dies())
        with pytest.raises(DistillError, match="the trainer died"):
            pipeline.run(workspace, "pets")
    assert pipeline.run(workspace, "pets").stages_run == ("train", "evaluate", "report")


def test_two_processes_do_not_work_on_one_task(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    with workspace.locked("pets"), pytest.raises(InputError, match=r"locked by .* \(PID \d+\)"):
        pipeline.run(workspace, "pets")


def test_from_a_score_back_to_the_request_is_one_join(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets()
    finished(workspace, "pets")
    with open_store(workspace.database("pets")) as store:
        rows = store.rows(
            """SELECT DISTINCT made.messages FROM score
               JOIN prediction USING (run_id, system, gold_id)
               JOIN student USING (run_id) JOIN split USING (run_id)
               JOIN example ON example.run_id = split.run_id AND example.id = example_id
               JOIN candidate ON candidate.run_id = split.run_id AND candidate.id = example.id
               JOIN request AS made ON made.id = candidate.origin"""
        )
    assert rows


def test_what_is_near_gold_is_left_out_and_counted(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    seeds = [*pet_rows("seed", 4), {"input": "please could you feed cat 1", "label": "cats"}]
    given = [f"Could you feed {pet} 2, please?" for pet in ("cat", "dog")]
    pets(seeds_jsonl=jsonl(seeds), inputs_jsonl=jsonl([{"input": text} for text in given]))
    outcome = pipeline.run(workspace, "pets")
    data = figures(outcome.context.folder)["data"]
    assert data["leak_gate"] == {"status": "dropped", "overlaps": 3}
    assert (data["seeds"], data["dropped"]["leak_gate: equals a gold row"]) == (13, 2)
    with outcome.context.store() as store:
        trained = {row.example.input for row in store.split(outcome.run.id)}
    assert not trained & {*given, seeds[-1]["input"]}
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    result = CliRunner().invoke(cli, [*folders, "leaks", "pets", "--json"])
    listed = [row for row in json_rows(result.output, "leaks") if row["source"] != "gold"]
    assert [(row["source"], row["input"], row["gold"]) for row in listed] == [
        ("seeds", seeds[-1]["input"], "gold.jsonl:2"),
        ("inputs", given[0], "gold.jsonl:3"),
        ("inputs", given[1], "gold.jsonl:8"),
    ]


def test_leaks_says_who_holds_the_store_and_not_that_there_is_no_run(
    workspace: Workspace, pets: WriteTask
) -> None:
    pets()
    with held_by_another_process(workspace.database("pets")) as pid:
        folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
        result = CliRunner().invoke(cli, [*folders, "leaks", "pets", "--json"])
    assert isinstance(result.exception, InputError)
    assert f"locked by another process (PID {pid})" in str(result.exception)


PROMPTING = (
    *(SYNTHESIZE, ANSWER),
    *(Purpose.of_system("teacher"), Purpose.of_system("base_few_shot")),
)


def test_a_seed_that_is_near_gold_is_shown_to_no_system_that_is_tested_on_it(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    cats = [f"cat {n} purrs at night when the {n} moons are over the garden" for n in range(4)]
    seeds = [{"input": text, "label": "cats"} for text in cats]
    seeds += [row for row in pet_rows("seed", 4) if row["label"] != "cats"]
    far = {"input": "which food does a cat like", "label": "cats"}
    seeds.append(far)
    near = [{"input": text.replace("the garden", "our garden"), "label": "cats"} for text in cats]
    task = pets(seeds_jsonl=jsonl(seeds), gold_jsonl=jsonl([*near, *pet_rows("gold", 4)]))
    outcome = pipeline.run(workspace, "pets")
    with outcome.context.store() as store:
        shown = {
            purpose: "".join(
                ask.ask.request.messages[-1].content
                for ask in store.answered(outcome.run.id, purpose)
            )
            for purpose in PROMPTING
        }
        split = store.split(outcome.run.id)
    others = [seed.input for seed in task.seeds if seed.answer != "cats"]
    for purpose in PROMPTING:
        assert not any(text in shown[purpose] for text in cats)
        assert any(text in shown[purpose] for text in others)
    found = rivals(without_leaking_seeds(task), split)
    assert [text for text, label in found["linear_seeds"][1] if label == "cats"] == [far["input"]]


def test_a_student_that_the_store_does_not_know_yet_is_not_trained_again(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process ended between the last file and the record."""
    pets()
    with (
        monkeypatch.context() as patch,
        pytest.raises(InputError, match="locked by another process"),
    ):
        patch.setattr(Store, "add_student", held)
        pipeline.run(workspace, "pets")
    made = (workspace.task_folder("pets") / "latest" / "student" / "made_of").stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setitem(TRAINERS, "unsloth", Untrained())
        outcome = pipeline.run(workspace, "pets")
    folder = outcome.context.folder / "student"
    assert (folder / "made_of").stat().st_mtime_ns == made
    with outcome.context.store() as store:
        student = store.student(outcome.run.id)
    assert student is not None and student.folder == folder.resolve()
    assert [dict(row) for row in student.losses] == figures(outcome.context.folder)["student"][
        "losses"
    ]


class Untrained(Trainer):
    def train(self, job: TrainJob, on_steps: OnSteps) -> TrainResult:
        raise AssertionError("trained again")


def held(*_: object) -> None:
    raise InputError("the store is locked by another process")


def test_a_gold_row_that_the_student_could_not_be_asked_ends_a_run_before_it_pays(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chat_context, "tokens_of", lambda turns, base: 3000)
    long = {"input": "could you feed cat " + "please " * 3000, "label": "cats"}
    pets(gold_jsonl=jsonl([*pet_rows("gold", 5), long]))
    with pytest.raises(InputError, match=r"gold\.jsonl:16: .* raise student\.context_tokens"):
        pipeline.run(workspace, "pets")
    assert scripted_backends.total == 0
