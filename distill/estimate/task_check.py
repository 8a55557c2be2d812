"""The check of a task before a run: files, gold, leaks, terms, keys, cost and worth on one screen.

Nothing is sent and nothing is written.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from distill.core.errors import InputError
from distill.core.model_ref import check_key
from distill.core.workspace import Workspace
from distill.estimate import CostEstimate
from distill.estimate.go_no_go import Word as Advice
from distill.estimate.go_no_go import findings
from distill.estimate.probe import estimate_task
from distill.estimate.run_start import latest_run, new_run_reason
from distill.estimate.table import budget_words, duration, unbilled
from distill.llm.teacher_choice import by_keys
from distill.llm.today import price_today
from distill.store import open_store
from distill.task import Task
from distill.task.leak_gate import REASONS, gold_notes, leaking_seeds, without_leaking_seeds
from distill.task.loading import known_tasks, load_task
from distill.train.permission import check_terms, learned_from
from distill.train.permission import notes as terms_notes
from distill.train.schema_check import schema_problems
from distill.train.task_warnings import task_warnings
from distill.train.trainers import trainer_of

Word = Literal["ok", "look", "stop"]
WORDS: tuple[Word, ...] = ("ok", "look", "stop")  # from the best to the worst
OF_ADVICE: dict[Advice, Word] = {"go": "ok", "careful": "look", "no go": "stop"}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A checked part of a task: its subject, a word, and a sentence with the figures."""

    about: str
    word: Word
    because: str


@dataclass(frozen=True, slots=True)
class TaskCheck:
    """The rows of a task's check, and the command to run next."""

    task: str
    rows: tuple[CheckRow, ...]
    next: str

    @property
    def word(self) -> Word:
        """The worst word of the rows."""
        return max((row.word for row in self.rows), key=WORDS.index)


def check_task(workspace: Workspace, name: str) -> TaskCheck:
    """Check a task for a run. An invalid part becomes a row with the word "stop".

    Raises InputError if there is no such task.
    """
    again = f"distill check {name}"
    try:
        task = load_task(workspace.prompts, name)
    except InputError as error:
        if name not in known_tasks(workspace.prompts):
            raise
        invalid = tuple(CheckRow("task", "stop", line) for line in error.lines)
        return TaskCheck(name, invalid, again)
    estimate = partial(estimate_task, workspace, task)
    latest = _latest(workspace, task)
    task = task.with_teacher(model=latest.teacher) if latest else by_keys(task)[0]
    is_done = latest is not None and latest.is_reported
    has_runs = workspace.database(name).exists()
    rows = [_counts(task), *_warnings(task), *_leaks(task, meanings=has_runs), _terms(task)]
    rows += _today(task)
    if not is_done:
        rows += _student(task)
    if not any(row.about == "leaks" and row.word == "stop" for row in rows):
        rows += _by_plan(task, estimate)
    stops = any(row.word == "stop" for row in rows)
    go_on = f"distill {'report' if is_done else 'run'} {name}"
    return TaskCheck(name, tuple(rows), again if stops else go_on)


@dataclass(frozen=True, slots=True)
class _LatestRun:
    teacher: str
    is_reported: bool


def _latest(workspace: Workspace, task: Task) -> _LatestRun | None:
    """Return the run that `distill run` would resume; None if it would begin another."""
    database = workspace.database(task.name)
    if not database.exists():
        return None
    with open_store(database) as store:
        latest = latest_run(store)
        if latest is None or new_run_reason(task, latest, asked=False) is not None:
            return None
        return _LatestRun(latest.teacher, "report" in store.finished_stages(latest.id))


def _counts(task: Task) -> CheckRow:
    counts = {**task.form.counts(), "seeds": len(task.seeds), "gold rows": len(task.gold)}
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    return CheckRow("task", "ok", f"{task.spec.kind}: {told}")


