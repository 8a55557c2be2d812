"""The check of a task before a run: the linter's findings, leaks, terms, keys, cost and worth.

Nothing is sent, and nothing is written but the embeddings of new texts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from distill.core.errors import InputError, InvalidInput, Problem, also_in
from distill.core.extras import install, missing
from distill.core.model_ref import check_key
from distill.core.numbers import exact_dollars
from distill.core.workspace import Workspace
from distill.estimate import CostEstimate, teacher_usd
from distill.estimate.go_no_go import Word as Advice
from distill.estimate.go_no_go import findings
from distill.estimate.probe import estimate_task
from distill.estimate.run_start import latest_run, new_run_reason
from distill.estimate.table import budget_words, duration, unbilled
from distill.lint import lint
from distill.lint.finding import GOLD, SEEDS, of_key
from distill.llm.teacher_choice import by_keys
from distill.llm.today import price_today
from distill.store import open_store
from distill.task import ANSWERS, EXAMPLES, Task
from distill.task.files import about_of
from distill.task.leak_gate import REASONS, leaking_seeds, without_leaking_seeds
from distill.task.loading import known_tasks, load_task
from distill.text.embedding_cache import kept_in
from distill.train.permission import base_terms, learned_from, refusal
from distill.train.trainers import check_suits, trainer_of

Level = Literal["ok", "look", "stop"]
LEVELS: tuple[Level, ...] = ("ok", "look", "stop")  # from the best to the worst
OF_ADVICE: dict[Advice, Level] = {"go": "ok", "careful": "look", "no go": "stop"}
CONTRADICTS = "gold-contradicts"  # the rule on rows with which no leak can be searched
ROWS = (GOLD, SEEDS, EXAMPLES, "inputs.jsonl")
MOST_OF_ABOUT = 80  # characters of a file's first line in a row


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A checked part of a task: a rule or a subject, a level, and a sentence with the figures.

    `file`, `line`: the place; `line` is None for a whole file. `fix`: the remedy; "" for none.
    """

    about: str
    level: Level
    message: str
    file: str = ""
    line: int | None = None
    fix: str = ""

    @property
    def sentence(self) -> str:
        """The message with its place and remedy, for a terminal."""
        return str(Problem(self.message, self.file, self.line, fix=self.fix))


@dataclass(frozen=True, slots=True)
class TaskCheck:
    """The rows of a task's check, and the command to run next."""

    task: str
    rows: tuple[CheckRow, ...]
    next: str

    @property
    def level(self) -> Level:
        """The worst level of the rows."""
        return max((row.level for row in self.rows), key=LEVELS.index)


def check_task(workspace: Workspace, name: str) -> TaskCheck:
    """Check a task for a run. An invalid part becomes a row with the level "stop".

    Raises InputError if there is no such task.
    """
    try:
        task = load_task(workspace.prompts, name)
    except InputError as error:
        if name not in known_tasks(workspace.prompts):
            raise
        return TaskCheck(name, tuple(_invalid(error)), _again(name))
    with kept_in(workspace.task_folder(name)):
        return _check_valid(workspace, task)


def _again(name: str) -> str:
    return f"distill check {name}"


def _check_valid(workspace: Workspace, task: Task) -> TaskCheck:
    """Check a loaded task, as in `check_task`."""
    name, estimate = task.name, partial(estimate_task, workspace, task)
    latest = _latest(workspace, task)
    task = task.with_teacher(model=latest.teacher) if latest else by_keys(task)[0]
    is_done = latest is not None and latest.is_reported
    has_runs = workspace.database(name).exists()
    rows = [_counts(task), *(_row(one.rule, one.level, one.problem) for one in lint(task))]
    if not any(row.about == CONTRADICTS for row in rows):
        rows += _leaks(task, meanings=has_runs)
    has_sound_seeds = not any(
        row.about in (CONTRADICTS, "leaks") and row.level == "stop" for row in rows
    )
    rows += [*_terms(task), *_base(task), _data(task), *_today(task), *_packages()]
    if not is_done:
        rows += _student(task)
    if has_sound_seeds:
        rows += _by_plan(task, estimate)
    stops = any(row.level == "stop" for row in rows)
    go_on = f"distill {'report' if is_done else 'run'} {name}"
    return TaskCheck(name, tuple(rows), _again(name) if stops else go_on)


