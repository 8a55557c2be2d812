"""The checked record of a task, the folder `prompts/<task>/`, with its hash and prompts."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from distill.core.conversation import as_text, turns_of, with_roles
from distill.core.dataset import LabelledExample, LoggedAnswer, ReviewDecision
from distill.core.errors import InvalidInput, Problem
from distill.core.evaluation import Preference
from distill.core.requests import Message
from distill.core.special_tokens import inert
from distill.core.suggestions import did_you_mean
from distill.core.text import fold, stable_hash
from distill.pricing.token_prices import TOKENS, Rates
from distill.task.kinds import AnswerForm
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text
from distill.task.spec import INJECTED_SHARE, USD, TaskSpec
from distill.text.embedding_models import MINILM
from distill.text.language import english_name

PROMPTS = ("synthesize.md", "answer.md", "student.md")
# Default prompts of API teachers and judges. A file of the same name in the task's folder overrides
# a default.
INSTRUCTIONS = ("synthesize.system.md", "synthesize.ask.md", "answer.system.md", "judge.md")
COMPARE = "compare.md"
# Prompts for texts of the label `other`: to a model that continues a list, and to an API teacher.
NEAR_MISS, NEAR_MISS_ASK = NEAR_MISS_PROMPTS = ("near_miss.md", "near_miss.ask.md")
# Settings that affect neither answers nor students. A change of one does not start a new run.
NOT_SHAPING: dict[str, Any] = {
    **{"budget": True, "traffic": True, "people": True, "currencies": True},
    **{"terms": True, "today": True},
    **{"teacher": {"mode"}, "machine": {"sure"}},
    "prices": {"__all__": {"currency", "source", "sure"}},
}
# Keys of task.toml that 0.2.0 did not have, with their defaults.
NEWER = {"language": "", "embedding_model": MINILM}
EXAMPLES = "examples.jsonl"
ANSWERS = "answers.jsonl"
REVIEWS = "reviews.jsonl"
PREFERENCES = "preferences.jsonl"
SCHEMA = "schema.json"
# A template can run code, as in "{{ description.index('zzz') }}", and so raise almost any error.
TEMPLATE_ERRORS = (
    *(TemplateError, TypeError, ArithmeticError, ValueError, LookupError, AttributeError),
    *(AssertionError, RecursionError, MemoryError, SyntaxError),
)

UNDEFINED = re.compile(r"'(\w+)' is undefined")


@dataclass(frozen=True)
class Task:
    """A checked task: its specification, prompts and rows.

    `leaking`: the seeds that the leak gate removed from `seeds`.
    `copies`: the rows of gold.jsonl that repeat a row of `gold`.
    `has_conversations`: True if an input of the task is a conversation.
    """

    spec: TaskSpec
    folder: Path
    form: AnswerForm
    prompts: Mapping[str, str]
    seeds: tuple[LabelledExample, ...]
    gold: tuple[LabelledExample, ...]
    inputs: tuple[str, ...]
    examples: tuple[LabelledExample, ...] = ()
    answers: tuple[LoggedAnswer, ...] = ()
    reviews: tuple[ReviewDecision, ...] = ()
    preferences: tuple[Preference, ...] = ()
    leaking: tuple[LabelledExample, ...] = ()
    copies: tuple[LabelledExample, ...] = ()
    has_conversations: bool = False

    @property
    def name(self) -> str:
        """The task's name, as in `distill run NAME`."""
        return self.spec.name

    @property
    def language(self) -> str:
        """The English name of the language of new inputs; "" if task.toml names none."""
        return english_name(self.spec.language)

    @property
    def rates(self) -> dict[str, Rates]:
        """The prices in USD from task.toml or distill.toml, by model."""
        currencies = self.spec.currencies
        return {model: price.rates(currencies) for model, price in self.spec.prices.items()}

    @property
    def named_models(self) -> dict[str, str]:
        """The model names of the teacher and the baselines, by system."""
        baselines = self.spec.evaluate.baselines
        return {"teacher": self.spec.teacher.model} | {name: name for name in baselines}

    @cached_property
    def logged_answers(self) -> dict[str, LoggedAnswer]:
        """The answers of production logs that are labels, by input; {} without given inputs."""
        if "inputs" not in self.spec.generate.sources:
            return {}
        given = set(self.inputs)
        return {row.input: row for row in self.answers if row.input in given}

    @property
    def models_asked(self) -> tuple[tuple[str, str], ...]:
        """The models that the task uses, as (key in task.toml, model)."""
        return self.spec.models_asked

    @property
    def judge(self) -> str:
        """The name of the model that judges examples; "" without a judge."""
        spec = self.spec
        return (spec.curate.judge_model or spec.teacher.model) if spec.curate.judge else ""

    @property
    def judge_of_systems(self) -> str:
        """The name of the model that compares the systems' answers.

        "" unless the task is a generate task, since other answers are scored as right or wrong.
        """
        spec = self.spec
        wanted = isinstance(self.form, Text)
        return (spec.evaluate.judge_model or spec.teacher.model) if wanted else ""

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The groups of answers, by which examples are balanced and new inputs are requested.

        - classify: the labels, in the order of `task.toml`
        - extract: the sets of fields in the seeds' answers
        - generate: one group
        """
        return self.form.groups or tuple(
            dict.fromkeys(self.form.group(row.answer) for row in self.seeds)
        )

    @cached_property
    def unlabelled(self) -> tuple[tuple[int, str], ...]:
        """The inputs that are not gold, each with its number in inputs.jsonl.

        A text that a person labelled for the test remains in inputs.jsonl, but no longer counts.
        """
        tested = {fold(row.input) for row in self.gold}
        rows = enumerate(self.inputs, start=1)
        return tuple((number, text) for number, text in rows if fold(text) not in tested)

    def turns(self, text: str) -> tuple[Message, ...]:
        """Return the turns of an input, as a model gets them.

        In conversations, special tokens are inert, so that no content can end its turn.
        """
        turns = turns_of(text)
        if len(turns) == 1 and not self.has_conversations:
            return turns
        return tuple(replace(turn, content=inert(turn.content)) for turn in turns)

    def shown(self, text: str) -> str:
        """Return an input as prompts show it.

        In a task with conversations, each input has roles, so that no text looks like turns.
        """
        return with_roles(turns_of(text)) if self.has_conversations else as_text(text)

    def seeds_of(self, group: str) -> list[LabelledExample]:
        """Return the seeds of a group."""
        return [row for row in self.seeds if self.form.group(row.answer) == group]

    @cached_property
    def parts(self) -> dict[str, str]:
        """The hash of each part of the task, by file name, to find the edited file."""
        parts = {"task.toml": stable_hash(self._shaping())}
        if isinstance(self.form, Fields):
            parts[SCHEMA] = stable_hash(self.form.schema)
        parts |= {name: stable_hash(text) for name, text in self.prompts.items()}
        parts["seeds.jsonl"] = stable_hash([[row.input, row.answer] for row in self.seeds])
        gold = sorted((*self.gold, *self.copies), key=lambda row: row.line)
        parts["gold.jsonl"] = stable_hash([[row.input, row.answer] for row in gold])
        parts["inputs.jsonl"] = stable_hash(list(self.inputs))
        if self.examples:
            parts[EXAMPLES] = stable_hash([[row.input, row.answer] for row in self.examples])
        if self.answers:
            rows = [[row.input, row.answer, row.model] for row in self.answers]
            parts[ANSWERS] = stable_hash(rows)
        if self.reviews:  # without reviews, the hash is the same as in older versions
            parts[REVIEWS] = stable_hash([[row.input, row.answer] for row in self.reviews])
        if self.preferences:
            parts[PREFERENCES] = stable_hash([[row.id, row.better] for row in self.preferences])
        return parts

    def _shaping(self) -> dict[str, Any]:
        """Return the settings that affect a run; newer ones only if they are no default.

        The hash of an older task therefore stays the same.
        """
        shaping = self.spec.model_dump(mode="json", exclude=NOT_SHAPING)
        if shaping["student"]["patience"] is None:  # keeps the hash of the former default, 2
            shaping["student"]["patience"] = 2
        if self.spec.student.injected_share == INJECTED_SHARE:
            del shaping["student"]["injected_share"]
        if self.spec.evaluate.encoder:
            del shaping["evaluate"]["encoder"]
        if not self.spec.generate.contrastive:
            del shaping["generate"]["contrastive"]
        for key, default in NEWER.items():
            if shaping[key] == default:
                del shaping[key]
        if foreign := self._foreign_rates():  # an exchange rate changes these prices in USD
            shaping["foreign_prices"] = foreign
        return shaping

    def _foreign_rates(self) -> dict[str, list[str]]:
        """Return the prices given in another currency, converted to USD, by model."""
        return {
            model: [str(getattr(self.rates[model], kind)) for kind in TOKENS]
            for model, price in self.spec.prices.items()
            if price.currency != USD
        }

    @cached_property
    def hash(self) -> str:
        """The hash of all parts of the task that affect a run."""
        return stable_hash(self.parts)

    def with_teacher(self, **changes: str) -> "Task":
        """Return a copy of the task with the given values in `[teacher]`."""
        teacher = self.spec.teacher.model_copy(update=changes)
        return replace(self, spec=self.spec.model_copy(update={"teacher": teacher}))

    def render(self, prompt: str, **values: object) -> str:
        """Render a prompt file with `values`, description, language, and labels or fields.

        The language is its English name; "" if task.toml names none.

        `input` and the inputs of `seeds` are shown by `shown`. Raises InvalidInput, with the file,
        if the template is invalid or uses an unknown value.
        """
        values = {"language": self.language, **self.form.values(), **values}
        try:
            text = _template(self.prompts[prompt]).render(
                description=self.spec.description, **self._shown(values)
            )
        except TEMPLATE_ERRORS as error:
            said = str(error) or type(error).__name__  # MemoryError has no message
            line = _line_of(error, self.prompts[prompt])
            fix = _nearest_value(said, {"description", *values})
            raise InvalidInput(Problem(said, str(self.folder / prompt), line, fix=fix)) from error
        return text.rstrip("\n")

    def _shown(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of a prompt, with the inputs as prompts show them."""
        found = dict(values)
        if "input" in values:
            found["input"] = self.shown(values["input"])
        if self.has_conversations and "seeds" in values:
            found["seeds"] = [replace(row, input=self.shown(row.input)) for row in values["seeds"]]
        return found


def _line_of(error: Exception, prompt: str) -> int | None:
    """Return the line of an error in a template; None if unknown."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    if not (unknown := UNDEFINED.match(str(error))):
        return None
    word = re.compile(rf"\b{unknown[1]}\b")
    lines = enumerate(prompt.split("\n"), start=1)
    return next((number for number, line in lines if word.search(line)), None)


def _nearest_value(said: str, known: Collection[str]) -> str:
    """Return the remedy for an unknown value in a template's error; "" for other errors."""
    found = UNDEFINED.match(said)
    if not found:
        return ""
    return did_you_mean(found[1], known) or f"known: {', '.join(sorted(known))}"


@lru_cache(maxsize=64)
def _template(text: str) -> Template:
    """Compile a template, cached because compiling takes a hundred times as long as rendering."""
    env = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True)
    return env.from_string(text)
