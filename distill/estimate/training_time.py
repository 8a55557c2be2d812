"""The duration of a student's training here: rows that are learned, and seconds for 1,000 rows.

The speed is that of the task's own runs, or one that was measured once.
"""

from dataclasses import dataclass
from math import ceil

from distill.core.hardware import gpu
from distill.store import Store
from distill.task import Task
from distill.train.trainers import TRAINERS, choose
from distill.train.trainers.recipes import BY_PARAMETERS

AUTO = "auto"
# The embedded base on two cores of an AMD EPYC, start and merge included (docs/results.md).
EMBEDDED_SECONDS_PER_1K = 225.0
EMBEDDED_EPOCHS = BY_PARAMETERS[0][1].epochs


@dataclass(frozen=True, slots=True)
class TrainingTime:
    """The rows that are learned, every epoch counted, and the seconds for 1,000 rows.

    `measured`: the place of the measurement, in words.
    """

    rows: int
    seconds_per_1k: float
    measured: str

    @property
    def seconds(self) -> float:
        """Return the seconds of the whole training."""
        return self.rows * self.seconds_per_1k / 1000

    @property
    def words(self) -> str:
        """Write the duration as a sentence."""
        return (
            f"The student is trained here: about {self.rows:,} rows in all its epochs, "
            f"{self.seconds_per_1k:.0f} s per 1,000 ({self.measured}), so "
            f"{ceil(self.seconds / 60)} min."
        )


def training_time(task: Task, kept: float, store: Store | None) -> TrainingTime | None:
    """Estimate the duration of a training on `kept` examples and the seeds.

    None if a provider trains. None for a base that no run of the task has trained, except the
    embedded base without a GPU.
    """
    spec = task.spec.student
    trainer = choose(spec.trainer)
    if TRAINERS[trainer].PROVIDER:
        return None
    seen = store.training_speed(trainer, spec.base) if store else None
    if seen:
        per_1k, measured = seen.seconds_per_1k, f"as in run {seen.run_id}"
    elif spec.base == AUTO and not gpu():
        per_1k, measured = EMBEDDED_SECONDS_PER_1K, "seen on two cores; this machine may differ"
    else:
        return None
    epochs = spec.epochs or (seen.epochs if seen else EMBEDDED_EPOCHS)
    each_epoch = kept * (1 - spec.validation_share) + len(task.seeds) * spec.seed_repeats
    return TrainingTime(ceil(epochs * each_epoch), per_1k, measured)
