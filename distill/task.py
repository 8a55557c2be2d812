"""`prompts/<task>/` in, a frozen and checked `Task` out; its hash; the rendering of its prompts.

Everything in `task.toml` has a default except the name, the kind and the labels. An unknown key is
an error that lists the known ones: a typo must not become a silent default.
"""

import json
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from distill.backends.language import languages
from distill.errors import InputError
from distill.prices import Rates
from distill.records import Labelled, Review, content_id, fold, readable

PROMPTS = ("synthesize.md", "answer.md", "student.md")
# What a teacher behind an API is told first; a task may bring its own.
INSTRUCTIONS = ("synthesize.system.md", "synthesize.ask.md", "answer.system.md", "judge.md")
REVIEWS = "reviews.jsonl"
# Along which a teacher behind an API varies new inputs.
AXES = {
    "tone": ("calm", "hurried", "angry", "polite", "confused", "friendly"),
    "length": ("a few words", "one sentence", "two or three sentences", "long, with a story"),
    "difficulty": (
        "says plainly what it is about",
        "never uses the words that give the category away",
        "mentions another category in passing",
        "a rare case, at the edge of the category",
    ),
}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class TeacherSpec(_Section):
    """Who is learned from, and how it is asked."""

    model: str = "auto"
    mode: Literal["auto", "online", "batch"] = "auto"
    few_shot: Annotated[int, Field(ge=0, le=64)] = 12
    votes: Annotated[int, Field(ge=1, le=15)] = 1
    rationale: bool = False
    in_flight: Annotated[int, Field(ge=1, le=1024)] = 32


class GenerateSpec(_Section):
    """How many new inputs the teacher is asked for, and how."""

    requests: Annotated[int, Field(ge=0)] = 800
    examples: Annotated[int, Field(ge=0)] = 0
    least_yield: Annotated[float, Field(ge=0, le=1)] = 0.1
    sources: tuple[Literal["inputs", "synthesis"], ...] = ("inputs", "synthesis")
    seeds_shown: Annotated[int, Field(ge=1, le=64)] = 6
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.9
    min_p: Annotated[float, Field(ge=0, lt=1)] = 0.1
    max_tokens: Annotated[int, Field(ge=1)] = 60
    inputs_per_request: Annotated[int, Field(ge=1, le=50)] = 5
    axes: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = AXES
    seed: int = 0


class CurateSpec(_Section):
    """Which checks a candidate must pass; `false`, 0, "off" or "" switches one off."""

    min_words: Annotated[int, Field(ge=0)] = 3
    max_words: Annotated[int, Field(ge=0)] = 80
    boilerplate: bool = True
    leaked_prompt: bool = True
    language: Annotated[str, Field(pattern="^([a-z]{2})?$")] = ""
    privacy: Literal["off", "mask", "drop"] = "mask"
    private_kinds: tuple[Literal["email", "phone", "card", "iban", "ip", "secret"], ...] = (
        *("email", "phone", "card", "iban", "ip", "secret"),
    )
    private_names: tuple[str, ...] = ()
    phone_region: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "US"
    agreement: bool = True
    min_agreement: Annotated[float, Field(ge=0, le=1)] = 0.5
    contradictions: bool = True
    exact_duplicates: bool = True
    near_duplicates: Annotated[float, Field(ge=0, le=1)] = 0.8
    semantic_duplicates: Annotated[float, Field(ge=0, le=1)] = 0.95
    suspect_labels: Literal["off", "second_opinion", "drop"] = "off"
    second_opinion: bool = True
    judge: Annotated[int, Field(ge=0, le=5)] = 0
    judge_model: str = ""
    balance: Literal["off", "equal", "inputs"] = "off"


class LeaksSpec(_Section):
    """From which likeness on a row is too close to gold, 0 for never; which share of the examples
    may be, before something is wrong with the task."""

    near: Annotated[float, Field(ge=0, le=1)] = 0.9
    semantic: Annotated[float, Field(ge=0, le=1)] = 0.96
    most_share: Annotated[float, Field(ge=0, le=1)] = 0.3


