"""The recipe of LoRA, and its defaults by the size of the base.

The first row of defaults was measured with this project's own tasks on its embedded base. The other
rows follow published values for LoRA on such sizes and were not measured here.

A larger model needs a lower learning rate and fewer epochs over the same rows. Unsloth's guide
recommends 2e-4 for 7 to 8 billion parameters, and less for more.

Four-bit weights save memory that a small base does not need, and cost it accuracy, since each of
its few weights matters. Alpha defaults to the rank, so that the adapter's scale is 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Defaults:
    """The settings that depend on the base's size."""

    rank: int
    epochs: float
    learning_rate: float
    batch_size: int
    load_in_4bit: bool = True


BY_PARAMETERS = (
    (0.5e9, Defaults(rank=16, epochs=3, learning_rate=5e-4, batch_size=4, load_in_4bit=False)),
    (2e9, Defaults(rank=16, epochs=3, learning_rate=3e-4, batch_size=8)),
    (15e9, Defaults(rank=16, epochs=2, learning_rate=2e-4, batch_size=8)),
)
# A choice's loss rises again while accuracy still improves, because of a few wrong, confident
# choices. The last weights were correct on 77.5 %, those with the lowest loss on 70.0 % (second
# task: 94.5 and 93.2 %; docs/benchmarks.md).
USUAL_PATIENCE = 2
LARGEST = Defaults(rank=16, epochs=2, learning_rate=1e-4, batch_size=16)


def defaults(parameters: int) -> Defaults:
    """Return the defaults for a base with this number of parameters."""
    fitting = (found for most, found in BY_PARAMETERS if parameters <= most)
    return next(fitting, LARGEST)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The recipe of a student: LoRA's rank, alpha, dropout and scale, and the optimizer's schedule.

    During `warmup_share` of the steps, the rate rises to `learning_rate`. Then it falls by
    `schedule`.

    `patience`: the number of validations (two per epoch) without a lower loss that ends the
        training; the weights with the lowest loss are kept. If 0, all epochs run, and the last
        weights are kept.
    `load_in_4bit`: True to round the base's linear layers to 4 bits (QLoRA).
    `loss`: the loss function: over the choice among the task's labels, or an answer's tokens.
    """

    rank: int
    alpha: int
    dropout: float
    rslora: bool
    epochs: float
    learning_rate: float
    schedule: str
    warmup_share: float
    batch_size: int
    patience: int
    context_tokens: int
    seed: int
    load_in_4bit: bool
    loss: Literal["choice", "tokens"]


def recipe_for(choices: Mapping[str, Any], parameters: int, *, labelled: bool) -> Recipe:
    """Return the recipe: the task's [student], with defaults for the base's number of parameters.

    `labelled`: True if answers are the task's labels."""
    usual = defaults(parameters)
    rank, in_4bit = choices["rank"] or usual.rank, choices["load_in_4bit"]
    patience = choices["patience"]
    return Recipe(
        rank=rank,
        alpha=choices["alpha"] or rank,
        dropout=choices["dropout"],
        rslora=choices["rslora"],
        epochs=choices["epochs"] or usual.epochs,
        learning_rate=choices["learning_rate"] or usual.learning_rate,
        schedule=choices["schedule"],
        warmup_share=choices["warmup_share"],
        batch_size=choices["batch_size"] or usual.batch_size,
        patience=(0 if labelled else USUAL_PATIENCE) if patience is None else patience,
        context_tokens=choices["context_tokens"],
        seed=choices["seed"],
        load_in_4bit=usual.load_in_4bit if in_4bit is None else in_4bit,
        loss="choice" if labelled else "tokens",
    )


@dataclass(frozen=True, slots=True)
class EncoderRecipe:
    """The recipe of an encoder, whose weights are all trained.

    The rate rises and falls as in `Recipe`, and `patience` counts validations (one per epoch).

    `head_learning_rate`: the learning rate of the head.
    `context_tokens`: the number of tokens of a text that the encoder reads.
    """

    epochs: float
    learning_rate: float
    head_learning_rate: float
    schedule: str
    warmup_share: float
    batch_size: int
    patience: int
    context_tokens: int
    seed: int


# Measured on 400 training rows of ten hard intents of banking77, 400 others validated, one draw.
# Six epochs at 1e-4: 94.5 %; at 5e-5: 94.0 %; at 2e-4: 93.8 %. The logistic regression with which
# the head starts: 92.0 %. With a random head in its place: 92.0 %, and on the first token: 92.5 %.
# With a contrastive loss besides: 92.8 %. Two points are within the noise of one draw.
ENCODER_EPOCHS, ENCODER_BATCH = 8.0, 16
ENCODER_RATE, HEAD_TIMES = 1e-4, 10.0  # the head's rate is a multiple of the encoder's


def encoder_recipe(choices: Mapping[str, Any], positions: int | None) -> EncoderRecipe:
    """Return the recipe: the task's [student], with defaults for an encoder.

    `positions`: the base's context length in tokens; None if unknown."""
    rate = choices["learning_rate"] or ENCODER_RATE
    return EncoderRecipe(
        epochs=choices["epochs"] or ENCODER_EPOCHS,
        learning_rate=rate,
        head_learning_rate=HEAD_TIMES * rate,
        schedule=choices["schedule"],
        warmup_share=choices["warmup_share"],
        batch_size=choices["batch_size"] or ENCODER_BATCH,
        patience=choices["patience"] or 0,
        context_tokens=min(choices["context_tokens"], positions or choices["context_tokens"]),
        seed=choices["seed"],
    )
