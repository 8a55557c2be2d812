"""Split → student: the rows as chat, the trainer's work, the student's record.

In: the frozen split. Out: `student/` with `adapter/` and `merged/` (safetensors), the example files
`train.jsonl` and `validation.jsonl`, and the student in the store.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

from distill.backends.trainers import TRAINERS, Recipe, TrainJob, choose
from distill.backends.weights import embedded_or_folder, folder_hash
from distill.prompting import student_messages
from distill.records import SplitRow, Student, content_id
from distill.store import Store
from distill.task import Task
from distill.workspace import Context


def train(context: Context) -> Callable[[Store], None]:
    """Train the run's student; what is to be written is its record. A training that was cut off
    begins anew."""
    with context.store() as store:
        split = store.split(context.run_id)
    student = train_on(context, split)
    return lambda store: store.add_student(context.run_id, student)


def train_on(context: Context, split: Sequence[SplitRow]) -> Student:
    """Train a student on a split, into the run's `student/`."""
    spec = context.task.spec.student
    base, base_folder = embedded_or_folder(spec.base)
    partial = context.folder / "student.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    job = TrainJob(
        base=base_folder,
        train=_write_rows(partial / "train.jsonl", context.task, split, "train"),
        validation=_write_rows(partial / "validation.jsonl", context.task, split, "validation"),
        out=partial,
        log=context.log("trainer"),
        recipe=recipe(context.task),
    )
    began = perf_counter()
    trainer = choose(spec.trainer)
    backend = TRAINERS[trainer]
    with context.progress.step("train", trainer, backend.total_steps(job)) as advance:
        trained = backend.train(job, advance)
    seconds = perf_counter() - began
    folder = context.folder / "student"
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return Student(
        id=folder_hash(folder / trained.merged.name),
        base=base,
        trainer=trainer,
        recipe=asdict(job.recipe),
        data_hash=data_hash(context.task, split),
        folder=folder.resolve(),
        train_seconds=seconds,
        trained_tokens=trained.trained_tokens,
        losses=trained.losses,
    )


def recipe(task: Task) -> Recipe:
    """The task's recipe."""
    spec = task.spec.student
    return Recipe(
        rank=spec.rank,
        alpha=spec.alpha,
        epochs=spec.epochs,
        learning_rate=spec.learning_rate,
        batch_size=spec.batch_size,
        seed=spec.seed,
    )


def chat_row(task: Task, row: SplitRow) -> str:
    """A row of the example file: chat as the student will see it, with its answer."""
    turns = [asdict(turn) for turn in student_messages(task, row.example.input)]
    turns.append({"role": "assistant", "content": row.example.answer})
    return json.dumps({"messages": turns}, ensure_ascii=False)


def data_hash(task: Task, split: Sequence[SplitRow]) -> str:
    """Hash of everything the student is trained and validated on."""
    return content_id([[chat_row(task, row), row.part, row.repeats] for row in split])


def _write_rows(path: Path, task: Task, split: Sequence[SplitRow], part: str) -> Path:
    lines = [chat_row(task, row) for row in split if row.part == part for _ in range(row.repeats)]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path
