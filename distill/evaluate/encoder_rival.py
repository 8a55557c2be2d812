"""The rival `encoder`: a small encoder that is trained on the student's rows.

The trainer `encoder` makes it, with the default recipe and at most MAX_CHARACTERS of training. It
is kept beside the student. An unchanged rival is not trained again.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from distill.core.dataset import SplitExample
from distill.core.errors import InputError
from distill.core.evaluation import Prediction
from distill.core.students import ENCODER
from distill.evaluate.baselines import answers_on_gold
from distill.task import Task
from distill.task.kinds import AnswerForm
from distill.task.run_context import Context
from distill.task.spec import StudentSpec
from distill.text.encoder import load_encoder
from distill.train import train_on
from distill.train.trainers import encoder
from distill.train.trainers.recipes import ENCODER_EPOCHS

# Most characters in all epochs. More rows get fewer epochs. The seconds were not measured alone.
MAX_CHARACTERS = 300_000
LEAST_EPOCHS = 0.1


def is_trained(context: Context) -> bool:
    """True if the run has this rival: it can learn the answers, and is not the student itself.

    It reads single texts, so that tasks with conversations do not have it.
    """
    task = context.task
    is_asked = task.spec.evaluate.encoder and task.spec.student.trainer != ENCODER
    return is_asked and not task.has_conversations and _can_learn(task.form)


def _can_learn(form: AnswerForm) -> bool:
    try:
        encoder.suits(form)
    except InputError:
        return False
    return True


def train_rival(context: Context, split: Sequence[SplitExample]) -> Path:
    """Train the rival, and return the folder of its weights.

    Raises DistillError if the training fails.
    """
    spec = context.task.spec
    student = StudentSpec(
        trainer=ENCODER, epochs=epochs(split), injected_share=0, seed=spec.student.seed
    )
    task = replace(context.task, spec=spec.model_copy(update={"student": student}))
    trained = train_on(replace(context, task=task), split, context.folder / ENCODER, prompts=0)
    return trained.weights


def answers(weights: Path, task: Task) -> list[Prediction]:
    """Return the rival's answers on gold, with its probabilities and latencies."""
    model = load_encoder(weights)

    def answer(text: str) -> tuple[str, float]:
        (found,) = model.answers([text])
        return found.text, found.probability

    return answers_on_gold(ENCODER, answer, task)


def epochs(split: Sequence[SplitExample]) -> float:
    """Return the epochs of the default recipe, or fewer for many or long rows."""
    rows = [row for row in split if row.part == "train"]
    characters = sum(row.repeats * len(row.example.input) for row in rows)
    return max(min(ENCODER_EPOCHS, MAX_CHARACTERS / max(1, characters)), LEAST_EPOCHS)
