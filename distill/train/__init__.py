"""The training stage: writes the chat rows, runs the trainer and records the student.

The stage reads the frozen split. It writes `student/` with the weights (safetensors),
the example files `train.jsonl` and `validation.jsonl`, and the student's row in the store. The file
`train_injected.jsonl` has the rows of `train.jsonl` and those of `injections.py`.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from distill.core.dataset import Example, SplitExample
from distill.core.processors import watched
from distill.core.students import Student
from distill.core.text import stable_hash
from distill.pricing.terms import terms_of_base
from distill.serve.embedded_models import folder_hash
from distill.store import Store, as_json
from distill.task import Task
from distill.task.kinds.extract import Fields
from distill.task.prompts import student_chat
from distill.task.run_context import Context
from distill.train.billing import train_with_ledger
from distill.train.injections import with_injections
from distill.train.split import labelled_by_people
from distill.train.trainers import TRAINERS, choose
from distill.train.trainers.base import Base, HostedModel, LocalWeights, Trainer, TrainJob

MADE_OF, RECORD = "made_of", "student.json"
PARITY_PROMPTS = 100


def train(context: Context) -> Callable[[Store], None]:
    """Train the run's student and return a function that writes its record to the store.

    An interrupted training resumes from its last checkpoint if rows, base and recipe are unchanged.
    """
    with context.store() as store:
        split = store.split(context.run_id)
    student = train_on(context, split, context.folder / "student")
    base, confirmed = (
        terms_of_base(student.base, student.licence),
        context.task.spec.terms.confirmed,
    )

    def write(store: Store) -> None:
        store.add_student(context.run_id, student)
        store.add_terms(context.run_id, [base], confirmed)

    return write


def train_on(
    context: Context, split: Sequence[SplitExample], folder: Path, *, prompts: int = PARITY_PROMPTS
) -> Student:
    """Train a student on a split into `folder`, with at most `prompts` prompts for the parity
    check."""
    task, spec = context.task, context.task.spec.student
    name = choose(spec.trainer)
    trainer = TRAINERS[name]
    base = trainer.locate(spec.base)
    recipe = trainer.recipe(spec.model_dump(), base, labelled=bool(task.form.choices))
    injected = _fitting(with_injections(task, split), task, trainer, base)
    rows_hash = data_hash(task, split, injected)
    tag = stable_hash([rows_hash, base.name, name, recipe])
    if found := _finished(folder, tag):
        return found
    partial = _unfinished(folder, tag)
    job = TrainJob(
        base=base.place,
        train=_write_training_rows(partial, task, split, injected),
        validation=_write_rows(partial / "validation.jsonl", task, split, "validation"),
        parity=_write_parity_rows(partial / "parity.jsonl", task, split, prompts),
        out=partial,
        log=context.log("trainer" if folder.name == "student" else f"trainer-{folder.name}"),
        recipe=recipe,
        tag=tag,
        choices=task.form.choices,
        fields=task.form.verbatim if isinstance(task.form, Fields) else {},
    )
    began = perf_counter()
    step = context.progress.step("train", name, trainer.total_steps(job))
    with step as advance, watched() as watch:
        trained = train_with_ledger(context, job, lambda: trainer.train(job, advance))
    hosted = trained.model if isinstance(trained.model, HostedModel) else None
    student = Student(
        id=_id_of(trained.model),
        base=base.name,
        trainer=name,
        recipe={**recipe, **({"injected_rows": len(injected)} if injected else {})},
        data_hash=rows_hash,
        folder=folder.resolve(),
        train_seconds=perf_counter() - began + trained.earlier_seconds,
        trained_tokens=trained.trained_tokens,
        kept_step=trained.kept_step,
        losses=trained.losses,
        model=hosted.name if hosted else "",
        train_usd=hosted.usd if hosted else None,
        licence=base.licence,
        others_cpu=None if hosted else watch.others_cpu,
    )
    shutil.rmtree(folder, ignore_errors=True)
    record = as_json(asdict(student) | {"folder": str(student.folder)})
    (partial / RECORD).write_text(record, encoding="utf-8")
    partial.rename(folder)
    return student


def _id_of(model: LocalWeights | HostedModel) -> str:
    """Return a hash of local weights, or the provider's name of a model."""
    return folder_hash(model.folder) if isinstance(model, LocalWeights) else model.name


