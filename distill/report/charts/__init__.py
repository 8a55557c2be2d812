"""Figures of the report → charts as SVG, drawn by matplotlib: they need no script, print on paper,
and take their colours from the page, light or dark.

A chart is a function of one module: it gives None where the report lacks what it shows.
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
    """Name → chart, for what the report has figures for."""
    drawn = {name: draw(figures) for name, draw in CHARTS.items()}
    return {name: chart for name, chart in drawn.items() if chart is not None}
