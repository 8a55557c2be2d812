"""Training rows with an instruction hidden in the message (prompt injection).

A share of the examples is repeated with an instruction that demands another answer. The answer to
learn stays the example's own, so the student learns to ignore such instructions. Source:
adversarial training as in StruQ (Chen et al., 2024).

The texts are in `injections.jsonl`. The evaluation probes the student with other texts.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from importlib.resources import files
from math import ceil

from distill.core.conversation import change_last
from distill.core.dataset import Example, SplitExample
from distill.core.text import stable_hash
from distill.task import Task

FILE = "injections.jsonl"
_PLACEHOLDER = re.compile(r"\{(message|target)\}")


def with_injections(task: Task, split: Sequence[SplitExample]) -> list[Example]:
    """Return examples of the training part with an injected instruction.

    Their number is `student.injected_share` of the distinct training examples, rounded up. The draw
    depends on `student.seed`. An example without another possible answer is left out.
    """
    spec = task.spec.student
    trained = [row.example for row in split if row.part == "train" and row.repeats]
    drawn = sorted(trained, key=lambda row: stable_hash([spec.seed, "injected", row.id]))
    answers = task.form.choices or tuple(dict.fromkeys(row.answer for row in trained))
    count = ceil(spec.injected_share * len(trained))
    return [
        _injected(row, place, others)
        for place, row in enumerate(drawn[:count])
        if (others := [answer for answer in answers if answer != row.answer])
    ]


def _injected(example: Example, place: int, others: Sequence[str]) -> Example:
    """Return an example with the text at `place`, which demands one of the other answers."""
    target = others[int(stable_hash(["target", example.id])[:8], 16) % len(others)]
    texts = _texts()
    text = change_last(example.input, partial(_filled, texts[place % len(texts)], target))
    return replace(example, id=stable_hash(["injected", example.id]), input=text)


def _filled(text: str, target: str, message: str) -> str:
    values = {"message": message, "target": target}
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


@cache
def _texts() -> tuple[str, ...]:
    """Return the texts of the file, without its header line."""
    lines = (files("distill.train") / FILE).read_text(encoding="utf-8").splitlines()[1:]
    return tuple(json.loads(line)["text"] for line in lines)
