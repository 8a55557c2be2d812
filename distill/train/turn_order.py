"""The check of conversations against the base's chat template, before anything is billed."""

from collections.abc import Mapping
from pathlib import Path

from distill.core.errors import InvalidInput, Problem
from distill.serve.base_folder import chat_template, template_problem
from distill.task import Task
from distill.task.prompts import student_messages

# Role of the first turn → an order of turns. Turns alternate, and the last one is the user's.
ORDERS: Mapping[str, tuple[str, ...]] = {
    "user": ("system", "user", "assistant", "user"),
    "assistant": ("system", "assistant", "user"),
}


def check_turn_order(task: Task, base: Path) -> None:
    """Check that the base's chat template takes the conversations of a task.

    Some templates refuse a conversation that the assistant begins. Raises InvalidInput with the
    file and line of the first labelled row, or the number of the first input, of such an order.
    """
    template = chat_template(base)
    if not template or not task.has_conversations:
        return
    labelled = (*task.gold, *task.seeds, *task.leaking, *task.examples)
    rows = [
        *((row.input, row.file, row.line) for row in labelled),
        *((text, "inputs.jsonl", None) for text in task.inputs),
    ]
    first: dict[str, tuple[str, int | None]] = {}
    for text, file, line in rows:
        turns = student_messages(task, text)[1:]
        if len(turns) > 1:
            first.setdefault(turns[0].role, (file, line))
    problems = [
        Problem(
            f"the chat template of student.base refuses turns in the order of this row ({said})",
            *(str(task.folder / file), line, "messages"),
            fix="remove a first turn of the assistant, or take another base",
        )
        for role, (file, line) in first.items()
        if (said := template_problem(template, ORDERS[role]))
    ]
    if problems:
        raise InvalidInput(*problems)
