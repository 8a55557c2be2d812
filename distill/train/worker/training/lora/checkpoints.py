"""The checkpoints of a training: their folder, and the resumption from one."""

import json
import shutil
from pathlib import Path
from typing import Any

from ..protocol import Job, tell

SAVE_SECONDS = 120.0  # the maximum work that an interrupted training repeats
STATE = "trainer_state.json"  # written last


def has_ended(checkpoint: str) -> bool:
    """True if the checkpoint is the end of its training, early or not."""
    control = state_of(Path(checkpoint))["stateful_callbacks"]["TrainerControl"]["args"]
    return bool(control["should_training_stop"])


def take_over(trainer: Any, job: Job, checkpoint: str) -> None:
    """Load the result of a finished training.

    `train` would resume even a training that ended early, because transformers clears the stop flag
    at the start.
    """
    from transformers import TrainerState

    trainer.state = TrainerState.load_from_json(str(Path(checkpoint) / STATE))
    best = trainer.state.best_model_checkpoint
    if trainer.args.load_best_model_at_end and best:
        trainer._load_best_model()
    else:
        trainer._load_from_checkpoint(checkpoint)
    tell(job, {"event": "steps", "steps": trainer.state.global_step})


def checkpoints(job: Job) -> Path:
    """Return the folder of a job's checkpoints."""
    return Path(job["out"]) / "checkpoints"


def last_checkpoint(folder: Path) -> str | None:
    """Return the last complete checkpoint, or None, and remove incomplete ones after it."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    for path in reversed(found):
        if state_of(path):
            return str(path)
        shutil.rmtree(path)
    return None


def state_of(checkpoint: Path) -> dict[str, Any]:
    """Return a checkpoint's state; {} if the checkpoint is incomplete."""
    try:
        found: dict[str, Any] = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found
