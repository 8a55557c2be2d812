"""The page, looked at by a real browser with its network off: nothing is asked for, nothing fails,
everything fits a phone, can be read, and what models or users wrote stands there as text."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from distill import pipeline
from distill.cli import cli
from distill.core.errors import DistillError, InputError
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.report import check_finite
from distill.report.build import collect
from distill.report.charts import CHARTS, charts
from distill.report.compare_runs import compare
from distill.report.render import comparison, html, markdown, summary
from distill.store import open_store
from tests.conftest import WriteTask, jsonl, pet_rows
from tests.report.test_report import at_traffic, report
from tests.support.command import json_rows
from tests.support.decisions import BILLED, CASES, CHEAP, TOML, Case, figures_of
from tests.support.figures import figures
from tests.support.recorded import Answers, record
from tests.support.runs import finished
from tests.support.standin import StandIn

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# Without these it looks for Google's hosts at every start.
QUIET: tuple[str, ...] = (
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
)
QUIET += ("--disable-sync", "--disable-gpu", "--no-sandbox")
MOST_BYTES = 250_000
PEOPLE = "[people]\nhours = 1\nusd_per_hour = 9\n"
SCRIPT = "<script>window.hacked = 1</script>"
LINK = "](javascript:window.hacked=1) **x**"
# Each theme and each width; the other two pairs of them at night.
VIEWS = [("light", 1280), ("dark", 390)]
OTHER_VIEWS = [("light", 390), ("dark", 1280)]
every_view = pytest.mark.parametrize(
    "views", [VIEWS, pytest.param(OTHER_VIEWS, marks=pytest.mark.nightly)], ids=["", "others"]
)


@dataclass(frozen=True)
class Seen:
    """A page as a browser shows it: what went wrong, what it asked for, how wide it is, how high
    its charts are, what axe-core finds wrong, its text, and what it holds."""

    problems: list[str]
    requests: list[str]
    width: int
    charts: list[float]
    axe: list[tuple[str, str]]
    text: str
    hacked: object
    scripts: int
    links: int
    paper: str
    pdf: bytes
    ticks: list[tuple[float, float]]


Look = Callable[[Path, Any, int], Seen]
InBrowser = Callable[..., Any]


@pytest.fixture(scope="module")
def in_browser() -> Iterator[InBrowser]:
    """A browser in a thread of its own: its loop must not be in the way of the pipeline's."""
    if CHROMIUM is None:
        if os.environ.get("DISTILL_BROWSER") == "required":
            pytest.fail("no Chromium here, and DISTILL_BROWSER says that it is required")
        pytest.skip("needs Chromium (Debian's package chromium)")
    with ThreadPoolExecutor(max_workers=1) as thread:
        started = ExitStack()
        browser = thread.submit(_started, started).result()
        try:
            yield lambda show, *view: thread.submit(show, browser, *view).result()
        finally:
            thread.submit(started.close).result()


@pytest.fixture(scope="module")
def look(in_browser: InBrowser) -> Look:
    """Looks at a page with everything opened."""
    return lambda *view: in_browser(_seen, *view)


def _started(stack: ExitStack) -> "Browser":
    from playwright.sync_api import sync_playwright

    playwright = stack.enter_context(sync_playwright())
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
    stack.callback(browser.close)
    return browser


def _seen(browser: "Browser", path: Path, theme: Any, width: int) -> Seen:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=theme, offline=True
    )
    page = context.new_page()
    problems: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    wide = page.evaluate("document.documentElement.scrollWidth")
    heights = page.locator("figure svg").evaluate_all(
        "charts => charts.map(chart => chart.getBoundingClientRect().height)"
    )
    ticks = page.locator('[id^="quality_cost-xtick"] text').evaluate_all(
        "texts => texts.map(text => text.getBoundingClientRect()).map(box => [box.left, box.right])"
    )
    scripts, links = (page.locator(tag).count() for tag in ("script", "a"))
    text, hacked = page.inner_text("body"), page.evaluate("window.hacked")
    found = Axe().run(page).response["violations"]
    axe = [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]]
    pdf = page.pdf(format="A4")
    page.emulate_media(media="print")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    context.close()
    return Seen(
        problems, requests, wide, heights, axe, text, hacked, scripts, links, paper, pdf, ticks
    )


