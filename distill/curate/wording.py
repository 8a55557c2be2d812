"""Does it read like a person's message, or like a language model that talks about its job?"""

from collections.abc import Sequence

from distill.backends.boilerplate import placeholder_in, refusal_in
from distill.backends.copied import leaked_prompt
from distill.curate.means import Means
from distill.records import Candidate, Drop
from distill.task import INSTRUCTIONS, Task


def check(rows: Sequence[Candidate], means: Means) -> list[Drop]:
    """Drop synthesised inputs with refusals, placeholders or text of the prompt. What production
    brought is as it is."""
    spec = means.task.spec.curate
    prompts = _instructions(means.task) if spec.leaked_prompt else []
    found = []
    for row in rows:
        if row.source == "synthesis":
            reason = _boilerplate(row.input) if spec.boilerplate else ""
            if not reason and prompts and leaked_prompt(row.input, prompts):
                reason = "text of the prompt"
            if reason:
                found.append(Drop(row.id, "wording", reason))
    return found


def _boilerplate(text: str) -> str:
    if refusal_in(text):
        return "refusal or boilerplate"
    return "placeholder" if placeholder_in(text) else ""


def _instructions(task: Task) -> list[str]:
    """What no message of a customer repeats. A copied seed is a duplicate, which is another
    check's matter."""
    names = ("synthesize.md", *INSTRUCTIONS)
    shown = task.form.group_values
    texts = [task.spec.description, *(shown(group)["meaning"] for group in task.groups)]
    return [*(task.prompts[name] for name in names), *(text for text in texts if text)]
