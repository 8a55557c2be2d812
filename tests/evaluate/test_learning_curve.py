"""`distill train --curve`: parts of the split, what they are worth, what is done once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy
import pytest
from click.testing import CliRunner

from distill import pipeline
from distill.cli import cli
from distill.core.dataset import Example, SplitExample
from distill.core.errors import DistillError, InputError
from distill.core.text import stable_hash
from distill.core.workspace import Workspace
from distill.estimate.consent import Consent, Declined
from distill.estimate.finetuning import curve_cost
from distill.estimate.run_start import RunOptions
from distill.evaluate.learning_curve import curve_figures, examples_of, part_of, sentence
from distill.evaluate.statistics import gain_of_more
from distill.store import open_store
from distill.train.trainers import TRAINERS
from distill.train.trainers.base import OnSteps, TrainJob, TrainResult
from tests.conftest import WriteTask
from tests.support.command import json_rows
from tests.support.figures import figures
from tests.support.paying import paid_run
from tests.support.scripted import Trainer
from tests.support.standin import StandIn
from tests.train.test_openai_trainer import TASK, Start, providers

__all__ = ["providers"]  # the fixture

CURVE = RunOptions(until="train", curve=True)


class Counting(Trainer):
    """Knows how many rows each training had."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def train(self, job: TrainJob, on_steps: OnSteps) -> TrainResult:
        self.rows.append(job.train.read_bytes().count(b"\n"))
        return super().train(job, on_steps)


