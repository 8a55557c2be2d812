"""The charts of the learning curve and of the training's losses."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from distill.evaluate.systems import METRIC_TITLES
from distill.report.charts.svg import INK, LINE, MARK, Chart, drawn, gridded, percent, reach
from distill.report.figures import system_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Figures = Mapping[str, Any]


def learning_curve(figures: Figures) -> Chart | None:
    """Draw the values, with intervals, of students trained on parts of the rows, and the teacher's.

    None if the report has no learning curve."""
    if "learning_curve" not in figures:
        return None
    points = figures["learning_curve"]["points"]
    teacher = system_of(figures, "teacher")

    def draw(axes: "Axes") -> None:
        values = [p["value"] for p in points]
        ends = list(zip(*(reach(p) for p in points), strict=True))
        examples = [p["examples"] for p in points]
        axes.errorbar(examples, values, yerr=ends, fmt="o-", color=MARK, capsize=3, label="student")
        axes.axhline(teacher["value"], color=INK, linestyle="--", label="teacher")
        axes.set_xlabel("examples")
        axes.set_ylabel(METRIC_TITLES[teacher["metric"]])
        percent(axes.yaxis)
        gridded(axes)
        axes.legend(loc="best")

    about = figures["learning_curve"]["sentence"]
    return drawn("learning_curve", "What more examples bring", about, draw)


def losses(figures: Figures) -> Chart | None:
    """Draw the loss by step, on training rows and on validation rows.

    None for fewer than two losses."""
    rows = figures.get("student", {}).get("losses", [])
    if len(rows) < 2:
        return None
    kept = figures["student"].get("kept_step")

    def draw(axes: "Axes") -> None:
        for key, label, line in (
            ("loss", "training", "-"),
            ("validation_loss", "validation", "o--"),
        ):
            found = [(row["step"], row[key]) for row in rows if key in row]
            if found:
                steps, values = zip(*found, strict=True)
                axes.plot(steps, values, line, color=INK if key == "loss" else MARK, label=label)
        if kept:
            axes.axvline(kept, color=LINE, label=f"kept: step {kept}")
        axes.set_xlabel("step")
        axes.set_ylabel("loss")
        axes.set_ylim(bottom=0)
        gridded(axes)
        axes.legend(loc="upper right")

    measured = [row for row in rows if "loss" in row]
    about = "the loss of the training"
    if measured:
        about = f"after {measured[-1]['step']:.0f} steps the loss is {measured[-1]['loss']:.2f}"
    return drawn("losses", "How the training went", about, draw)
