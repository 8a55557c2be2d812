"""TRL's trainer on tokenised rows, with progress reports."""

import math
import time
from pathlib import Path
from typing import Any

from ..messages import DivergedError
from ..protocol import Job, tell
from .checkpoints import (
    SAVE_SECONDS,
    checkpoints,
    has_ended,
    last_checkpoint,
    take_over,
)
from .choice_loss import DecisionPoints, branches, choice_loss
from .precision import computing, lengths_of_batches
from .tokenised_rows import IGNORED, LengthBuckets, Row, collator, filler, read_chats

VALIDATIONS_PER_EPOCH = 2
# Fewer rows say too little to choose weights by: two once ended a training at half an epoch.
LEAST_VALIDATION_ROWS = 20
STEPS_PER_LOSS = 5


def train(
    model: Any, tokenizer: Any, job: Job, train_rows: list[Row], validation: list[Row]
) -> Any:
    """Train from the job's last complete checkpoint, if any, and return the trainer.

    The trainer has the best weights loaded."""
    trainer = make_trainer(model, tokenizer, job, train_rows, validation)
    keep_adapter_exact(trainer.model)
    last = last_checkpoint(checkpoints(job))
    if last and has_ended(last):
        take_over(trainer, job, last)
    else:
        trainer.train(resume_from_checkpoint=last)
    return trainer


def make_trainer(
    model: Any, tokenizer: Any, job: Job, train_rows: list[Row], validation: list[Row]
) -> Any:
    """Return TRL's trainer for a job."""
    from datasets import Dataset
    from transformers import EarlyStoppingCallback
    from trl import SFTTrainer

    recipe = job["recipe"]
    parted = parted_choices(job, tokenizer)

    class AnswerTrainer(SFTTrainer):  # type: ignore[misc]
        """A trainer that computes the vocabulary's logits only for tokens of the answer.

        With short answers, this is one position in twenty, which saves most of the work.
        """

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any
        ) -> Any:
            with computing():
                loss = answer_loss(model.get_base_model(), inputs, parted)
            return (loss, {"loss": loss}) if return_outputs else loss

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            lengths = [row["length"] for row in train_rows]
            return LengthBuckets(lengths, recipe["batch_size"], recipe["seed"])

    callbacks = [reporter(job)]
    chooses = recipe["patience"] > 0 and len(validation) >= LEAST_VALIDATION_ROWS
    if chooses:
        callbacks.append(EarlyStoppingCallback(recipe["patience"]))
    return AnswerTrainer(
        model=model,
        args=config(job, len(train_rows), validated=bool(validation), chooses=chooses),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(train_rows),
        eval_dataset=Dataset.from_list(validation) if validation else None,
        data_collator=collator(filler(tokenizer), lengths_of_batches()),
        callbacks=callbacks,
    )


def config(job: Job, rows: int, *, validated: bool, chooses: bool) -> Any:
    """Return TRL's settings for a job.

    `chooses`: True to keep the weights with the lowest validation loss; else the last are kept.
    """
    import torch
    from trl import SFTConfig

    recipe = job["recipe"]
    card = torch.cuda.is_available()
    bf16 = card and torch.cuda.is_bf16_supported()
    interval = max(1, math.ceil(rows / recipe["batch_size"]) // VALIDATIONS_PER_EPOCH)
    return SFTConfig(
        output_dir=str(checkpoints(job)),
        num_train_epochs=recipe["epochs"],
        learning_rate=recipe["learning_rate"],
        per_device_train_batch_size=recipe["batch_size"],
        per_device_eval_batch_size=recipe["batch_size"],
        gradient_accumulation_steps=1,  # Unsloth's default on a GPU differs
        lr_scheduler_type=recipe["schedule"],
        warmup_steps=recipe["warmup_share"],
        weight_decay=0.0,
        optim="adamw_torch",
        bf16=bf16,
        fp16=card and not bf16,
        gradient_checkpointing=False,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        prediction_loss_only=True,
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="steps" if validated else "no",
        eval_steps=interval,
        save_strategy="steps",
        save_steps=interval,
        save_total_limit=2,
        load_best_model_at_end=chooses,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        restore_callback_states_from_checkpoint=True,  # the patience used so far
        report_to="none",
        disable_tqdm=True,
        seed=recipe["seed"],
        data_seed=recipe["seed"],
    )


def keep_adapter_exact(model: Any) -> None:
    """Convert the adapter to 32 bits.

    TRL makes a QLoRA adapter bfloat16, whose 8 bits lose most of an optimizer's small steps. A CPU
    without bfloat16 instructions is also three times slower with it.
    """
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def parted_choices(job: Job, tokenizer: Any) -> DecisionPoints:
    """Return the places at which the job's choices differ; {} if any text may be an answer."""
    chats = read_chats(Path(job["train"])) if job["choices"] else []
    return branches(chats[0], job["choices"], tokenizer) if chats else {}


def answer_loss(model: Any, inputs: Any, parted: DecisionPoints) -> Any:
    """Return the mean cross entropy of answer tokens, or of the choice among a few answers."""
    import torch

    hidden = model.model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])[0][
        :, :-1
    ]
    targets = inputs["labels"][:, 1:]
    wanted = targets != IGNORED
    logits = model.lm_head(hidden[wanted]).float()
    if parted:
        return choice_loss(logits, targets, parted)
    return torch.nn.functional.cross_entropy(logits, targets[wanted])


def reporter(job: Job) -> Any:
    """Return a callback that reports steps and losses to the parent.

    The callback also saves a checkpoint after SAVE_SECONDS without one. It raises DivergedError if
    a loss is not finite.
    """
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.saved = time.monotonic()
            tell(job, {"event": "steps", "steps": state.global_step})

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            tell(job, {"event": "steps", "steps": 1})
            if time.monotonic() - self.saved > SAVE_SECONDS:
                control.should_save = True

        def on_save(self, *_: Any, **__: Any) -> None:
            self.saved = time.monotonic()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            for key in ("loss", "eval_loss"):
                if not math.isfinite(logs.get(key, 0.0)):
                    raise DivergedError(key, state.global_step)

    return Reporter()


def losses(trainer: Any) -> list[dict[str, float]]:
    """Return the loss curve of the whole training.

    A row has a step, and its validation_loss or the mean loss of the steps up to it. The means are
    computed here, because the trainer's own means restart when a training resumes.
    """
    rows: list[dict[str, float]] = []
    window: list[float] = []
    for logs in trainer.state.log_history:
        step = float(logs["step"])
        if "loss" in logs:
            window.append(float(logs["loss"]))
        if "loss" in logs and (logs["step"] % STEPS_PER_LOSS == 0):
            rows.append({"step": step, "loss": sum(window) / len(window)})
            window.clear()
        if "eval_loss" in logs:
            rows.append({"step": step, "validation_loss": float(logs["eval_loss"])})
    if window:
        last = float(trainer.state.global_step)
        rows.append({"step": last, "loss": sum(window) / len(window)})
    return rows