class StudentSpec(_Section):
    """What is trained, and by which recipe; None goes by the size of the base."""

    base: str = "auto"
    trainer: str = "auto"
    rank: Annotated[int, Field(ge=1, le=512)] | None = None
    alpha: Annotated[int, Field(ge=1)] | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    rslora: bool = False
    load_in_4bit: bool | None = None
    epochs: Annotated[float, Field(gt=0)] | None = None
    learning_rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    schedule: Literal["cosine", "linear"] = "cosine"
    warmup_share: Annotated[float, Field(ge=0, lt=1)] = 0.06
    batch_size: Annotated[int, Field(ge=1)] | None = None
    patience: Annotated[int, Field(ge=0)] = 2
    context_tokens: Annotated[int, Field(ge=64)] = 1024
    seed_repeats: Annotated[int, Field(ge=0)] = 2
    validation_share: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    seed: int = 0


class EvaluateSpec(_Section):
    """How the systems are compared."""

    margin: Annotated[float, Field(gt=0, lt=1)] = 0.02
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    in_flight: Annotated[int, Field(ge=1, le=1024)] = 8
    parity: Annotated[float, Field(ge=0, le=1)] = 0.98
    teacher_twice: bool = True
    speed_requests: Annotated[int, Field(ge=0)] = 100
    side_effects: bool = True
    most_forgotten: Annotated[float, Field(ge=0, le=1)] = 1.0
    most_unsafe: Annotated[float, Field(ge=0, le=1)] = 0.05
    baselines: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _baselines_have_names_of_their_own(self) -> "EvaluateSpec":
        if len(set(self.baselines)) < len(self.baselines):
            raise ValueError("baselines: a model stands there twice")
        if "auto" in self.baselines:
            raise ValueError('baselines: "auto" is no model; name it as teacher.model would')
        return self


class MachineSpec(_Section):
    """What the machine that serves local models costs: an assumption that the report shows."""

    usd_per_hour: Annotated[Decimal, Field(gt=0)] = Decimal("0.10")


class PriceSpec(_Section):
    """A model's price in USD per 1M tokens, where it is not known or another one was agreed. What
    is cached costs as much as any other token of the prompt when nothing else is said."""

    input: Annotated[Decimal, Field(gt=0)]
    output: Annotated[Decimal, Field(gt=0)]
    cached: Annotated[Decimal, Field(ge=0)] | None = None
    cache_write: Annotated[Decimal, Field(ge=0)] | None = None

    @property
    def rates(self) -> Rates:
        """As the arithmetic takes it."""
        cached = self.input if self.cached is None else self.cached
        write = self.input if self.cache_write is None else self.cache_write
        return Rates(self.input, self.output, cached, write)


class BudgetSpec(_Section):
    """What a run may cost at most, in what providers bill."""

    usd: Annotated[Decimal, Field(gt=0)] = Decimal("5.00")


