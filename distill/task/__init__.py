"""`prompts/<task>/` in, a frozen and checked `Task` out; its hash; the rendering of its prompts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from distill.core.dataset import Labelled, Review
from distill.core.errors import InputError
from distill.core.evaluation import Preference
from distill.core.model_ref import check_name
from distill.core.text import content_id, fold
from distill.pricing.token_prices import TOKENS, Rates
from distill.task.answers import AnswerForm, Labels, Text
from distill.task.check_prices import check_prices
from distill.task.fields import VERBATIM, Fields
from distill.task.files import (
    read_inputs,
    read_labelled,
    read_preferences,
    read_reviews,
    read_schema,
    read_text,
)
from distill.task.gold import count_once
from distill.task.spec import USD, TaskSpec, read_spec

PROMPTS = ("synthesize.md", "answer.md", "student.md")
# What a teacher behind an API is told first; a task may bring its own.
INSTRUCTIONS = ("synthesize.system.md", "synthesize.ask.md", "answer.system.md", "judge.md")
COMPARE = "compare.md"
# What no answer and no student depends on: changing it begins no other run.
NOT_SHAPING: dict[str, Any] = {
    **{"budget": True, "traffic": True, "people": True, "currencies": True},
    "terms": True,
    **{"teacher": {"mode"}, "machine": {"sure"}},
    "prices": {"__all__": {"currency", "source", "sure"}},
}
PROJECT = "distill.toml"  # beside the folder of tasks
REVIEWS = "reviews.jsonl"
PREFERENCES = "preferences.jsonl"
SCHEMA = "schema.json"
# What a template does goes wrong like any program: "{{ description.index('zzz') }}".
TEMPLATE_ERRORS = (
    *(TemplateError, TypeError, ArithmeticError, ValueError, LookupError, AttributeError),
    *(AssertionError, RecursionError, MemoryError, SyntaxError),
)


@dataclass(frozen=True)
class Task:
    """A checked task: its specification, prompts and rows."""

    spec: TaskSpec
    folder: Path
    form: AnswerForm
    prompts: Mapping[str, str]
    seeds: tuple[Labelled, ...]
    gold: tuple[Labelled, ...]
    inputs: tuple[str, ...]
    reviews: tuple[Review, ...] = ()
    preferences: tuple[Preference, ...] = ()
    leaking: tuple[Labelled, ...] = ()  # seeds that the leak gate took out of `seeds`
    copies: tuple[Labelled, ...] = ()  # rows of gold.jsonl that repeat a row of `gold`

    @property
    def name(self) -> str:
        """The task's name, as in `distill run NAME`."""
        return self.spec.name

    @property
    def rates(self) -> dict[str, Rates]:
        """Prices that the task or its project gives, by model."""
        currencies = self.spec.currencies
        return {model: price.rates(currencies) for model, price in self.spec.prices.items()}

    @property
    def named_models(self) -> dict[str, str]:
        """System → its model as the task names it, of the systems that no training makes."""
        baselines = self.spec.evaluate.baselines
        return {"teacher": self.spec.teacher.model} | {name: name for name in baselines}

    @property
    def models_asked(self) -> tuple[tuple[str, str], ...]:
        """(its place in `task.toml`, the model) of every model that is asked; "" for a judge that
        is not said, which is the teacher."""
        spec = self.spec
        return (
            ("teacher.model", spec.teacher.model),
            ("curate.judge_model", spec.curate.judge_model if spec.curate.judge else ""),
            ("evaluate.judge_model", spec.evaluate.judge_model),
            *(("evaluate.baselines", name) for name in spec.evaluate.baselines),
        )

    @property
    def judge(self) -> str:
        """The model that judges examples, as `teacher.model` names one; empty when none does."""
        spec = self.spec
        return (spec.curate.judge_model or spec.teacher.model) if spec.curate.judge else ""

    @property
    def judge_of_systems(self) -> str:
        """The model that compares the systems' answers, as `teacher.model` names one; empty where
        they are right or wrong."""
        spec = self.spec
        wanted = isinstance(self.form, Text)
        return (spec.evaluate.judge_model or spec.teacher.model) if wanted else ""

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """By what examples are balanced and new inputs asked for: the labels, in the order of
        `task.toml`; of an extract task the sets of fields that the seeds have."""
        return self.form.groups or tuple(
            dict.fromkeys(self.form.group(row.answer) for row in self.seeds)
        )

    def seeds_of(self, group: str) -> list[Labelled]:
        """The seeds of a group."""
        return [row for row in self.seeds if self.form.group(row.answer) == group]

    @cached_property
    def parts(self) -> dict[str, str]:
        """Hash of each part, so that an edited task can say what was edited."""
        # Neither what may be spent nor the way that requests go changes an answer.
        shaping = self.spec.model_dump(mode="json", exclude=NOT_SHAPING)
        if shaping["student"]["patience"] is None:  # so was its default written when it was 2
            shaping["student"]["patience"] = 2
        if foreign := self._foreign_rates():  # in USD they are others when a rate changes
            shaping["foreign_prices"] = foreign
        parts = {"task.toml": content_id(shaping)}
        if isinstance(self.form, Fields):
            parts[SCHEMA] = content_id(self.form.schema)
        parts |= {name: content_id(text) for name, text in self.prompts.items()}
        parts["seeds.jsonl"] = content_id([[row.input, row.answer] for row in self.seeds])
        gold = sorted((*self.gold, *self.copies), key=lambda row: row.line)
        parts["gold.jsonl"] = content_id([[row.input, row.answer] for row in gold])
        parts["inputs.jsonl"] = content_id(list(self.inputs))
        if self.reviews:  # without any a task is the one it was before there were reviews
            parts[REVIEWS] = content_id([[row.input, row.answer] for row in self.reviews])
        if self.preferences:
            parts[PREFERENCES] = content_id([[row.id, row.better] for row in self.preferences])
        return parts

    def _foreign_rates(self) -> dict[str, list[str]]:
        """USD of the prices that are given in another currency, by model."""
        return {
            model: [str(getattr(self.rates[model], kind)) for kind in TOKENS]
            for model, price in self.spec.prices.items()
            if price.currency != USD
        }

    @cached_property
    def hash(self) -> str:
        """Hash of everything in the task's folder that a run depends on."""
        return content_id(self.parts)

    def with_teacher(self, **changes: str) -> "Task":
        """The task with other values under `[teacher]`."""
        teacher = self.spec.teacher.model_copy(update=changes)
        return replace(self, spec=self.spec.model_copy(update={"teacher": teacher}))

    def render(self, prompt: str, **values: object) -> str:
        """A prompt file with `values`, the description and the labels or fields filled in.

        Raises InputError, naming the file, when the template is broken or wants an unknown value.
        """
        try:
            text = _template(self.prompts[prompt]).render(
                description=self.spec.description, **self.form.values(), **values
            )
        except TEMPLATE_ERRORS as error:
            said = str(error) or type(error).__name__  # MemoryError says nothing
            raise InputError(f"{self.folder / prompt}: {said}") from error
        return text.rstrip("\n")


