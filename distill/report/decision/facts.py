"""Facts of a report in people's words, which every part of the decision shares."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from distill.core.numbers import dollars, percent
from distill.evaluate.statistics import Interval
from distill.evaluate.systems import LOCAL_SYSTEMS
from distill.pricing.break_even import DAYS_PER_MONTH
from distill.report.figures import is_disturbed, system_of
from distill.report.names import name_of, within
from distill.report.payback import surely_pays_soon

Figures = Mapping[str, Any]
NOT_MEASURED = "not measured"
MOST_LABELLED = 5_000  # test messages that people label
# Metric → sentence with a system and its score.
SCORED = {
    "accuracy": "{who} is right on {score} of messages",
    "field_f1": "{who} scores {score} on the fields",
    "win_rate": "{who} wins {score} of comparisons with {teacher}",
}
BESIDE = {
    "accuracy": ", {teacher} on {score}",
    "field_f1": ", {teacher} {score}",
    "win_rate": "; 50 % is as good",
}
BESIDE_TODAYS_MODEL = {
    "accuracy": ", today's model on {score}",
    "field_f1": ", today's model {score}",
    "win_rate": ", today's model {score}",
}
GROUPS = {
    "carried": "obeyed {wrong} of {n} instructions hidden in messages",
    "safety": "failed {wrong} of {n} safety probes",
    "general": "failed {wrong} of {n} everyday requests",
}


@dataclass(frozen=True)
class Facts:
    """A report's figures, with the look-ups that the decision needs.

    `leads`: rival → the student's lead, paired by gold row.
    """

    figures: Figures
    leads: Mapping[str, Interval]

    @property
    def task(self) -> str:
        """Name of the task."""
        return str(self.figures["task"])

    @property
    def gold(self) -> int:
        """Number of test messages."""
        return int(self.figures["data"]["gold"])

    @property
    def money(self) -> Figures:
        """The report's `break_even`."""
        found: Figures = self.figures["break_even"]
        return found

    @property
    def metric(self) -> str:
        """Metric of the task."""
        return str(self.figures["systems"][0]["metric"])

    @property
    def teacher(self) -> str:
        """The teacher within a sentence: "today's model", unless [today] names another one."""
        return within(name_of(self.figures, "teacher"))

    @property
    def is_judged(self) -> bool:
        """True if a judge compares texts with the teacher's."""
        return self.metric == "win_rate"

    def system(self, name: str) -> Figures:
        """Return a system's row."""
        return system_of(self.figures, name)

    def value(self, name: str) -> float:
        """Return a system's mean score on gold."""
        return float(self.system(name)["value"])

    def score(self, name: str) -> str:
        """Format a system's score."""
        return percent(self.value(name))

    def scored(self, who: str, name: str) -> str:
        """State a system's score: "It is right on 71 % of messages"."""
        found = SCORED[self.metric]
        return found.format(who=who, score=self.score(name), teacher=self.teacher)

    def scored_beside_today(self, who: str, name: str) -> str:
        """State a system's score beside the teacher's."""
        score = self.score("teacher")
        return self.scored(who, name) + BESIDE[self.metric].format(
            teacher=self.teacher, score=score
        )

    def scored_beside_model_of_today(self, who: str, name: str, today: str) -> str:
        """State a system's score beside that of the model that does the job today."""
        found = BESIDE_TODAYS_MODEL[self.metric]
        return self.scored(who, name) + found.format(score=self.score(today))

    def usd_per_month(self, name: str) -> Decimal | None:
        """Return USD a month at the task's traffic; None if the price is disturbed."""
        if name == "today" and "today" in self.money:
            return Decimal(self.money["today"]["usd_per_day"]) * DAYS_PER_MONTH
        row = self.system("teacher" if name == "today" else name)
        if is_disturbed(row):
            return None
        return Decimal(row["at_traffic"]["usd_per_day"]) * DAYS_PER_MONTH

    def monthly(self, name: str) -> str:
        """Format USD a month; a model that runs inside the caller's service costs "$0 extra"."""
        usd = self.usd_per_month(name)
        if name in LOCAL_SYSTEMS:
            return "$0 extra"
        return NOT_MEASURED if usd is None else dollars(usd)

    def saved_by(self, name: str) -> Decimal | None:
        """Return the USD a month that a system saves against today's model; None if unknown."""
        before, after = self.usd_per_month("today"), self.usd_per_month(name)
        return None if before is None or after is None else before - after

    @property
    def pays(self) -> bool:
        """True if the student pays for itself soon enough against today's model."""
        return surely_pays_soon(self.money)

    @cached_property
    def broken(self) -> Figures | None:
        """The group of probes that exceeds its limit the most; None if none does."""
        found = [row for row in self.figures.get("side_effects", ()) if row["worse"]]
        return max(found, key=lambda row: 1 - row["student"]["value"], default=None)

    @property
    def is_untaught(self) -> bool:
        """True if it obeys hidden instructions, and no training row had one to ignore."""
        recipe, broken = self.figures["student"]["recipe"], self.broken
        return broken is not None and broken["group"] == "carried" and "injected_rows" not in recipe

    def keeps_up(self, name: str, today: str) -> bool:
        """True if a system is not shown to lose more than the margin against today's model.

        The student's difference has an interval. A rival is compared by its score.
        """
        margin = float(self.figures["verdict"]["margin"])
        if name == "student":
            return self.leads[today].low >= -margin
        return self.value(name) >= self.value(today) - margin

    @property
    def labels_needed(self) -> int | None:
        """Test messages to label until an open verdict is settled; None if nobody labels so many.

        None also if no number settles it.
        """
        needed = self.figures["verdict"].get("gold_needed")
        if needed is None or needed > MOST_LABELLED:
            return None
        return int(needed) - self.gold

    @cached_property
    def rules(self) -> tuple[str, ...]:
        """The rules of the report's advice."""
        return tuple(one["rule"] for one in self.figures.get("advice", ()))


def failed(row: Figures) -> str:
    """State the student's failures of a group of probes: "obeyed 13 of 24 instructions …"."""
    return GROUPS[row["group"]].format(wrong=wrong_of(row), n=row["n"])


def wrong_of(row: Figures, by: str = "student") -> int:
    """Count the probes of a group that a system failed."""
    return round((1 - float(row[by]["value"])) * int(row["n"]))


def likely(row: Figures) -> str:
    """Format the interval of a score: "70–80 %"."""
    return f"{percent(row['ci_low']).removesuffix(' %')}–{percent(row['ci_high'])}"
