"""The types of report.json's keys, and the models that several sections share.

Each type has a unit, which the documentation shows.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a value, as the documentation shows it."""

    name: str


Usd = Annotated[str, Unit("USD"), Field(pattern=r"^-?\d+(\.\d{1,8})?$")]
Usd1k = Annotated[str, Unit("USD per 1,000 requests"), Field(pattern=r"^\d+(\.\d{1,8})?$")]
Seconds = Annotated[float, Unit("seconds"), Field(ge=0)]
RequestsPerSecond = Annotated[float, Unit("requests per second"), Field(ge=0)]
TokensPerSecond = Annotated[float, Unit("tokens per second"), Field(ge=0)]
Hours = Annotated[float, Unit("hours"), Field(ge=0)]
Mib = Annotated[float, Unit("MiB"), Field(ge=0)]
Share = Annotated[float, Unit("share 0..1"), Field(ge=0, le=1)]
Difference = Annotated[float, Unit("difference of shares, -1..1"), Field(ge=-1, le=1)]
# These have no lower bound: a longer prompt has a negative saving, and a gain is extrapolated.
Saved = Annotated[float, Unit("share up to 1"), Field(le=1)]
Gain = Annotated[float, Unit("difference of shares")]
Probability = Annotated[float, Unit("probability 0..1"), Field(ge=0, le=1)]
Kappa = Annotated[float, Unit("-1..1"), Field(ge=-1, le=1)]
Number = Annotated[float, Unit("")]
Tokens = Annotated[int, Unit("tokens"), Field(ge=0)]
MeanTokens = Annotated[float, Unit("tokens"), Field(ge=0)]
Rows = Annotated[int, Unit("rows"), Field(ge=0)]
Requests = Annotated[int, Unit("requests"), Field(ge=0)]
Days = Annotated[float, Unit("days"), Field(ge=0)]
Count = Annotated[int, Unit(""), Field(ge=0)]
Day = Annotated[str, Unit("date"), Field(pattern=r"^\d{4}-\d\d-\d\d$")]
Time = Annotated[
    str, Unit("time in UTC"), Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")
]


def key(meaning: str, *, alias: str | None = None) -> Any:
    """Return the field of a key that is always present.

    `alias`: the key's name in JSON, if Python reserves it."""
    return Field(description=meaning, alias=alias)


def optional(meaning: str, absent: str, *, alias: str | None = None) -> Any:
    """Return the field of a key that may be absent but is never null.

    `absent`: the condition, such as "without rivals"."""
    return Field(default=None, description=f"{meaning} Absent {absent}.", alias=alias)


class Section(BaseModel):
    """A part of report.json. Unknown keys are refused, and values are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Turn(Section):
    """A turn of a conversation."""

    role: Literal["system", "user", "assistant"] = key("Who says it.")
    content: str = key("The text.")


class WithInput(Section):
    """A row with its input."""

    input: str = key("Input of the row; a conversation in its text form.")
    turns: list[Turn] = optional("The turns of the input.", "unless it is a conversation")


class ShareInterval(Section):
    """A share with its two-sided interval, at the confidence of the task."""

    value: Share = key("The share that was found.")
    ci_low: Share = key("Lower end of the interval.")
    ci_high: Share = key("Upper end of the interval.")


class CountedShare(ShareInterval):
    """A share with its interval, and the number of rows behind it."""

    n: Rows = key("Rows, or pairs of answers, behind the share.")


class RatioInterval(Section):
    """A ratio with its two-sided interval, at the confidence of the task."""

    value: Number = key("The ratio that was found.")
    ci_low: Number = key("Lower end of the interval.")
    ci_high: Number = key("Upper end of the interval.")


class PairedDifference(Section):
    """The difference between two systems, paired by gold row, with its two-sided interval."""

    difference: Difference = key("The first system's mean score minus the other's.")
    ci_low: Difference = key("Lower end of the interval.")
    ci_high: Difference = key("Upper end of the interval.")


class AtTraffic(Section):
    """The cost of a system at the task's traffic."""

    usd_per_1k_requests: Usd1k = key("Cost of 1,000 requests. Idle machine time is included.")
    usd_per_day: Usd = key("Cost of a day.")
    replicas: Count = key("Number of our machines; 0 for a system that only a provider serves.")
