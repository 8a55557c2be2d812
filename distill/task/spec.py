"""The checked sections of `task.toml` and `distill.toml`.

Every key has a default, except the name, the kind and the labels of a classify task. An unknown key
is an error that lists the known keys, so that a typo is not silently ignored.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal
from unicodedata import category
from unicodedata import name as unicode_name

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from distill.pricing.token_prices import OF_THE_CACHE, Rates
from distill.text.embedding_models import MINILM
from distill.text.language import languages
from distill.text.pii.detect import phone_regions

# Properties of new inputs that an API teacher varies.
_EVERY_KIND = {
    "tone": ("calm", "hurried", "angry", "polite", "confused", "friendly"),
    "length": ("a few words", "one sentence", "two or three sentences", "long, with a story"),
}
AXES = {
    "classify": _EVERY_KIND
    | {
        "difficulty": (
            "says plainly what it is about",
            "never uses the words that give the category away",
            "mentions another category in passing",
            "a rare case, at the edge of the category",
        )
    },
    "extract": _EVERY_KIND
    | {
        "difficulty": (
            "gives the values plainly",
            "gives a value in an unusual way of writing",
            "mentions something like a value that is none",
            "corrects a value after naming it",
        )
    },
    "generate": _EVERY_KIND
    | {
        "difficulty": (
            "plain and short of surprises",
            "leaves out something that one would expect",
            "mixes two matters",
            "a rare case, at the edge of what the job is about",
        )
    },
}
USD = "USD"
NAME = r"^[a-z0-9][a-z0-9_-]*$"
# Joiners in Persian, Sinhala and emoji, the Mongolian vowel separator, and tags of flag emoji.
JOINERS = frozenset(("\u200c", "\u200d", "\u180e", *map(chr, range(0xE0020, 0xE0080))))
FLAG_END = "\U000e007f"
INJECTED_SHARE = 0.2
TEXT_PARITY = 0.9  # default of evaluate.parity in a generate task


def _no_auto(name: str) -> str:
    if name == "auto":
        raise ValueError("only teacher.model can be auto: give the name of a model")
    return name


NamedModel = Annotated[str, AfterValidator(_no_auto)]


def _known_language(code: str) -> str:
    if code and code not in languages():
        raise ValueError(f"unknown {code!r}; known: {', '.join(languages())}")
    return code


LanguageCode = Annotated[
    str, Field(pattern="^([a-z]{2})?$"), AfterValidator(_known_language)
]  # ISO 639-1; "" for none


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=False, use_attribute_docstrings=True
    )


class TeacherSpec(_Section):
    """The choice of the teacher, and the form of its requests."""

    model: str = "auto"
    """Model that answers the examples; `auto` goes by the keys that are set."""
    mode: Literal["auto", "online", "batch"] = "auto"
    """`batch` asks through batches at half the price; `auto` only for `--detach`."""
    few_shot: Annotated[int, Field(ge=0, le=64)] = 12
    """Seeds shown with each question, the most similar ones."""
    votes: Annotated[int, Field(ge=1, le=15)] = 1
    """Answers per input; the commonest one is kept."""
    rationale: bool = False
    """Ask for reasons before the label; they are stored, not learned."""
    in_flight: Annotated[int, Field(ge=1, le=1024)] = 32
    """Most requests at the same time."""


class GenerateSpec(_Section):
    """The settings for new inputs: number, sources and sampling."""

    requests: Annotated[int, Field(ge=0, le=10_000_000)] = 800
    """New inputs to ask for; with `examples`, the most."""
    examples: Annotated[int, Field(ge=0)] = 0
    """Examples to keep; 0 asks for all `requests` at once."""
    least_yield: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Stop if a round keeps a smaller share of what it asked for."""
    sources: tuple[Literal["inputs", "synthesis"], ...] = ("inputs", "synthesis")
    """Where inputs come from: your `inputs.jsonl`, new ones, or both."""
    seeds_shown: Annotated[int, Field(ge=1, le=64)] = 6
    """Seeds shown in a request for new inputs."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.9
    """Sampling temperature of new inputs."""
    min_p: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Least probability of a token, relative to the likeliest one."""
    max_tokens: Annotated[int, Field(ge=1)] = 60
    """Most tokens of a new input."""
    inputs_per_request: Annotated[int, Field(ge=1, le=50)] = 5
    """New inputs in one request to a model behind an API."""
    axes: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = AXES["classify"]
    """Properties that new inputs vary along, each with its values."""
    contrastive: bool = False
    """Make every second input of confused labels from a seed of the other label."""
    seed: int = 0
    """Seed of the sampling."""


