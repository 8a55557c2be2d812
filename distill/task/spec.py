"""The checked sections of `task.toml` and `distill.toml`.

Every key has a default, except the name, the kind and the labels of a classify task. An unknown key
is an error that lists the known keys, so that a typo never becomes a silent default.
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

# Axes along which an API teacher varies new inputs.
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
# Joiners of Persian, Sinhala and emoji, the Mongolian vowel separator, and tags of flag emoji.
JOINERS = frozenset(("\u200c", "\u200d", "\u180e", *map(chr, range(0xE0020, 0xE0080))))
FLAG_END = "\U000e007f"
TEXT_PARITY = 0.9  # default of a generate task


def _no_auto(name: str) -> str:
    if name == "auto":
        raise ValueError("only teacher.model can be auto; name the model")
    return name


NamedModel = Annotated[str, AfterValidator(_no_auto)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class TeacherSpec(_Section):
    """The teacher and the form of its requests."""

    model: str = "auto"
    mode: Literal["auto", "online", "batch"] = "auto"
    few_shot: Annotated[int, Field(ge=0, le=64)] = 12
    votes: Annotated[int, Field(ge=1, le=15)] = 1
    rationale: bool = False
    in_flight: Annotated[int, Field(ge=1, le=1024)] = 32


class GenerateSpec(_Section):
    """The number, the sources and the sampling of new inputs."""

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
    """Checks that a candidate must pass; `false`, 0, "off" or "" switches one off."""

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
            raise ValueError(f"unknown {code!r}: a country's two letters (ISO 3166){hint}")
        return code


class LeaksSpec(_Section):
    """Thresholds of the leak gate.

    - near, semantic: least similarity to gold of a leak; 0 for never
    - most_share: largest share of leaking examples; more means an error in the task
    """

    near: Annotated[float, Field(ge=0, le=1)] = 0.9
    semantic: Annotated[float, Field(ge=0, le=1)] = 0.96
    most_share: Annotated[float, Field(ge=0, le=1)] = 0.3


class StudentSpec(_Section):
    """The base and the recipe of the student; None means a value by the size of the base."""

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
    """The comparison of the systems."""

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
            raise ValueError("baselines: a model stands there twice")
        return self


class MachineSpec(_Section):
    """The price of the machine that serves local models, an assumption that the report shows."""

    usd_per_hour: Annotated[Decimal, Field(gt=0)] = Decimal("0.10")
    sure: bool = False


class PeopleSpec(_Section):
    """The hours of people's work on the student (seeds, gold, reviews) and the price of an hour.

    The cost is a part of the investment that the student has to pay back.
    """

    hours: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    usd_per_hour: Annotated[Decimal, Field(ge=0)] = Decimal(0)

    @model_validator(mode="after")
    def _hours_have_a_price(self) -> "PeopleSpec":
        if bool(self.hours) != bool(self.usd_per_hour):
            raise ValueError("people: hours and usd_per_hour go together; one of them is missing")
        return self

    @property
    def usd(self) -> Decimal:
        """Cost of all hours, in USD."""
        return self.hours * self.usd_per_hour


class TrafficSpec(_Section):
    """Production traffic, for the cost of machines that are always on and for the break-even.

    `utilisation` is the highest load of a machine, for the user to set by the peaks.
    """

    requests_per_day: Annotated[int, Field(ge=1)] = 10_000
    utilisation: Annotated[float, Field(gt=0, le=1)] = 0.6


class PriceSpec(_Section):
    """A model's price per 1M tokens, if it is unknown or another one was agreed.

    - cached, cache_write: by default in proportion to the known price; without one, as `input`
    - source: origin of the price
    - sure: confirms a price far off the known one
    """

    input: Annotated[Decimal, Field(gt=0)]
    output: Annotated[Decimal, Field(gt=0)]
    cached: Annotated[Decimal, Field(ge=0)] | None = None
    cache_write: Annotated[Decimal, Field(ge=0)] | None = None
    currency: str = USD
    source: str = ""
    sure: bool = False

    def rates(self, currencies: Mapping[str, Decimal]) -> Rates:
        """Return the rates in USD; `currencies` gives the USD for one unit of each currency."""
        cached = self.input if self.cached is None else self.cached
        write = self.input if self.cache_write is None else self.cache_write
        usd = {USD: Decimal(1), **currencies}[self.currency]
        prices = (self.input, self.output, cached, write)
        assumed = tuple(kind for kind in OF_THE_CACHE if getattr(self, kind) is None)
        source = self.source or "task.toml"
        return Rates(*(usd * price for price in prices), source=source, assumed=assumed)


def _reason(text: str) -> str:
    if not re.search(r"\w", text):
        raise ValueError("say who gives the permission, and where that is written")
    return " ".join(text.split())


class TermsSpec(_Section):
    """The permission to train on a teacher whose provider's terms forbid it."""

    confirmed: Annotated[str, AfterValidator(_reason)] = ""


