"""The charts of the student's answers, of coverage, of dropped rows and of compared runs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from distill.evaluate.systems import METRIC_TITLES
from distill.report.charts.svg import (
    HEIGHT,
    INK,
    MARK,
    RIVAL,
    Chart,
    drawn,
    gridded,
    percent,
    reach,
    shown,
)
from distill.report.figures import system_of
from distill.report.labels import name_of_invalid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LABELS = 30  # a chart with more is not legible

Figures = Mapping[str, Any]


def confusion(figures: Figures) -> Chart | None:
    """Draw the number of gold rows by label and student's answer (confusion matrix).

    None unless there are 2 to MOST_LABELS labels."""
    rows = figures.get("labels", [])
    if not 1 < len(rows) <= MOST_LABELS:
        return None
    labels = [row["label"] for row in rows]
    wrong = [row["student"]["taken_for"] for row in rows]
    invalid = name_of_invalid(labels)
    answers = [*labels, *({invalid} & {answer for counts in wrong for answer in counts})]
    counts = [
        [_right(row) if answer == row["label"] else taken.get(answer, 0) for answer in answers]
        for row, taken in zip(rows, wrong, strict=True)
    ]

    def draw(axes: "Axes") -> None:
        for down, row in enumerate(counts):
            whole = max(1, sum(row))
            for right, count in enumerate(row):
                place = (right - 0.5, down - 0.5)
                _cell(axes, place, count, count / whole, agrees=labels[down] == answers[right])
        axes.set_xticks(range(len(answers)), [shown(x) for x in answers], rotation=45, ha="right")
        axes.set_yticks(range(len(labels)), [shown(x) for x in labels])
        axes.set_xlim(-0.5, len(answers) - 0.5)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_xlabel("the student's answer")
        axes.set_ylabel("gold")
        axes.tick_params(length=0)

    about = "the table of labels has the figures"
    height = max(HEIGHT, 0.3 * len(labels) + 1.6)
    return drawn("confusion", "What the student takes for what", about, draw, height)


def _right(row: Figures) -> int:
    wrong: int = sum(row["student"]["taken_for"].values())
    return int(row["student"]["n"]) - wrong


def _cell(
    axes: "Axes", place: tuple[float, float], count: int, part: float, *, agrees: bool
) -> None:
    from matplotlib.patches import Rectangle

    if not count:
        return
    colour = MARK if agrees else RIVAL
    axes.add_patch(Rectangle(place, 1, 1, facecolor=colour, alpha=0.12 + 0.4 * part, linewidth=0))
    axes.text(place[0] + 0.5, place[1] + 0.5, str(count), ha="center", va="center", color=INK)


def coverage(figures: Figures) -> Chart | None:
    """Draw the score of a student backed by its teacher, by the student's share of the answers.

    None if the report has no coverage."""
    if "coverage" not in figures:
        return None
    points = figures["coverage"]["points"]
    teacher = system_of(figures, "teacher")
    metric = METRIC_TITLES[teacher["metric"]]

    def draw(axes: "Axes") -> None:
        shares = [row["share"] for row in points]
        axes.plot(shares, [p["value"] for p in points], "o-", color=MARK, label="both together")
        alone = [row["student"] for row in points]
        axes.plot(shares, alone, ":", color=MARK, label="the student on its share")
        axes.axhline(teacher["value"], color=INK, linestyle="--", label="the teacher alone")
        axes.set_xlabel("answered by the student, surest first")
        axes.set_ylabel(metric)
        axes.set_xlim(0, 1.02)
        percent(axes.xaxis)
        percent(axes.yaxis)
        gridded(axes)
        axes.legend(loc="best")

    about = figures["coverage"]["sentence"]
    return drawn("coverage", "What the student can take over", about, draw)


def yields(figures: Figures) -> Chart | None:
    """Draw the rows that each check kept and dropped, in the checks' order.

    None if the report has no yields."""
    rows = figures.get("data", {}).get("yields", [])
    if not rows:
        return None

    def draw(axes: "Axes") -> None:
        names = [shown(row["check"].replace("_", " ")) for row in rows]
        places = list(range(len(rows)))
        kept = [row["rows_in"] - row["dropped"] for row in rows]
        dropped = [row["dropped"] for row in rows]
        axes.barh(places, kept, color=MARK, label="kept")
        axes.barh(places, dropped, left=kept, color=RIVAL, label="dropped")
        for place, row in zip(places, rows, strict=True):
            axes.text(row["rows_in"], place, f" −{row['dropped']:,}", va="center")
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlabel("rows")
        axes.margins(x=0.12)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.13), ncols=2)

    about = ", ".join(f"{row['check']} drops {row['dropped']} of {row['rows_in']}" for row in rows)
    height = max(HEIGHT, 0.35 * len(rows) + 1.2)
    return drawn("yields", "What each check left out", about, draw, height)


EACH = 0.4  # inches of height for each run


def quality(rows: Sequence[Figures]) -> Chart:
    """Draw the value of each run's student with its interval, the first run at the top."""
    metrics = dict.fromkeys(METRIC_TITLES[row["metric"]] for row in rows)

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