@lru_cache(maxsize=64)
def _template(text: str) -> Template:
    """Compiling one takes a hundred times as long as rendering it."""
    env = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True)
    return env.from_string(text)


def project_file(prompts: Path) -> Path:
    """`distill.toml`, beside the folder of tasks; it need not be there."""
    return prompts.resolve().parent / PROJECT


def known_tasks(prompts: Path) -> list[str]:
    """Names of the folders under `prompts` that hold a task. Raises InputError where there is no
    such folder."""
    if not prompts.is_dir():
        raise InputError(
            f"there is no folder {prompts}/ here: change to the project's, or --prompts"
        )
    return sorted(path.parent.name for path in prompts.glob("*/task.toml"))


def load_task(prompts: Path, name: str) -> Task:
    """The task `prompts/<name>`.

    Raises InputError, with file, line or key, for anything that cannot be used.
    """
    folder = prompts / name
    if name not in known_tasks(prompts):
        known = ", ".join(known_tasks(prompts)) or "none"
        raise InputError(f"no task {name!r} in {prompts}/; known tasks: {known}")
    spec = read_spec(folder / "task.toml", project_file(prompts))
    check_prices(folder / "task.toml", spec)
    if spec.name != name:
        raise InputError(f"{folder / 'task.toml'}: name is {spec.name!r}, its folder {name!r}")
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
        reviews=read_reviews(folder / REVIEWS, form),
        preferences=read_preferences(folder / PREFERENCES, form) if spec.kind == "generate" else (),
    )
    _check_rows(task)
    _check_prompts(task)
    for place, model in task.models_asked:
        check_name(f"{folder / 'task.toml'}: {place}", model)
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
        raise InputError(f"{task.folder / 'gold.jsonl'} is empty: nothing could be measured")
    missing = [group for group in task.groups if not task.seeds_of(group)]
    where = task.folder / "seeds.jsonl"
    if not task.groups:
        raise InputError(f"{where} is empty: the teacher has nothing to go by")
    if missing:
        raise InputError(
            f"{where}: no seed for {', '.join(missing)}; each label needs at least one"
        )
    if isinstance(task.form, Fields):
        _check_verbatim(task, task.form)
    seeds = {fold(row.input): row for row in task.seeds}
    for row in task.gold:
        if twin := seeds.get(fold(row.input)):
            raise InputError(
                f"{task.folder}: {row.file}:{row.line} equals {twin.file}:{twin.line} "
                f"({row.input!r}): what is tested on must not be shown; remove one of them"
            )


def _check_prompts(task: Task) -> None:
    """The student's is the same for every input, and the teacher's must not be."""
    task.render("student.md")
    one, other = (
        task.render("answer.md", input=text, seeds=list(task.seeds[:1])) for text in ("1", "2")
    )
    if one == other:
        raise InputError(
            f"{task.folder / 'answer.md'} does not show the input: write {{{{ input }}}} into it"
        )


def _check_verbatim(task: Task, form: Fields) -> None:
    for row in (*task.seeds, *task.gold):
        if name := form.not_verbatim(row.input, row.answer):
            raise InputError(
                f"{task.folder / row.file}:{row.line}: answer: {name}: does not stand in the input "
                f"word for word, as {VERBATIM} in {SCHEMA} wants it"
            )
