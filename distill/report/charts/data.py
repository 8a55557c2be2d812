"""Chart of what each check of curation left over."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from distill.report.charts.svg import HEIGHT, MARK, RIVAL, Chart, drawn, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Figures = Mapping[str, Any]


def yields(figures: Figures) -> Chart | None:
    """The rows that each check took in and dropped, in their order."""
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