def _finished(folder: Path, tag: str) -> Student | None:
    """Return the finished student with this tag in the folder; None if there is none.

    The store may lack this student, if the run was killed before the stage ended."""
    if not (folder / RECORD).exists() or (folder / MADE_OF).read_text(encoding="utf-8") != tag:
        return None
    return read_student(folder)


def read_student(folder: Path) -> Student:
    """Read the student's record in a training's folder."""
    values = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    usd = values["train_usd"]
    return Student(
        **values
        | {"folder": Path(values["folder"]), "losses": tuple(values["losses"])}
        | {"train_usd": None if usd is None else Decimal(usd)}
    )


def _unfinished(folder: Path, made_of: str) -> Path:
    """Return the folder for a training; it is emptied unless its marker equals `made_of`."""
    partial = folder.with_name(f"{folder.name}.partial")
    marker = partial / MADE_OF
    if not (marker.exists() and marker.read_text(encoding="utf-8") == made_of):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        marker.write_text(made_of, encoding="utf-8")
    return partial


def _fitting(
    examples: Sequence[Example], task: Task, trainer: Trainer, base: Base
) -> list[Example]:
    """Return the examples that are not too long for the student."""
    choices = task.spec.student.model_dump()
    chats = [student_chat(task, row.input, row.answer) for row in examples]
    long = trainer.longer_than(chats, base, choices) if chats else {}
    return [row for place, row in enumerate(examples) if place not in long]


def chat_row(task: Task, text: str, answer: str) -> str:
    """Return the line of an example in the example file."""
    return json.dumps({"messages": student_chat(task, text, answer)}, ensure_ascii=False)


def data_hash(task: Task, split: Sequence[SplitExample], injected: Sequence[Example]) -> str:
    """Return a hash of the rows on which the student is trained and validated."""
    rows: list[object] = [[_line(task, row.example), row.part, row.repeats] for row in split]
    return stable_hash([*rows, *(_line(task, row) for row in injected)])


def _line(task: Task, example: Example) -> str:
    return chat_row(task, example.input, example.answer)


def _write_lines(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def _lines_of(task: Task, split: Sequence[SplitExample], part: str) -> list[str]:
    """Return the lines of a part of the split, each as often as an epoch has it."""
    rows = [row for row in split if row.part == part for _ in range(row.repeats)]
    return [_line(task, row.example) for row in rows]


def _write_rows(path: Path, task: Task, split: Sequence[SplitExample], part: str) -> Path:
    return _write_lines(path, _lines_of(task, split, part))


def _write_training_rows(
    folder: Path, task: Task, split: Sequence[SplitExample], injected: Sequence[Example]
) -> Path:
    """Write the examples, and a file with the injected rows, too; return the file to train on.

    The examples have a file of their own, because the free rivals are fitted on them. So have the
    rows that people labelled, if they are more than the seeds.
    """
    lines = _lines_of(task, split, "train")
    examples = _write_lines(folder / "train.jsonl", lines)
    people = labelled_by_people(task, split)
    if len(people) > len(task.seeds):
        _write_lines(folder / "labelled.jsonl", (chat_row(task, *pair) for pair in people))
    if not injected:
        return examples
    lines += [_line(task, row) for row in injected]
    return _write_lines(folder / "train_injected.jsonl", lines)


def _write_parity_rows(path: Path, task: Task, split: Sequence[SplitExample], prompts: int) -> Path:
    """Write the rows of the parity check: validation rows first, then training rows."""
    rows = sorted(split, key=lambda row: row.part != "validation")[:prompts]
    return _write_lines(path, (_line(task, row.example) for row in rows))
