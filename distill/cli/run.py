"""Commands that run a task's stages, show its report, rehearse a run, or cancel its jobs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from distill.cli.group import (
    SuggestingChoice,
    ask_again_option,
    cli,
    consent_of,
    curve_option,
    detach_option,
    json_option,
    max_usd_option,
    new_option,
    task_argument,
    workspace_of,
    yes_option,
)
from distill.cli.output import (
    next_step,
    open_page,
    say,
    show_curve,
    show_json,
    show_report,
    show_rows,
)
from distill.core.errors import DistillError

if TYPE_CHECKING:
    from distill.pipeline import RunResult

STAGES = {
    "generate": "Let the teacher make new inputs and answer all inputs.",
    "curate": "Drop the completions that fail a check.",
    "split": "Split the examples into train and validation, behind the leak gate.",
    "train": "Train the student.",
    "evaluate": "Compare the systems on gold.",
    "report": "Write report.json, report.md and report.html, and show the result.",
}
WITH_STUDENT = ("train", "evaluate", "report")
OTHER_VERDICT = 3  # exit code of `report --exit-code` for a verdict other than switch
WAITING = 75  # exit code of a run whose batches are pending, as EX_TEMPFAIL of sysexits.h
until_option = click.option(
    "--until",
    type=SuggestingChoice(list(STAGES)),
    default="report",
    show_default=True,
    help="Last stage.",
)


def _way_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the task argument and the options that all commands on a run share."""
    options = (
        *(task_argument, new_option, ask_again_option, detach_option),
        *(yes_option, max_usd_option, json_option),
    )
    for option in reversed(options):
        command = option(command)
    return command


@cli.command()
@click.pass_context
@_way_options
@until_option
@curve_option
def run(context: click.Context, /, task: str, as_json: bool, until: str, **options: Any) -> None:
    """Run all stages of TASK, up to its report. Continues where an earlier call stopped."""
    if options["curve"] and until not in WITH_STUDENT:
        raise click.UsageError(
            f"--curve needs a student: choose --until {WITH_STUDENT[0]} or later"
        )
    _run(context, task, until, as_json=as_json, **options)


@cli.command()
@click.pass_context
@task_argument
@click.option("--open", "in_browser", is_flag=True, help="Open report.html in the browser.")
@click.option("--now", is_flag=True, help="Exit with 0 even if the run is unfinished.")
@click.option(
    "--exit-code", is_flag=True, help="Exit with 0 for the verdict switch, 3 for any other."
)
@json_option
def report(context: click.Context, /, task: str, as_json: bool, now: bool, **options: bool) -> None:
    """Show the report of TASK's latest run, rewritten if it is outdated. Runs no other stage and
    spends nothing. For an unfinished run, shows the results so far and exits with 1."""
    from distill.pipeline import report_now

    shown = report_now(workspace_of(context), task)
    if options["in_browser"]:
        open_page(shown.folder / "report.html")
    figures = _figures(shown.folder)
    if as_json:
        done = {"run": shown.run.id, "why": shown.run.why, "missing": shown.missing}
        show_json("report", [done | {"report": figures}])
    else:
        show_report(figures, shown.folder)
    if shown.missing and not now:
        raise DistillError(
            f"run {shown.run.id} is not finished: {', '.join(shown.missing)} not done yet. "
            f"Continue with `distill run {task}`, or show the report without this error with --now."
        )
    if options["exit_code"] and figures["decision"]["verdict"] != "switch":
        context.exit(OTHER_VERDICT)


def _figures(folder: Path) -> dict[str, Any]:
    """Read report.json in a run's folder; {} if there is none."""
    path = folder / "report.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _stage_help(stage: str) -> str:
    same = f"The same as `distill run TASK --until {stage}`."
    return f"{STAGES[stage]} Runs unfinished earlier stages first. {same}"


def _stage_command(stage: str) -> None:
    """Add the command of a stage, the older form of `distill run --until`."""

    @cli.command(name=stage, help=_stage_help(stage), hidden=True)
    @click.pass_context
    @_way_options
    def command(context: click.Context, /, task: str, as_json: bool, **options: Any) -> None:
        _run(context, task, stage, as_json=as_json, **options)

    if stage == "train":
        curve_option(command)


for stage in STAGES:
    if stage not in ("evaluate", "report"):
        _stage_command(stage)


