"""The command line: options → stage → what is shown → exit code. The only package with Click."""

import os
import sys
from io import StringIO

import click

from distill.cli import data, estimate, inspect, run, serve
from distill.cli.group import cli
from distill.cli.output import message, printable
from distill.core.errors import DistillError

__all__ = ["cli", "data", "estimate", "inspect", "main", "run", "serve"]
INTERRUPTED = 130


def main() -> None:
    """The console command: the one boundary where errors become messages and exit codes."""
    _occupy_closed_streams()
    try:
        sys.exit(cli.main(standalone_mode=False))
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted; the same command goes on from here", err=True)
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
        said = f"error: {error}; what was stored is kept, the same command goes on"
        click.echo(message(said), err=True)
        sys.exit(1)


def _occupy_closed_streams() -> None:
    """Point standard streams that the caller closed to nowhere: the next file that is opened would
    be one of them, a store or a lock, and messages would be written into it."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))
