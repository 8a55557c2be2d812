"""The hardware of this machine, and the Python interpreters of vLLM and Unsloth."""

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Literal

import distill
from distill.core.extras import Extra, install


@cache
def gpu() -> str | None:
    """Return the name and memory of the first NVIDIA GPU; None without one."""
    if not shutil.which("nvidia-smi"):
        return None
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    return answer.stdout.splitlines()[0] if answer.returncode == 0 and answer.stdout else None


def cores() -> int:
    """Count the physical processor cores that this process may use."""
    import psutil

    return min(psutil.cpu_count(logical=False) or 1, len(os.sched_getaffinity(0)))


def interpreter(part: Literal["vllm", "unsloth"]) -> str:
    """Return the Python of `.venv-<part>` beside this environment; this Python without one.

    The set-up makes `.venv-<part>` only on a machine with a GPU, where vLLM and Unsloth need
    conflicting versions.
    """
    own = Path(sys.prefix).parent / f".venv-{part}" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def installed(part: Literal["vllm", "unsloth"], package: str) -> bool:
    """True if the Python of `part` has a package.

    A `.venv-<part>` is assumed to have the package, since the set-up installs it there.
    """
    return interpreter(part) != sys.executable or importlib.util.find_spec(package) is not None


def how_to_install(part: Literal["vllm", "unsloth"]) -> str:
    """Return the message that `part` is not installed, with the command to install it."""
    if not (Path(distill.__file__).parents[1] / "locks").is_dir():
        extra: Extra = "local" if part == "vllm" else part
        return f"{part} is not installed in {interpreter(part)}: {install(extra)}"
    card = gpu()
    lock, why = f"gpu-{part}.txt" if card else "cpu.txt", card or "no NVIDIA card was found"
    return (
        f"{part} is not installed in {interpreter(part)}: run `make setup` in the project's "
        f"folder to install it from locks/{lock} ({why})"
    )
