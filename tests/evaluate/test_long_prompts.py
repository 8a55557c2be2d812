"""Prompts that are longer than a model's context: wrong answers, and no end of the run."""

from typing import Any

from distill import pipeline
from distill.core.workspace import Workspace
from tests.conftest import WriteTask, jsonl, pet_rows
from tests.support.figures import figures
from tests.support.standin import StandIn

BASE = "SmolLM2-135M-Instruct@"
LONG = {"input": "could you feed my dog please " * 5, "label": "dogs"}


def test_a_prompt_that_is_too_long_for_the_base_is_wrong_and_ends_no_run(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    """Of 16 gold rows the base cannot read one, with the seeds; a load test would end at it."""
    pets(gold_jsonl=jsonl([*pet_rows("gold", 5), LONG]))
    scripted_backends.short = (BASE, 45)
    done = pipeline.run(workspace, "pets")
    found: Any = figures(done.context.folder)
    systems = {row["name"]: row for row in found["systems"]}
    assert systems["base_few_shot"]["valid_rate"] == 15 / 16
    assert systems["base_few_shot"]["timing"]["from"] == "gold"
    assert systems["base"]["valid_rate"] == 1.0, "its prompt without seeds is short enough"
    for name in ("base", "teacher", "student"):
        assert systems[name]["timing"]["from"] == "closed_loop"
