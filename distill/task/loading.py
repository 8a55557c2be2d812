"""The loader of a task's folder, which checks every part of the task."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from distill.core.conversation import as_text, is_conversation
from distill.core.errors import Gathered, InputError, InvalidInput, Problem
from distill.core.evaluation import Preference
from distill.core.suggestions import did_you_mean
from distill.core.text import fold
from distill.pricing.model_names import check_model_name
from distill.task import (
    ANSWERS,
    COMPARE,
    EXAMPLES,
    INSTRUCTIONS,
    NEAR_MISS_PROMPTS,
    PREFERENCES,
    PROMPTS,
    REVIEWS,
    SCHEMA,
    Task,
)
from distill.task.answers_file import read_answers
from distill.task.check_prices import check_prices
from distill.task.decision_problems import decision_problems
from distill.task.files import (
    read_examples,
    read_inputs,
    read_labelled,
    read_preferences,
    read_reviews,
    read_text,
)
from distill.task.gold import count_once
from distill.task.kinds import AnswerForm
from distill.task.kinds.classify import Labels
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text
from distill.task.kinds.json_schema import VERBATIM
from distill.task.schema_file import read_schema
from distill.task.spec import TaskSpec
from distill.task.spec_file import read_spec
from distill.task.toml_places import line_of, problem_of

PROJECT = "distill.toml"
MOST_TWINS = 5  # gold rows among the seeds that are each named


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
    return sorted(path.parent.name for path in prompts.glob("[!.]*/task.toml"))


def load_task(prompts: Path, name: str) -> Task:
    """Load and check the task in the folder `prompts/<name>`.

    Raises InputError if there is no such task. Raises InvalidInput, with the file and the line or
    key of each problem, if a part of the task is invalid.
    """
    spec, form = read_form(prompts, name)
    task = _parts(spec, prompts / name, form)
    _check_rows(task)
    _check_prompts(task)
    return task


def read_form(prompts: Path, name: str) -> tuple[TaskSpec, AnswerForm]:
    """Read a task's specification and the form of its answers, but neither rows nor prompts.

    Raises InputError if there is no such task. Raises InvalidInput with the problems of a file.
    """
    folder = prompts / name
    if name not in known_tasks(prompts):
        known = known_tasks(prompts)
        told = f"there is no task {name!r} in {prompts}/; known tasks: {', '.join(known) or 'none'}"
        if folder.is_dir() and name:
            told = f"{folder} has no task.toml; known tasks: {', '.join(known) or 'none'}"
        meant = did_you_mean(Path(name).name, known)
        raise InputError(f"{told}; {meant}" if meant else told)
    spec = _spec(folder, project_file(prompts))
    return spec, _form(spec, folder)


def _spec(folder: Path, project: Path) -> TaskSpec:
    """Read and check task.toml. Raises InvalidInput with all problems of the file."""
    path, gathered = folder / "task.toml", Gathered()
    spec = read_spec(path, project)
    gathered.of(lambda: check_prices(path, spec), None)
    if spec.name != folder.name:
        said = f"name is {spec.name!r} but the folder is {folder.name!r}"
        gathered.add(Problem(said, str(path), line_of(path, ["name"]), "name", "rename one"))
    for place, model in spec.models_asked:
        try:
            check_model_name(place, model)
        except InputError as error:
            gathered.add(problem_of(path, str(error)))
    for problem in decision_problems(spec, path):
        gathered.add(problem)
    gathered.check()
    return spec


def _parts(spec: TaskSpec, folder: Path, form: AnswerForm) -> Task:
    """Read prompts and rows of a task. Raises InvalidInput with the problems of all its files."""
    gathered, is_text = Gathered(), isinstance(form, Text)

    def prompt(name: str) -> str:
        return gathered.of(lambda: read_text(folder / name), "")

    def instruction(name: str) -> str:
        return gathered.of(lambda: _instruction(folder / name, spec.kind), "")

    prompts = {name: prompt(name) for name in PROMPTS}
    more = NEAR_MISS_PROMPTS if spec.other_label else (COMPARE,) * is_text
    prompts |= {name: instruction(name) for name in (*INSTRUCTIONS, *more)}
    rows = gathered.of(lambda: read_labelled(folder / "gold.jsonl", form, optional=is_text), ())
    seeds = gathered.of(lambda: read_labelled(folder / "seeds.jsonl", form), ())
    inputs = gathered.of(lambda: read_inputs(folder / "inputs.jsonl"), ())
    examples = gathered.of(lambda: read_examples(folder / EXAMPLES, form), ())
    answers = gathered.of(lambda: read_answers(folder / ANSWERS, form), ())
    reviews = gathered.of(lambda: read_reviews(folder / REVIEWS, form), ())
    preferences: tuple[Preference, ...] = ()
    if spec.kind == "generate":
        preferences = gathered.of(lambda: read_preferences(folder / PREFERENCES, form), ())
    gathered.check()
    gold, copies = count_once(rows, form)
    texts = (*inputs, *(row.input for row in (*rows, *seeds, *examples)))
    return Task(
        spec=spec,
        folder=folder,
        form=form,
        prompts=prompts,
        seeds=seeds,
        gold=gold,
        copies=copies,
        inputs=inputs,
        examples=examples,
        answers=answers,
        reviews=reviews,
        preferences=preferences,
        has_conversations=any(map(is_conversation, texts)),
    )


def _form(spec: TaskSpec, folder: Path) -> AnswerForm:
    if spec.kind == "extract":
        return read_schema(folder / SCHEMA)
    return Labels(spec.meanings) if spec.kind == "classify" else Text()


def _instruction(path: Path, kind: str) -> str:
    if path.exists():
        return read_text(path)
    return (files("distill.task.instructions") / kind / path.name).read_text(encoding="utf-8")


def _check_rows(task: Task) -> None:
    """Check gold and seeds together. Raises InvalidInput with all problems."""
    found = [*_missing_rows(task), *_twins(task)]
    if isinstance(task.form, Fields):
        found += _not_verbatim(task, task.form)
    if found:
        raise InvalidInput(*found)


def _missing_rows(task: Task) -> Iterator[Problem]:
    gold, seeds = (str(task.folder / name) for name in ("gold.jsonl", "seeds.jsonl"))
    if not task.gold:
        yield Problem("is empty", gold, fix="add rows for the evaluation")
    if not task.seeds:
        yield Problem("is empty", seeds, fix="add at least one seed for the teacher")
        return
    toml, shown = task.folder / "task.toml", {row.answer for row in task.seeds}
    for label in task.form.choices:
        if label in shown:
            continue
        fix = "add at least one seed for each label to seeds.jsonl"
        if label in TaskSpec.model_fields:
            fix += f". Is {label} no label? Then move it above [labels]"
        line = line_of(toml, ("labels", label))
        yield Problem(f"no seed for {label}", str(toml), line, "label", fix)


def _twins(task: Task) -> Iterator[Problem]:
    """Yield a problem for each gold row that is also a seed."""
    seeds = {fold(row.input): row for row in task.seeds}
    found = [(row, seeds[fold(row.input)]) for row in task.gold if fold(row.input) in seeds]
    many = f", as {len(found)} of {len(task.gold)} gold rows do" if len(found) > MOST_TWINS else ""
    for row, twin in found[:1] if many else found:
        yield Problem(
            f"equals {twin.file}:{twin.line} ({as_text(row.input)!r}){many}",
            str(task.folder / row.file),
            row.line,
            "input",
            fix="a gold row must not also be a seed: remove one of them",
        )


def _not_verbatim(task: Task, form: Fields) -> Iterator[Problem]:
    for row in (*task.seeds, *task.gold):
        if name := form.not_verbatim(row.input, row.answer):
            said = f"answer: {name}: is not in the input word for word, as {VERBATIM} in {SCHEMA} "
            yield Problem(
                f"{said}requires",
                str(task.folder / row.file),
                row.line,
                f"answer.{name}",
                "correct the row or the schema",
            )


def _check_prompts(task: Task) -> None:
    """Check that the prompts render, and that the teacher's prompt shows the input."""
    gathered = Gathered()
    gathered.of(lambda: task.render("student.md"), "")
    told = gathered.of(lambda: task.render("answer.system.md"), "")

    def shown(text: str) -> str:
        values = {"input": text, "seeds": list(task.seeds[:1]), "instructions": told}
        return gathered.of(lambda: task.render("answer.md", **values), text)

    one, other = shown("1"), shown("2")
    if one == other:
        file = str(task.folder / "answer.md")
        gathered.add(Problem("does not show the input", file, fix="add {{ input }} to it"))
    gathered.check()
