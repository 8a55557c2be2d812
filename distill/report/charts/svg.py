"""The drawing tools of all charts, and the conversion of a figure to SVG for a page."""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Placeholder colours, not used by anything else, that are replaced with the page's colours.
INK, MARK, RIVAL, LINE = "#010203", "#010204", "#010205", "#010206"
OF_THE_PAGE = {
    INK: "currentColor",
    MARK: "var(--mark)",
    RIVAL: "var(--rival)",
    LINE: "var(--line)",
}
WIDTH, HEIGHT = 5.8, 3.8  # inches of 72 units each
# (maximum ratio of the axis's ends, ticks within each power of ten)
TICKS = ((20, (1, 2, 5)), (300, (1, 3)))
MOST_DECADES = 4  # decades with a tick
STYLE: Mapping[str, Any] = {
    "svg.fonttype": "none",  # text stays text, for screen readers, search and copies
    "text.parse_math": False,  # a label may contain dollar signs
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **{f"axes.{name}": INK for name in ("edgecolor", "labelcolor", "titlecolor")},
    **dict.fromkeys(("text.color", "xtick.color", "ytick.color"), INK),
    "grid.color": LINE,
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: title, content in words, and SVG."""

    title: str
    about: str
    svg: str


def drawn(
    name: str, title: str, about: str, draw: Callable[["Axes"], None], height: float = HEIGHT
) -> Chart:
    """Draw a chart with one pair of axes. `name` makes the ids in its SVG unique in the page."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        # The page's font may have characters that matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return Chart(title, about, _for_a_page(text.getvalue(), name))


def _for_a_page(svg: str, name: str) -> str:
    """Return an SVG without metadata, size and namespaces, with the page's colours and fonts."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r' xmlns(?::xlink)?="[^"]*"', "", svg)
    svg = svg.replace("<svg ", '<svg aria-hidden="true" ', 1)
    # matplotlib uses the same ids, like `axes_1`, in every chart
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    svg = re.sub(r'xlink:href="#', f'xlink:href="#{name}-', svg)
    svg = re.sub(r"(font(?:-family)?): ([^;\"]*?)'DejaVu Sans'[^;\"]*", r"\1: \2sans-serif", svg)
    for ours, theirs in OF_THE_PAGE.items():
        svg = svg.replace(ours, theirs)
    return svg


def shown(text: object) -> str:
    """Return a name without control characters, which SVG forbids, cut to 24 characters."""
    found = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return found if len(found) <= 24 else f"{found[:23]}…"


def spread(places: list[float], apart: float, low: float, high: float) -> list[float]:
    """Return ascending places, moved so that each is at least `apart` from the next.

    All are between `low` and `high` if there is room."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + apart) if moved else max(place, low))
    for at in reversed(range(len(moved))):
        most = high if at + 1 == len(moved) else moved[at + 1] - apart
        moved[at] = min(moved[at], most)
    return moved


def reach(row: Mapping[str, Any]) -> tuple[float, float]:
    """Return the distances from a value down and up to its interval's ends, each at least 0.

    A bootstrap interval may not contain its value."""
    value = row["value"]
    return max(0.0, value - row["ci_low"]), max(0.0, row["ci_high"] - value)


def gridded(axes: "Axes", axis: Literal["both", "x", "y"] = "both") -> None:
    """Draw grid lines behind the data."""
    axes.grid(visible=True, axis=axis)
    axes.set_axisbelow(True)


def dollars(axis: Any) -> None:
    """Set the ticks of a logarithmic axis of USD, including small amounts."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    # Tick labels are long: a wide range has room for only a few.
    subs = next((subs for most, subs in TICKS if high < most * low), (1,))
    axis.set_major_locator(LogLocator(subs=subs, numticks=MOST_DECADES))
    axis.set_major_formatter(FuncFormatter(lambda usd, _: f"${usd:.10f}".rstrip("0").rstrip(".")))
    axis.set_minor_formatter(NullFormatter())


def percent(axis: Any) -> None:
    """Format the ticks of an axis of shares as percentages."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1, symbol=" %"))
