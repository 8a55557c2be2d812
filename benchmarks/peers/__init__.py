"""Other tools that ask a provider many questions: each in an environment of its own, which is made
from its file of requirements, and driven by a script that the environment's Python runs.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
STAMP = "requirements.txt"
SHOWN = 300


class Unavailable(Exception):
    """Why a tool is not compared."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool. `variables` are for its process, with {site} for its installed packages; `told` are
    the arguments that its script gets in a mode."""

    script: Path
    requirements: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def command(self, python: Path, job: Sequence[str], mode: str) -> list[str]:
        """How it is asked to do a job."""
        return [str(python), str(self.script), *job, *self.told.get(mode, ())]

    def environment(self, python: Path) -> dict[str, str]:
        """The variables of its process."""
        site = next((python.parents[1] / "lib").glob("python*/site-packages"), Path())
        return {name: value.format(site=site) for name, value in self.variables.items()}


# Neither sends anything but to the stand-in.
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
PEERS = {
    "curator": Peer(
        HERE / "run_curator.py",
        HERE / "curator.txt",
        OFFLINE
        | {
            "TELEMETRY_ENABLED": "0",
            "CURATOR_DISABLE_CACHE": "1",
            # It counts tokens with an encoding that it would download; litellm brings a copy.
            "TIKTOKEN_CACHE_DIR": "{site}/litellm/litellm_core_utils/tokenizers",
        },
        # What it cannot read from headers it is told, without a limit more than it can ask.
        {"no limit": ["1000000"], "silent limit": ["12000"]},
    ),
    "distilabel": Peer(HERE / "run_distilabel.py", HERE / "distilabel.txt", OFFLINE),
}


def installed(folder: Path | None, name: str) -> Path:
    """The Python of a tool's environment, which is made when it is missing or of other versions.

    Raises Unavailable when it cannot be.
    """
    if folder is None:
        raise Unavailable("no folder for its environment was given (--peers)")
    wanted = PEERS[name].requirements.read_text(encoding="utf-8")
    python, stamp = folder / name / "bin" / "python", folder / name / STAMP
    if not (stamp.exists() and stamp.read_text(encoding="utf-8") == wanted):
        _call([sys.executable, "-m", "venv", "--clear", str(folder / name)])
        _call([str(python), "-m", "pip", "install", "--quiet", "-r", str(PEERS[name].requirements)])
        stamp.write_text(wanted, encoding="utf-8")
    return python


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(" ".join(done.stderr.split())[-SHOWN:])