@pytest.fixture
def trainer(scripted_backends: StandIn, monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting()
    monkeypatch.setitem(TRAINERS, "unsloth", counting)
    return counting


def split_rows() -> list[SplitExample]:
    rows = []
    for label, count in {"cats": 40, "dogs": 9}.items():
        for number in range(count):
            text = f"{label} {number}"
            example = Example(stable_hash([text]), text, label, "synthesis")
            part = "validation" if number % 10 == 9 else "train"
            rows.append(SplitExample(example, part))  # type: ignore[arg-type]
    seeds = [Example(stable_hash([n]), f"seed {n}", "cats", "seeds") for n in range(5)]
    return rows + [SplitExample(seed, "train", 2) for seed in seeds]


def test_a_part_has_all_seeds_all_that_validates_and_a_share_of_each_label() -> None:
    split = split_rows()
    quarter, half = (part_of(split, share, seed=0, group=str) for share in (0.25, 0.5))
    assert set(quarter) < set(half) < set(split)
    for part, cats, dogs in ((quarter, 9, 3), (half, 18, 5)):
        trained = Counter(
            row.example.answer
            for row in part
            if row.part == "train" and row.example.source != "seeds"
        )
        assert trained == {"cats": cats, "dogs": dogs}
        assert sum(row.example.source == "seeds" for row in part) == 5
        assert sum(row.part == "validation" for row in part) == 4
    assert set(part_of(split, 0.25, seed=1, group=str)) != set(quarter)
    assert examples_of(split) == 36 + 9 + 5


def scores_of(*shares: float, gold: int = 200) -> list[list[float]]:
    return [[float(n < share * gold) for n in range(gold)] for share in shares]


def test_what_more_is_worth_is_the_slope_of_a_line_through_the_points() -> None:
    counts = [100, 200, 400]
    found = gain_of_more(counts, scores_of(0.5, 0.58, 0.7), 200, 0.95)
    slope = numpy.polyfit(numpy.log2(counts), [0.5, 0.58, 0.7], 1)[0]
    assert found.value == pytest.approx(slope * numpy.log2(600 / 400))
    assert found.low < found.value < found.high
    flat = gain_of_more(counts, scores_of(0.6, 0.6, 0.6), 200, 0.95)
    assert flat.value == pytest.approx(0)
    # Of rows that are worth 0 those that are worth the most may be as many as none of 200 shows.
    most = numpy.log2(1.5) / 2 * (1 - 0.025 ** (1 / 200))
    assert (flat.low, flat.high) == pytest.approx((-most, most), rel=0.01)


def test_the_interval_is_that_of_the_gold_rows() -> None:
    """Against the standard error of the same weighted sum of the rows."""
    draw = numpy.random.default_rng(3)
    counts, gold = [100, 200, 400], 400
    scores = [list((draw.random(gold) < share).astype(float)) for share in (0.6, 0.65, 0.7)]
    found = gain_of_more(counts, scores, 200, 0.95)
    x = numpy.log2(counts) - numpy.log2(counts).mean()
    rows = (x / (x @ x)) @ numpy.array(scores) * numpy.log2(1.5)
    half = 1.96 * rows.std(ddof=1) / gold**0.5
    assert found.value == pytest.approx(rows.mean())
    assert found.low == pytest.approx(rows.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(rows.mean() + half, abs=0.1 * half)


def named(values: Sequence[float]) -> dict[str, float]:
    return {f"{number:04}": value for number, value in enumerate(values)}


def test_the_figures_and_their_sentence() -> None:
    split = split_rows()
    fewest, half, whole = (named(row) for row in scores_of(0.5, 0.6, 0.7))
    assert curve_figures(split, {"student": whole}, 0.95) == {}
    scores = {"student": whole, "curve:28": half, "curve:17": fewest, "teacher": whole}
    found = curve_figures(split, scores, 0.95)
    assert [(p["examples"], p["value"]) for p in found["points"]] == [
        (17, pytest.approx(0.5)),
        (28, pytest.approx(0.6)),
        (50, pytest.approx(0.7)),
    ]
    gain = found["next"]
    assert gain["examples"] == 200
    assert sentence(found) == (
        f"The next 200 examples are worth about {100 * gain['gain']:+.1f} points (95% interval "
        f"{100 * gain['ci_low']:+.1f}…{100 * gain['ci_high']:+.1f})."
    )


def test_a_curve_before_the_evaluation_asks_what_that_then_does_not(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, trainer: Counting
) -> None:
    pets()
    outcome = pipeline.run(workspace, "pets", CURVE)
    assert outcome.stages_run[-1] == "train"
    with outcome.context.store() as store:
        whole = examples_of(store.split(outcome.run.id))
    counts = [point["examples"] for point in outcome.curve["points"]]
    assert counts == sorted(counts) and counts[-1] == whole and len(counts) == 3
    assert trainer.rows[1] < trainer.rows[2] < trainer.rows[0]
    pipeline.run(workspace, "pets")
    assert max(scripted_backends.asked.values()) == 1, "nothing is asked twice"
    assert len(trainer.rows) == 3
    found = figures(outcome.context.folder)
    assert found["learning_curve"]["points"] == outcome.curve["points"]


@pytest.mark.slow("a whole run and its curve, with every chart twice")
@pytest.mark.usefixtures("drawn_charts")
def test_a_curve_after_the_report_stands_in_it_and_is_made_once(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, trainer: Counting
) -> None:
    pets()
    folder = pipeline.run(workspace, "pets").context.folder
    before = figures(folder)
    assert "learning_curve" not in before
    curve = pipeline.run(workspace, "pets", CURVE).curve
    asked, trained = scripted_backends.total, len(trainer.rows)
    after = figures(folder)
    assert after["learning_curve"]["sentence"] == sentence(curve)
    assert after["systems"] == before["systems"], "its students are no systems of the page"
    assert Decimal(after["spend"]["curve_usd"]) > 0
    parts = ("generate", "judge", "train", "curve", "evaluate")
    total = sum(Decimal(after["spend"][f"{part}_usd"]) for part in parts)
    assert Decimal(after["spend"]["total_usd"]) == total
    for page in ("report.full.md", "report.html"):
        assert sentence(curve) in (folder / page).read_text(encoding="utf-8")
    assert pipeline.run(workspace, "pets", CURVE).curve == curve
    assert (scripted_backends.total, len(trainer.rows)) == (asked, trained)


def test_a_curve_that_fails_on_the_way_goes_on(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, trainer: Counting
) -> None:
    pets()
    pipeline.run(workspace, "pets", RunOptions(until="train"))
    scripted_backends.fail_after = scripted_backends.total + 7
    with pytest.raises(DistillError):
        pipeline.run(workspace, "pets", CURVE)
    scripted_backends.fail_after = None
    assert pipeline.run(workspace, "pets", CURVE).curve["points"]
    assert len(trainer.rows) == 3, "none is trained again"
    assert max(scripted_backends.asked.values()) == 1


def test_a_split_that_is_too_small_says_so(
    workspace: Workspace, pets: WriteTask, trainer: Counting
) -> None:
    task = pets()
    text = (task.folder / "task.toml").read_text(encoding="utf-8")
    pets(task_toml=text.replace("requests = 30", "requests = 0"))
    with pytest.raises(InputError, match="too few examples for a learning curve"):
        pipeline.run(workspace, "pets", CURVE)


def test_the_command_shows_the_points(
    workspace: Workspace, pets: WriteTask, trainer: Counting
) -> None:
    pets()
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    shown = CliRunner().invoke(cli, [*folders, "train", "pets", "--curve"])
    assert shown.exit_code == 0, shown.output
    assert "The next 200 examples are worth about" in shown.output
    again = CliRunner().invoke(cli, [*folders, "train", "pets", "--curve", "--json"])
    [found] = json_rows(again.stdout, "run")
    assert len(found["learning_curve"]["points"]) == 3


def test_a_curve_at_a_provider_is_told_asked_for_and_billed(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, providers: Start
) -> None:
    task = pets(task_toml=TASK.replace("requests = 30", "requests = 60"))
    with providers() as provider:
        outcome = paid_run(workspace, "pets")
        with outcome.context.store() as store:
            expected = curve_cost(store.split(outcome.run.id), task).usd
        before = provider.bill()
        paid_run(workspace, "pets", CURVE)
        bill, found = provider.bill(), figures(outcome.context.folder)
        assert bill.jobs == before.jobs + 2
        curve = Decimal(found["spend"]["curve_usd"])
        assert Decimal("0.8") < expected / curve < Decimal("1.25")
        assert Decimal(found["spend"]["billed_usd"]) == bill.usd
        paid_run(workspace, "pets", CURVE)
        assert provider.bill().usd == bill.usd
        notes = (outcome.context.folder / "events.jsonl").read_text(encoding="utf-8")
        assert "for 2 requests to gpt-4o-mini" in notes


def test_whoever_declines_pays_nothing(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    providers: Start,
) -> None:
    ask = "[budget]\nask_above_usd = 0.0001\n"
    pets(task_toml=TASK.replace("requests = 30", "requests = 60") + ask)
    with providers() as provider:
        paid_run(workspace, "pets")
        before = provider.bill().usd
        declines = Consent(None, agree=lambda plan: False)
        with pytest.raises(Declined):
            pipeline.run(workspace, "pets", replace(CURVE, consent=declines))
        assert provider.bill().usd == before


def test_the_store_keeps_the_students_of_a_curve(
    workspace: Workspace, pets: WriteTask, trainer: Counting
) -> None:
    pets()
    outcome = pipeline.run(workspace, "pets", CURVE)
    with open_store(workspace.database("pets")) as store:
        kept = store.curve_students(outcome.run.id)
    counts = [point["examples"] for point in outcome.curve["points"]]
    assert list(kept) == counts[:-1]
    for count, student in kept.items():
        assert student.folder == Path(outcome.context.folder.resolve() / f"curve-{count}")
        assert (student.folder / "merged").is_dir()
