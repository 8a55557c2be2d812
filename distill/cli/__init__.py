"""The command line: options, output and exit codes. No other package uses Click."""

import codecs
import os
import sys
from collections.abc import Mapping
from io import StringIO, TextIOWrapper

import click

from distill.cli import data, estimate, inspect, run, serve, start
from distill.cli.group import cli
from distill.cli.output import message, printable
from distill.core.errors import DistillError

__all__ = ["cli", "data", "estimate", "inspect", "main", "run", "serve", "start"]
INTERRUPTED = 130
# Characters of our own texts that an older encoding, such as Latin-1, may lack.
IN_ASCII = {"–": "-", "—": "-", "…": "...", "·": "-", "“": '"', "”": '"', "→": "->"}


def main() -> None:
    """Run the console command, and turn errors into messages and exit codes."""
    _occupy_closed_streams()
    _print_in_any_encoding()
    try:
        sys.exit(cli.main(standalone_mode=False, color=_colours(os.environ)))
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


def _colours(environment: Mapping[str, str]) -> bool | None:
    """Return False if the user wants no colours; None to colour what goes to a terminal."""
    return False if environment.get("NO_COLOR") or environment.get("TERM") == "dumb" else None


def _print_in_any_encoding() -> None:
    """Let the standard streams print characters that their encoding lacks as ASCII or "?"."""
    codecs.register_error("in_ascii", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors != "surrogateescape":
            stream.reconfigure(errors="in_ascii")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Return (ASCII text, position after it) for characters that an encoding lacks."""
    assert isinstance(error, UnicodeEncodeError), "nothing is decoded with this"
    found = error.object[error.start : error.end]
    return "".join(IN_ASCII.get(char, "?") for char in found), error.end


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