class CurateSpec(_Section):
    """The checks that a candidate must pass; `false`, 0, "off" or "" switches a check off."""

    min_words: Annotated[int, Field(ge=0)] = 3
    """Fewest words of a new input."""
    max_words: Annotated[int, Field(ge=0)] = 80
    """Most words of a new input."""
    boilerplate: bool = True
    """Drop refusals and placeholders."""
    leaked_prompt: bool = True
    """Drop texts that repeat the prompt."""
    language: LanguageCode = ""
    """Two letters, like `en`: drop texts clearly in another language; by default `language`."""
    privacy: Literal["off", "mask", "drop"] = "mask"
    """Replace personal data, drop the row, or do nothing."""
    private_kinds: tuple[Literal["email", "phone", "card", "iban", "ip", "secret"], ...] = (
        *("email", "phone", "card", "iban", "ip", "secret"),
    )
    """Kinds of personal data to look for."""
    private_names: tuple[Annotated[str, Field(pattern=r"\S")], ...] = ()
    """Names to look for, too."""
    phone_region: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "US"
    """Country whose telephone numbers are read, two letters."""
    agreement: bool = True
    """Drop a row if the answer is not the label that was asked for."""
    min_agreement: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Least share of the votes for the answer that is kept."""
    contradictions: bool = True
    """Keep one answer to an input that has several."""
    exact_duplicates: bool = True
    """Drop repeated texts."""
    near_duplicates: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Similarity of characters from which two texts are duplicates."""
    semantic_duplicates: Annotated[float, Field(ge=0, le=1)] = 0.95
    """Similarity of meaning from which two texts are duplicates."""
    suspect_labels: Literal["off", "second_opinion", "drop"] = "off"
    """Drop labels that similar rows do not have."""
    second_opinion: bool = True
    """Drop answers that a model fitted to the seeds contradicts."""
    judge: Annotated[int, Field(ge=0, le=5)] = 0
    """Least score, 1 to 5, from a judge; 0 asks no judge."""
    judge_model: NamedModel = ""
    """Model that scores; by default the teacher."""
    balance: Literal["off", "equal", "inputs"] = "off"
    """Most rows of a label: an equal part, or as in the inputs."""

    @field_validator("phone_region")
    @classmethod
    def _is_a_region(cls, code: str) -> str:
        if code not in phone_regions():
            hint = "; the United Kingdom is GB" if code == "UK" else ""
            raise ValueError(f"unknown {code!r}: give a country's two letters (ISO 3166){hint}")
        return code


class LeaksSpec(_Section):
    """The thresholds of the leak gate."""

    near: Annotated[float, Field(ge=0, le=1)] = 0.9
    """Share of equal letters from which a row is too close to gold; 0 is off."""
    semantic: Annotated[float, Field(ge=0, le=1)] = 0.96
    """Similarity of meaning from which a row is too close to gold; 0 is off."""
    most_share: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Most rows too close to gold; above this share the run stops."""


class StudentSpec(_Section):
    """The base and the recipe of the student; None for a default by the size of the base."""

    base: str = "auto"
    """Folder or hub name of the base; `auto` is the embedded one on a processor."""
    trainer: str = "auto"
    """`unsloth`, `peft`, `openai` or `encoder`; `auto` takes what is installed."""
    rank: Annotated[int, Field(ge=1, le=512)] | None = None
    """Rank of LoRA; without it by the size of the base."""
    alpha: Annotated[int, Field(ge=1)] | None = None
    """Scale of LoRA; without it equal to `rank`."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout of LoRA."""
    rslora: bool = False
    """Divide the scale by the root of the rank."""
    load_in_4bit: bool | None = None
    """Train on a base rounded to 4 bits; without it by its size."""
    epochs: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Passes over the rows; without it by the size of the base."""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Step size; without it by the size of the base."""
    schedule: Literal["cosine", "linear"] = "cosine"
    """How the learning rate falls."""
    warmup_share: Annotated[float, Field(ge=0, lt=1)] = 0.06
    """Share of the steps in which the learning rate rises."""
    batch_size: Annotated[int, Field(ge=1)] | None = None
    """Rows in a step; without it by the size of the base."""
    patience: Annotated[int, Field(ge=0)] | None = None
    """Checks without a lower loss before the training stops; 0 never stops."""
    context_tokens: Annotated[int, Field(ge=64)] = 1024
    """Most tokens of a row; a longer row is dropped."""
    seed_repeats: Annotated[int, Field(ge=0)] = 2
    """How often each seed is in the training rows; 0 leaves seeds out."""
    injected_share: Annotated[float, Field(ge=0, le=1)] = INJECTED_SHARE
    """Share of the examples that are learnt again with a hidden instruction to ignore."""
    validation_share: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    """Share of the rows that check the training."""
    seed: int = 0
    """Seed of the training."""


