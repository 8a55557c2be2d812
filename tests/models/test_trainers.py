"""Both trainers for real, on tiny bases: every architecture, a kill in the middle, a divergence."""

import json
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from distill.core.errors import ChildError, DistillError
from distill.train.trainers import TRAINERS
from distill.train.trainers.base import TrainJob, TrainResult
from distill.train.trainers.lora import environment
from tests.support.tiny_bases import ARCHITECTURES, write_base

pytestmark = [pytest.mark.models, pytest.mark.timeout(900)]

ADAPTER = Path("adapter") / "adapter_model.safetensors"
RECIPE: dict[str, object] = {
    "rank": 8,
    "alpha": 8,
    "dropout": 0.1,
    "rslora": True,
    "load_in_4bit": True,
    "epochs": 3,
    "learning_rate": 1e-2,
    "schedule": "cosine",
    "warmup_share": 0.06,
    "batch_size": 4,
    "patience": 0,
    "context_tokens": 512,
    "seed": 0,
}


def write_rows(path: Path, count: int) -> Path:
    draw = random.Random(count)
    lines = []
    for number in range(count):
        pet = draw.choice(["cat", "dog", "bird"])
        text = f"the {pet} number {number} is {'very ' * draw.randint(0, 9)}hungry"
        turns = [("system", "Which pet?"), ("user", text), ("assistant", f"{pet}s")]
        chat = [{"role": role, "content": content} for role, content in turns]
        lines.append(json.dumps({"messages": chat}) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def job(tmp_path: Path) -> TrainJob:
    """36 steps, validated every 6."""
    held = write_rows(tmp_path / "validation.jsonl", 12)
    return TrainJob(
        base=str(write_base("llama", tmp_path / "base")),
        train=write_rows(tmp_path / "train.jsonl", 48),
        validation=held,
        parity=held,
        out=tmp_path / "out",
        log=tmp_path / "trainer.log",
        recipe=RECIPE,
        tag="",
    )


def train(trainer: str, job: TrainJob) -> TrainResult:
    return TRAINERS[trainer].train(job, lambda steps: None)


@pytest.mark.parametrize("trainer", ["unsloth", "peft"])
def test_two_steps_on_every_architecture(trainer: str, job: TrainJob, tmp_path: Path) -> None:
    """In one process, since starting it takes longer than all the steps."""
    few = replace(job, train=write_rows(tmp_path / "few.jsonl", 8), recipe=RECIPE | {"epochs": 1})
    few = replace(few, choices=("cats", "dogs", "birds"))
    files = []
    for architecture in ARCHITECTURES:
        out = tmp_path / architecture
        out.mkdir()
        own = replace(few, base=str(write_base(architecture, out / "base")), out=out)
        values = asdict(own) | {"trainer": trainer, "progress": out / "progress.jsonl"}
        files.append(out / "job.json")
        files[-1].write_text(json.dumps(values, default=str), encoding="utf-8")
    code = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from training.lora.__main__ import work\n"
        "from training.program import run\n"
        "for file in sys.argv[1:]:\n"
        "    run(json.loads(Path(file).read_text()), work)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *map(str, files)],
        env={**os.environ, **environment(few)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for file in files:
        check_trained(file.parent)


def check_trained(out: Path) -> None:
    """Two steps were done, they changed every kind of layer, and what is merged has that in it."""
    from safetensors import safe_open

    events = [json.loads(line) for line in (out / "progress.jsonl").read_text().splitlines()]
    assert sum(event.get("steps", 0) for event in events) == 2, out.name
    assert events[-1]["event"] == "done", out.name
    names = set()
    with safe_open(out / "adapter" / "adapter_model.safetensors", "numpy") as file:
        for name in file.keys():  # noqa: SIM118
            if "lora_B" in name:
                assert abs(file.get_tensor(name)).max() > 0, f"{out.name}: {name} learned nothing"
                names.add(name.split(".lora_B")[0].rpartition(".")[2])
    fused = {"qkv_proj", "o_proj", "gate_up_proj", "down_proj"}
    apart = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert names in (fused, apart), out.name
    answers = json.loads((out / "answers.json").read_text(encoding="utf-8"))
    assert len(answers["rows"]) == 12
    check_merged(out)


def check_merged(out: Path) -> None:
    import torch
    from safetensors.torch import load_file

    base, merged = (load_file(out / folder / "model.safetensors") for folder in ("base", "merged"))
    assert merged.keys() == base.keys(), out.name
    for name, tensor in merged.items():
        assert torch.isfinite(tensor.float()).all(), name
        assert tensor.dtype == torch.float16, name
        before = base[name].float()
        rounding = before.abs() * 2.0**-10 + 6e-8  # to the next number of float16
        same = ((tensor.float() - before).abs() <= rounding).all().item()
        assert same == (not name.endswith("_proj.weight")), f"{out.name}: {name}"


class Killed(Exception):
    """The training was killed where the test wanted it."""


def kill_at(step: int, job: TrainJob, trainer: str) -> list[int]:
    """Train until `step`, then kill -9 whatever trains; what was told of steps."""
    told: list[int] = []

    def on_steps(steps: int) -> None:
        told.append(steps)
        if sum(told) == step:
            for process in psutil.Process().children(recursive=True):
                if process.cmdline()[2:4] == ["-m", "training.lora"]:
                    process.send_signal(signal.SIGKILL)

    with pytest.raises(DistillError, match="the trainer was killed, probably because"):
        TRAINERS[trainer].train(job, on_steps)
    return told


def last_checkpoint(job: TrainJob) -> int:
    """The step of the last whole checkpoint: one with a state, which is written last."""
    steps = [0]
    for path in (job.out / "checkpoints").glob("checkpoint-*/trainer_state.json"):
        with suppress(json.JSONDecodeError):
            steps.append(json.loads(path.read_text(encoding="utf-8"))["global_step"])
    return max(steps)


# Both trainers share one loop.
@pytest.mark.parametrize("trainer", ["unsloth", pytest.param("peft", marks=pytest.mark.nightly)])
def test_a_killed_training_goes_on_and_ends_the_same(
    trainer: str, job: TrainJob, tmp_path: Path
) -> None:
    whole = train(trainer, replace(job, out=tmp_path / "whole"))
    kill_at(9, job, trainer)
    kill_at(14, job, trainer)
    last = last_checkpoint(job)  # the training went on until the kill reached it
    told: list[int] = []
    resumed = TRAINERS[trainer].train(job, told.append)
    assert last >= 12 and told[0] == last, "from the last checkpoint"
    assert sum(told) == 36, "no step twice"
    assert resumed.earlier_seconds > 0 and whole.earlier_seconds == 0
    assert (resumed.kept_step, resumed.trained_tokens) == (whole.kept_step, whole.trained_tokens)
    assert [row.keys() for row in resumed.losses] == [row.keys() for row in whole.losses]
    for ours, theirs in zip(resumed.losses, whole.losses, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    assert not (job.out / "checkpoints").exists()


def test_the_best_weights_are_kept_and_the_training_ends_early(
    job: TrainJob, tmp_path: Path
) -> None:
    """What validates has the answers wrong way round, so that learning makes it worse."""
    wrong = {"cats": "dogs", "dogs": "birds", "birds": "cats"}
    chats = [json.loads(line) for line in job.validation.read_text("utf-8").splitlines()]
    for chat in chats:
        chat["messages"][-1]["content"] = wrong[chat["messages"][-1]["content"]]
    held = tmp_path / "wrong.jsonl"
    held.write_text("".join(json.dumps(chat) + "\n" for chat in chats * 2), encoding="utf-8")
    recipe = RECIPE | {"patience": 2, "epochs": 12, "dropout": 0.0}
    early = replace(job, validation=held, recipe=recipe)
    trained = train("peft", replace(early, out=tmp_path / "whole"))
    held_losses = {
        row["step"]: row["validation_loss"] for row in trained.losses if "validation_loss" in row
    }
    best = min(held_losses, key=lambda step: held_losses[step])
    assert trained.kept_step == best
    assert max(held_losses) == best + 12, "two validations later"
    assert max(held_losses) < 144, "the whole training would be 144 steps"
    kill_at(int(best) + 9, early, "peft")
    resumed = train("peft", early)
    check_alike(resumed, trained)
    unsaved = replace(early, out=tmp_path / "unsaved")
    unsaved.out.mkdir()
    in_its_way = unsaved.out / "adapter"
    in_its_way.touch()
    with pytest.raises(ChildError, match="the trainer"):
        train("peft", unsaved)
    in_its_way.unlink()
    told: list[int] = []
    saved = TRAINERS["peft"].train(unsaved, told.append)
    assert told == [best + 12], "it had ended: not a step more"
    check_alike(saved, trained)
    check_same_weights(unsaved.out, tmp_path / "whole")  # the best, not the last


def check_alike(ours: TrainResult, theirs: TrainResult) -> None:
    """The same steps and, but for rounding, the same losses."""
    assert ours.kept_step == theirs.kept_step
    assert [row.keys() for row in ours.losses] == [row.keys() for row in theirs.losses]
    for row, other in zip(ours.losses, theirs.losses, strict=True):
        assert row == pytest.approx(other, rel=1e-3)


def check_same_weights(ours: Path, theirs: Path) -> None:
    """The adapters are the same but for rounding, and have learned something."""
    from safetensors.numpy import load_file

    first, second = (load_file(out / ADAPTER) for out in (ours, theirs))
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert abs(tensor - second[name]).max() < 1e-3 * max(abs(tensor).max(), 1e-2), name


def test_a_training_that_diverges_says_so_and_what_to_do(job: TrainJob) -> None:
    from safetensors.torch import load_file, save_file

    weights: dict[str, Any] = load_file(Path(job.base) / "model.safetensors")
    weights["model.norm.weight"][:] = float("nan")
    save_file(weights, Path(job.base) / "model.safetensors", {"format": "pt"})
    with pytest.raises(DistillError, match=r"diverged\. Lower student\.learning_rate") as caught:
        train("peft", job)
    assert str(job.log) in str(caught.value)


def test_a_few_validation_rows_choose_no_weights(job: TrainJob, tmp_path: Path) -> None:
    """Three rows have the answers wrong way round, so that the first weights would be the best."""
    wrong = {"cats": "dogs", "dogs": "birds", "birds": "cats"}
    chats = [json.loads(line) for line in job.validation.read_text("utf-8").splitlines()[:3]]
    for chat in chats:
        chat["messages"][-1]["content"] = wrong[chat["messages"][-1]["content"]]
    held = tmp_path / "wrong.jsonl"
    held.write_text("".join(json.dumps(chat) + "\n" for chat in chats), encoding="utf-8")
    recipe = RECIPE | {"patience": 1, "epochs": 3}
    trained = train("peft", replace(job, validation=held, recipe=recipe))
    losses = [row["validation_loss"] for row in trained.losses if "validation_loss" in row]
    assert losses[-1] > min(losses), "the last weights are not the best on these"
    assert (trained.kept_step, len(losses)) == (36, 6), "measured to the end"


def test_one_label_and_no_row_that_validates(job: TrainJob, tmp_path: Path) -> None:
    """Nothing can be chosen by a validation then: the last weights are kept."""
    train_rows = tmp_path / "cats.jsonl"
    lines = [line for line in job.train.read_text("utf-8").splitlines() if '"cats"' in line]
    train_rows.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    nothing = tmp_path / "nothing.jsonl"
    nothing.touch()
    recipe = RECIPE | {"patience": 2, "epochs": 1}
    alone = replace(job, train=train_rows, validation=nothing, parity=train_rows, recipe=recipe)
    alone.out.mkdir()
    (alone.out / "adapter").touch()
    with pytest.raises(ChildError, match="the trainer"):
        train("peft", alone)
    (alone.out / "adapter").unlink()
    trained = train("peft", alone)  # goes on from an end without any best
    steps = -(-len(lines) // 4)
    assert trained.kept_step == steps
    assert all("validation_loss" not in row for row in trained.losses)
    answers = json.loads((job.out / "answers.json").read_text(encoding="utf-8"))
    assert len(answers["rows"]) == len(lines)


def test_a_disk_that_is_full_says_so_and_the_next_call_saves_the_weights(job: TrainJob) -> None:
    few = replace(job, recipe=RECIPE | {"epochs": 1, "dropout": 0.0})
    whole = replace(few, out=job.out.parent / "whole")
    train("peft", whole)
    full = few.out / "merged" / "config.json"
    full.parent.mkdir(parents=True)
    full.symlink_to("/dev/full")  # writing to it fails as on a disk without space
    with pytest.raises(DistillError, match=r"The disk is full. Free some space, and run the same"):
        train("peft", few)
    full.unlink()
    told: list[int] = []
    TRAINERS["peft"].train(few, told.append)
    assert told == [12], "only the saving is done again"
    check_same_weights(few.out, whole.out)  # with a patience of 0 the last, not the best
