"""Split → student: the rows as chat, the trainer's work, the student's record.

In: the frozen split. Out: `student/` with `adapter/` and `merged/` (safetensors), the example files
`train.jsonl` and `validation.jsonl`, and the student in the store.
"""

import json
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from distill.core.dataset import SplitRow
from distill.core.errors import InputError, TrainingEnded
from distill.core.processors import watched
from distill.core.students import Student
from distill.core.text import content_id
from distill.llm.complete import bounded
from distill.llm.ledger import ATTEMPT_ID_BYTES, BudgetReached
from distill.pricing.terms import terms_of_base
from distill.serve.embedded_models import folder_hash
from distill.store import Store, as_json
from distill.store.batches import reserved_usd
from distill.task import Task
from distill.task.prompts import student_chat
from distill.task.run_context import Context
from distill.train.trainers import TRAINERS, Trained, TrainJob, choose

MADE_OF, RECORD = "made_of", "student.json"
RESERVED = (
    "It is the training: a token is reserved for every byte of its rows, in English about four "
    "times what is billed. What was not billed comes free when it has ended.\n"
)

PARITY_PROMPTS = 100


def train(context: Context) -> Callable[[Store], None]:
    """Train the run's student; what is to be written is its record. A training that was cut off
    goes on from its last checkpoint, if it is of the same rows, base and recipe."""
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
    context: Context, split: Sequence[SplitRow], folder: Path, *, prompts: int = PARITY_PROMPTS
) -> Student:
    """Train a student on a split, into `folder`; for parity it answers so many prompts."""
    task, spec = context.task, context.task.spec.student
    name = choose(spec.trainer)
    trainer = TRAINERS[name]
    base = trainer.locate(spec.base)
    recipe = trainer.recipe(spec.model_dump(), base, labelled=bool(task.form.choices))
    rows_hash = data_hash(task, split)
    tag = content_id([rows_hash, base.name, name, recipe])
    if found := _finished(folder, tag):
        return found
    partial = _unfinished(folder, tag)
    job = TrainJob(
        base=base.place,
        train=_write_rows(partial / "train.jsonl", task, split, "train"),
        validation=_write_rows(partial / "validation.jsonl", task, split, "validation"),
        parity=_write_parity_rows(partial / "parity.jsonl", task, split, prompts),
        out=partial,
        log=context.log("trainer" if folder.name == "student" else f"trainer-{folder.name}"),
        recipe=recipe,
        tag=tag,
        choices=task.form.choices,
    )
    began = perf_counter()
    step = context.progress.step("train", name, trainer.total_steps(job))
    with step as advance, watched() as watch:
        trained = trained_and_paid(context, job, lambda: trainer.train(job, advance))
    student = Student(
        id=folder_hash(trained.merged) if trained.merged else trained.model,
        base=base.name,
        trainer=name,
        recipe=recipe,
        data_hash=rows_hash,
        folder=folder.resolve(),
        train_seconds=perf_counter() - began + trained.earlier_seconds,
        trained_tokens=trained.trained_tokens,
        kept_step=trained.kept_step,
        losses=trained.losses,
        model=trained.model,
        train_usd=trained.usd,
        licence=base.licence,
        others_cpu=None if trained.model else watch.others_cpu,
    )
    shutil.rmtree(folder, ignore_errors=True)
    record = as_json(asdict(student) | {"folder": str(student.folder)})
    (partial / RECORD).write_text(record, encoding="utf-8")
    partial.rename(folder)
    return student


def _finished(folder: Path, tag: str) -> Student | None:
    """The student that was made of the same, whose process ended before the store knew of it."""
    if not (folder / RECORD).exists() or (folder / MADE_OF).read_text(encoding="utf-8") != tag:
        return None
    return read_student(folder)


def read_student(folder: Path) -> Student:
    """The student whose record a training left in `folder`."""
    values = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    usd = values["train_usd"]
    return Student(
        **values
        | {"folder": Path(values["folder"]), "losses": tuple(values["losses"])}
        | {"train_usd": None if usd is None else Decimal(usd)}
    )


