"""The loader of a task's folder, which checks every part of the task."""

from importlib.resources import files
from pathlib import Path

from distill.core.errors import InputError
from distill.core.suggestions import did_you_mean
from distill.core.text import fold
from distill.pricing.model_names import check_model_name
from distill.task import (
    ANSWERS,
    COMPARE,
    EXAMPLES,
    INSTRUCTIONS,
    PREFERENCES,
    PROMPTS,
    REVIEWS,
    SCHEMA,
    Task,
)
from distill.task.answers_file import read_answers
from distill.task.check_prices import check_prices
from distill.task.files import (
    read_examples,
    read_inputs,
    read_labelled,
    read_preferences,
    read_reviews,
    read_schema,
    read_text,
)
from distill.task.gold import count_once
from distill.task.kinds import AnswerForm
from distill.task.kinds.classify import Labels
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text
from distill.task.kinds.json_schema import VERBATIM
from distill.task.spec import TaskSpec
from distill.task.spec_file import read_spec

PROJECT = "distill.toml"


def project_file(prompts: Path) -> Path:
    """Return the path of `distill.toml` beside the folder of tasks, even if the file is missing."""
    return prompts.resolve().parent / PROJECT


def known_tasks(prompts: Path) -> list[str]:
    """List the names of the tasks under `prompts`. Raises InputError if there is no such folder."""
    if not prompts.is_dir():
        raise InputError(
            f"there is no folder {prompts}/ here: change to the project's folder, or give another "
            "folder with --prompts"
        )
    return sorted(path.parent.name for path in prompts.glob("*/task.toml"))


def load_task(prompts: Path, name: str) -> Task:
    """Load and check the task in the folder `prompts/<name>`.

    Raises InputError, with the file and the line or key, if a part of the task is invalid.
    """
    folder = prompts / name
    if name not in known_tasks(prompts):
        known = known_tasks(prompts)
        told = f"there is no task {name!r} in {prompts}/; known tasks: {', '.join(known) or 'none'}"
        meant = did_you_mean(Path(name).name, known)
        raise InputError(f"{told}; {meant}" if meant else told)
    spec = read_spec(folder / "task.toml", project_file(prompts))
    check_prices(folder / "task.toml", spec)
    if spec.name != name:
        raise InputError(
            f"{folder / 'task.toml'}: name is {spec.name!r} but the folder is {name!r}: rename one"
        )
    form = _form(spec, folder)
    instructions = (*INSTRUCTIONS, COMPARE) if isinstance(form, Text) else INSTRUCTIONS
    rows = read_labelled(folder / "gold.jsonl", form, optional=isinstance(form, Text))
    gold, copies = count_once(rows, form)
    task = Task(
        spec=spec,
        folder=folder,
        form=form,
        prompts={name: read_text(folder / name) for name in PROMPTS}
        | {name: _instruction(folder / name, spec.kind) for name in instructions},
        seeds=read_labelled(folder / "seeds.jsonl", form),
        gold=gold,
        copies=copies,
        inputs=read_inputs(folder / "inputs.jsonl"),
        examples=read_examples(folder / EXAMPLES, form),
        answers=read_answers(folder / ANSWERS, form),
        reviews=read_reviews(folder / REVIEWS, form),
        preferences=read_preferences(folder / PREFERENCES, form) if spec.kind == "generate" else (),
    )
    _check_rows(task)
    _check_prompts(task)
    for place, model in task.models_asked:
        check_model_name(f"{folder / 'task.toml'}: {place}", model)
    return task


def _form(spec: TaskSpec, folder: Path) -> AnswerForm:
    if spec.kind == "extract":
        return read_schema(folder / SCHEMA)
    return Labels(spec.labels) if spec.kind == "classify" else Text()


def _instruction(path: Path, kind: str) -> str:
    if path.exists():
        return read_text(path)
    return (files("distill.task.instructions") / kind / path.name).read_text(encoding="utf-8")


def _check_rows(task: Task) -> None:
    if not task.gold:
        raise InputError(f"{task.folder / 'gold.jsonl'} is empty: add rows for the evaluation")
    missing = [group for group in task.groups if not task.seeds_of(group)]
    where = task.folder / "seeds.jsonl"
    if not task.groups:
        raise InputError(f"{where} is empty: add at least one seed for the teacher")
    if missing:
        raise InputError(
            f"{where}: no seed for {', '.join(missing)}: add at least one seed for each label"
        )
    if isinstance(task.form, Fields):
        _check_verbatim(task, task.form)
    seeds = {fold(row.input): row for row in task.seeds}
    for row in task.gold:
        if twin := seeds.get(fold(row.input)):
            raise InputError(
                f"{task.folder}: {row.file}:{row.line} equals {twin.file}:{twin.line} "
                f"({row.input!r}): a gold row must not also be a seed: remove one of them"
            )


def _check_prompts(task: Task) -> None:
    """Check that the prompts render, and that the teacher's prompt shows the input."""
    task.render("student.md")
    one, other = (
        task.render("answer.md", input=text, seeds=list(task.seeds[:1])) for text in ("1", "2")
    )
    if one == other:
        raise InputError(
            f"{task.folder / 'answer.md'} does not show the input: add {{{{ input }}}} to it"
        )


def _check_verbatim(task: Task, form: Fields) -> None:
    for row in (*task.seeds, *task.gold):
        if name := form.not_verbatim(row.input, row.answer):
            raise InputError(
                f"{task.folder / row.file}:{row.line}: answer: {name}: is not in the input word "
                f"for word, as {VERBATIM} in {SCHEMA} requires: correct the row or the schema"
            )
