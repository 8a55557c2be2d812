"""The charts of quality against cost, and of the break-even."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from distill.evaluate.systems import METRIC_TITLES
from distill.report.charts.svg import (
    INK,
    LINE,
    MARK,
    RIVAL,
    Chart,
    dollars,
    drawn,
    gridded,
    percent,
    reach,
    shown,
    spread,
)
from distill.report.figures import is_disturbed
from distill.report.spend import SHOWN_PLACES, short_usd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

APART = 0.085  # minimum distance of two names, as a share of the height
LEAST_USD = 10.0**-SHOWN_PLACES
LEAST_DAYS = 30.0
MOST_SHOWN_DAYS = 3 * 365.0
WIDER = 2.0  # width of the chart in break-even times

Figures = Mapping[str, Any]


def quality_cost(figures: Figures) -> Chart | None:
    """Draw each system's value, with its interval, against its cost at the task's traffic.

    Systems with a disturbed price are left out. None if no system is left, or if the judge is not
    usable."""
    systems = [row for row in figures.get("systems", []) if not is_disturbed(row)]
    usable = figures.get("judge", {}).get("usable", True)
    if not systems or not usable:  # an unusable judge measures no quality
        return None
    metric = METRIC_TITLES[systems[0]["metric"]]
    asked = figures["break_even"]["assumptions"]["requests_per_day"]

    def draw(axes: "Axes") -> None:
        for row in systems:
            usd, value = _usd(row), row["value"]
            ends = [[end] for end in reach(row)]
            colour = _colour(row["name"])
            axes.errorbar(usd, value, yerr=ends, fmt="o", color=colour, capsize=3, markersize=7)
        axes.set_xscale("log")
        axes.set_xlabel(f"$ per 1,000 requests at {asked:,} a day")
        axes.set_ylabel(metric)
        low = min(row["ci_low"] for row in systems)
        high = max(row["ci_high"] for row in systems)
        axes.set_ylim(max(0.0, low - 0.03), min(1.03, high + 0.03))
        percent(axes.yaxis)
        dollars(axes.xaxis)
        gridded(axes, axis="y")
        _names(axes, systems)

    about = "; ".join(f"{row['name']} {row['value']:.1%} at ${_shown_usd(row)}" for row in systems)
    title = f"{metric.capitalize()} against cost"
    if disturbed := [row["name"] for row in figures["systems"] if is_disturbed(row)]:
        title += f" (without a price: {', '.join(map(shown, disturbed))})"
    return drawn("quality_cost", title, about, draw)


def _names(axes: "Axes", systems: list[Figures]) -> None:
    """Write the systems' names in a column on the right, each with a line to its point."""
    low, high = axes.get_ylim()
    ordered = sorted(systems, key=lambda row: float(row["value"]))
    heights = [(row["value"] - low) / (high - low) for row in ordered]
    places = spread(heights, APART, 0.02, 0.98)
    for row, place in zip(ordered, places, strict=True):
        axes.annotate(
            shown(row["name"]),
            xy=(_usd(row), row["value"]),
            xytext=(1.03, place),
            textcoords="axes fraction",
            va="center",
            color=_colour(row["name"]) if row["name"] == "student" else INK,
            arrowprops={"arrowstyle": "-", "color": LINE, "shrinkB": 4},
            annotation_clip=False,
        )


def _usd(row: Figures) -> float:
    """Return USD per 1,000 requests, at least LEAST_USD, because a logarithmic axis has no 0."""
    return max(LEAST_USD, float(row["at_traffic"]["usd_per_1k_requests"]))


def _shown_usd(row: Figures) -> str:
    return short_usd(row["at_traffic"]["usd_per_1k_requests"])


def _colour(name: str) -> str:
    return {"student": MARK, "teacher": INK}.get(name, RIVAL)


def pay_back(figures: Figures) -> Chart | None:
    """Draw the cumulative cost, by day, of teacher, student and the cheapest rival that is as good.

    None if the break-even is open or absent."""
    if "break_even" not in figures or "open_because" in figures["break_even"]:
        return None
    money, by_name = figures["break_even"], {s["name"]: s for s in figures["systems"]}
    spent = float(money["spent_usd"])
    begin = {"teacher": 0.0, "student": spent}
    if rival := money.get("cheapest_rival"):
        begin[rival["system"]] = float(rival["spent_usd"])
    daily = {name: float(by_name[name]["at_traffic"]["usd_per_day"]) for name in begin}
    back = money.get("days", 0.0)
    days = min(max(LEAST_DAYS, WIDER * back), max(MOST_SHOWN_DAYS, back))
    if "ends" in money:  # day on which the provider ends the student
        created = datetime.fromisoformat(figures["created"]).date()
        days = min(days, max(1, (date.fromisoformat(money["ends"]) - created).days))

    def draw(axes: "Axes") -> None:
        for name, first in begin.items():
            line = "--" if name not in ("teacher", "student") else "-"
            last = first + days * daily[name]
            ends, colour = ([0, days], [first, last]), _colour(name)
            width, alpha = (5, 0.4) if name == "teacher" else (1.5, 1.0)  # visible beneath others
            axes.plot(*ends, line, color=colour, label=shown(name), linewidth=width, alpha=alpha)
        if "days" in money and back <= days:
            axes.plot([back], [spent + back * daily["student"]], "o", color=MARK)
        axes.set_xlabel("days")
        axes.set_ylabel("$ in all")
        axes.set_xlim(0, days)
        axes.set_ylim(bottom=0)
        gridded(axes)
        axes.legend(loc="upper left")

    return drawn("pay_back", "When it pays", money["sentence"], draw)