class EvaluateSpec(_Section):
    """The settings of the evaluation."""

    margin: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """Loss that you accept; 0.02 is 2 points. Set it before the run."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence of the intervals and the verdict."""
    in_flight: Annotated[int, Field(ge=1, le=1024)] = 8
    """Requests at the same time while answers are timed."""
    parity: Annotated[float, Field(ge=0, le=1)] = 0.98
    """Least share of answers that trainer and server must have in common."""
    teacher_twice: bool = True
    """Ask the teacher about 50 gold rows again."""
    speed_requests: Annotated[int, Field(ge=0)] = 100
    """Requests of the speed test; 0 skips it."""
    side_effects: bool = True
    """Probe what the training may have broken."""
    most_forgotten: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Most general ability that the training may lose."""
    most_unsafe: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Most probes that may lead the student astray."""
    encoder: bool = True
    """Train a small encoder on the student's rows, to compare; takes about a minute."""
    baselines: tuple[NamedModel, ...] = ()
    """Other models to compare, named like `teacher.model`."""
    judge_model: NamedModel = ""
    """Judge of texts; by default the teacher. Only for generate."""

    @model_validator(mode="after")
    def _baselines_have_names_of_their_own(self) -> "EvaluateSpec":
        if len(set(self.baselines)) < len(self.baselines):
            raise ValueError("baselines: a model is listed twice: remove one of them")
        return self


class MachineSpec(_Section):
    """The assumed price of the machine that serves local models."""

    usd_per_hour: Annotated[Decimal, Field(gt=0)] = Decimal("0.10")
    """Price of an hour of the machine that serves."""
    sure: bool = False
    """Confirm a price that looks like a slip."""


class PeopleSpec(_Section):
    """The hours of people's work on seeds, gold and reviews, and the price of an hour.

    The cost is part of the investment that the student has to pay back.
    """

    hours: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    """Hours of people's work on seeds, gold and reviews."""
    usd_per_hour: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    """Price of an hour of that work."""

    @model_validator(mode="after")
    def _hours_have_a_price(self) -> "PeopleSpec":
        if bool(self.hours) != bool(self.usd_per_hour):
            raise ValueError("people: set both hours and usd_per_hour; one of them is missing")
        return self

    @property
    def usd(self) -> Decimal:
        """The cost of all hours, in USD."""
        return self.hours * self.usd_per_hour


class TrafficSpec(_Section):
    """The production traffic, for the break-even and the cost of machines that are always on."""

    requests_per_day: Annotated[int, Field(ge=1)] = 10_000
    """Requests in production, spread over the day."""
    utilisation: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Most that a machine may be busy, on average; the rest is for peaks."""


class TodaySpec(_Section):
    """The model that does the job today, against which the saving is stated."""

    model: str = ""
    """Model that does the job today; by default the teacher."""
    prompt_tokens: Annotated[int | None, Field(ge=1)] = None
    """Prompt tokens of a request today; by default the teacher's."""
    completion_tokens: Annotated[int | None, Field(ge=0)] = None
    """Answer tokens of a request today; by default the teacher's."""

    @property
    def given(self) -> dict[str, str | int]:
        """The keys that the task sets."""
        found = self.model_dump(exclude_none=True)
        return {key: value for key, value in found.items() if value != ""}

    @model_validator(mode="after")
    def _tokens_have_a_model(self) -> "TodaySpec":
        given = (self.prompt_tokens, self.completion_tokens)
        if not self.model and given != (None, None):
            raise ValueError("today: tokens need today.model, whose requests have them")
        return self


