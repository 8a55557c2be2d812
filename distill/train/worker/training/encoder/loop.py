"""The training loop: warm start of the head, optimizer steps, validation and early stop."""

import math
import time
from collections.abc import Sequence
from typing import Any

from ..messages import DivergedError
from ..protocol import Done, EncoderJob, tell
from .checkpoints import Checkpoints, State
from .head_start import fit_head
from .loading import padded
from .rows import Row, batches, loss_of

# Fewer rows say too little to choose weights by.
LEAST_VALIDATION_ROWS = 20
STEPS_PER_LOSS = 5
SAVE_SECONDS = 60.0  # the maximum work that an interrupted training repeats
WEIGHT_DECAY = 0.01
MAX_NORM = 1.0  # of the gradients of a step
VALIDATION_BATCH = 32


def train(model: Any, job: EncoderJob, rows: Sequence[Row], validation: Sequence[Row]) -> Done:
    """Train the model, from the job's last checkpoint if there is one, and return the result.

    With patience, the weights with the lowest validation loss are kept, otherwise the last ones.
    """
    run = Training(model, job, rows, validation)
    run.go_on()
    return run.result()


class Training:
    """A training in progress.

    `chooses`: True to keep the weights with the lowest validation loss.
    """

    def __init__(
        self, model: Any, job: EncoderJob, rows: Sequence[Row], validation: Sequence[Row]
    ) -> None:
        self.model, self.job, self.rows, self.validation = model, job, rows, validation
        recipe = job["recipe"]
        self.per_epoch = math.ceil(len(rows) / recipe["batch_size"])
        self.total = math.ceil(self.per_epoch * recipe["epochs"])
        self.chooses = recipe["patience"] > 0 and len(validation) >= LEAST_VALIDATION_ROWS
        self.optimizer = optimizer(model, job)
        self.checkpoints = Checkpoints(job)
        self.state = State()
        self.epoch, self.batches = -1, list[list[int]]()

    def go_on(self) -> None:
        """Train until the end, from the last checkpoint or from the warm start."""
        found = self.checkpoints.load(self.model, self.optimizer)
        if found is not None:
            self.state = found
        elif not self.job["fields"]:
            fit_head(self.model, self.rows)
        tell(self.job, {"event": "steps", "steps": self.state.step})
        saved = time.monotonic()
        while not self._has_ended():
            self._step()
            if self.state.step % self.per_epoch == 0 or self.state.step == self.total:
                self._validate()
            if time.monotonic() - saved > SAVE_SECONDS:
                self.checkpoints.save(self.model, self.optimizer, self.state)
                saved = time.monotonic()
        if self.chooses:
            self.checkpoints.load_best(self.model, self.state.best_step)

    def _has_ended(self) -> bool:
        out_of_patience = self.chooses and self.state.worse >= self.job["recipe"]["patience"]
        return self.state.step >= self.total or out_of_patience

    def _step(self) -> None:
        import torch

        step, recipe = self.state.step, self.job["recipe"]
        torch.manual_seed(recipe["seed"] * 1_000_003 + step)  # the same dropout after a resumption
        batch = self._batch(*divmod(step, self.per_epoch))
        share = rate_at(step, self.total, recipe["warmup_share"], recipe["schedule"])
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * share
        self.model.train()
        loss = self._loss([self.rows[number] for number in batch])
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), MAX_NORM)
        self.optimizer.step()
        tokens = sum(len(self.rows[number].ids) for number in batch)
        self.state.add_step(self._finite("loss", float(loss.detach())), tokens, STEPS_PER_LOSS)
        tell(self.job, {"event": "steps", "steps": 1})

    def _batch(self, epoch: int, place: int) -> list[int]:
        """Return the row numbers of an epoch's batch."""
        recipe = self.job["recipe"]
        if epoch != self.epoch:
            self.batches = batches(self.rows, recipe["batch_size"], recipe["seed"], epoch)
            self.epoch = epoch
        return self.batches[place]

    def _loss(self, rows: Sequence[Row]) -> Any:
        """Return the mean cross entropy of rows."""
        device = next(self.model.parameters()).device
        return loss_of(self.model(*padded([row.ids for row in rows], 0, device)), rows)

    def _validate(self) -> None:
        import torch

        if not self.validation:
            return
        self.model.eval()
        order = sorted(self.validation, key=lambda row: len(row.ids))
        total = 0.0
        with torch.inference_mode():
            for start in range(0, len(order), VALIDATION_BATCH):
                part = order[start : start + VALIDATION_BATCH]
                total += float(self._loss(part)) * len(part)
        loss = self._finite("eval_loss", total / len(order))
        if self.state.add_validation(loss) and self.chooses:
            self.checkpoints.save_best(self.model, self.state.step)
            self.checkpoints.save(self.model, self.optimizer, self.state)

    def _finite(self, name: str, value: float) -> float:
        if not math.isfinite(value):
            raise DivergedError(name, self.state.step + 1)
        return value

    def result(self) -> Done:
        """Return the result of the finished training."""
        self.state.end_window()
        return {
            "event": "done",
            "trained_tokens": self.state.tokens,
            "kept_step": self.state.best_step if self.chooses else self.state.step,
            "losses": self.state.losses,
        }


def optimizer(model: Any, job: EncoderJob) -> Any:
    """Return AdamW, with a rate for the body and a higher one for the head.

    Biases and norms do not decay.
    """
    import torch

    recipe = job["recipe"]
    body = [weights for weights in model.body.parameters() if weights.requires_grad]
    groups = [
        ([w for w in body if w.ndim > 1], recipe["learning_rate"], WEIGHT_DECAY),
        ([w for w in body if w.ndim < 2], recipe["learning_rate"], 0.0),
        (list(model.head.parameters()), recipe["head_learning_rate"], 0.0),
    ]
    return torch.optim.AdamW(
        [
            {"params": weights, "lr": rate, "initial_lr": rate, "weight_decay": decay}
            for weights, rate, decay in groups
        ]
    )


def rate_at(step: int, total: int, warmup_share: float, schedule: str) -> float:
    """Return the share of the learning rate at a step: a linear rise, then a fall to 0."""
    rise = math.ceil(warmup_share * total)
    if step < rise:
        return (step + 1) / rise
    through = (step - rise) / max(1, total - rise)
    return (1 + math.cos(math.pi * through)) / 2 if schedule == "cosine" else 1 - through