def _row(about: str, level: Level, problem: Problem) -> CheckRow:
    return CheckRow(about, level, problem.message, problem.file, problem.line, problem.fix)


def _at(task: Task, key: str) -> Problem:
    """Return the place of a key of task.toml, such as "evaluate.margin"."""
    return of_key(task, key.split("."), "", "")


def _about_key(task: Task, about: str, level: Level, message: str, key: str) -> CheckRow:
    return _row(about, level, replace(_at(task, key), message=message))


def _invalid(error: InputError) -> Iterator[CheckRow]:
    """Yield a row for each problem of a task that cannot be loaded."""
    if not isinstance(error, InvalidInput):
        yield CheckRow("task", "stop", str(error))
        return
    for problem, others in error.grouped:
        told = replace(problem, message=problem.message + also_in(others))
        yield _row("task", "stop", told)


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
    return _about_key(task, "task", "ok", f"{task.spec.kind}: {told}", "kind")


def _of_rows(task: Task, about: str, level: Level, message: str) -> CheckRow:
    """Return a row about all seeds or all gold rows, with the place of the first."""
    first = (task.gold if about == "gold" else task.seeds)[0]
    return CheckRow(about, level, message, str(task.folder / first.file), first.line)


def _leaks(task: Task, *, meanings: bool) -> Iterator[CheckRow]:
    """Yield the row on seeds too close to gold.

    `meanings`: False for a task without runs, to load no model. Its plan needs none either.
    """
    try:
        without_leaking_seeds(task, meanings=meanings)
    except InputError as error:
        yield _of_rows(task, "leaks", "stop", str(error).removeprefix(f"{task.folder}: "))
        return
    later = ""
    if task.spec.leaks.semantic and not meanings:
        later = f"; the run and `distill leaks {task.name}` compare meanings, too"
    found = leaking_seeds(task, meanings=meanings)
    if not found:
        way = " in letters or words" if later else ""
        yield _of_rows(task, "leaks", "ok", f"no seed is too close to gold{way}{later}")
        return
    seed, leak = found[0]
    twin = task.gold[leak.gold]
    yield CheckRow(
        "leaks",
        "look",
        f"{len(found)} of {len(task.seeds)} seeds are too close to gold and are left out, first "
        f"this one: it {REASONS[leak.kind]} ({twin.file}:{twin.line})"
        f"{later or f'. `distill leaks {task.name}` lists them'}",
        str(task.folder / seed.file),
        seed.line,
    )


def _terms(task: Task) -> Iterator[CheckRow]:
    """Yield the terms of each model whose outputs train the student."""
    confirmed = task.spec.terms.confirmed
    for row in learned_from(task):
        stops = row.stops and not confirmed
        told = refusal(row) if stops else row.sentence
        if confirmed and row.training != "allowed":
            told += f" Confirmed by the task: {confirmed}"
        asks = row.training != "allowed" and not confirmed
        level: Level = "stop" if stops else "look" if asks else "ok"
        if row.place == ANSWERS:
            yield CheckRow("terms", level, told, str(task.folder / ANSWERS), 1)
        else:
            yield _about_key(task, "terms", level, told, row.place)


def _base(task: Task) -> Iterator[CheckRow]:
    """Yield the licence of the student's base, by its name."""
    try:
        found = base_terms(task)
    except InputError:  # the row on the student tells it
        return
    told = f"base {found.model}: {found.sentence}"
    level: Level = "ok" if found.is_known else "look"
    yield _about_key(
        task, "base", level, told if found.is_known else f"{told} {found.says}", found.place
    )


