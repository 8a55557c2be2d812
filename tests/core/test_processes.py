"""Children end with their parent, however it ends, and with all that they started."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from distill.core import processes
from distill.core.processes import running

# Called as `… -m distill.core.process_guard COMMAND…`.
IMPATIENT = """
import os, sys
sys.path.insert(0, os.getcwd())
from distill.core import process_guard
process_guard.GRACE_SECONDS = 0.5
sys.exit(process_guard.main(sys.argv[3:]))
"""
# A child that starts a grandchild, says both PIDs, and would sleep for ever.
FAMILY = """
import os, subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
print(os.getpid(), grandchild.pid, flush=True)
time.sleep(1000)
"""
# One that ends by itself before its grandchild does.
ORPHANS = """
import subprocess, sys
grandchild = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
grandchild.stdout.read(1)
print(grandchild.pid, flush=True)
sys.exit(3)
"""
ORPHAN = "import os, time; os.write(1, b'.'); time.sleep(1000)"
STUBBORN_ORPHAN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {ORPHAN}"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + FAMILY


def wait_for_line(log: Path, child: subprocess.Popen[bytes]) -> list[int]:
    """The PIDs that the family wrote; the child must be alive meanwhile."""
    while not (log.exists() and log.read_text().endswith("\n")):
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=0.05)
            raise AssertionError("it ended")
    return [int(pid) for pid in log.read_text().split()]


def wait_until_gone(pids: list[int]) -> None:
    """Returns when none of the processes runs; the test's timeout is the limit."""
    for pid in pids:
        try:
            ended = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        select.select([ended], [], [])
        os.close(ended)


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard that gives a family half a second to end instead of ten."""
    guard = tmp_path / "guard"
    guard.write_text(f"#!{sys.executable}{IMPATIENT}", encoding="utf-8")
    guard.chmod(0o755)
    monkeypatch.setattr(processes, "sys", SimpleNamespace(executable=str(guard)))


@pytest.mark.timeout(60)
def test_leaving_the_block_ends_the_whole_family(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running([sys.executable, "-c", FAMILY], log, {}) as child:
        pids = wait_for_line(log, child)
    wait_until_gone(pids)


@pytest.mark.timeout(60)
def test_so_does_an_exception(tmp_path: Path) -> None:
    log = tmp_path / "log"
    pids: list[int] = []
    with (
        pytest.raises(KeyboardInterrupt),
        running([sys.executable, "-c", FAMILY], log, {}) as child,
    ):
        pids = wait_for_line(log, child)
        raise KeyboardInterrupt
    wait_until_gone(pids)


@pytest.mark.timeout(60)
def test_kill_9_of_the_parent_ends_the_family_too(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = f"""
import sys
from pathlib import Path
from distill.core.processes import running
with running([sys.executable, "-c", {FAMILY!r}], Path({str(log)!r}), {{}}) as child:
    child.wait()
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    pids = wait_for_line(log, parent)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until_gone(pids)


@pytest.mark.timeout(90)
@pytest.mark.usefixtures("impatient")
def test_a_family_that_ignores_the_request_to_end_is_made_to(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running([sys.executable, "-c", STUBBORN], log, {}) as child:
        pids = wait_for_line(log, child)
    wait_until_gone(pids)


@pytest.mark.timeout(60)
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("orphan", [ORPHAN, STUBBORN_ORPHAN])
def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path, orphan: str) -> None:
    log = tmp_path / "log"
    with running([sys.executable, "-c", ORPHANS, orphan], log, {}) as child:
        assert child.wait() == 3
        wait_until_gone([int(log.read_text())])


def test_the_exit_code_is_the_commands_own(tmp_path: Path) -> None:
    with running([sys.executable, "-c", "raise SystemExit(7)"], tmp_path / "log", {}) as child:
        assert child.wait() == 7


def test_a_signal_shows_in_the_exit_code(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with running([sys.executable, "-c", code], tmp_path / "log", {}) as child:
        assert child.wait() == 128 + signal.SIGKILL


def test_the_child_gets_the_environment_and_writes_to_the_log(tmp_path: Path) -> None:
    code = "import os; print(os.environ['COLOUR'])"
    with running([sys.executable, "-c", code], tmp_path / "log", {"COLOUR": "blue"}) as child:
        child.wait()
    assert (tmp_path / "log").read_text() == "blue\n"


KEPT = ("PATH", "KEYBOARD", "TOKENIZERS_PARALLELISM", "VLLM_MAX_TOKENS", "AUTHOR", "COMPAT")
SECRETS = (
    *(
        "OPENAI_API_KEY",
        "AWS_ACCESS_KEY_ID",
        "PGPASSWORD",
        "HF_TOKEN",
        "MISTRAL_KEYS",
        "MY_SECRETS",
    ),
    *("SSH_PASSPHRASE", "NPM_AUTH", "GITHUB_PAT", "GOOGLE_APPLICATION_CREDENTIALS", "db_passwords"),
)


def test_a_child_gets_no_secrets() -> None:
    environment = dict.fromkeys((*KEPT, *SECRETS), "x")
    assert tuple(processes._without_secrets(environment)) == KEPT
