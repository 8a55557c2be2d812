"""The command that the others belong to, and the options that several of them have."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from distill import __version__

if TYPE_CHECKING:
    from distill.workspace import Workspace


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="distill")
@click.option(
    "--prompts",
    type=click.Path(path_type=Path),
    default=Path("prompts"),
    show_default=True,
    envvar="DISTILL_PROMPTS",
    help="Folder of the tasks.",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    envvar="DISTILL_RUNS",
    help="Folder of everything that is made.",
)
@click.pass_context
def cli(context: click.Context, prompts: Path, runs: Path) -> None:
    """Distil a large teacher into a cheap student for one narrow task, and know how good it is."""
    context.obj = (prompts, runs)


def workspace_of(context: click.Context) -> "Workspace":
    """The folders that the group's options name. Imported late: `--help` has to be quick."""
    from distill.workspace import Workspace

    prompts, runs = context.find_root().obj
    return Workspace(prompts, runs)


task_argument = click.argument("task")
new_option = click.option(
    "--new", is_flag=True, help="Start another run even if one is unfinished."
)
detach_option = click.option(
    "--detach", is_flag=True, help="Submit batches and return; the next run goes on."
)
curve_option = click.option(
    "--curve",
    is_flag=True,
    help="Train on 25 and 50 % of the examples, too, and say what more would bring.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask before more than $1 is spent.")
