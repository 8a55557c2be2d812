"""A task: the folder `prompts/<task>/` as a frozen, checked record with its hash and prompts."""

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
# Default prompts of API teachers and judges. A file of the same name in the task replaces one.
INSTRUCTIONS = ("synthesize.system.md", "synthesize.ask.md", "answer.system.md", "judge.md")
COMPARE = "compare.md"
# Settings that no answer and no student depends on. Changing one starts no new run.
NOT_SHAPING: dict[str, Any] = {
    **{"budget": True, "traffic": True, "people": True, "currencies": True},
    "terms": True,
    **{"teacher": {"mode"}, "machine": {"sure"}},
    "prices": {"__all__": {"currency", "source", "sure"}},
}
REVIEWS = "reviews.jsonl"
PREFERENCES = "preferences.jsonl"
SCHEMA = "schema.json"
# A template can fail like any program: "{{ description.index('zzz') }}".
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
        """Prices of the task or its project in USD, by model."""
        currencies = self.spec.currencies
        return {model: price.rates(currencies) for model, price in self.spec.prices.items()}

    @property
    def named_models(self) -> dict[str, str]:
        """Models of the systems that need no training, by system, as the task names the models."""
        baselines = self.spec.evaluate.baselines
        return {"teacher": self.spec.teacher.model} | {name: name for name in baselines}

    @property
    def models_asked(self) -> tuple[tuple[str, str], ...]:
        """(key in `task.toml`, model) of every model that is asked.

        The model is "" for a judge that is switched off, or not named: then the teacher judges.
        """
        spec = self.spec
        return (
            ("teacher.model", spec.teacher.model),
            ("curate.judge_model", spec.curate.judge_model if spec.curate.judge else ""),
            ("evaluate.judge_model", spec.evaluate.judge_model),
            *(("evaluate.baselines", name) for name in spec.evaluate.baselines),
        )

    @property
    def judge(self) -> str:
        """The model that judges examples, in the form of `teacher.model`; empty if none does."""
        spec = self.spec
        return (spec.curate.judge_model or spec.teacher.model) if spec.curate.judge else ""

    @property
    def judge_of_systems(self) -> str:
        """The model that compares the systems' answers, in the form of `teacher.model`.

        Empty if answers are right or wrong, so that no comparison is needed.
        """
        spec = self.spec
        wanted = isinstance(self.form, Text)
        return (spec.evaluate.judge_model or spec.teacher.model) if wanted else ""

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Groups of answers, by which examples are balanced and new inputs are requested.

        - classify: the labels, in the order of `task.toml`
        - extract: the sets of fields that the seeds have
        - generate: one group
        """
        return self.form.groups or tuple(
            dict.fromkeys(self.form.group(row.answer) for row in self.seeds)
        )

    def seeds_of(self, group: str) -> list[LabelledExample]:
        """Return the seeds of a group."""
        return [row for row in self.seeds if self.form.group(row.answer) == group]

    @cached_property
    def parts(self) -> dict[str, str]:
        """Hash of each part of the task, to find the edited part."""
        # The budget and the way that requests are sent change no answer.
        shaping = self.spec.model_dump(mode="json", exclude=NOT_SHAPING)
        if shaping["student"]["patience"] is None:  # keeps the hash of the former default, 2
            shaping["student"]["patience"] = 2
        if foreign := self._foreign_rates():  # a new exchange rate changes them in USD
            shaping["foreign_prices"] = foreign
        parts = {"task.toml": stable_hash(shaping)}
        if isinstance(self.form, Fields):
            parts[SCHEMA] = stable_hash(self.form.schema)
        parts |= {name: stable_hash(text) for name, text in self.prompts.items()}
        parts["seeds.jsonl"] = stable_hash([[row.input, row.answer] for row in self.seeds])
        gold = sorted((*self.gold, *self.copies), key=lambda row: row.line)
        parts["gold.jsonl"] = stable_hash([[row.input, row.answer] for row in gold])
        parts["inputs.jsonl"] = stable_hash(list(self.inputs))
        if self.reviews:  # without reviews, the hash stays that of versions without them
            parts[REVIEWS] = stable_hash([[row.input, row.answer] for row in self.reviews])
        if self.preferences:
            parts[PREFERENCES] = stable_hash([[row.id, row.better] for row in self.preferences])
        return parts

    def _foreign_rates(self) -> dict[str, list[str]]:
        """Return the USD rates of the prices in another currency, by model."""
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
        """Return the task with other values in `[teacher]`."""
        teacher = self.spec.teacher.model_copy(update=changes)
        return replace(self, spec=self.spec.model_copy(update={"teacher": teacher}))

    def render(self, prompt: str, **values: object) -> str:
        """Fill `values`, the description and the labels or fields into a prompt file.

        Raises InputError, naming the file, if the template is broken or needs an unknown value.
        """
        try:
            text = _template(self.prompts[prompt]).render(
                description=self.spec.description, **self.form.values(), **values
            )
        except TEMPLATE_ERRORS as error:
            said = str(error) or type(error).__name__  # MemoryError has no text
            raise InputError(f"{self.folder / prompt}: {said}") from error
        return text.rstrip("\n")


@lru_cache(maxsize=64)
def _template(text: str) -> Template:
    """Compile a template once; compiling takes a hundred times as long as rendering."""
    env = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True)
    return env.from_string(text)