def _warnings(task: Task) -> Iterator[CheckRow]:
    refused = set(schema_problems(task))
    for warning in task_warnings(task):
        yield CheckRow("task", "stop" if warning in refused else "look", warning)
    for note in gold_notes(task):
        yield CheckRow("gold", "look", note)


def _leaks(task: Task, *, meanings: bool) -> Iterator[CheckRow]:
    """Yield the row on seeds too close to gold.

    `meanings`: False for a task without runs, to load no model. Its plan needs none either.
    """
    try:
        without_leaking_seeds(task, meanings=meanings)
    except InputError as error:
        yield CheckRow("leaks", "stop", str(error))
        return
    later = ""
    if task.spec.leaks.semantic and not meanings:
        later = f"; the run and `distill leaks {task.name}` compare meanings, too"
    found = leaking_seeds(task, meanings=meanings)
    if not found:
        way = " in letters or words" if later else ""
        yield CheckRow("leaks", "ok", f"no seed is too close to gold{way}{later}")
        return
    seed, leak = found[0]
    twin = task.gold[leak.gold]
    yield CheckRow(
        "leaks",
        "look",
        f"{len(found)} of {len(task.seeds)} seeds are too close to gold and are left out: "
        f"{seed.file}:{seed.line} {REASONS[leak.kind]} ({twin.file}:{twin.line})"
        f"{later or f'. `distill leaks {task.name}` lists them'}",
    )


def _terms(task: Task) -> CheckRow:
    rows, told = learned_from(task), " ".join(terms_notes(task, rehearsal=False))
    try:
        check_terms(task)
    except InputError as error:
        return CheckRow("terms", "stop", str(error))
    asks = any(row.training != "allowed" for row in rows) and not task.spec.terms.confirmed
    return CheckRow("terms", "look" if asks else "ok", told or rows[0].sentence)


def _today(task: Task) -> Iterator[CheckRow]:
    """Yield the refusal of the model that does the job today, if its price is not known."""
    try:
        price_today(task)
    except InputError as error:
        yield CheckRow("today", "stop", str(error))


def _keys(task: Task) -> Iterator[CheckRow]:
    """Yield a row for each model whose key is not set."""
    for place, name in task.models_asked:
        try:
            check_key(place, name)
        except InputError as error:
            yield CheckRow("key", "stop", str(error))


def _student(task: Task) -> Iterator[CheckRow]:
    """Yield the notice or the refusal of a provider that trains the student.

    A student that is trained here is checked by the run, which may download its base.
    """
    trainer = trainer_of(task.spec.student.trainer)
    if not trainer.PROVIDER:
        return
    try:
        if notice := trainer.check(task.spec.student.model_dump()):
            yield CheckRow("student", "look", notice)
    except InputError as error:
        yield CheckRow("student", "stop", str(error))


def _by_plan(task: Task, estimate: Callable[[], CostEstimate]) -> Iterator[CheckRow]:
    """Yield the rows that need the plan of a run: seeds, gold, keys, cost, time and money."""
    try:
        plan = estimate()
    except InputError as error:
        yield CheckRow("cost", "stop", str(error))
        return
    advice = [CheckRow(row.about, OF_ADVICE[row.word], row.because) for row in findings(task, plan)]
    yield from (row for row in advice if row.about != "money")
    if plan.requests:
        yield from _keys(task)
    yield _cost(plan)
    if plan.requests or plan.training:
        yield CheckRow("time", "ok", _time(plan))
    yield from (row for row in advice if row.about == "money")


def _cost(plan: CostEstimate) -> CheckRow:
    if plan.price is None and not plan.steps:
        return CheckRow("cost", "ok", unbilled(plan))
    word: Word = "stop" if plan.stops() else "ok"
    return CheckRow("cost", word, f"{plan.words}: {budget_words(plan)}")


def _time(plan: CostEstimate) -> str:
    asked = f"about {duration(plan.seconds)} for the requests online. " if plan.requests else ""
    return asked + (plan.training.words if plan.training else "The training's time is unknown.")
