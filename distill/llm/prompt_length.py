"""The context length that the teacher's prompts need from a server of ours.

The teacher gets these prompts, and so does the base of the student, which is compared with it.
"""

from pathlib import Path

from distill.core.errors import InputError
from distill.core.requests import MODEL_TOKENS
from distill.serve.base_folder import positions
from distill.serve.context_length import PER_TURN, WITHOUT_SYSTEM, at_most, tokenizer_here
from distill.task import Task
from distill.task.prompts import answer_tokens, longest


def prompted_tokens(task: Task) -> int:
    """Return the context length, in tokens, for a server that gets the teacher's prompts.

    The tokens are an upper bound for any tokenizer, since the model may not be on this machine yet.
    """
    prompt = _longest_prompt(task)
    # A token has at least one byte, so a short prompt need not be counted.
    bound = _size(prompt)
    if bound > MODEL_TOKENS:
        bound = min(bound, at_most(prompt))
    return max(MODEL_TOKENS, _with_answer(bound, task))


def check_fits(task: Task, base: Path) -> None:
    """Check that the base of the student can read the teacher's longest prompt.

    `base`: the folder of the base. Raises InputError if the prompt exceeds the base's context. The
    evaluation would end there, after all answers were paid for.
    """
    most = positions(base)
    if most is None or prompted_tokens(task) <= most:
        return
    prompt, count = _longest_prompt(task), tokenizer_here(task.spec.student.base) or at_most
    tokens = _with_answer(count(prompt), task)
    if tokens > most:
        raise InputError(
            f"{task.folder / 'answer.md'}: the longest prompt has up to {tokens:,} tokens, but the "
            f"student's base, which answers it for comparison, takes {most:,}: lower "
            "teacher.few_shot, shorten the prompt, or choose a student.base with a longer context"
        )


def _longest_prompt(task: Task) -> str:
    """Return the prompt with instructions, the longest seeds and the longest text."""
    shots = min(task.spec.teacher.few_shot, len(task.seeds))
    text = max((row.input for row in (*task.seeds, *task.gold)), key=_size)
    if task.inputs:
        text = max(text, max(task.inputs, key=_size), key=_size)
    return task.render(
        "answer.md",
        input=text,
        seeds=longest(task.seeds, shots),
        instructions=task.render("answer.system.md"),
    )


def _with_answer(tokens: int, task: Task) -> int:
    """Return the tokens of a prompt, with those of its chat template and of its answer."""
    return tokens + PER_TURN + WITHOUT_SYSTEM + answer_tokens(task)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
