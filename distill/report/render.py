"""The rendering of report.json's figures as Markdown, and as one self-contained HTML file."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import accumulate
from typing import Any

from jinja2 import (
    Environment,
    PackageLoader,
    StrictUndefined,
    pass_context,
    pass_environment,
    select_autoescape,
)
from jinja2.filters import do_truncate
from jinja2.runtime import Context
from markupsafe import Markup, escape

from distill.core.conversation import TITLES
from distill.core.numbers import dollars
from distill.evaluate.systems import METRIC_TITLES
from distill.report.charts.ranges import range_of
from distill.report.figures import is_disturbed
from distill.report.spend import short_usd
from distill.report.timing import MARK, doubt, mark

Figures = Mapping[str, Any]

# Max bytes of HTML, so that a page of 240 texts and 150 labels is below 250 kB.
SHOWN = 400  # of a message or an answer
SHORT = 60  # of a label
TURNS_SHOWN = 4  # the last turns of a conversation
LONGEST = 4_000  # of any other text
LONGEST_CHARACTER = 5  # bytes of "&amp;"
MOST_CONFUSED = 5  # answers that a label was taken for
# Control characters affect the program that displays a page. Unicode's bidirectional marks change
# the reading order of a text, and of the text beside it.
_STEERING = [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_KEPT = {0x09, 0x0A, 0x0D}
_BREAKS = (0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x85)
_LEGIBLE = dict.fromkeys(set(_STEERING) - _KEPT, "\N{REPLACEMENT CHARACTER}")
_LEGIBLE |= dict.fromkeys(_BREAKS, " ")

# Metric → title.
ABOUT = {
    "accuracy": "Share of right answers",
    "field_f1": "Mean F1 of the fields",
    "win_rate": "How often a judge finds it better than the teacher",
}
# Metric → words before the value of the teacher's second answers.
AGAIN = {
    "accuracy": "was right on",
    "field_f1": "had a field F1 of",
    "win_rate": "had a win rate against its first answers of",
}


def summary(figures: Figures) -> str:
    """Render the decision as Markdown for a pull request, at most 25 lines."""
    return _environment().get_template("report.md.jinja").render(figures)


def markdown(figures: Figures) -> str:
    """Render the whole report as Markdown, with the text of inputs in code spans."""
    return _environment().get_template("report.full.md.jinja").render(figures)


def card(figures: Figures) -> str:
    """Return the student's model card as Markdown."""
    return _environment().get_template("card.md.jinja").render(figures)


def html(figures: Figures) -> str:
    """Return the report as one HTML file that works offline, with every text escaped."""
    from distill.report.charts import charts

    page = _environment().get_template("report.html.jinja")
    return page.render(figures, charts=charts(figures))


def comparison(rows: Sequence[Figures]) -> str:
    """Return a comparison of runs, with the first one as baseline, as one HTML file."""
    from distill.report.charts.quality import quality

    page = _environment().get_template("compare.html.jinja")
    return page.render(rows=rows, chart=quality(rows))


class Inert(str):
    """Markdown whose foreign text is only in code spans."""


