"""The commands before a run work without any of the extras."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import jsonl
from tests.task.logs.samples import exchange
from tests.task.new.test_new import as_csv, labelled

ROOT = Path(__file__).parents[2]
# Runs commands in a process that cannot import the modules of any extra.
CHILD = """
import json, sys
from importlib.machinery import PathFinder
from distill.core.extras import MODULES
hidden = {name for names in MODULES.values() for name in names}
class Light(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in hidden else PathFinder.find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Light
from distill.cli import main
codes = {}
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["distill", *arguments]
    try:
        main()
    except SystemExit as ended:
        codes[" ".join(arguments)] = ended.code or 0
print(json.dumps(codes))
"""


@pytest.mark.slow("runs thirteen commands in a new process")
def test_the_commands_before_a_run_need_no_extra(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(as_csv(labelled(180)), encoding="utf-8")
    (tmp_path / "log").write_text(jsonl([exchange("a lamp is missing", "billing")]), "utf-8")
    commands = [
        ["new", "tickets", "--from", "a.csv"],
        ["new", "tickets", "--from", "a.csv", "--add"],
        ["new", "mine", "--like", "extract"],
        ["import", "tickets", "log"],
        ["tasks"],
        ["check", "tickets"],
        ["plan", "tickets"],
        ["plan", "mine"],
        ["label", "tickets"],
        ["prices"],
        ["runs"],
        ["doctor"],
        ["--help"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(commands)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ
        | {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ['PYTHONPATH']}",
            "DISTILL_MODELS": str(tmp_path / "none"),
        },
    )
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stdout.splitlines()[-1])
    assert "a run needs packages that are not installed: torch" in " ".join(done.stdout.split())
    assert codes == dict.fromkeys(map(" ".join, commands), 0), done.stderr