@pytest.fixture
def page(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, drawn_charts: None
) -> Path:
    """The page of a whole run with its learning curve, whose student may replace its teacher."""
    pets()
    toml = workspace.prompts / "pets" / "task.toml"
    pets(task_toml=toml.read_text(encoding="utf-8") + "[evaluate]\nmargin = 0.9\n")
    return finished(workspace, "pets", RunOptions(curve=True)).context.folder / "report.html"


@pytest.mark.slow("a whole run, and every chart twice")
def test_every_chart_is_drawn_of_a_run(page: Path) -> None:
    found = charts(figures(page.parent))
    assert set(found) == set(CHARTS)
    for chart in found.values():
        assert chart.title and chart.about and chart.svg.startswith("<svg ")
    ids = [part.split('"')[0] for chart in found.values() for part in chart.svg.split(' id="')[1:]]
    assert len(ids) == len(set(ids)), "an id of one chart must not be another's"


@every_view
def test_a_browser_shows_the_page(page: Path, look: Look, views: list[tuple[str, int]]) -> None:
    assert len(page.read_bytes()) < MOST_BYTES
    for theme, width in views:
        seen = look(page, theme, width)
        assert (seen.problems, seen.requests) == ([], [page.as_uri()])
        assert seen.width <= width, f"scrolls at {width} pixels"
        assert len(seen.charts) == len(CHARTS) and all(height > 100 for height in seen.charts)
        assert seen.axe == []
        assert seen.pdf.startswith(b"%PDF")
        assert seen.paper == "rgb(255, 255, 255)", "ink on paper, whatever the theme"


@dataclass(frozen=True)
class FirstScreen:
    """The first screen of a page, before anything is opened."""

    bottoms: dict[str, float]
    width: int
    above: str
    closed: str


def _first_screen(browser: "Browser", path: Path, width: int, height: int) -> FirstScreen:
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    bottoms = {}
    for part in (".verdict h1", ".tiles div:nth-child(2)", ".tiles div:nth-child(4)", ".next li"):
        box = page.locator(part).first.bounding_box()
        assert box is not None, part
        bottoms[part] = box["y"] + box["height"]
    above = page.inner_text(".task") + " " + page.inner_text(".verdict")
    found = FirstScreen(
        bottoms,
        page.evaluate("document.documentElement.scrollWidth"),
        above,
        page.inner_text("body").partition("Details")[0],
    )
    context.close()
    return found


@pytest.mark.parametrize("case", CASES[:6], ids=lambda case: case.name)
@pytest.mark.parametrize("screen", [(1280, 800), (390, 844)], ids=["desk", "phone"])
def test_verdict_saving_risk_and_next_step_are_on_the_first_screen(
    case: Case,
    screen: tuple[int, int],
    workspace: Workspace,
    pets: WriteTask,
    in_browser: InBrowser,
) -> None:
    rows = {"gold_jsonl": jsonl(pet_rows("gold", 80)[: case.rows])}
    path = workspace.runs / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html(figures_of(case, workspace, pets, rows)), encoding="utf-8")
    width, height = screen
    seen = in_browser(_first_screen, path, width, height)
    assert max(seen.bottoms.values()) <= height and seen.width <= width
    assert len(seen.above.split()) <= 45 and len(re.findall(r"\d[\d,.]*", seen.above)) <= 8
    assert not re.search(r"\d{5}", seen.closed)


def hostile() -> dict[str, Any]:
    """Figures whose every text of a model or a user is an attack."""
    found: Any = report()
    for row in found["systems"]:
        if row["name"] not in ("teacher", "student"):
            row["name"] = f"{SCRIPT}{LINK}"
    known = found["labels"][0]
    found["labels"] = [known | {"label": SCRIPT}, known | {"label": LINK}]
    for row in (found["labels"][0]["student"], found["labels"][0]["teacher"]):
        row["taken_for"] = {SCRIPT: 1, LINK: 2}
    found["worst"] = [
        {"input": SCRIPT, "expected": LINK, "teacher": SCRIPT, "student": f"{LINK}\x00\x1b[31m"}
    ]
    found["data"]["yields"][0]["examples"] = [{"input": LINK, "reason": "x", "matched": SCRIPT}]
    found["student"] = {
        "base": SCRIPT,
        "trainer": "unsloth",
        "artifact": "a",
        "data_hash": "b",
        "losses": [],
    }
    found["headline"] = found["description"] = f"{SCRIPT} {LINK}"
    found["decision"]["wrong"] = [f"{SCRIPT} is taken for {LINK}"]
    for row in found["decision"]["options"]:
        row |= {"name": SCRIPT, "origin": LINK}
    return found  # type: ignore[no-any-return]


