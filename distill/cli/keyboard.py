"""Keys and lines from a person at a terminal, or from a pipe."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

from distill.core.errors import InputError

ESCAPE, END = "\x1b", "\x04"  # END: Ctrl-D


def read_line(prompt: str = "> ", words: Sequence[str] = ()) -> str | None:
    """Read a line; None at the end of the input. At a terminal, Tab completes to one of `words`."""
    try:
        if not sys.stdin.isatty():
            line = sys.stdin.readline()
            return line.rstrip("\r\n") if line else None
        with _completing(words):
            return input(prompt if sys.stdout.isatty() else "")
    except EOFError:
        return None
    except UnicodeDecodeError as error:
        raise InputError("standard input is not UTF-8: convert it first") from error


@contextmanager
def _completing(words: Sequence[str]) -> Iterator[None]:
    """Let Tab complete the typed letters to a word, which may contain spaces."""
    if not words:
        yield
        return
    import readline

    def complete(typed: str, number: int) -> str | None:
        found = [word for word in words if word.casefold().startswith(typed.casefold())]
        return found[number] if number < len(found) else None

    before, delimiters = readline.get_completer(), readline.get_completer_delims()
    readline.set_completer(complete)
    readline.set_completer_delims("")
    # The line editor of macOS has another syntax.
    is_libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")
    try:
        yield
    finally:
        readline.set_completer(before)
        readline.set_completer_delims(delimiters)


class Keys:
    """The keys of a terminal, one at a time. A sequence of an arrow or function key is one key."""

    def __init__(self, terminal: TextIO) -> None:
        self._handle = terminal.fileno()
        self._typed: list[str] = []

    def read(self) -> str | None:
        """Wait for a key and return it; None at the end of the input."""
        if not self._typed:
            self._typed = _keys_in(os.read(self._handle, 1024).decode("utf-8", "replace"))
        key = self._typed.pop(0) if self._typed else END
        return None if key == END else key

    def forget(self) -> None:
        """Forget the keys that were typed ahead."""
        import termios

        self._typed = []
        termios.tcflush(self._handle, termios.TCIFLUSH)


def _keys_in(typed: str) -> list[str]:
    return [typed] if typed.startswith(ESCAPE) else list(typed)


@contextmanager
def keys_of_terminal(terminal: TextIO) -> Iterator[Keys]:
    """Pass on each key at once and show none, until the end of the block. Ctrl-C interrupts.

    Keys that are typed while a row is being written are kept for the next one. The terminal's
    settings are restored after any signal that a process can handle.
    """
    import termios

    handle = terminal.fileno()
    before: list[Any] = termios.tcgetattr(handle)
    changed = termios.tcgetattr(handle)
    changed[3] &= ~(termios.ECHO | termios.ICANON)
    changed[6][termios.VMIN], changed[6][termios.VTIME] = 1, 0
    terminated = signal.signal(signal.SIGTERM, _end)
    termios.tcsetattr(handle, termios.TCSADRAIN, changed)
    try:
        yield Keys(terminal)
    finally:
        signal.signal(signal.SIGTERM, terminated)
        termios.tcsetattr(handle, termios.TCSADRAIN, before)


def _end(number: int, frame: FrameType | None) -> None:
    """End the process with the exit code that shells give to a signal."""
    sys.exit(128 + number)
