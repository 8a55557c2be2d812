"""The check for boilerplate: texts in which a language model refuses or talks about its task."""

from collections.abc import Sequence

from distill.core.dataset import Candidate, Drop
from distill.curate.context import CheckContext
from distill.task import INSTRUCTIONS, NEAR_MISS_PROMPTS, Task
from distill.task.kinds.generate import Text
from distill.text.boilerplate import placeholder_in, refusal_in
from distill.text.prompt_leakage import WORDS, leaked_prompt, words_of


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop rows with refusals, placeholders or parts of the prompt.

    The check covers synthesised inputs and a teacher's free-text answers, but not given inputs.
    """
    spec = means.task.spec.curate
    prompts = _instructions(means.task) if spec.leaked_prompt else []
    found = []
    for row in rows:
        reason = ""
        if row.source == "synthesis":
            reason = _problem(row.input, means.task, prompts)
        if not reason and row.source != "seeds" and isinstance(means.task.form, Text):
            reason = _problem(row.answer, means.task, prompts)
            reason = reason and f"{reason} in the answer"
        if reason:
            found.append(Drop(row.id, "wording", reason))
    return found


def _problem(text: str, task: Task, prompts: Sequence[str]) -> str:
    if task.spec.curate.boilerplate and refusal_in(text):
        return "refusal or boilerplate"
    if task.spec.curate.boilerplate and placeholder_in(text):
        return "placeholder"
    if not prompts or _names_a_label(text, task):
        return ""
    return "text of the prompt" if leaked_prompt(text, prompts) else ""


def _names_a_label(text: str, task: Task) -> bool:
    """True if a text is a label or a label's short meaning.

    Such a text is in the prompt, but people write it, too.
    """
    words = words_of(text)
    if len(words) >= WORDS:
        return False
    shown = task.form.group_values
    named = (name for group in task.groups for name in (group, shown(group).get("meaning", "")))
    return any(words == words_of(name.replace("_", " ")) for name in named)


def _instructions(task: Task) -> list[str]:
    """Return the parts of the prompt that no real message repeats.

    Seeds are left out, because the duplicate checks find copied seeds. Labels and their short
    meanings are left out, because real messages contain such words.
    """
    near_misses = (name for name in NEAR_MISS_PROMPTS if name in task.prompts)
    names = ("synthesize.md", *INSTRUCTIONS, *near_misses)
    shown = task.form.group_values
    meanings = [shown(group).get("meaning", "") for group in task.groups]
    texts = [task.spec.description, *(text for text in meanings if len(words_of(text)) >= WORDS)]
    return [*(task.prompts[name] for name in names), *(text for text in texts if text)]