def _environment() -> Environment:
    environment = Environment(
        finalize=_finalized,
        loader=PackageLoader("distill.report"),
        autoescape=select_autoescape(["html.jinja"], default_for_string=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "level": _level}
    environment.filters |= {"about": ABOUT.__getitem__, "head": METRIC_TITLES.__getitem__}
    environment.filters |= {"again": AGAIN.__getitem__}
    environment.filters |= {"dollars": short_usd, "labeller": _labeller}
    environment.filters |= {"seconds": _seconds, "code": _code, "points": _points}
    environment.filters |= {"input": _input, "input_code": _input_code}
    environment.filters |= {"cell": _cell, "days": _days, "foreign": _foreign}
    environment.filters |= {"short": partial(_cut, most=SHORT), "commonest": _commonest}
    environment.filters |= {"range_of": range_of, "day": _day, "price": _price}
    environment.filters |= {"mark": mark, "mark_of": _mark_of, "doubt": doubt}
    environment.tests["disturbed"] = is_disturbed
    return environment


def _mark_of(spend: Figures, part: str) -> str:
    """Return the mark of a part of `spend` whose timing was disturbed; "" for other parts."""
    return f" {MARK}" if part in spend.get("disturbed", ()) else ""


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _points(found: Mapping[str, float]) -> str:
    """Return a difference of shares with its interval, in percentage points."""
    value, low, high = (100 * found[name] for name in ("difference", "ci_low", "ci_high"))
    return f"{value:+.1f} ({low:+.1f}…{high:+.1f})"


def _labeller(row: Mapping[str, str]) -> str:
    """Return the origin of labels: people, or a model and its provider."""
    if row["origin"] == "log":
        return f"{row['model'] or 'a model without a name'} (in production)"
    if row["origin"] != "teacher":
        return f"people ({row['origin']}s)"
    return f"{row['model']} ({row['provider']})" if row["model"] else "the teacher"


def _level(value: float) -> str:
    """Return a level of confidence in percent, like 95 % or 99.9 %."""
    return f"{100 * value:g} %"


def _days(value: float) -> str:
    return f"{value:,.1f}" if value >= 10 else f"{value:.2f}"


def _seconds(value: float) -> str:
    return f"{1000 * value:.1f} ms" if value < 1 else f"{value:.2f} s"


def _code(text: str) -> str:
    """Return a text as a Markdown code span for a table.

    The text cannot start markup or end a cell."""
    return Inert("`" + _cell(_legible(_cut(text))).replace("`", "'") + "`")


def _foreign(text: str) -> Markup:
    """Return a user's or a model's text for the HTML page; a long text is cut.

    It is isolated (`bdi`), so that its direction does not change the text beside it."""
    return Markup("<bdi>{}</bdi>").format(_legible(_cut(text)))


def _day(time: str) -> str:
    """Format a time as a day: "26 Nov 2026"."""
    return f"{datetime.fromisoformat(time):%-d %b %Y}"


@pass_environment
def _input(environment: Environment, row: Figures, most: int = 0) -> Markup:
    """Return a row's input for the HTML page: a text, or a line for each turn.

    The role is bold, which no text can be. Of many turns the last ones are shown. `most`: the
    characters of each text; 0 for the usual cut.
    """

    def shown(text: str) -> Markup:
        return _foreign(do_truncate(environment, text, most) if most else text)

    if "turns" not in row:
        return shown(row["input"])
    lines = [
        Markup('<span class="turns"><b>{}</b> {}</span>').format(
            TITLES[turn["role"]], shown(turn["content"])
        )
        for turn in row["turns"][-TURNS_SHOWN:]
    ]
    return Markup("").join([Markup(escape(_earlier(row))), *lines])


def _input_code(row: Figures) -> str:
    """Return a row's input as Markdown: a text, or a code span for each turn."""
    if "turns" not in row:
        return _code(row["input"])
    spans = [
        _code(f"{TITLES[turn['role']]}: {turn['content']}") for turn in row["turns"][-TURNS_SHOWN:]
    ]
    return Inert(" ".join(filter(None, [_earlier(row), *spans])))


def _earlier(row: Figures) -> str:
    """Return the number of turns that are not shown, in words; "" if all are."""
    count = len(row["turns"]) - TURNS_SHOWN
    return f"({count:,} earlier turn{'s' if count > 1 else ''})" if count > 0 else ""


def _price(usd: str) -> str:
    return dollars(Decimal(usd))


def _cut(text: str, most: int = SHOWN) -> str:
    """Cut a text to `most` bytes of HTML; the text then ends with the number of cut characters."""
    if len(text) * LONGEST_CHARACTER <= most:
        return text
    sizes = accumulate(
        len(str(escape(char)).encode("utf-8", "surrogatepass")) for char in text[:most]
    )
    kept = sum(1 for size in sizes if size <= most)
    more = len(text) - kept
    return f"{text[:kept]}… ({more:,} more characters)" if more else text


def _commonest(taken_for: Mapping[str, int]) -> list[tuple[int, str]]:
    """Return the commonest (count, answer) pairs, and a last pair with the count of all others."""
    counts = [(count, answer) for answer, count in taken_for.items()]
    others = sum(count for count, _ in counts[MOST_CONFUSED:])
    return [*counts[:MOST_CONFUSED], *([(others, "others")] if others else [])]


def _legible(text: str) -> str:
    """Replace control characters and bidirectional marks."""
    return text.translate(_LEGIBLE)


def _cell(text: str) -> str:
    """Return a name for a cell of a Markdown table."""
    return " ".join(text.replace("|", "¦").splitlines())


@pass_context
def _finalized(context: Context, value: object) -> object:
    """Return a template's value without control characters; a very long one is cut.

    In Markdown, foreign text cannot start HTML or a link. The HTML page escapes every text."""
    if isinstance(value, Inert | Markup) or not isinstance(value, str):
        return value
    value = _legible(_cut(value, LONGEST))
    if context.eval_ctx.autoescape:
        return value
    return " ".join(value.splitlines()).replace("<", "&lt;").replace("](", r"]\(")
