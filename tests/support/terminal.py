"""A person at a terminal: a command in a child process whose terminal a test reads and types to."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The terminal is the child's own, so that Ctrl-C reaches it.
STARTED = """
import fcntl, signal, termios
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup, which ignores it
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from distill.cli import main
main()
"""
MOST_SECONDS = 120  # until a test fails that waits for what never comes


class Terminal:
    """The terminal of a command: what it shows, and the keys of the person."""

    def __init__(self, handle: int, child: "subprocess.Popen[bytes]") -> None:
        self._handle, self._child, self._read = handle, child, b""
        self.shown = ""

    def until(self, text: str) -> str:
        """Wait until the command shows a text, and return what it showed up to there."""
        while text not in self._text():
            if not self._more():
                raise AssertionError(f"the command ended without {text!r}: {self._text()}")
        found, _, rest = self._text().partition(text)
        self._read = rest.encode()
        self.shown += found + text
        return found + text

    def type(self, keys: str) -> None:
        """Type keys."""
        os.write(self._handle, keys.encode())

    def end(self) -> int:
        """Wait for the end of the command and return its exit code."""
        while self._more():
            pass
        self.shown += self._text()
        return self._child.wait(MOST_SECONDS)

    @property
    def pid(self) -> int:
        """The process of the command."""
        return self._child.pid

    @property
    def echoes(self) -> bool:
        """True if the terminal shows typed keys, as before the command."""
        return bool(termios.tcgetattr(self._handle)[3] & termios.ECHO)

    def _text(self) -> str:
        return self._read.decode("utf-8", "replace").replace("\r\n", "\n")

    def _more(self) -> bool:
        ends = time.monotonic() + MOST_SECONDS
        while time.monotonic() < ends:
            has_ended = self._child.poll() is not None  # before the look: nothing comes after it
            if select.select([self._handle], [], [], 0.0 if has_ended else 0.1)[0]:
                self._read += os.read(self._handle, 65536)
                return True
            if has_ended:
                return False
        raise AssertionError(f"nothing more within {MOST_SECONDS} s: {self._text()}")


@contextmanager
def at_terminal(
    *arguments: str, columns: int = 80, environment: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """A command of `distill` at a terminal of 24 lines, killed at the end of the block."""
    # A COLUMNS of the tests' own terminal would count more than the size of this one.
    inherited = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-c", STARTED, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**inherited, "TERM": "xterm", **(environment or {})},
        start_new_session=True,
    )
    try:
        yield Terminal(ours, child)
    finally:
        child.kill()
        child.wait()
        os.close(theirs)  # until here: the terminal's settings outlive the child
        os.close(ours)