def test_attacks_stand_there_as_text(tmp_path: Path, look: Look) -> None:
    path = tmp_path / "report.html"
    path.write_text(html(hostile()), encoding="utf-8")
    seen = look(path, "light", 1280)
    assert (seen.problems, seen.requests, seen.hacked) == ([], [path.as_uri()], None)
    assert (seen.scripts, seen.links) == (0, 0), "nothing of a text is either"
    assert seen.text.count(SCRIPT) >= 6 and seen.text.count(LINK) >= 6


def rendered(text: str) -> tuple[set[str], str]:
    """Markdown as a renderer takes it that lets HTML and any link through, as not every one
    refuses them: the kinds of its tokens, and its HTML."""
    from markdown_it import MarkdownIt

    renderer = MarkdownIt("commonmark", {"html": True}).enable("table")
    renderer.validateLink = lambda url: True  # type: ignore[method-assign]
    tokens = [part for token in renderer.parse(text) for part in (token, *(token.children or []))]
    return {token.type for token in tokens}, renderer.render(text)


MARKUP = {"html_block", "html_inline", "link_open", "image"}


def test_attacks_are_text_in_markdown_too() -> None:
    kinds, shown = rendered(markdown(hostile()))
    assert not MARKUP & kinds and shown.count("&lt;script&gt;") >= 8
    kinds, shown = rendered(summary(hostile()))
    assert not MARKUP & kinds and shown.count("&lt;script&gt;") >= 4
    assert rendered(f"[a{LINK} {SCRIPT}")[0] >= {"link_open", "html_inline"}, "it would see them"


STEERING = "a\x1b]0;title\x07 \u202eevil\u2066 b\x00 \x9b31m"


def everywhere(text: str) -> Any:
    """A report with a text in each place that holds a user's or a model's."""
    found: Any = report()
    found["headline"], found["labels"][0]["label"] = f"x {text}", text
    found["worst"] = [{"input": text, "expected": text, "teacher": text, "student": text}]
    found["decision"]["wrong"] = [text]
    found["decision"]["options"][1] |= {"name": text, "origin": text}
    found["systems"][2]["name"] = text
    found["data"]["yields"][0]["examples"] = [{"input": text, "reason": "x", "matched": text}]
    return found


@pytest.mark.parametrize("show", [html, markdown])
def test_characters_that_steer_or_turn_are_shown_as_such(show: Callable[[Any], str]) -> None:
    shown = show(everywhere(STEERING))
    assert not set(shown) & set("\x00\x07\x1b\x9b\u202e\u2066")
    assert shown.count("\N{REPLACEMENT CHARACTER}evil") >= 6
    arabic = "\u0645\u0631\u062d\u0628\u0627\u200d \U0001f469\u200d\U0001f33e"
    assert arabic in show(everywhere(arabic)), "what people write stays"


def test_texts_of_others_are_isolated_on_the_page() -> None:
    assert html(everywhere("one & two")).count("<bdi>one &amp; two</bdi>") >= 6


@pytest.mark.parametrize("show", [html, markdown])
def test_a_long_message_is_cut_in_the_tables_of_mistakes(show: Callable[[Any], str]) -> None:
    long, found = "long " * 200_000, everywhere("short")
    found["worst"] = [{"input": long, "expected": long, "teacher": long, "student": long}] * 20
    shown = show(found)
    assert len(shown) - len(show(everywhere("short"))) < 20 * 4 * 1000
    assert "(999,600 more characters)" in shown


