"""What every chart is drawn with: an empty figure in, an SVG that a page can hold out."""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours that nothing else has, each for what the page puts in its place.
INK, MARK, RIVAL, LINE = "#010203", "#010204", "#010205", "#010206"
OF_THE_PAGE = {
    INK: "currentColor",
    MARK: "var(--mark)",
    RIVAL: "var(--rival)",
    LINE: "var(--line)",
}
WIDTH, HEIGHT = 5.8, 3.8  # inches of 72 units each
# Up to so many times from one end to the other: the ticks of each power of ten.
TICKS = ((20, (1, 2, 5)), (300, (1, 3)))
MOST_DECADES = 4  # of those that have a tick
STYLE: Mapping[str, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be read out, found and copied
    "text.parse_math": False,  # a label may have dollars in it
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
    """A chart: what it is called, what it says in words, and its SVG."""

    title: str
    about: str
    svg: str


def drawn(
    name: str, title: str, about: str, draw: Callable[["Axes"], None], height: float = HEIGHT
) -> Chart:
    """A chart of one pair of axes. `name` keeps its ids apart from those of other charts."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        # The page's font may have the letter that the font for measuring lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return Chart(title, about, _for_a_page(text.getvalue(), name))


def _for_a_page(svg: str, name: str) -> str:
    """Without what only a file of its own needs, in the colours and fonts of the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r' xmlns(?::xlink)?="[^"]*"', "", svg)
    svg = svg.replace("<svg ", '<svg aria-hidden="true" ', 1)
    # ids like `axes_1` are the same in every chart
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    svg = re.sub(r'xlink:href="#', f'xlink:href="#{name}-', svg)
    svg = re.sub(r"(font(?:-family)?): ([^;\"]*?)'DejaVu Sans'[^;\"]*", r"\1: \2sans-serif", svg)
    for ours, theirs in OF_THE_PAGE.items():
        svg = svg.replace(ours, theirs)
    return svg


def shown(text: object) -> str:
    """A name as it can stand in an SVG, which takes no control characters; a long one is cut."""
    found = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return found if len(found) <= 24 else f"{found[:23]}…"


def spread(places: list[float], apart: float, low: float, high: float) -> list[float]:
    """Ascending places moved so that each is at least `apart` from the next and all lie between
    `low` and `high`, as far as there is room."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + apart) if moved else max(place, low))
    for at in reversed(range(len(moved))):
        most = high if at + 1 == len(moved) else moved[at + 1] - apart
        moved[at] = min(moved[at], most)
    return moved


def reach(row: Mapping[str, Any]) -> tuple[float, float]:
    """How far an interval goes down and up from its value; one of a bootstrap may miss it."""
    value = row["value"]
    return max(0.0, value - row["ci_low"]), max(0.0, row["ci_high"] - value)


def gridded(axes: "Axes", axis: Literal["both", "x", "y"] = "both") -> None:
    """Lines behind what is drawn."""
    axes.grid(visible=True, axis=axis)
    axes.set_axisbelow(True)


def dollars(axis: Any) -> None:
    """Ticks of a logarithmic axis of USD, small ones too."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    # As many as have room: their names are long.
    subs = next((subs for most, subs in TICKS if high < most * low), (1,))
    axis.set_major_locator(LogLocator(subs=subs, numticks=MOST_DECADES))
    axis.set_major_formatter(FuncFormatter(lambda usd, _: f"${usd:.10f}".rstrip("0").rstrip(".")))
    axis.set_minor_formatter(NullFormatter())


def percent(axis: Any) -> None:
    """Ticks of an axis of shares as percentages."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1, symbol=" %"))