def trained_and_paid(context: Context, job: TrainJob, train: Callable[[], Trained]) -> Trained:
    """What a trainer makes of a job, with what it cost. One that a provider bills is written down
    before it begins, with the most that it may cost, and after it has ended, with what it was
    billed: nothing where one is found again that was paid for before. Raises BudgetReached before
    anything is sent."""
    trainer = TRAINERS[choose(context.task.spec.student.trainer)]
    worst = trainer.worst_usd(job)
    if not worst:
        return train()
    made = trainer.is_made(job)
    with context.store() as store:
        paid_by = store.training_paid_by(job.tag)
        attempt = store.training_out(context.run_id, job.tag)
        if not (made and (paid_by or attempt)):
            check_budget(context, store, worst, job.tag)
        attempt = attempt or begin(context, store, job, Decimal(0) if made and paid_by else worst)
    try:
        trained = train()
    except (TrainingEnded, InputError) as error:  # for the latter nothing was sent
        with context.store() as store:
            store.end_without_student(attempt, getattr(error, "usd", Decimal(0)), str(error))
        raise
    cost = trained.usd or Decimal(0)
    found = bool(paid_by) and not trained.made_now
    with context.store() as store:
        before = store.training_usd(context.run_id, job.tag)
        has_it = store.is_training_billed(context.run_id, job.tag)
        if found or trained.most_usd is None:
            store.end_training(attempt, Decimal(0) if found else cost, trained.model)
        else:
            store.end_uncounted_training(attempt, trained.most_usd, trained.model)
    # What another run paid is what this student cost, too.
    return replace(trained, usd=before if found and has_it else before + cost)


def check_budget(context: Context, store: Store, worst: Decimal, tag: str) -> None:
    """Raises BudgetReached when the budget does not carry a training beside what was billed and
    what is out in batches and other trainings."""
    run_id, budget = context.run_id, context.budget_usd
    taken = store.committed_usd(run_id) + store.trainings_out_usd(run_id, but=tag)
    taken += sum(dict(reserved_usd(store, run_id)).values(), Decimal(0))
    if taken + worst > budget:
        raise bounded(context, BudgetReached(budget, taken, worst, RESERVED))


def begin(context: Context, store: Store, job: TrainJob, worst: Decimal) -> str:
    """The attempt of a training that is about to be sent."""
    attempt = secrets.token_hex(ATTEMPT_ID_BYTES)
    store.begin_training(context.run_id, job.tag, attempt, worst)
    return attempt


def _unfinished(folder: Path, made_of: str) -> Path:
    """Where a student is made; what is there stays if it is `made_of` the same."""
    partial = folder.with_name(f"{folder.name}.partial")
    marker = partial / MADE_OF
    if not (marker.exists() and marker.read_text(encoding="utf-8") == made_of):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        marker.write_text(made_of, encoding="utf-8")
    return partial


def chat_row(task: Task, row: SplitRow) -> str:
    """A line of the example file."""
    chat = student_chat(task, row.example.input, row.example.answer)
    return json.dumps({"messages": chat}, ensure_ascii=False)


def data_hash(task: Task, split: Sequence[SplitRow]) -> str:
    """Hash of everything the student is trained and validated on."""
    return content_id([[chat_row(task, row), row.part, row.repeats] for row in split])


def _write_rows(path: Path, task: Task, split: Sequence[SplitRow], part: str) -> Path:
    lines = [chat_row(task, row) for row in split if row.part == part for _ in range(row.repeats)]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def _write_parity_rows(path: Path, task: Task, split: Sequence[SplitRow], prompts: int) -> Path:
    """What the trained and the served student are both asked: what validates, then what trains."""
    rows = sorted(split, key=lambda row: row.part != "validation")[:prompts]
    path.write_text("".join(chat_row(task, row) + "\n" for row in rows), encoding="utf-8")
    return path