def _data(task: Task) -> CheckRow:
    """Return the row on the origin of the data: the first lines {"about": …} of the files."""
    said = {name: about_of(task.folder / name) for name in ROWS if (task.folder / name).exists()}
    told = [f'{name}: "{_shortened(about)}"' for name, about in said.items() if about]
    if silent := [name for name, about in said.items() if not about]:
        hint = 'a first line {"about": "…"} can'
        verb = "does" if len(silent) == 1 else "do"
        told.append(f"{', '.join(silent)} {verb} not say origin and licence; {hint}")
    return CheckRow("data", "ok", "; ".join(told), str(task.folder / GOLD), 1)


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_OF_ABOUT else f"{text[: MOST_OF_ABOUT - 1]}…"


def _today(task: Task) -> Iterator[CheckRow]:
    """Yield the refusal of the model that does the job today, if its price is not known."""
    try:
        price_today(task)
    except InputError as error:
        told = str(error).removeprefix(f"{task.folder / 'task.toml'}: ")
        yield _about_key(task, "today", "stop", told, "today.model")


def _packages() -> Iterator[CheckRow]:
    """Yield a row on packages that a run needs and that are not installed."""
    if names := missing("local"):
        said = f"a run needs packages that are not installed: {', '.join(names)}"
        yield CheckRow("packages", "look", said, fix=install("local"))


def _keys(task: Task) -> Iterator[CheckRow]:
    """Yield a row for each model whose key is not set."""
    for place, name in task.models_asked:
        try:
            check_key(place, name)
        except InputError as error:
            yield _about_key(task, "key", "stop", str(error), place)


def _student(task: Task) -> Iterator[CheckRow]:
    """Yield the notice or the refusal of a provider that trains the student.

    A student that is trained here is checked by the run, which may download its base.
    """
    trainer = trainer_of(task.spec.student.trainer)
    try:
        check_suits(task)
    except InputError as error:
        yield CheckRow("student", "stop", str(error))
    if not trainer.PROVIDER:
        return
    try:
        if notice := trainer.check(task.spec.student.model_dump()):
            yield _about_key(task, "student", "look", notice, "student.trainer")
    except InputError as error:
        yield _about_key(task, "student", "stop", str(error), "student.trainer")


def _by_plan(task: Task, estimate: Callable[[], CostEstimate]) -> Iterator[CheckRow]:
    """Yield the rows that need the plan of a run: seeds, gold, keys, cost, time and money."""
    try:
        plan = estimate()
    except InputError as error:
        yield _about_key(task, "cost", "stop", str(error), "teacher.model")
        return
    advice = {row.about: (OF_ADVICE[row.word], row.because) for row in findings(task, plan)}
    yield _of_rows(task, "seeds", *advice["seeds"])
    if advice["gold"][0] == "ok":  # otherwise the linter tells it
        yield _of_rows(task, "gold", *advice["gold"])
    if plan.requests:
        yield from _keys(task)
    yield _cost(task, plan)
    if plan.requests or plan.training:
        yield _about_key(task, "time", "ok", _time(plan), "student.epochs")
    yield _about_key(task, "money", *advice["money"], key="traffic.requests_per_day")


def _cost(task: Task, plan: CostEstimate) -> CheckRow:
    if plan.price is None and not plan.steps:
        return _about_key(task, "cost", "ok", unbilled(plan), "teacher.model")
    level: Level = "stop" if plan.stops() else "ok"
    told, each = f"{plan.words}: {budget_words(plan)}", teacher_usd(plan)
    if each is not None:
        told += f". In production 1,000 requests to the teacher cost {exact_dollars(1000 * each)}"
    return _about_key(task, "cost", level, told, "budget.usd")


def _time(plan: CostEstimate) -> str:
    asked = f"about {duration(plan.seconds)} for the requests online. " if plan.requests else ""
    return asked + (plan.training.words if plan.training else "The training's time is unknown.")
