"""Dot and likely range of a system's score, on one axis with the other options."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

WIDTH, HEIGHT, EDGE = 144, 20, 6  # pixels

SVG = Markup(
    '<svg viewBox="0 0 {width} {height}" role="img" aria-label="{about}">'
    '<line x1="{today:.1f}" x2="{today:.1f}" y1="1" y2="{height}" stroke="currentColor" '
    'stroke-dasharray="2 2" opacity="0.6"/>'
    '<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="{colour}" '
    'stroke-width="6" stroke-linecap="round" opacity="0.45"/>'
    '<circle cx="{value:.1f}" cy="{middle}" r="4.5" fill="{colour}"/></svg>'
)


def range_of(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw an option's score and interval as SVG; a dotted line marks the teacher's score."""
    measured = [one for one in rows if "value" in one]
    low = min(one["ci_low"] for one in measured)
    high = max(one["ci_high"] for one in measured)
    span = (high - low) or 1.0
    today = next(one["value"] for one in measured if one["system"] == "teacher")

    def place(value: float) -> float:
        return float(EDGE + (WIDTH - 2 * EDGE) * (value - low) / span)

    return SVG.format(
        width=WIDTH,
        height=HEIGHT,
        middle=HEIGHT // 2,
        about=f"{row['value']:.1%}, likely {row['ci_low']:.1%} to {row['ci_high']:.1%}",
        today=place(today),
        low=place(row["ci_low"]),
        high=place(row["ci_high"]),
        value=place(row["value"]),
        colour=COLOURS.get(row["system"], "var(--rival)"),
    )


COLOURS = {"student": "var(--mark)", "teacher": "var(--ink)"}