@pytest.mark.parametrize(
    "text",
    [
        "hello\r<img src=x onerror=alert(1)> [x](http://evil)",
        "\r\r<b>x</b>\r\n\r\n[x]: http://evil\r\r[x]",
        "\\<img src=x> \\](http://evil) [a\\](http://evil)",
        "![x](http://evil) <http://evil> &lt;b&gt;",
        "a|b\u2028<i>c</i>",
    ],
)
def test_no_character_lets_a_text_out_of_its_place(text: str) -> None:
    found = everywhere(text)
    kinds, shown = rendered(markdown(found))
    assert not MARKUP & kinds and "<img" not in shown and "<b>" not in shown
    before = rendered(markdown(report()))[1]
    assert shown.count("<tr>") == before.count("<tr>"), "no cell ends early"


@pytest.mark.slow("a run in four parts, and three pages in a browser")
@pytest.mark.usefixtures("drawn_charts")
def test_an_unfinished_run_has_a_page_that_says_so(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, look: Look
) -> None:
    pets()
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    command = [*folders, "report", "pets", "--now"]
    nothing = CliRunner().invoke(cli, command)
    assert isinstance(nothing.exception, InputError) and "no run yet" in str(nothing.exception)
    with open_store(workspace.database("pets")):
        pass  # as `distill drops` leaves it, which looks before there is a run
    nothing = CliRunner().invoke(cli, command)
    assert isinstance(nothing.exception, InputError) and "no run yet" in str(nothing.exception)
    for until, left in (("curate", "split"), ("split", "train"), ("train", "evaluate")):
        outcome = pipeline.run(workspace, "pets", RunOptions(until=until))
        asked = scripted_backends.total
        found = CliRunner().invoke(cli, command)
        assert found.exit_code == 0, found.output
        assert scripted_backends.total == asked, "nothing else is done"
        told = figures(outcome.context.folder)
        assert told["unfinished"]["next"] == left and until in told["unfinished"]["done"]
        assert "systems" not in told and "verdict" not in told
        listed = CliRunner().invoke(cli, [*folders, "runs"])
        assert listed.exit_code == 0 and outcome.run.id in listed.output
        assert f"Not finished yet: the next stage is {left}." in found.output
        for name in ("report.md", "report.full.md"):
            text = (outcome.context.folder / name).read_text(encoding="utf-8")
            assert "Not finished yet" in text or "not finished" in text
        seen = look(outcome.context.folder / "report.html", "light", 390)
        assert f"the next stage is {left}" in seen.text and seen.width <= 390
        assert (seen.problems, seen.axe) == ([], [])
    pipeline.run(workspace, "pets")
    pets(task_toml=(workspace.prompts / "pets" / "task.toml").read_text() + PEOPLE)
    whole = CliRunner().invoke(cli, [*command, "--json"])
    card = (outcome.context.folder / "student" / "README.md").read_text(encoding="utf-8")
    told = json_rows(whole.stdout, "report")[0]["report"]
    assert told["spend"]["people_usd"] == "9"
    assert told["headline"] in card, "the card is of the same assumptions"
    assert '"verdict"' in whole.output and "unfinished" not in figures(outcome.context.folder)
    pets(student_md="Another prompt.\n")
    edited = CliRunner().invoke(cli, command)
    assert edited.exit_code == 0 and "Older than the task: edited since" in edited.output
    shown = (outcome.context.folder / "report.html").read_text(encoding="utf-8")
    assert "Older than the task:" in shown, "its own page, not that of the edited task"


def test_what_a_useless_judge_says_is_not_drawn_as_quality() -> None:
    found: Any = report()
    assert "quality_cost" in charts(found | {"judge": {"usable": True}})
    assert "quality_cost" not in charts(found | {"judge": {"usable": False}})


def test_every_system_is_in_the_chart_with_a_scale_to_read_it_by() -> None:
    """Prices between two powers of ten, one too small to be shown, shares at half points."""
    found: Any = report()
    for row, usd in zip(found["systems"], ("0.0032", "0.0081", "0.0045", "0"), strict=True):
        row |= at_traffic(usd)
    svg = charts(found)["quality_cost"].svg
    for row in found["systems"]:
        assert f">{row['name']}<" in svg
    assert svg.count(">$0.") >= 2
    for row in found["systems"][:4]:
        row |= at_traffic("0.24") | {"value": 0.85, "ci_low": 0.83, "ci_high": 0.9}
    assert ">$0.2" in charts(found)["quality_cost"].svg
    found["systems"][0] |= at_traffic("0.55")
    assert ">$0.5<" in charts(found)["quality_cost"].svg


