"""Names of the compared systems, in people's words."""

from collections.abc import Mapping
from typing import Any

from distill.evaluate.systems import LOCAL_SYSTEMS, TRAINED_ON_STUDENT_ROWS

Figures = Mapping[str, Any]

TODAY, TEACHER, TRAINED = "Today's model", "Teacher", "Trained model"
NAMES = {
    "teacher": TODAY,
    "student": TRAINED,
    "base": "Small model, untrained",
    "base_few_shot": "Small model, shown examples",
    "encoder": "Fine-tuned encoder",
    "nearest": "Answer of the nearest example",
}
SIMPLE = {"accuracy": "Simple classifier", "field_f1": "Simple tagger"}


def name_of(figures: Figures, system: str) -> str:
    """Name a system for people; a model that the task names has its own name.

    The teacher is today's model, unless the task names another one under [today].
    """
    if system == "teacher" and "today" in figures["break_even"]:
        return TEACHER
    if system in LOCAL_SYSTEMS and system not in NAMES:
        return SIMPLE.get(figures["systems"][0]["metric"], "Simple model")
    return NAMES.get(system, system)


def within(name: str) -> str:
    """Return a name as it stands within a sentence, with its article: "the trained model"."""
    if name == TODAY:
        return "today's model"
    known = {*NAMES.values(), *SIMPLE.values(), "Simple model", TEACHER}
    return f"the {name[0].lower()}{name[1:]}" if name in known else name


def origin_of(figures: Figures, system: str) -> str:
    """Name the model or the rows behind a system, with the system's id: "gemma (teacher)"."""
    base, data = _last(figures["student"]["base"]), figures["data"]
    rows = data["seeds"] + data.get("examples", 0)
    behind = {
        "teacher": _last(figures["teacher"]["model"]),
        **dict.fromkeys(("student", "base", "base_few_shot"), base),
        **dict.fromkeys(TRAINED_ON_STUDENT_ROWS, "the trained model's examples"),
        **dict.fromkeys(("linear_seeds", "embeddings_seeds"), f"your {rows} examples"),
    }
    return f"{behind[system]} ({system})" if system in behind else "untuned"


def _last(name: str) -> str:
    """Return the last part of a model's name or folder."""
    return name.rstrip("/").rpartition("/")[2]
