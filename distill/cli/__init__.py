"""The command line: options, output and exit codes. No other package uses Click."""

import sys
from io import StringIO

import click

from distill.cli import data, estimate, inspect, label, logs, run, serve, start
from distill.cli.group import cli
from distill.cli.output import INTERRUPTED, Session, message, printable, show_error
from distill.cli.streams import prepare_streams
from distill.cli.trouble import more_on
from distill.core.errors import DistillError, Problem
from distill.core.extras import without_module

__all__ = ["cli", "data", "estimate", "inspect", "label", "logs", "main", "run", "serve", "start"]


def main() -> None:
    """Run the console command, and turn errors into messages and exit codes."""
    prepare_streams()
    session = Session()
    try:
        sys.exit(cli.main(standalone_mode=False, obj=session))
    except (click.exceptions.Abort, KeyboardInterrupt):
        problems, code = (
            [Problem("interrupted", fix="run the same command to continue")],
            INTERRUPTED,
        )
        click.echo("interrupted; run the same command to continue", err=True)
    except click.ClickException as error:
        problems, code = [_of_usage(error)], error.exit_code
        shown = StringIO()
        error.show(file=shown)
        click.echo(printable(shown.getvalue(), lines=True), err=True, nl=False)
    except DistillError as error:
        problems, code = _told(error)
    except ModuleNotFoundError as error:
        needs = without_module(error)
        if needs is None:
            raise
        problems, code = _told(needs)
    except OSError as error:
        fix = "stored rows are kept: run the same command to continue"
        problems = [Problem(str(error), file=str(error.filename or ""), fix=fix)]
        code = 1
        click.echo(message(f"error: {error}; {fix}"), err=True)
    if _wants_json() and not session.has_printed:
        show_error(problems)
    sys.exit(code)


def _told(error: DistillError) -> tuple[list[Problem], int]:
    """Show an error, and return its problems and the exit code."""
    for line in error.lines:
        click.echo(message(f"error: {line}"), err=True)
    if more := more_on(error.lines):
        click.echo(more, err=True)
    return [*error.problems], error.exit_code


def _of_usage(error: click.ClickException) -> Problem:
    """Return a usage error of Click as a problem; its remedy is the help of the command."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    fix = f"see `{context.command_path} --help`" if context else ""
    return Problem(error.format_message(), fix=fix)


def _wants_json() -> bool:
    """True if the command line has --json, even if Click could not read it."""
    typed = sys.argv[1:]
    return "--json" in typed[: typed.index("--")] if "--" in typed else "--json" in typed
