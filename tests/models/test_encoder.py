"""The encoder for real: a child that is killed, a server that is asked, and whole runs."""

import json
import signal
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest

from distill import evaluate
from distill.core.errors import DistillError
from distill.core.requests import Model
from distill.core.students import ENCODER
from distill.core.workspace import Workspace
from distill.evaluate import encoder_rival
from distill.llm.ask_student import ask_student
from distill.llm.student_endpoint import chosen_student, serving
from distill.serve import SERVERS, ServerSettings
from distill.train.trainers import TRAINERS
from distill.train.trainers.base import TrainJob
from tests.conftest import PETS, WriteTask
from tests.support.figures import figures
from tests.support.paying import paid_run
from tests.support.standin import BOOKING, StandIn
from tests.support.tiny_encoder import encoder_job
from tests.task.test_extract import TASK, write

pytestmark = [pytest.mark.models, pytest.mark.timeout(900)]

can_be_trained = encoder_rival.is_trained  # before the scripted backends switch it off
HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
HEAD += '[generate]\nrequests = 12\n[teacher]\nmodel = "embedded"\nfew_shot = 3\n'


def kill_at(step: int, job: TrainJob) -> None:
    """Train until `step`, then kill -9 the child."""
    told: list[int] = []

    def on_steps(steps: int) -> None:
        told.append(steps)
        if sum(told) == step:
            for process in psutil.Process().children(recursive=True):
                if process.cmdline()[2:4] == ["-m", "training.encoder"]:
                    process.send_signal(signal.SIGKILL)

    with pytest.raises(DistillError, match="the trainer was killed"):
        TRAINERS[ENCODER].train(job, on_steps)


def test_a_killed_training_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    """With patience there is a checkpoint at each validation that is the best so far."""
    job = encoder_job(tmp_path, epochs=60, patience=300, learning_rate=1e-4)
    whole = TRAINERS[ENCODER].train(replace(job, out=tmp_path / "whole"), lambda steps: None)
    kill_at(100, job)
    told: list[int] = []
    resumed = TRAINERS[ENCODER].train(job, told.append)
    assert told[0] >= 6 and sum(told) == 360, "from a checkpoint, and no step twice"
    assert resumed.earlier_seconds > 0 == whole.earlier_seconds
    assert (resumed.kept_step, resumed.losses) == (whole.kept_step, whole.losses)
    weights = [out / "model" / "model.safetensors" for out in (job.out, tmp_path / "whole")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert not (job.out / "checkpoints").exists()


def test_a_run_with_an_encoder_as_its_student(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    task = pets(task_toml=HEAD + '[student]\ntrainer = "encoder"\nseed_repeats = 4\n')
    outcome = paid_run(workspace, "pets")
    found: Any = figures(outcome.context.folder)
    names = [row["name"] for row in found["systems"]]
    assert "student" in names and not {"base", "base_few_shot", ENCODER} & set(names)
    student = next(row for row in found["systems"] if row["name"] == "student")
    assert student["value"] == 1.0 and student["valid_rate"] == 1.0
    assert Decimal(student["usd_per_1k_requests"]) > 0 and student["requests_per_s"] > 10
    assert found["parity"]["agreement"] == 1.0 and found["parity"]["n"] > 10
    assert found["calibration"]["bins"] and found["server"]["memory_mib"] > 50
    assert found["student"]["base"].startswith("all-MiniLM-L6-v2@")
    assert found["student"]["licence"] == "apache-2.0" and "side_effects" not in found
    assert found["speed"], "one at a time, and many"
    card = (outcome.context.folder / "student" / "README.md").read_text(encoding="utf-8")
    assert "all-MiniLM-L6-v2" in card and "apache-2.0" in card
    assert paid_run(workspace, "pets").stages_run == ()
    kept = chosen_student(workspace, task)
    with serving(task, kept, outcome.context.folder / "serve.log", None) as endpoint:
        answer = ask_student(task, endpoint, "could you feed dog 3 please")
    assert (answer.answer, answer.valid) == ("dogs", True)
    assert answer.confidence is not None and 0.34 < answer.confidence < 1
    assert evaluate.time_again(outcome.context), "speeds can be measured again"


def test_a_run_has_the_encoder_as_a_rival(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encoder_rival, "is_trained", can_be_trained)
    pets(task_toml=HEAD)
    outcome = paid_run(workspace, "pets")
    found: Any = figures(outcome.context.folder)
    rival = next(row for row in found["systems"] if row["name"] == ENCODER)
    assert rival["value"] == 1.0 and rival["timing"]["from"] == "in_process"
    assert ENCODER in [row["name"] for row in found["rival_verdicts"]]
    with outcome.context.store() as store:
        rows = [row for row in store.predictions(outcome.run.id) if row.system == ENCODER]
    assert len(rows) == 15 and all(0.34 < (row.confidence or 0) <= 1 for row in rows)
    weights = outcome.context.folder / ENCODER / "model" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    evaluate.time_again(outcome.context)
    assert weights.stat().st_mtime_ns == before, "it is not trained again"


def test_a_run_with_an_encoder_that_finds_fields(
    workspace: Workspace, scripted_backends: StandIn
) -> None:
    schema = {
        "type": "object",
        "properties": {
            name: part | {"x-verbatim": True} for name, part in BOOKING["properties"].items()
        },
    }
    task_toml = TASK + '[student]\ntrainer = "encoder"\nseed_repeats = 9\n'
    rows = [f"hi, people is {n}, day is mon{n}, name is smith{n}" for n in range(9)]
    told = [{"people": n, "day": f"mon{n}", "name": f"smith{n}"} for n in range(9)]
    seeds = [json.dumps({"input": i, "answer": a}) for i, a in zip(rows, told, strict=True)]
    messages = {
        "could we come, day is tue7 and people is 4": {"people": 4, "day": "tue7"},
        "another evening, day is tue2": {"day": "tue2"},
        "please, name is jones": {"name": "jones"},
        "may dogs come in": {},
    }
    gold = [{"input": text, "answer": answer} for text, answer in messages.items()]
    write(
        workspace,
        task_toml=task_toml,
        schema_json=json.dumps(schema),
        seeds_jsonl="\n".join(seeds) + "\n",
        gold_jsonl="".join(json.dumps(row) + "\n" for row in gold),
    )
    outcome = paid_run(workspace, "bookings")
    found: Any = figures(outcome.context.folder)
    student = next(row for row in found["systems"] if row["name"] == "student")
    assert student["metric"] == "field_f1" and student["value"] > 0.5
    assert student["valid_rate"] == 1.0 and found["parity"]["agreement"] == 1.0
    assert found["calibration"]["bins"], "an object has a confidence, too"


def test_the_server_ends_with_its_block(tmp_path: Path) -> None:
    job = encoder_job(tmp_path, epochs=1)
    trained = TRAINERS[ENCODER].train(job, lambda steps: None)
    model: Any = trained.model
    settings = ServerSettings(4, Decimal("0.10"), tmp_path / "log")
    with SERVERS[ENCODER].serve(Model("m", model.folder, "chat"), settings) as endpoint:
        assert endpoint.server is not None
        process = psutil.Process(endpoint.server.process)
        assert process.is_running()
    assert not process.is_running()