@cli.command(help=_stage_help("evaluate"), hidden=True)
@click.pass_context
@_way_options
@click.option("--timing", is_flag=True, help="Only repeat the finished run's speed measurements.")
def evaluate(
    context: click.Context, /, task: str, as_json: bool, timing: bool, **options: Any
) -> None:
    if not timing:
        _run(context, task, "evaluate", as_json=as_json, **options)
        return
    if options["new"] or options["detach"] or options["ask_again"]:
        raise click.UsageError(
            "--timing measures the finished run: remove --new, --ask-again and --detach"
        )
    from distill.pipeline import time_now

    folder = time_now(workspace_of(context), task)
    if as_json:
        show_json("timing", [_figures(folder)])
    else:
        show_report(_figures(folder), folder)


def _run(context: click.Context, task: str, until: str, *, as_json: bool, **options: Any) -> None:
    """Run the stages up to `until` and print the outcome.

    `options`: the arguments of `consent_of` and `RunOptions`.
    """
    say(f"reading {task} …")  # before the imports, which take a second
    from distill import pipeline
    from distill.estimate.run_start import RunOptions

    consent = consent_of(yes=options.pop("yes"), max_usd=options.pop("max_usd"))
    way = RunOptions(until, consent=consent, **options)
    outcome = pipeline.run(workspace_of(context), task, way)
    folder = outcome.context.folder
    if as_json:
        show_json("run", [_row(outcome)])
    elif outcome.waiting:
        click.echo(outcome.waiting)
    if outcome.waiting:
        context.exit(WAITING)
    if as_json:
        return
    if not outcome.stages_run:
        click.echo(
            f"run {outcome.run.id} is done up to {until}; nothing to do (--new starts another)"
        )
    if outcome.curve:
        show_curve(outcome.curve)
    if until == "report":
        show_report(_figures(folder), folder)
    next_step(f"distill report {task} --open" if until == "report" else f"distill run {task}")


def _row(outcome: "RunResult") -> dict[str, Any]:
    """Return the outcome of a call as a row of JSON."""
    done: dict[str, Any] = {"run": outcome.run.id, "why": outcome.run.why}
    done["stages"] = outcome.stages_run
    done |= {"waiting": outcome.waiting} if outcome.waiting else {}
    done |= {"learning_curve": outcome.curve} if outcome.curve else {}
    figures = _figures(outcome.context.folder)
    return done | ({"report": figures} if figures else {})


@cli.command()
@task_argument
@click.option("--teacher", default="", help="openai:<id> or anthropic:<id>; by default the task's.")
@click.option(
    "--mode",
    type=SuggestingChoice(["online", "batch"]),
    help="Online or batch; by default the task's.",
)
@click.option("--faults", default="", help="Shares of simulated faults: 429=0.05,cut=0.01,…")
@click.option(
    "--limit",
    type=click.FloatRange(0.01, 1e6),
    help="The stand-in's rate limit in requests per second.",
)
@until_option
@json_option
@click.pass_context
def rehearse(
    context: click.Context, /, task: str, as_json: bool, faults: str, **options: Any
) -> None:
    """Run TASK with a stand-in for its provider. No data leaves this machine; nothing is billed."""
    from distill.rehearsal.rehearse import RehearsalOptions, parse_faults
    from distill.rehearsal.rehearse import rehearse as play

    limit = options.pop("limit")
    wanted = RehearsalOptions(
        faults=parse_faults(faults),
        requests_per_second=limit,
        **{name: value or "" for name, value in options.items()},
    )
    done = play(workspace_of(context), task, wanted)
    row = {
        "REHEARSAL": task,
        "teacher": done.outcome.run.teacher,
        **({"why": done.instead} if done.instead else {}),
        "billed_usd": str(done.bill.usd),
        "answers_usd": str(done.answers_usd.normalize()),
        "possibly_paid_twice_usd": str(done.possibly_paid_twice_usd.normalize()),
        "requests": done.bill.requests,
        "refused": done.bill.refused,
        "batches": done.bill.batches,
    }
    if not as_json and wanted.until == "report":
        folder = done.outcome.context.folder
        show_report(_figures(folder), folder)
    show_rows("rehearsal", [row], as_json=as_json)
    if not as_json:
        next_step(f"distill run {task}")


@cli.command()
@task_argument
@click.option(
    "--forget",
    is_flag=True,
    help="Give up all jobs without contacting the provider; their answers are lost.",
)
@json_option
@click.pass_context
def cancel(context: click.Context, task: str, forget: bool, as_json: bool) -> None:
    """Stop the batches and fine-tuning jobs of TASK, and keep the answers so far."""
    from distill.train.cancel import cancel as stop

    done = stop(workspace_of(context), task, forget=forget)
    row = {"task": task, "batches": done.batches, "answers_kept": done.answers}
    row["trainings"] = done.trainings
    show_rows("cancellation", [row], as_json=as_json)
