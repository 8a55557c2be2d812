"""Commands for the cost of a task and for prices."""

from typing import TYPE_CHECKING, Any

import click

from distill.cli.group import (
    cli,
    consent_of,
    json_option,
    max_usd_option,
    task_argument,
    workspace_of,
    yes_option,
)
from distill.cli.output import next_step, say, show_check, show_json, show_rows
from distill.cli.tables import show_table
from distill.cli.trouble import more_on

if TYPE_CHECKING:
    from decimal import Decimal


@cli.command()
@task_argument
@click.option(
    "--probe",
    is_flag=True,
    help="Send at most 5 paid requests to measure tokens; the run reuses their answers.",
)
@yes_option
@max_usd_option
@json_option
@click.pass_context
def plan(context: click.Context, /, task: str, probe: bool, as_json: bool, **options: Any) -> None:
    """Estimate the requests, tokens, USD and time of a run of TASK, before anything is spent."""
    from distill.estimate.probe import estimate_task, probe_run
    from distill.estimate.table import HEADER, figures, notes, table
    from distill.lint import count_in_words, lint, stop_on_errors
    from distill.llm.teacher_choice import by_keys
    from distill.task.loading import load_task

    workspace = workspace_of(context)
    say("rendering the requests …")
    loaded, consent = load_task(workspace.prompts, task), consent_of(**options)
    faults = lint(by_keys(loaded)[0])
    stop_on_errors(faults)
    if faults:
        say(count_in_words(faults, task))
    found = (
        probe_run(workspace, task, _announce, consent)
        if probe
        else estimate_task(workspace, loaded)
    )
    if as_json:
        show_json("plan", [figures(found)])
        return
    if found.steps:
        show_table(HEADER, table(found))
    click.echo("\n".join(notes(found)))


@cli.command()
@task_argument
@json_option
@click.pass_context
def check(context: click.Context, task: str, as_json: bool) -> None:
    """Check TASK before a run: files, rows, prompts, leaks, terms, keys, cost and worth. Each row
    says ok, look or stop, with file and line. Exits with 2 if a row says stop. Sends no request."""
    from dataclasses import asdict

    say(f"checking {task} …")  # before the imports, which take a second
    from distill.estimate.task_check import check_task

    found = check_task(workspace_of(context), task)
    if as_json:
        rows = [asdict(row) for row in found.rows]
        show_json("check", rows, task=found.task, level=found.level, next=found.next)
    else:
        show_check(found.rows)
        if more := more_on(row.sentence for row in found.rows if row.level == "stop"):
            say(more)
        mend = "correct the rows with stop, then run " if found.level == "stop" else ""
        next_step(f"{mend}{found.next}")
    if found.level == "stop":
        context.exit(2)


@cli.command(hidden=True)
@task_argument
@json_option
@click.pass_context
def advise(context: click.Context, task: str, as_json: bool) -> None:
    """Report whether a run of TASK is worth its cost: seeds, gold, price. Sends no request.
    The same as in `distill check TASK`."""
    from distill.estimate.go_no_go import advise as advised
    from distill.estimate.go_no_go import shown

    show_rows("advice", shown(advised(workspace_of(context), task)), as_json=as_json)


@cli.command()
@click.argument("model", required=False)
@json_option
@click.pass_context
def prices(context: click.Context, model: str | None, as_json: bool) -> None:
    """Show the prices used for MODEL and their sources. Without MODEL, show the tool's own table,
    which supplements the price library."""
    from datetime import UTC, datetime

    from distill.pricing.listing import all_rows, printed, rows_of
    from distill.task.loading import project_file
    from distill.task.spec_file import project_rates

    today, project = datetime.now(UTC).date(), project_file(workspace_of(context).prompts)
    rows = rows_of(model, today, project_rates(project)) if model else all_rows(today)
    show_rows("prices", [printed(row) for row in rows], as_json=as_json)


def _announce(calls: int, most: "Decimal") -> None:
    from distill.core.numbers import exact_dollars

    say(f"probe: {calls} paid calls, at most {exact_dollars(most)}")
