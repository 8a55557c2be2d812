"""The command line: options, output and exit codes. No other package uses Click."""

import os
import sys
from io import StringIO

import click

from distill.cli import data, estimate, inspect, logs, run, serve, start
from distill.cli.group import cli
from distill.cli.output import message, printable
from distill.core.errors import DistillError

__all__ = ["cli", "data", "estimate", "inspect", "logs", "main", "run", "serve", "start"]
INTERRUPTED = 130


def main() -> None:
    """Run the console command, and turn errors into messages and exit codes."""
    _occupy_closed_streams()
    try:
        sys.exit(cli.main(standalone_mode=False))
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted; run the same command to continue", err=True)
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        shown = StringIO()
        error.show(file=shown)
        click.echo(printable(shown.getvalue(), lines=True), err=True, nl=False)
        sys.exit(error.exit_code)
    except DistillError as error:
        click.echo(message(f"error: {error}"), err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        said = f"error: {error}; stored rows are kept: run the same command to continue"
        click.echo(message(said), err=True)
        sys.exit(1)


def _occupy_closed_streams() -> None:
    """Open the null device for each standard stream that the caller has closed.

    Otherwise, the next opened file, a store or a lock, would get the stream's number and receive
    its messages.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))