class BudgetSpec(_Section):
    """Limits of what providers bill for a run.

    - usd: the most that a run may cost
    - ask_above_usd: estimate above which a user at a terminal is asked
    """

    usd: Annotated[Decimal, Field(gt=0)] = Decimal("5.00")
    ask_above_usd: Annotated[Decimal, Field(ge=0)] = Decimal("0.10")


class ProjectSpec(_Section):
    """The contents of `distill.toml`: defaults for every task of a project."""

    machine: MachineSpec = MachineSpec()
    traffic: TrafficSpec = TrafficSpec()
    people: PeopleSpec = PeopleSpec()
    budget: BudgetSpec = BudgetSpec()
    prices: dict[str, PriceSpec] = Field(default_factory=dict)
    currencies: dict[str, Annotated[Decimal, Field(gt=0)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _currencies_have_rates(self) -> "ProjectSpec":
        if USD in self.currencies:
            raise ValueError(f"currencies.{USD}: rates are {USD} for one of another currency")
        for model, price in self.prices.items():
            if price.currency not in {USD, *self.currencies}:
                raise ValueError(
                    f'prices."{model}".currency: what one {price.currency} is worth is not known; '
                    f"say so: [currencies] {price.currency} = <USD for one>"
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
                    f"{name!r}: a label is printable text in one line, without space around it"
                    + _unprintable(name)
                )
        return labels

    @model_validator(mode="after")
    def _labels_where_they_belong(self) -> "TaskSpec":
        if self.kind == "classify" and len(self.labels) < 2:
            raise ValueError('labels: a classify task needs at least two, as name = "meaning"')
        if self.kind == "extract" and self.labels:
            raise ValueError("labels: an extract task has none; its fields are in schema.json")
        if self.kind == "generate" and self.labels:
            raise ValueError("labels: a generate task has none; its answers are texts")
        return self

    @model_validator(mode="after")
    def _texts_are_compared(self) -> "TaskSpec":
        if self.kind != "generate" and self.evaluate.judge_model:
            raise ValueError("evaluate.judge_model: only the answers of a generate task need one")
        if self.kind == "generate" and self.teacher.votes > 1:
            raise ValueError("teacher.votes: two texts are never the same; leave it at 1")
        if self.kind == "generate" and self.teacher.rationale:
            raise ValueError("teacher.rationale: a text has no place for reasons beside it")
        return self

    @model_validator(mode="after")
    def _parity_of_its_kind(self) -> "TaskSpec":
        """Set the default parity of a generate task.

        A text has many tokens at which rounding can pick the other of two equally likely ones.
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
    """True if a name is printable; joiners inside words or emoji and all spaces count as such."""
    ends = (name[0], name[-1] if name[-1] != FLAG_END else "")
    return not _unprintable(name) and JOINERS.isdisjoint(ends)


def _unprintable(name: str) -> str:
    """Name the first unprintable character, as the end of a message; "" if there is none."""
    for sign in name:
        if not (sign.isprintable() or sign in JOINERS or category(sign) == "Zs"):
            return f"; take out U+{ord(sign):04X} ({unicode_name(sign, 'a control character')})"
    return ""
