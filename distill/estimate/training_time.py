"""The expected duration of a student's training on this machine.

The speed is from an earlier run of the task, or a measured default for the embedded base.
"""

from dataclasses import dataclass
from math import ceil

from distill.core.hardware import gpu
from distill.core.students import ENCODER
from distill.store import Store
from distill.task import Task
from distill.train.trainers import TRAINERS, choose
from distill.train.trainers.recipes import BY_PARAMETERS, ENCODER_EPOCHS

AUTO = "auto"
# Measured with the embedded bases on two cores, including startup and merge.
EMBEDDED_SECONDS_PER_1K = 225.0
EMBEDDED_ENCODER_SECONDS_PER_1K = 15.0  # estimated on a busy machine
EMBEDDED_EPOCHS = BY_PARAMETERS[0][1].epochs


@dataclass(frozen=True, slots=True)
class TrainingTime:
    """The expected duration of a training.

    `rows`: the rows of all epochs together.
    `seconds_per_1k`: the seconds per 1,000 rows.
    `measured`: the origin of the speed, in words.
    """

    rows: int
    seconds_per_1k: float
    measured: str

    @property
    def seconds(self) -> float:
        """The duration of the whole training in seconds."""
        return self.rows * self.seconds_per_1k / 1000

    @property
    def words(self) -> str:
        """The duration as a sentence."""
        return (
            f"The student is trained on this machine: about {self.rows:,} rows in all epochs at "
            f"{self.seconds_per_1k:.0f} s per 1,000 ({self.measured}), so "
            f"{ceil(self.seconds / 60)} min."
        )


def training_time(task: Task, kept: float, store: Store | None) -> TrainingTime | None:
    """Estimate the duration of a training on `kept` examples and the seeds.

    Returns None if a provider trains. Returns None if no run of the task has trained the base,
    except for the embedded base without a GPU.
    """
    spec = task.spec.student
    trainer = choose(spec.trainer)
    if TRAINERS[trainer].PROVIDER:
        return None
    seen = store.training_speed(trainer, spec.base) if store else None
    if seen:
        per_1k, measured = seen.seconds_per_1k, f"as in run {seen.run_id}"
    elif spec.base == AUTO and not gpu():
        is_encoder, measured = trainer == ENCODER, "measured on two cores; this machine may differ"
        per_1k = EMBEDDED_ENCODER_SECONDS_PER_1K if is_encoder else EMBEDDED_SECONDS_PER_1K
    else:
        return None
    usual = ENCODER_EPOCHS if trainer == ENCODER else EMBEDDED_EPOCHS
    epochs = spec.epochs or (seen.epochs if seen else usual)
    examples = kept * (1 - spec.validation_share)
    each_epoch = examples + len(task.seeds) * spec.seed_repeats
    each_epoch += spec.injected_share * (examples + len(task.seeds))
    return TrainingTime(ceil(epochs * each_epoch), per_1k, measured)