class PriceSpec(_Section):
    """A price per 1M tokens of a model with an unknown or a negotiated price.

    Without a known price, `cached` and `cache_write` equal `input`.
    """

    input: Annotated[Decimal, Field(gt=0)]
    """Price of 1M prompt tokens."""
    output: Annotated[Decimal, Field(ge=0)]
    """Price of 1M answer tokens; 0 for a decision model."""
    cached: Annotated[Decimal, Field(ge=0)] | None = None
    """Price of 1M cached tokens; by default in proportion to the known price."""
    cache_write: Annotated[Decimal, Field(ge=0)] | None = None
    """Price of 1M tokens written to the cache; by default likewise."""
    currency: str = USD
    """Currency of the price; its rate is in `[currencies]`."""
    source: str = ""
    """Where the price is from."""
    sure: bool = False
    """Confirm a price that differs greatly from the known one."""

    def rates(self, currencies: Mapping[str, Decimal]) -> Rates:
        """Return the rates in USD; `currencies` gives the USD per unit of each other currency."""
        cached = self.input if self.cached is None else self.cached
        write = self.input if self.cache_write is None else self.cache_write
        usd = {USD: Decimal(1), **currencies}[self.currency]
        prices = (self.input, self.output, cached, write)
        assumed = tuple(kind for kind in OF_THE_CACHE if getattr(self, kind) is None)
        source = self.source or "task.toml"
        return Rates(*(usd * price for price in prices), source=source, assumed=assumed)


def _reason(text: str) -> str:
    if not re.search(r"\w", text):
        raise ValueError("state who gave the permission, and where it is written")
    return " ".join(text.split())


class TermsSpec(_Section):
    """The user's permission to train on the outputs of a teacher, if its terms do not give it."""

    confirmed: Annotated[str, AfterValidator(_reason)] = ""
    """Who permits the training, and where that is written."""


class BudgetSpec(_Section):
    """The limits of providers' bills for a run."""

    usd: Annotated[Decimal, Field(gt=0)] = Decimal("5.00")
    """Most that providers may bill a run, worst cases included."""
    ask_above_usd: Annotated[Decimal, Field(ge=0)] = Decimal("0.10")
    """Estimate above which a run on a terminal asks you."""


class OtherLabel(_Section):
    """The label of inputs that belong to none of the other labels."""

    meaning: str
    """What belongs there."""
    other: Literal[True]
    """Marks the label of what belongs to no other label; at most one label has it."""


def _form_of_label(value: object) -> str:
    """Return "table" for an `OtherLabel`. A label with a dot makes a table of other keys."""
    is_table = isinstance(value, dict) and bool(value.keys() & OtherLabel.model_fields.keys())
    return "table" if is_table or isinstance(value, OtherLabel) else "text"


LabelSpec = Annotated[
    Annotated[str, Tag("text")] | Annotated[OtherLabel, Tag("table")], Discriminator(_form_of_label)
]


class ProjectSpec(_Section):
    """The contents of `distill.toml`: defaults for all tasks of a project."""

    machine: MachineSpec = MachineSpec()
    traffic: TrafficSpec = TrafficSpec()
    today: TodaySpec = TodaySpec()
    people: PeopleSpec = PeopleSpec()
    budget: BudgetSpec = BudgetSpec()
    prices: dict[str, PriceSpec] = Field(default_factory=dict)
    """Prices of models, per 1M tokens."""
    currencies: dict[str, Annotated[Decimal, Field(gt=0)]] = Field(default_factory=dict)
    """USD for one unit of another currency."""

    @model_validator(mode="after")
    def _currencies_have_rates(self) -> "ProjectSpec":
        if USD in self.currencies:
            raise ValueError(
                f"currencies.{USD}: remove it; list other currencies, each with its worth in {USD}"
            )
        for model, price in self.prices.items():
            if price.currency not in {USD, *self.currencies}:
                raise ValueError(
                    f'prices."{model}".currency: the exchange rate of {price.currency} is unknown: '
                    f"set {price.currency} = <USD for one> in [currencies]"
                )
        return self


