"""The command group, and the options that several commands share."""

import os
import sys
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from distill import __version__
from distill.cli.output import Session
from distill.core.progress import loudness

if TYPE_CHECKING:
    from distill.core.workspace import Workspace
    from distill.estimate import CostEstimate
    from distill.estimate.consent import Consent


class Usd(click.ParamType[Decimal]):
    """The type of an option in USD: an exact decimal of 0 or more."""

    name = "usd"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> Decimal:
        """Parse an amount. Fails if the value is not an amount."""
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal(-1)
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is not an amount of USD: write it like 0.50", param, context)
        return amount


class SuggestingChoice(click.Choice[str]):
    """A choice whose error suggests the nearest value."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Return click's message, with the nearest value if there is one."""
        from distill.core.suggestions import did_you_mean

        said = super().get_invalid_choice_message(value, ctx)
        return f"{said} {did_you_mean(str(value), self.choices).capitalize()}".rstrip()


# The command list of `distill --help`: section → commands → line of at most 60 characters.
SECTIONS = {
    "Start": {
        "new": "Make a task from your labelled rows.",
        "check": "Check a task before a run: ok, look or stop.",
        "rehearse": "Run a task with a stand-in for its provider, at no cost.",
    },
    "Run": {
        "run": "Run a task up to its report, or up to a stage.",
        "cancel": "Stop batches and fine-tuning jobs; keep the answers.",
    },
    "Data": {
        "import": "Take inputs and answers out of production logs.",
        "label": "Label test rows in the terminal, one key each.",
        "review": "Accept or reject examples in a spreadsheet.",
        "drops": "Show the rows that curation dropped, with reasons.",
    },
    "Look": {
        "report": "Show the report of the latest run.",
        "compare": "Compare runs: data, recipe, quality, cost.",
        "status": "Show the progress of the latest run.",
        "ask": "Ask the student for one answer.",
    },
    "Ship": {
        "serve": "Serve a student until Ctrl-C.",
        "export": "Write the tables of a task's store as files.",
    },
}
# Commands that a first run does not need: `distill --help` lists their names alone.
MORE = ("tasks", "runs", "plan", "prices", "leaks", "doctor", "sql", "validate")
LONGEST_LINE = 60
EPILOG = """\b
Example: distill check classify, then distill run classify
Help on a command: distill run --help. Help on all: docs/cli.md"""


class SectionedGroup(click.Group):
    """A command group whose help lists the commands by section, in the order of SECTIONS.

    The commands of MORE follow without a line of their own.
    """

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each command of a section, and the names of the others."""
        names = [name for lines in SECTIONS.values() for name in lines]
        left, middle = max(map(len, SECTIONS)), max(map(len, names))
        rows = [
            ("" if place else section, f"{name:{middle}}  {said}")
            for section, lines in SECTIONS.items()
            for place, (name, said) in enumerate(lines.items())
        ]
        more = wrap(", ".join(MORE), LONGEST_LINE)
        rows += [("" if place else "More", line) for place, line in enumerate(more)]
        with formatter.section("Commands"):
            for before, said in rows:
                formatter.write(f"  {before:{left}}  {said}\n")


@click.group(
    cls=SectionedGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EPILOG,
)
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
    help="Folder of all outputs.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show only results and errors.")
@click.option("-v", "--verbose", is_flag=True, help="Show details: child processes, seconds.")
@click.pass_context
def cli(context: click.Context, prompts: Path, runs: Path, *, quiet: bool, verbose: bool) -> None:
    """Distil a large teacher into a cheap student for one narrow task."""
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other: remove one")
    context.with_resource(loudness(quiet=quiet, verbose=verbose))
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        context.color = False
    session = context.ensure_object(Session)
    session.prompts, session.runs = prompts, runs


def import_option(help_: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option for a file of --export that a person has filled in."""
    path = click.Path(path_type=Path, exists=True, dir_okay=False)
    return click.option("--import", "of", type=path, help=help_)


def workspace_of(context: click.Context) -> "Workspace":
    """Return the folders in the group's options. The import is late to keep `--help` fast."""
    from distill.core.workspace import Workspace

    session = context.find_root().ensure_object(Session)
    return Workspace(session.prompts, session.runs)


def complete_task(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of tasks that begin with the typed letters, for the shell."""
    prompts: Path = context.find_root().params.get("prompts") or Path("prompts")
    names = sorted(path.parent.name for path in prompts.glob("[!.]*/task.toml"))
    return [name for name in names if name.startswith(incomplete)]


task_argument = click.argument("task", shell_complete=complete_task)
new_option = click.option(
    "--new", is_flag=True, help="Start another run even if one is unfinished."
)
ask_again_option = click.option(
    "--ask-again",
    is_flag=True,
    help="Start another run, and repeat the latest run's requests without a usable answer.",
)
detach_option = click.option(
    "--detach", is_flag=True, help="Submit batches and return; `distill run` continues."
)
curve_option = click.option(
    "--curve",
    is_flag=True,
    help="Also train on 25 and 50 % of the examples, to estimate the gain from more.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
export_option = click.option(
    "--export", "to", type=click.Path(path_type=Path), help="CSV file to write."
)
yes_option = click.option(
    "--yes", is_flag=True, help="Agree to bills up to budget.usd, without being asked."
)
max_usd_option = click.option(
    "--max-usd",
    type=Usd(),
    metavar="N",
    help="Agree to at most N USD for this call; a higher estimate ends it.",
)


def consent_of(*, yes: bool, max_usd: Decimal | None) -> "Consent":
    """Return the user's consent, from the options.

    Without these options, a question at the terminal decides. Without a terminal, there is no
    consent.
    """
    from distill.estimate.consent import NO_CONSENT, WHOLE_BUDGET, Consent

    if max_usd is not None:
        return Consent(max_usd)
    if yes:
        return WHOLE_BUDGET
    return Consent(None, _agree) if interactive() else NO_CONSENT


def interactive() -> bool:
    """True if a user at a terminal can answer a question."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _agree(plan: "CostEstimate") -> bool:
    return click.confirm(f"{plan.words}. Continue?", default=False, err=True)