class TaskSpec(_Section):
    """`task.toml`, checked."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    kind: Literal["classify"]
    description: str = ""
    labels: dict[str, str]
    teacher: TeacherSpec = TeacherSpec()
    generate: GenerateSpec = GenerateSpec()
    curate: CurateSpec = CurateSpec()
    leaks: LeaksSpec = LeaksSpec()
    student: StudentSpec = StudentSpec()
    evaluate: EvaluateSpec = EvaluateSpec()
    machine: MachineSpec = MachineSpec()
    budget: BudgetSpec = BudgetSpec()
    prices: dict[str, PriceSpec] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _at_least_two_labels(self) -> "TaskSpec":
        if len(self.labels) < 2:
            raise ValueError('labels: a classify task needs at least two, as name = "meaning"')
        return self


@dataclass(frozen=True)
class Task:
    """A checked task: its specification, prompts and rows."""

    spec: TaskSpec
    folder: Path
    prompts: Mapping[str, str]
    seeds: tuple[Labelled, ...]
    gold: tuple[Labelled, ...]
    inputs: tuple[str, ...]
    reviews: tuple[Review, ...] = ()
    leaking: tuple[Labelled, ...] = ()  # seeds that the leak gate took out of `seeds`

    @property
    def name(self) -> str:
        """The task's name, as in `distill run NAME`."""
        return self.spec.name

    @property
    def rates(self) -> dict[str, Rates]:
        """Prices that the task gives, by model."""
        return {model: price.rates for model, price in self.spec.prices.items()}

    @property
    def judge(self) -> str:
        """The model that judges, as `teacher.model` names one; empty when nothing is judged."""
        spec = self.spec
        return (spec.curate.judge_model or spec.teacher.model) if spec.curate.judge else ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of `task.toml`."""
        return tuple(self.spec.labels)

    @cached_property
    def parts(self) -> dict[str, str]:
        """Hash of each part, so that an edited task can say what was edited."""
        # Neither what may be spent nor the way that requests go changes an answer.
        shaping = self.spec.model_dump(mode="json", exclude={"budget": True, "teacher": {"mode"}})
        parts = {"task.toml": content_id(shaping)}
        parts |= {name: content_id(text) for name, text in self.prompts.items()}
        parts["seeds.jsonl"] = content_id([[row.input, row.label] for row in self.seeds])
        parts["gold.jsonl"] = content_id([[row.input, row.label] for row in self.gold])
        parts["inputs.jsonl"] = content_id(list(self.inputs))
        if self.reviews:  # without any a task is the one it was before there were reviews
            parts[REVIEWS] = content_id([[row.input, row.answer] for row in self.reviews])
        return parts

    @cached_property
    def hash(self) -> str:
        """Hash of everything in the task's folder that a run depends on."""
        return content_id(self.parts)

    def with_teacher(self, **changes: str) -> "Task":
        """The task with other values under `[teacher]`."""
        teacher = self.spec.teacher.model_copy(update=changes)
        return replace(self, spec=self.spec.model_copy(update={"teacher": teacher}))

    def render(self, prompt: str, **values: object) -> str:
        """A prompt file with `values`, the description and the labels filled in.

        Raises InputError, naming the file, when the template is broken or wants an unknown value.
        """
        try:
            text = _template(self.prompts[prompt]).render(
                description=self.spec.description, labels=self.spec.labels, **values
            )
        except TemplateError as error:
            raise InputError(f"{self.folder / prompt}: {error}") from error
        return text.rstrip("\n")


@lru_cache(maxsize=64)
def _template(text: str) -> Template:
    """Compiling one takes a hundred times as long as rendering it."""
    env = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True)
    return env.from_string(text)


def known_tasks(prompts: Path) -> list[str]:
    """Names of the folders under `prompts` that hold a task."""
    return sorted(path.parent.name for path in prompts.glob("*/task.toml"))


def load_task(prompts: Path, name: str) -> Task:
    """The task `prompts/<name>`.

    Raises InputError, with file, line or key, for anything that cannot be used.
    """
    folder = prompts / name
    if name not in known_tasks(prompts):
        known = ", ".join(known_tasks(prompts)) or "none"
        raise InputError(f"no task {name!r} in {prompts}/; known tasks: {known}")
    spec = _read_spec(folder / "task.toml")
    if spec.name != name:
        raise InputError(f"{folder / 'task.toml'}: name is {spec.name!r}, its folder {name!r}")
    task = Task(
        spec=spec,
        folder=folder,
        prompts={name: _read_text(folder / name) for name in PROMPTS}
        | {name: _instruction(folder / name) for name in INSTRUCTIONS},
        seeds=read_labelled(folder / "seeds.jsonl", spec.labels),
        gold=read_labelled(folder / "gold.jsonl", spec.labels),
        inputs=_read_inputs(folder / "inputs.jsonl"),
        reviews=read_reviews(folder / REVIEWS, spec.labels),
    )
    _check_rows(task)
    _check_language(task)
    return task


def read_labelled(path: Path, labels: Mapping[str, str]) -> tuple[Labelled, ...]:
    """Rows {"input", "label"} of a JSON-lines file. Raises InputError with file and line."""
    rows = []
    for line, row in _json_lines(path):
        where = f"{path}:{line}"
        label, text = row.get("label"), row.get("input")
        if not isinstance(text, str) or not text.strip():
            raise InputError(f'{where}: "input" must be a text that is not empty')
        if label not in labels:
            raise InputError(f"{where}: unknown label {label!r}; known: {', '.join(labels)}")
        rows.append(Labelled(readable(text).strip(), str(label), path.name, line))
    return tuple(rows)