@pytest.mark.parametrize(
    "prices",
    [
        ("0.006019", "0.002494", "0.003278", "0.00005635"),
        ("0.41", "0.0025", "0.0033", "0"),
        ("12.5", "0.24", "0.3", "0.0000001"),
        ("0.55", "0.24", "0.24", "0.24"),
        ("0.0081", "0.0032", "0.0045", "0.0033"),
        ("250", "3", "4", "2"),
    ],
)
def test_the_prices_along_the_chart_do_not_run_into_each_other(
    prices: tuple[str, ...], tmp_path: Path, look: Look
) -> None:
    found: Any = report()
    for row, usd in zip(found["systems"], prices, strict=True):
        row |= at_traffic(usd)
    path = tmp_path / "report.html"
    path.write_text(html(found), encoding="utf-8")
    ticks = sorted(look(path, "light", 1280).ticks)
    assert len(ticks) >= 2, "a scale takes two"
    for (_, right), (left, _) in pairwise(ticks):
        assert right < left


def test_a_loss_that_was_not_told_is_not_made_up() -> None:
    rows = [{"step": 5.0, "loss": 2.0}, {"step": 10.0, "validation_loss": 1.5}]
    about = charts({"student": {"losses": rows}})["losses"].about
    assert about == "after 5 steps the loss is 2.00"
    rows = [{"step": 5.0, "validation_loss": 2.0}, {"step": 10.0, "validation_loss": 1.5}]
    assert "nan" not in charts({"student": {"losses": rows}})["losses"].about


def test_a_student_that_ends_has_no_line_after_that() -> None:
    found: Any = report()
    assert days_of(charts(found)["pay_back"].svg)[-1] == "30"
    found["break_even"]["ends"] = "2026-12-02"  # ten days after the report was made
    assert days_of(charts(found)["pay_back"].svg)[-1] == "10"


def days_of(svg: str) -> list[str]:
    """The numbers along the axis of days."""
    across = svg.split("matplotlib.axis_1")[1].split("matplotlib.axis_2")[0]
    return re.findall(r">(\d+)<", across)


def test_labels_are_shown_whatever_they_are_called() -> None:
    found: Any = report()
    known = found["labels"][0]
    for name in ("$x$ ^_{", "\N{SNOWMAN}\N{CJK UNIFIED IDEOGRAPH-4E00}", "a\x00b\x07", "x" * 300):
        found["labels"] = [known | {"label": name}, known | {"label": "y"}]
        svg = charts(found)["confusion"].svg
        assert "\x00" not in svg and "mathdefault" not in svg


def test_what_is_no_number_never_reaches_a_page() -> None:
    for value in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(DistillError, match=r"report\.systems\[1\]\.value is -?(nan|inf)"):
            check_finite({"systems": [{"value": 0.5}, {"value": value}]})
    check_finite(report())


@pytest.mark.slow("a whole run, and two pages in a browser")
@every_view
def test_a_store_full_of_attacks_has_a_page_of_text(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    look: Look,
    views: list[tuple[str, int]],
) -> None:
    given = [f"the old cat number {n} of ours {SCRIPT} {LINK}" for n in (4, 4, 5)]
    rows = [row | {"input": f"{row['input']} {SCRIPT} {LINK}"} for row in pet_rows("gold", 5)]
    pets(
        inputs_jsonl=jsonl([{"input": text} for text in given] + [{"input": f"{SCRIPT}{LINK}"}]),
        gold_jsonl=jsonl(rows),
    )
    folder = pipeline.run(workspace, "pets").context.folder
    side_by_side = folder / "runs.html"
    side_by_side.write_text(
        comparison(compare(workspace, "pets", [folder.name] * 2)), encoding="utf-8"
    )
    for path in (folder / "report.html", side_by_side):
        for theme, width in views:
            seen = look(path, theme, width)
            assert (seen.problems, seen.requests, seen.axe) == ([], [path.as_uri()], [])
            assert (seen.hacked, seen.scripts, seen.links) == (None, 0, 0)
            assert seen.width <= width
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in page and "](javascript:" in page
    assert not MARKUP & rendered((folder / "report.full.md").read_text(encoding="utf-8"))[0]


