"""Commands that show tasks, runs, this machine and dropped rows."""

from collections.abc import Mapping
from pathlib import Path
from time import sleep
from typing import Any

import click

from distill.cli.group import cli, complete_task, json_option, task_argument, workspace_of
from distill.cli.output import INTERRUPTED, one_line, show_json, show_rows
from distill.cli.streams import typed
from distill.cli.tables import show_table
from distill.core.errors import DistillError

WATCH_SECONDS = 1.0  # a running step writes an event a second


@cli.command()
@json_option
@click.pass_context
def tasks(context: click.Context, as_json: bool) -> None:
    """List the tasks, with the errors of those that are invalid."""
    from distill.lint import count_in_words, lint
    from distill.llm.teacher_choice import by_keys
    from distill.task.loading import known_tasks, load_task

    workspace = workspace_of(context)
    rows: list[dict[str, Any]] = []
    for name in known_tasks(workspace.prompts):
        try:
            task = load_task(workspace.prompts, name)
        except DistillError as error:
            rows.append({"task": name, "error": str(error)})
            continue
        counts = {**task.form.counts(), "seeds": len(task.seeds), "gold": len(task.gold)}
        note = count_in_words(lint(by_keys(task)[0]), name)
        told = {"note": note} if note else {}
        rows.append({"task": name, "kind": task.spec.kind, **counts, **told})
    show_rows("tasks", rows, as_json=as_json)


@cli.command()
@click.argument("task", required=False, shell_complete=complete_task)
@json_option
@click.pass_context
def runs(context: click.Context, task: str | None, as_json: bool) -> None:
    """List the runs of TASK, or of all tasks, with the results of each."""
    from distill.report.runs import list_runs

    show_rows("runs", list_runs(workspace_of(context), task), as_json=as_json)


@cli.command()
@task_argument
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write a page, too."
)
@json_option
@click.pass_context
def compare(
    context: click.Context, task: str, runs: tuple[str, ...], page: Path | None, as_json: bool
) -> None:
    """Compare RUNS of TASK with the first of them: data, recipe, quality on the same gold rows, and
    cost. Write a run of another task as <task>/<run>."""
    from distill.report.compare_runs import compare as compared
    from distill.report.compare_runs import lines

    rows = compared(workspace_of(context), task, runs)
    if page:
        from distill.report.render import comparison

        page.write_text(comparison(rows), encoding="utf-8")
    if as_json:
        show_json("comparison", rows)
    else:
        click.echo("\n".join(lines(rows)))


@cli.command()
@task_argument
@click.option(
    "--watch", is_flag=True, help="Show each change until no process works on the run, or Ctrl-C."
)
@json_option
@click.pass_context
def status(context: click.Context, task: str, watch: bool, as_json: bool) -> None:
    """Show the progress of the latest run of TASK, even while another process uses the store."""
    from distill.report.runs import read_status, watch_status

    workspace = workspace_of(context)
    if not watch:
        show_rows("status", [read_status(workspace, task)], as_json=as_json)
        return
    if as_json:
        raise click.UsageError("--watch prints many rows, and --json one object: remove one")
    from distill.cli.watch import show_changes

    try:
        show_changes(watch_status(workspace, task, lambda: sleep(WATCH_SECONDS)))
    except KeyboardInterrupt:
        context.exit(INTERRUPTED)


@cli.command()
@json_option
def doctor(as_json: bool) -> None:
    """Show this machine's Python, GPU, packages, keys and disk, and the choices of `auto`."""
    from distill.llm.doctor import diagnose

    show_rows("doctor", diagnose(), as_json=as_json)


@cli.command()
@task_argument
@click.option("--reason", default="", help="Only rows whose check or reason contains this.")
@click.option(
    "--spared", is_flag=True, help="Rows that a check found but was not accurate enough to drop."
)
@json_option
@click.pass_context
def drops(context: click.Context, task: str, reason: str, spared: bool, as_json: bool) -> None:
    """Show the rows dropped by the latest run of TASK: for each check rows, USD and reasons."""
    from distill.curate.drops import dropped_rows_of, notes_of, spared_rows_of, yields_of

    workspace = workspace_of(context)
    if spared:
        show_rows("spared", spared_rows_of(workspace, task), as_json=as_json)
        return
    if reason:
        show_rows("drops", dropped_rows_of(workspace, task, typed(reason)), as_json=as_json)
        return
    rows = yields_of(workspace, task)
    if as_json:
        show_json("curation", rows)
        return
    header = ["check", "rows in", "dropped", "$", "because"]
    cells = [
        [row["check"], *(str(row[key]) for key in ("rows_in", "dropped", "usd")), _counts(row)]
        for row in rows
    ]
    show_table(header, cells)
    for note in notes_of(workspace, task):
        click.echo(f"\n{note['check']}: {note['words']}")
    for row in rows:
        for example in row["examples"]:
            click.echo(f"\n{row['check']}: {example['reason']}\n  {one_line(example['input'])}")
            if example["matched"]:
                click.echo(f"  {one_line(example['matched'])}")


def _counts(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in row["reasons"].items())


@cli.command()
@task_argument
@json_option
@click.pass_context
def leaks(context: click.Context, task: str, as_json: bool) -> None:
    """List the rows of TASK that are too close to gold, each with its gold row."""
    from distill.curate.drops import leaks_of

    show_rows("leaks", leaks_of(workspace_of(context), task), as_json=as_json)