def read_reviews(path: Path, labels: Mapping[str, str]) -> tuple[Review, ...]:
    """Rows {"input", "answer"} of a person's decisions, the latest on an input alone; an answer of
    null rejects. No file: none. Raises InputError with file and line."""
    rows: dict[str, Review] = {}
    for line, row in _json_lines(path) if path.exists() else ():
        text, answer = row.get("input"), row.get("answer")
        if not isinstance(text, str):
            raise InputError(f'{path}:{line}: "input" must be a text')
        if answer is not None and answer not in labels:
            known = ", ".join(labels)
            raise InputError(f"{path}:{line}: unknown label {answer!r}; known: {known}, or null")
        text = readable(text)
        rows[fold(text)] = Review(text, answer, path.name, line)
    return tuple(rows.values())


def _read_inputs(path: Path) -> tuple[str, ...]:
    if not path.exists():
        return ()
    rows = [(line, row.get("input")) for line, row in _json_lines(path)]
    for line, text in rows:
        if not isinstance(text, str):
            raise InputError(f'{path}:{line}: "input" must be a text')
    return tuple(readable(str(text)).strip() for _, text in rows)


def _json_lines(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """(line number, object) of each row; a first line {"about": …} is the file's header. A text's
    own line separators (U+2028 and the like) end no row."""
    rows = []
    for number, line in enumerate(_read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}:{number}: not valid JSON: {error.msg}") from error
        if not isinstance(row, dict):
            raise InputError(f'{path}:{number}: a row must be a JSON object, like {{"input": …}}')
        if not (number == 1 and set(row) == {"about"}):
            rows.append((number, row))
    return rows


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}") from error


def _instruction(path: Path) -> str:
    if path.exists():
        return _read_text(path)
    return (files("distill.instructions") / path.name).read_text(encoding="utf-8")


def _check_rows(task: Task) -> None:
    if not task.gold:
        raise InputError(f"{task.folder / 'gold.jsonl'} is empty: nothing could be measured")
    counts = Counter(row.label for row in task.seeds)
    missing = [label for label in task.labels if not counts[label]]
    if missing:
        where = task.folder / "seeds.jsonl"
        raise InputError(
            f"{where}: no seed for {', '.join(missing)}; each label needs at least one"
        )
    seeds = {fold(row.input): row for row in task.seeds}
    for row in task.gold:
        if twin := seeds.get(fold(row.input)):
            raise InputError(
                f"{task.folder}: {row.file}:{row.line} equals {twin.file}:{twin.line} "
                f"({row.input!r}): what is tested on must not be shown; remove one of them"
            )


def _check_language(task: Task) -> None:
    code = task.spec.curate.language
    if code and code not in languages():
        known = ", ".join(languages())
        raise InputError(
            f"{task.folder / 'task.toml'}: curate.language: unknown {code!r}; known: {known}"
        )


def _read_spec(path: Path) -> TaskSpec:
    try:
        values = tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}") from error
    try:
        return TaskSpec.model_validate(values)
    except ValidationError as error:
        problems = "\n".join(f"{path}: {_explain(problem)}" for problem in error.errors())
        raise InputError(problems) from error


def _explain(problem: Mapping[str, Any]) -> str:
    location: Sequence[str | int] = problem["loc"]
    key = ".".join(str(part) for part in location)
    if problem["type"] == "extra_forbidden":
        known = ", ".join(_section(location[:-1]).model_fields)
        return f"unknown key {key!r}; known here: {known}"
    if problem["type"] == "missing":
        return f"{key!r} is missing"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{key}: {message} (got {problem['input']!r})" if key else message


def _section(location: Sequence[str | int]) -> type[BaseModel]:
    model: type[BaseModel] = TaskSpec
    for part in location:
        annotation = model.model_fields[str(part)].annotation
        assert isinstance(annotation, type) and issubclass(annotation, BaseModel)
        model = annotation
    return model
