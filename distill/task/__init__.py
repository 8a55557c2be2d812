"""`prompts/<task>/` in, a frozen and checked `Task` out; its hash; the rendering of its prompts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from distill.core.dataset import LabelledExample, ReviewDecision
from distill.core.errors import InputError
from distill.core.evaluation import Preference
from distill.core.text import stable_hash
from distill.pricing.token_prices import TOKENS, Rates
from distill.task.kinds import AnswerForm
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text
from distill.task.spec import USD, TaskSpec

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
    seeds: tuple[LabelledExample, ...]
    gold: tuple[LabelledExample, ...]
    inputs: tuple[str, ...]
    reviews: tuple[ReviewDecision, ...] = ()
    preferences: tuple[Preference, ...] = ()
    leaking: tuple[LabelledExample, ...] = ()  # seeds that the leak gate took out of `seeds`
    copies: tuple[LabelledExample, ...] = ()  # rows of gold.jsonl that repeat a row of `gold`

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

    def seeds_of(self, group: str) -> list[LabelledExample]:
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
        parts = {"task.toml": stable_hash(shaping)}
        if isinstance(self.form, Fields):
            parts[SCHEMA] = stable_hash(self.form.schema)
        parts |= {name: stable_hash(text) for name, text in self.prompts.items()}
        parts["seeds.jsonl"] = stable_hash([[row.input, row.answer] for row in self.seeds])
        gold = sorted((*self.gold, *self.copies), key=lambda row: row.line)
        parts["gold.jsonl"] = stable_hash([[row.input, row.answer] for row in gold])
        parts["inputs.jsonl"] = stable_hash(list(self.inputs))
        if self.reviews:  # without any a task is the one it was before there were reviews
            parts[REVIEWS] = stable_hash([[row.input, row.answer] for row in self.reviews])
        if self.preferences:
            parts[PREFERENCES] = stable_hash([[row.id, row.better] for row in self.preferences])
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
        return stable_hash(self.parts)

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
