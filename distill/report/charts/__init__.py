"""The charts of the report as SVG, drawn by matplotlib.

The SVG needs no script, can be printed, and uses the page's colours, light or dark. Each chart has
a function, which returns None if the report lacks the figures.
"""

from collections.abc import Callable, Mapping
from typing import Any

from distill.report.charts import cost, quality, training
from distill.report.charts.svg import Chart

Figures = Mapping[str, Any]

CHARTS: Mapping[str, Callable[[Figures], Chart | None]] = {
    "quality_cost": cost.quality_cost,
    "pay_back": cost.pay_back,
    "confusion": quality.confusion,
    "coverage": quality.coverage,
    "learning_curve": training.learning_curve,
    "losses": training.losses,
    "yields": quality.yields,
}


def charts(figures: Figures) -> dict[str, Chart]:
    """Return name → chart, for each chart whose figures the report has."""
    drawn = {name: draw(figures) for name, draw in CHARTS.items()}
    return {name: chart for name, chart in drawn.items() if chart is not None}
