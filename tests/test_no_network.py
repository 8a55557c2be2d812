"""The guard of the tests themselves: what leaves this machine raises, here and in children."""

import socket
import subprocess
import sys

import pytest


def test_leaving_loopback_raises_here() -> None:
    with socket.socket() as probe, pytest.raises(PermissionError, match="tried to reach 192"):
        probe.connect(("192.0.2.1", 80))


def test_and_in_a_child() -> None:
    code = "import socket; socket.socket().connect(('192.0.2.1', 80))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "PermissionError: a test tried to reach 192.0.2.1" in done.stderr


def test_keys_are_not_there() -> None:
    code = "import os; print('OPENAI_API_KEY' in os.environ, 'ANTHROPIC_API_KEY' in os.environ)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
