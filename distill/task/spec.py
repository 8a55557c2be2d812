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
    Field,
    field_validator,
    model_validator,
)

from distill.pricing.token_prices import OF_THE_CACHE, Rates
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
# Joiners in Persian, Sinhala and emoji, the Mongolian vowel separator, and tags of flag emoji.
JOINERS = frozenset(("\u200c", "\u200d", "\u180e", *map(chr, range(0xE0020, 0xE0080))))
FLAG_END = "\U000e007f"
TEXT_PARITY = 0.9  # default of evaluate.parity in a generate task


def _no_auto(name: str) -> str:
    if name == "auto":
        raise ValueError("only teacher.model can be auto: give the name of a model")
    return name


NamedModel = Annotated[str, AfterValidator(_no_auto)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class TeacherSpec(_Section):
    """The choice of the teacher, and the form of its requests."""

    model: str = "auto"
    mode: Literal["auto", "online", "batch"] = "auto"
    few_shot: Annotated[int, Field(ge=0, le=64)] = 12
    votes: Annotated[int, Field(ge=1, le=15)] = 1
    rationale: bool = False
    in_flight: Annotated[int, Field(ge=1, le=1024)] = 32


class GenerateSpec(_Section):
    """The settings for new inputs: number, sources and sampling."""

    requests: Annotated[int, Field(ge=0, le=10_000_000)] = 800
    examples: Annotated[int, Field(ge=0)] = 0
    least_yield: Annotated[float, Field(ge=0, le=1)] = 0.1
    sources: tuple[Literal["inputs", "synthesis"], ...] = ("inputs", "synthesis")
    seeds_shown: Annotated[int, Field(ge=1, le=64)] = 6
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.9
    min_p: Annotated[float, Field(ge=0, lt=1)] = 0.1
    max_tokens: Annotated[int, Field(ge=1)] = 60
    inputs_per_request: Annotated[int, Field(ge=1, le=50)] = 5
    axes: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = AXES["classify"]
    seed: int = 0


class CurateSpec(_Section):
    """The checks that a candidate must pass; `false`, 0, "off" or "" switches a check off."""

    min_words: Annotated[int, Field(ge=0)] = 3
    max_words: Annotated[int, Field(ge=0)] = 80
    boilerplate: bool = True
    leaked_prompt: bool = True
    language: Annotated[str, Field(pattern="^([a-z]{2})?$")] = ""
    privacy: Literal["off", "mask", "drop"] = "mask"
    private_kinds: tuple[Literal["email", "phone", "card", "iban", "ip", "secret"], ...] = (
        *("email", "phone", "card", "iban", "ip", "secret"),
    )
    private_names: tuple[Annotated[str, Field(pattern=r"\S")], ...] = ()
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
    judge_model: NamedModel = ""
    balance: Literal["off", "equal", "inputs"] = "off"

    @field_validator("language")
    @classmethod
    def _is_known(cls, code: str) -> str:
        if code and code not in languages():
            raise ValueError(f"unknown {code!r}; known: {', '.join(languages())}")
        return code

    @field_validator("phone_region")
    @classmethod
    def _is_a_region(cls, code: str) -> str:
        if code not in phone_regions():
            hint = "; the United Kingdom is GB" if code == "UK" else ""
            raise ValueError(f"unknown {code!r}: give a country's two letters (ISO 3166){hint}")
        return code


class LeaksSpec(_Section):
    """The thresholds of the leak gate.

    - near, semantic: the minimum similarity to gold of a leak; 0 switches the comparison off
    - most_share: the maximum share of leaking examples; a higher share is an error
    """

    near: Annotated[float, Field(ge=0, le=1)] = 0.9
    semantic: Annotated[float, Field(ge=0, le=1)] = 0.96
    most_share: Annotated[float, Field(ge=0, le=1)] = 0.3


class StudentSpec(_Section):
    """The base and the recipe of the student; None for a default by the size of the base."""

    base: str = "auto"
    trainer: str = "auto"
    rank: Annotated[int, Field(ge=1, le=512)] | None = None
    alpha: Annotated[int, Field(ge=1)] | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    rslora: bool = False
    load_in_4bit: bool | None = None
    epochs: Annotated[float, Field(gt=0, le=1000)] | None = None
    learning_rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    schedule: Literal["cosine", "linear"] = "cosine"
    warmup_share: Annotated[float, Field(ge=0, lt=1)] = 0.06
    batch_size: Annotated[int, Field(ge=1)] | None = None
    patience: Annotated[int, Field(ge=0)] | None = None
    context_tokens: Annotated[int, Field(ge=64)] = 1024
    seed_repeats: Annotated[int, Field(ge=0)] = 2
    validation_share: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    seed: int = 0


class EvaluateSpec(_Section):
    """The settings of the evaluation."""

    margin: Annotated[float, Field(gt=0, lt=1)] = 0.02
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    in_flight: Annotated[int, Field(ge=1, le=1024)] = 8
    parity: Annotated[float, Field(ge=0, le=1)] = 0.98
    teacher_twice: bool = True
    speed_requests: Annotated[int, Field(ge=0)] = 100
    side_effects: bool = True
    most_forgotten: Annotated[float, Field(ge=0, le=1)] = 1.0
    most_unsafe: Annotated[float, Field(ge=0, le=1)] = 0.05
    baselines: tuple[NamedModel, ...] = ()
    judge_model: NamedModel = ""

    @model_validator(mode="after")
    def _baselines_have_names_of_their_own(self) -> "EvaluateSpec":
        if len(set(self.baselines)) < len(self.baselines):
            raise ValueError("baselines: a model is listed twice: remove one of them")
        return self


class MachineSpec(_Section):
    """The assumed price of the machine that serves local models."""

    usd_per_hour: Annotated[Decimal, Field(gt=0)] = Decimal("0.10")
    sure: bool = False


class PeopleSpec(_Section):
    """The hours of people's work on seeds, gold and reviews, and the price of an hour.

    The cost is part of the investment that the student has to pay back.
    """

    hours: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    usd_per_hour: Annotated[Decimal, Field(ge=0)] = Decimal(0)

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
    """The production traffic, for the break-even and the cost of machines that are always on.

    `utilisation`: the maximum average load of a machine, which leaves room for peaks.
    """

    requests_per_day: Annotated[int, Field(ge=1)] = 10_000
    utilisation: Annotated[float, Field(gt=0, le=1)] = 0.6


class TodaySpec(_Section):
    """The model that does the job today, against which the saving is stated.

    - model: as in `teacher.model`; by default the teacher does the job
    - prompt_tokens, completion_tokens: mean tokens of a request; by default the teacher's
    """

    model: str = ""
    prompt_tokens: Annotated[int | None, Field(ge=1)] = None
    completion_tokens: Annotated[int | None, Field(ge=0)] = None

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

    - cached, cache_write: by default in proportion to the known price; otherwise equal to `input`
    - source: the origin of the price
    - sure: True to confirm a price that differs greatly from the known price
    """

    input: Annotated[Decimal, Field(gt=0)]
    output: Annotated[Decimal, Field(gt=0)]
    cached: Annotated[Decimal, Field(ge=0)] | None = None
    cache_write: Annotated[Decimal, Field(ge=0)] | None = None
    currency: str = USD
    source: str = ""
    sure: bool = False

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


class BudgetSpec(_Section):
    """The limits of providers' bills for a run.

    - usd: the maximum bill of a run
    - ask_above_usd: the estimate above which a user at a terminal is asked for consent
    """

    usd: Annotated[Decimal, Field(gt=0)] = Decimal("5.00")
    ask_above_usd: Annotated[Decimal, Field(ge=0)] = Decimal("0.10")


class ProjectSpec(_Section):
    """The contents of `distill.toml`: defaults for all tasks of a project."""

    machine: MachineSpec = MachineSpec()
    traffic: TrafficSpec = TrafficSpec()
    today: TodaySpec = TodaySpec()
    people: PeopleSpec = PeopleSpec()
    budget: BudgetSpec = BudgetSpec()
    prices: dict[str, PriceSpec] = Field(default_factory=dict)
    currencies: dict[str, Annotated[Decimal, Field(gt=0)]] = Field(default_factory=dict)

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

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    kind: Literal["classify", "extract", "generate"]
    description: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    teacher: TeacherSpec = TeacherSpec()
    generate: GenerateSpec = GenerateSpec()
    curate: CurateSpec = CurateSpec()
    leaks: LeaksSpec = LeaksSpec()
    student: StudentSpec = StudentSpec()
    evaluate: EvaluateSpec = EvaluateSpec()
    terms: TermsSpec = TermsSpec()

    @field_validator("labels")
    @classmethod
    def _can_be_answered(cls, labels: dict[str, str]) -> dict[str, str]:
        for name in labels:
            if not name or name != name.strip() or not _in_one_line(name):
                raise ValueError(
                    f"{name!r}: a label must be one printable line without spaces at its ends"
                    + _unprintable(name)
                )
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
    def _axes_of_its_kind(self) -> "TaskSpec":
        if self.kind in AXES and "axes" not in self.generate.model_fields_set:
            generate = self.generate.model_copy(update={"axes": AXES[self.kind]})
            object.__setattr__(self, "generate", generate)
        return self


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
