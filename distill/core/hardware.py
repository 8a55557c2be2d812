"""What machine this is: a card or not, and which interpreter holds which heavy part."""

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Literal


@cache
def gpu() -> str | None:
    """Name and memory of the first NVIDIA card, None without one."""
    if not shutil.which("nvidia-smi"):
        return None
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    return answer.stdout.splitlines()[0] if answer.returncode == 0 and answer.stdout else None


def cores() -> int:
    """How many processor cores this process may use; two threads of one core are one."""
    import psutil

    return min(psutil.cpu_count(logical=False) or 1, len(os.sched_getaffinity(0)))


def interpreter(part: Literal["vllm", "unsloth"]) -> str:
    """The Python of `.venv-<part>` beside this environment when set-up made one (with a card, the
    pins of vLLM and Unsloth contradict each other), else this one."""
    own = Path(sys.prefix).parent / f".venv-{part}" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def installed(part: Literal["vllm", "unsloth"], package: str) -> bool:
    """Whether the Python of `part` has a package; one that is of its own was made to hold it."""
    return interpreter(part) != sys.executable or importlib.util.find_spec(package) is not None


def how_to_install(part: Literal["vllm", "unsloth"]) -> str:
    """What to do where a part is missing, on this machine."""
    card = gpu()
    lock, why = f"gpu-{part}.txt" if card else "cpu.txt", card or "no NVIDIA card was found"
    return (
        f"{part} is not installed in {interpreter(part)}: `make setup`, in the project's folder, "
        f"installs it from locks/{lock} ({why})"
    )
