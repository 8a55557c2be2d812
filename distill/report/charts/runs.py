"""Chart of how well the students of several runs do."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from distill.evaluate.systems import HEADS
from distill.report.charts.svg import INK, MARK, Chart, drawn, gridded, percent, reach, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EACH = 0.4  # inches for a run

Figures = Mapping[str, Any]


def quality(rows: Sequence[Figures]) -> Chart:
    """The value of each run's student with its interval, the first run on top."""
    metrics = dict.fromkeys(HEADS[row["metric"]] for row in rows)

    def draw(axes: "Axes") -> None:
        for place, row in enumerate(rows):
            ends = [[end] for end in reach(row)]
            colour = MARK if place else INK
            axes.errorbar(row["value"], place, xerr=ends, fmt="o", color=colour, capsize=3)
        axes.set_yticks(range(len(rows)), [shown(row["run"]) for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(" or ".join(metrics))
        percent(axes.xaxis)
        gridded(axes, axis="x")

    about = "; ".join(f"{row['run']} {row['value']:.1%}" for row in rows)
    return drawn("runs", "The students on their gold", about, draw, EACH * len(rows) + 1.2)