class TaskSpec(ProjectSpec):
    """The checked contents of `task.toml`."""

    name: Annotated[str, Field(pattern=NAME)]
    """Name of the task and of its folder."""
    kind: Literal["classify", "extract", "generate"]
    """What an answer is: a label, fields, or a text."""
    description: str = ""
    """The job in a sentence; a teacher's prompt begins with it."""
    language: LanguageCode = ""
    """Two letters, like `de`: language of new inputs; by default that of the seeds."""
    embedding_model: Annotated[str, Field(min_length=1)] = MINILM
    """Model of sentence embeddings: its folder, or its name on the hub."""
    labels: dict[str, LabelSpec] = Field(default_factory=dict)
    """Labels, each with what belongs there. Only for classify."""
    teacher: TeacherSpec = TeacherSpec()
    generate: GenerateSpec = GenerateSpec()
    curate: CurateSpec = CurateSpec()
    leaks: LeaksSpec = LeaksSpec()
    student: StudentSpec = StudentSpec()
    evaluate: EvaluateSpec = EvaluateSpec()
    terms: TermsSpec = TermsSpec()

    @property
    def meanings(self) -> dict[str, str]:
        """The labels, each with what belongs there."""
        return {
            name: label if isinstance(label, str) else label.meaning
            for name, label in self.labels.items()
        }

    @property
    def other_label(self) -> str:
        """The label of inputs that belong to no other label; "" for none."""
        return next(iter(_others(self.labels)), "")

    @property
    def models_asked(self) -> tuple[tuple[str, str], ...]:
        """The models that the task uses, as (key, model).

        The model is "" if a judge is switched off, or if the teacher is the judge.
        """
        return (
            ("teacher.model", self.teacher.model),
            ("curate.judge_model", self.curate.judge_model if self.curate.judge else ""),
            ("evaluate.judge_model", self.evaluate.judge_model),
            *(("evaluate.baselines", name) for name in self.evaluate.baselines),
        )

    @field_validator("labels")
    @classmethod
    def _can_be_answered(cls, labels: dict[str, LabelSpec]) -> dict[str, LabelSpec]:
        for problem in filter(None, map(label_problem, labels)):
            raise ValueError(problem)
        if len(others := _others(labels)) > 1:
            marked = " and ".join(repr(name) for name in others)
            raise ValueError(f"{marked} have other = true: leave it to one label")
        return labels

    @model_validator(mode="after")
    def _labels_where_they_belong(self) -> "TaskSpec":
        if self.kind == "classify" and len(self.labels) < 2:
            raise ValueError('labels: a classify task needs at least two: add name = "meaning"')
        if self.kind == "extract" and self.labels:
            raise ValueError(
                "labels: remove them; an extract task has fields instead, in schema.json"
            )
        if self.kind == "generate" and self.labels:
            raise ValueError("labels: remove them; the answers of a generate task are texts")
        if self.kind != "classify" and self.generate.contrastive:
            raise ValueError("generate.contrastive: set it to false; only labels are confused")
        return self

    @model_validator(mode="after")
    def _texts_are_compared(self) -> "TaskSpec":
        if self.kind != "generate" and self.evaluate.judge_model:
            raise ValueError(
                "evaluate.judge_model: remove it; only the answers of a generate task are compared"
            )
        if self.kind == "generate" and self.teacher.votes > 1:
            raise ValueError("teacher.votes: set it to 1; texts cannot be put to a vote")
        if self.kind == "generate" and self.teacher.rationale:
            raise ValueError("teacher.rationale: set it to false; texts are given without reasons")
        return self

    @model_validator(mode="after")
    def _parity_of_its_kind(self) -> "TaskSpec":
        """Set the default parity of a generate task.

        It is lower, because rounding may change a token of a long text.
        """
        if self.kind == "generate" and "parity" not in self.evaluate.model_fields_set:
            evaluate = self.evaluate.model_copy(update={"parity": TEXT_PARITY})
            object.__setattr__(self, "evaluate", evaluate)
        return self

    @model_validator(mode="after")
    def _language_of_the_check(self) -> "TaskSpec":
        if self.language and "language" not in self.curate.model_fields_set:
            curate = self.curate.model_copy(update={"language": self.language})
            object.__setattr__(self, "curate", curate)
        return self

    @model_validator(mode="after")
    def _axes_of_its_kind(self) -> "TaskSpec":
        if self.kind in AXES and "axes" not in self.generate.model_fields_set:
            generate = self.generate.model_copy(update={"axes": AXES[self.kind]})
            object.__setattr__(self, "generate", generate)
        return self


def label_problem(name: str) -> str:
    """Return why a text cannot be a label; "" if it can."""
    if name and name == name.strip() and _in_one_line(name):
        return ""
    said = f"{name!r}: a label must be one printable line without spaces at its ends"
    return said + _unprintable(name)


def _others(labels: Mapping[str, LabelSpec]) -> list[str]:
    """Return the labels of inputs that belong to no other label."""
    return [name for name, label in labels.items() if isinstance(label, OtherLabel)]


def _in_one_line(name: str) -> bool:
    """True if a name is one printable line; spaces, and joiners within words or emoji, count."""
    ends = (name[0], name[-1] if name[-1] != FLAG_END else "")
    return not _unprintable(name) and JOINERS.isdisjoint(ends)


def _unprintable(name: str) -> str:
    """Return the end of a message that names the first unprintable character; "" for none."""
    for sign in name:
        if not (sign.isprintable() or sign in JOINERS or category(sign) == "Zs"):
            return f"; remove U+{ord(sign):04X} ({unicode_name(sign, 'a control character')})"
    return ""
