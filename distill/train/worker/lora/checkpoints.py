"""Checkpoints of a training: where they lie, and how one is gone on with."""

import json
import shutil
from pathlib import Path
from typing import Any

from .events import Job, tell

SAVE_SECONDS = 120.0  # the most that a training which is cut off does again
STATE = "trainer_state.json"  # what a checkpoint ends with


def has_ended(checkpoint: str) -> bool:
    """Whether the training had come to its end at that checkpoint, early or not."""
    control = state_of(Path(checkpoint))["stateful_callbacks"]["TrainerControl"]["args"]
    return bool(control["should_training_stop"])


def take_over(trainer: Any, job: Job, checkpoint: str) -> None:
    """What a training that had ended had come to: `train` would go on with one that ended early,
    since transformers forgets at the beginning of a training that it was to stop."""
    from transformers import TrainerState

    trainer.state = TrainerState.load_from_json(str(Path(checkpoint) / STATE))
    best = trainer.state.best_model_checkpoint
    if trainer.args.load_best_model_at_end and best:
        trainer._load_best_model()
    else:
        trainer._load_from_checkpoint(checkpoint)
    tell(job, {"event": "steps", "steps": trainer.state.global_step})


def checkpoints(job: Job) -> Path:
    """Where a job's checkpoints lie."""
    return Path(job["out"]) / "checkpoints"


def last_checkpoint(folder: Path) -> str | None:
    """The last whole checkpoint; one that was cut off while it was written is removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    for path in reversed(found):
        if state_of(path):
            return str(path)
        shutil.rmtree(path)
    return None


def state_of(checkpoint: Path) -> dict[str, Any]:
    """A checkpoint's state; empty for one that was cut off before its end."""
    try:
        found: dict[str, Any] = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found
