"""The names of what is compared, in the order in which reports show it."""

from collections.abc import Sequence

from distill.core.dataset import Labelled

# The metric that comes first, as the head of a column.
HEADS = {"accuracy": "right", "field_f1": "field F1", "win_rate": "win rate"}
TEACHER_AGAIN = "teacher_again"  # the teacher with other seeds shown; in no table
ASKED_AGAIN = 50

SYSTEMS = (
    "teacher",
    "student",
    "base",
    "base_few_shot",
    "linear_seeds",
    "linear",
    "embeddings_seeds",
    "embeddings",
    "nearest",
)

# They answer in this process, one request at a time, and have no tokens.
LOCAL_SYSTEMS = ("linear_seeds", "linear", "embeddings_seeds", "embeddings", "nearest")

# Those of them that are made of the student's own rows, and so of what these had cost.
OF_ITS_ROWS = ("linear", "embeddings", "nearest")

# What could make the student superfluous, in words for whoever pays the bill.
RIVALS = {
    "base": "the base model without any training",
    "base_few_shot": "the base model with a few seeds in its prompt",
    "linear_seeds": "a linear model on words, trained on the seeds alone",
    "linear": "a linear model on words, trained on the student's own rows",
    "embeddings_seeds": "a linear model on sentence embeddings, trained on the seeds alone",
    "embeddings": "a linear model on sentence embeddings, trained on the student's own rows",
    "nearest": "what was answered to the nearest of the student's own rows, word for word",
}


def gold_for(system: str, gold: Sequence[Labelled]) -> Sequence[Labelled]:
    """The gold rows that a system is asked: all, but of the teacher's second time at most
    ASKED_AGAIN, evenly from the file. How often it agrees with itself is no verdict."""
    if system != TEACHER_AGAIN or len(gold) <= ASKED_AGAIN:
        return gold
    return [gold[place * len(gold) // ASKED_AGAIN] for place in range(ASKED_AGAIN)]


def shown_order(baselines: Sequence[str]) -> tuple[str, ...]:
    """All systems, with the untuned models that the task names after the base."""
    place = SYSTEMS.index("base_few_shot") + 1
    return (*SYSTEMS[:place], *baselines, *SYSTEMS[place:])


def rival_in_words(name: str) -> str:
    """What a rival is; a model that the task names is one that was not tuned."""
    return f"{RIVALS[name]} ({name})" if name in RIVALS else f"{name}, untuned"
