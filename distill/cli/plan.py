"""What a task will cost."""

import json
from typing import TYPE_CHECKING

import click

from distill.cli.group import cli, json_option, task_argument, workspace_of
from distill.cli.tables import show_table

if TYPE_CHECKING:
    from decimal import Decimal


@cli.command()
@task_argument
@click.option(
    "--probe",
    is_flag=True,
    help="Measure with at most 5 paid calls, which the run does not repeat.",
)
@json_option
@click.pass_context
def plan(context: click.Context, task: str, probe: bool, as_json: bool) -> None:
    """What TASK will cost before anything is spent: requests, tokens, dollars and time."""
    from distill.plan_table import HEADER, figures, notes, table
    from distill.probe import look, measure

    workspace = workspace_of(context)
    click.echo("rendering what would be asked …", err=True)
    found = measure(workspace, task, _announce) if probe else look(workspace, task)
    if as_json:
        click.echo(json.dumps(figures(found), default=str))
        return
    if found.steps:
        show_table(HEADER, table(found))
    click.echo("\n".join(notes(found)))


def _announce(calls: int, most: "Decimal") -> None:
    from distill.plan import dollars

    click.echo(f"probe: {calls} paid calls, at most {dollars(most)}", err=True)