def test_a_run_without_rivals_has_a_page(
    workspace: Workspace, pets: WriteTask, look: Look, tmp_path: Path
) -> None:
    task = pets(task_toml=TOML.format(teacher=CHEAP), gold_jsonl=jsonl(pet_rows("gold", 20)))
    some = Answers([place % 10 > 0 for place in range(60)])
    asked = {"teacher": replace(some, usage=BILLED[CHEAP]), "student": some, "base": some}
    context = record(workspace, task, asked)
    with context.store() as store:
        found = collect(context.task, store, context.run_id)
    path = tmp_path / "report.html"
    path.write_text(html(found), encoding="utf-8")
    assert "trained model" in summary(found)
    seen = look(path, "light", 390)
    assert seen.width <= 390 and (seen.problems, seen.axe) == ([], [])
    assert "All 3 systems" in seen.text


def many_labels(found: Any, name: Callable[[int], str]) -> Any:
    """A report with 150 labels, each taken for every other."""
    row = found["labels"][0]
    names = [name(number) for number in range(150)]
    taken = {"taken_for": dict.fromkeys(names, 2)}
    rows = [
        row | {"label": one, "student": row["student"] | taken, "teacher": row["teacher"] | taken}
        for one in names
    ]
    spread = [found["data"]["spread"][0] | {"label": one} for one in names]
    return found | {"labels": rows, "data": found["data"] | {"spread": spread}}


@pytest.mark.parametrize("letters", [8, 1_000], ids=["short", "long"])
def test_150_labels_fit_the_page(tmp_path: Path, look: Look, letters: int) -> None:
    found = many_labels(report(), lambda number: f"{number:03}" + "x" * letters)
    path = tmp_path / "report.html"
    path.write_text(html(found), encoding="utf-8")
    assert len(path.read_bytes()) <= MOST_BYTES
    seen = look(path, "light", 390)
    assert seen.width <= 390 and (seen.problems, seen.axe) == ([], [])
    assert seen.text.count("2 004x") == 150 and seen.text.count("290 others") == 150
    assert len(markdown(found).encode()) <= MOST_BYTES


@pytest.mark.parametrize("word", ["long ", "\u6f22", "\U0001f469", '"&<'])
def test_a_megabyte_in_every_text_fits_the_page(word: str) -> None:
    long = word * (1_000_000 // len(word))
    mistakes = [dict.fromkeys(("input", "expected", "teacher", "student"), long)] * 20
    found: Any = everywhere(long)
    found |= {"worst": mistakes, "better": mistakes, "both_wrong": mistakes}
    found |= {"mistakes": {"worst": 99, "better": 99, "both_wrong": 99}, "description": long}
    found["terms"] = {"stops": True, "confirmed": long, "rows": []}
    page = html(found)
    assert len(page.encode()) <= MOST_BYTES and "more characters)" in page
    assert len(markdown(found).encode()) <= MOST_BYTES
    assert len(summary(found).encode()) <= 50_000


def _directions(browser: "Browser", path: Path, width: int) -> dict[str, str]:
    context = browser.new_context(viewport={"width": width, "height": 844}, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    found = page.locator("bdi").evaluate_all(
        "texts => texts.map(text => [text.textContent, getComputedStyle(text).direction])"
    )
    context.close()
    return dict(found)


def test_a_text_from_right_to_left_has_its_own_direction(
    tmp_path: Path, look: Look, in_browser: InBrowser
) -> None:
    arabic, hebrew = "\u0623\u064a\u0646 \u0637\u0644\u0628\u064a\u061f", "\u05d7\u05d9\u05d5\u05d1"
    found = everywhere(arabic)
    found["labels"] = [found["labels"][0] | {"label": hebrew}]
    path = tmp_path / "report.html"
    path.write_text(html(found), encoding="utf-8")
    directions = in_browser(_directions, path, 390)
    assert (directions[arabic], directions[hebrew]) == ("rtl", "rtl")
    assert {way for text, way in directions.items() if text.isascii()} == {"ltr"}
    seen = look(path, "light", 390)
    assert seen.width <= 390 and (seen.problems, seen.axe) == ([], [])
