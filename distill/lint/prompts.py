"""Rules on prompts: errors, a forgotten input, a forgotten label, unseen instructions."""

import re
from collections.abc import Iterator, Mapping

from distill.core.errors import InvalidInput, Problem
from distill.core.model_ref import parse
from distill.lint.finding import named, of_prompt
from distill.task import COMPARE, NEAR_MISS, NEAR_MISS_ASK, Task
from distill.task.prompts import RUBRICS
from distill.text.two_samples import words_of

SYNTHESIZE, ASK, ANSWER, JUDGE = "synthesize.md", "synthesize.ask.md", "answer.md", "judge.md"
SYSTEM = "answer.system.md"
FEWEST_NAMED = 2  # labels that a prompt names before it counts as a list of labels
SERVED = ("embedded", "vllm")  # sources of models that the tool serves
MARKS = ("qzinput", "qzanswer", "qzsecond")  # texts that no prompt contains


def broken_prompts(task: Task) -> Iterator[Problem]:
    """Yield the errors of the prompts of a run that the loader does not render."""
    for name in _used(task):
        try:
            task.render(name, **_values(task, name))
        except InvalidInput as error:
            yield from error.problems


def forgotten_inputs(task: Task) -> Iterator[Problem]:
    """Yield the judges' prompts that do not show the input or an answer."""
    for name in (JUDGE, COMPARE):
        if name not in _used(task):
            continue
        shown = _rendered(task, name)
        values = _values(task, name)
        missing = [key for key, mark in values.items() if mark in MARKS and mark not in shown]
        if shown and missing:
            keys = " and ".join(f"{{{{ {key} }}}}" for key in missing)
            yield of_prompt(task, name, f"does not show {' and '.join(missing)}", f"add {keys}")


def forgotten_labels(task: Task) -> Iterator[Problem]:
    """Yield the prompts that name most labels but not all, or ask for texts of no label.

    A prompt that names fewer than FEWEST_NAMED labels, or less than half of them, is no list of
    labels. Labels are whole words, whatever their case.
    """
    if not task.form.choices:
        return
    for name in (ANSWER, SYSTEM, "student.md", JUDGE):
        if name in (*_used(task), "student.md"):
            yield from _incomplete_list(task, name)
    if SYNTHESIZE in _used(task) and len(_texts_by_label(task)) == 1:
        yield of_prompt(
            task,
            SYNTHESIZE,
            "asks for the same text whatever the label",
            "add {{ label }} or {{ meaning }} to it",
        )


def unseen_instructions(task: Task) -> Iterator[Problem]:
    """Yield the instructions of a task that a teacher on our own server never sees."""
    if _is_served(task) and (task.folder / SYSTEM).exists() and not _shows_instructions(task):
        yield of_prompt(
            task,
            SYSTEM,
            f"is not shown to {task.spec.teacher.model}, which gets no system message",
            "write {{ instructions }} at the top of answer.md",
        )


def _is_served(task: Task) -> bool:
    """True for a teacher on our own server, which gets no system message."""
    return parse(task.spec.teacher.model)[0] in SERVED


def _shows_instructions(task: Task) -> bool:
    return re.search(r"\binstructions\b", task.prompts[ANSWER]) is not None


def _incomplete_list(task: Task, name: str) -> Iterator[Problem]:
    shown, labels = _rendered(task, name), task.form.choices
    words = f" {' '.join(words_of(shown))} "
    said = [label for label in labels if _is_named(label, shown, words)]
    missing = [label for label in labels if label not in said]
    if missing and len(said) >= max(FEWEST_NAMED, len(labels) / 2):
        yield of_prompt(
            task,
            name,
            f"names {len(said)} of the {len(labels)} labels, but not {named(missing)}",
            "add them, or list all with {% for label, meaning in labels.items() %}",
            near=said[0],
        )


def _is_named(label: str, shown: str, words: str) -> bool:
    """True if a prompt has a label as whole words, or a label without letters as it is."""
    own = " ".join(words_of(label))
    return f" {own} " in words if own else label in shown


def _texts_by_label(task: Task) -> set[str]:
    """Return the distinct texts of `synthesize.md` for two labels, with the same seeds in each."""
    two = task.form.choices[:2]
    return {_rendered(task, SYNTHESIZE, **task.form.group_values(label)) for label in two}


def _used(task: Task) -> tuple[str, ...]:
    """Return the prompts of a run of the task, without the student's."""
    names, is_served = [ANSWER], _is_served(task)
    if "synthesis" in task.spec.generate.sources:
        names += [SYNTHESIZE] if is_served else [SYNTHESIZE, ASK, "synthesize.system.md"]
        if task.spec.other_label:
            names.append(NEAR_MISS if is_served else NEAR_MISS_ASK)
    names += [] if is_served and not _shows_instructions(task) else [SYSTEM]
    names += [JUDGE] if task.judge else []
    names += [COMPARE] if task.judge_of_systems else []
    return tuple(names)


def _rendered(task: Task, name: str, **values: object) -> str:
    """Render a prompt; "" if it cannot be rendered, which is another rule's finding."""
    try:
        return task.render(name, **_values(task, name) | values)
    except InvalidInput:
        return ""


def _values(task: Task, name: str) -> dict[str, object]:
    """Return values for a prompt as a run gives them, with MARKS for an input and answers."""
    text, answer, second = MARKS
    seeds = list(task.seeds[:1])
    group = {**task.form.group_values(task.groups[0])} if task.groups else {}
    near = {"near": "", "near_meaning": "", "near_seeds": seeds}
    near_miss = {"label": "", "input": text, "along": ""}
    known: Mapping[str, Mapping[str, object]] = {
        SYNTHESIZE: {**group, "seeds": seeds},
        ASK: {**group, "count": 2, "covered": [text], "wanted": [text]},
        NEAR_MISS: {**group, **near, "seeds": seeds},
        NEAR_MISS_ASK: {**group, "count": 2, "covered": [text], "wanted": [near_miss]},
        ANSWER: {"input": text, "seeds": [], "instructions": ""},
        JUDGE: {"input": text, "answer": answer, "rubric": [*RUBRICS[task.spec.kind].items()]},
        COMPARE: {"input": text, "first": answer, "second": second, "reference": ""},
    }
    return dict(known.get(name, {}))
