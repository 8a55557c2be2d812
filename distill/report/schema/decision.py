"""Schema of the decision that a report recommends."""

from typing import Literal

from distill.report.schema.fields import Section, Share, key, optional

UNMEASURED = "for today's model if the task does not compare it"


class Tile(Section):
    """A figure that the page shows in large type."""

    label: str = key("Name of the figure.")
    value: str = key("The figure, as it is shown.")
    note: str = key("Figures beside it.")
    bad: Literal[True] = optional("The figure exceeds a limit.", "if it exceeds none")


class Step(Section):
    """A next step."""

    do: str = key("The step.")
    command: str = optional("Command or line of Python for the step.", "if it takes none")


class Option(Section):
    """A system to choose, in people's words."""

    system: str = key("Name of the system, as in `systems`.")
    recommended: Literal[True] = optional("The system to use.", "for every other system")
    name: str = key("Name for people.")
    origin: str = key("Model or rows behind the system.")
    value: Share = optional("Mean score on gold.", UNMEASURED)
    ci_low: Share = optional("Lower end of the interval of `value`.", UNMEASURED)
    ci_high: Share = optional("Upper end of the interval of `value`.", UNMEASURED)
    as_good: Literal["", "yes", "no", "not proven", "not tested"] = key(
        "Whether the system is as good as the teacher; empty for the teacher."
    )
    usd_per_month: str = key("Cost of a month at the task's traffic, as it is shown.")
    note: str = optional("Remark on the cost.", "without one")
    latency: str = key("95th percentile of the latency, as it is shown.")


class DecisionFigures(Section):
    """The decision that the report recommends."""

    verdict: Literal[
        "switch", "switch_after_fix", "use_cheaper", "not_proven", "dont_switch", "no_verdict"
    ] = key("The verdict.")
    badge: str = key("The verdict in at most 3 words.")
    title: str = key("The verdict in at most 12 words.")
    why: str = key("The reason in at most 25 words.")
    tiles: list[Tile] = key("Quality, saving, pay-back and risk; empty if no figure is real.")
    next: list[Step] = key("Next steps, at most 2.")
    options: list[Option] = key("Systems to choose from, the cheapest first, at most 6.")
    changes: list[str] = key("What would change the verdict.")
    wrong: list[str] = key("Where the student is wrong most often, at most 2.")
