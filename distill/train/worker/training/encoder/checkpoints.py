"""The checkpoints of an encoder's training: weights and optimizer as safetensors, state as JSON."""

import json
import shutil
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from ..protocol import EncoderJob

WEIGHTS, OPTIMIZER, STATE = "weights.safetensors", "optimizer.safetensors", "state.json"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # of AdamW


@dataclass
class State:
    """The state of a training.

    `window`: the losses of the steps since the last row of `losses`.
    `worse`: the validations since the one with the lowest loss.
    """

    step: int = 0
    tokens: int = 0
    losses: list[dict[str, float]] = field(default_factory=list)
    window: list[float] = field(default_factory=list)
    best_loss: float = inf
    best_step: int = 0
    worse: int = 0

    def add_step(self, loss: float, tokens: int, per_row: int) -> None:
        """Count a step; `losses` has a row for the mean of `per_row` steps."""
        self.step += 1
        self.tokens += tokens
        self.window.append(loss)
        if self.step % per_row == 0:
            self.end_window()

    def end_window(self) -> None:
        """Add a row of `losses` for the steps since the last row."""
        if self.window:
            mean = sum(self.window) / len(self.window)
            self.losses.append({"step": float(self.step), "loss": mean})
            self.window.clear()

    def add_validation(self, loss: float) -> bool:
        """Count a validation; return True if its loss is the lowest."""
        self.losses.append({"step": float(self.step), "validation_loss": loss})
        if loss < self.best_loss:
            self.best_loss, self.best_step, self.worse = loss, self.step, 0
            return True
        self.worse += 1
        return False


class Checkpoints:
    """The folder of a job's checkpoints: the last one, and the best weights."""

    def __init__(self, job: EncoderJob) -> None:
        self.folder = Path(job["out"]) / "checkpoints"

    def save(self, model: Any, optimizer: Any, state: State) -> None:
        """Write a checkpoint, then remove the one before it, and weights that it does not need."""
        from safetensors.torch import save_file

        path = self.folder / f"step-{state.step}"
        if path.exists():
            return
        partial = self.folder / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_file(_whole(model), partial / WEIGHTS)
        moments = {
            f"{number}.{name}": values[name].contiguous()
            for number, values in optimizer.state_dict()["state"].items()
            for name in MOMENTS
        }
        save_file(moments, partial / OPTIMIZER)
        (partial / STATE).write_text(json.dumps(asdict(state)), encoding="utf-8")
        before = self._steps()
        partial.rename(path)
        for older in before:
            shutil.rmtree(older)
        for weights in self.folder.glob("best-*"):
            if weights != self._best(state.best_step):
                weights.unlink()

    def load(self, model: Any, optimizer: Any) -> State | None:
        """Load the last checkpoint and return its state; None if there is none."""
        from safetensors.torch import load_file

        if not (found := self._steps()):
            return None
        model.load_state_dict(load_file(found[-1] / WEIGHTS))
        kept: dict[int, dict[str, Any]] = {}
        for key, tensor in load_file(found[-1] / OPTIMIZER).items():
            number, _, name = key.partition(".")
            kept.setdefault(int(number), {})[name] = tensor
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": kept, "param_groups": groups})
        return State(**json.loads((found[-1] / STATE).read_text(encoding="utf-8")))

    def save_best(self, model: Any, step: int) -> None:
        """Write the weights with the lowest validation loss; `save` removes those before them."""
        from safetensors.torch import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / "partial.safetensors"
        save_file(_whole(model), partial)
        partial.rename(self._best(step))

    def load_best(self, model: Any, step: int) -> None:
        """Load the weights with the lowest validation loss, which were saved at `step`."""
        from safetensors.torch import load_file

        model.load_state_dict(load_file(self._best(step)))

    def _best(self, step: int) -> Path:
        return self.folder / f"best-{step}.safetensors"

    def _steps(self) -> list[Path]:
        """Return the complete checkpoints, by step."""
        return sorted(self.folder.glob("step-*"), key=lambda path: int(path.name.split("-")[1]))


def _whole(model: Any) -> dict[str, Any]:
    return {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
