"""The folder of a base model, read and checked before anything is paid.

A folder may come from anybody. Only regular files are opened, up to a size. Of weights, only the
headers are read. No code and no pickle is ever opened.
"""

import json
import stat
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

from distill.core.errors import InputError

# Weights only in safetensors, since other formats are pickled.
FILES = ["*.safetensors", "*.json", "*.jinja", "tokenizer.model", "LICENSE*", "README.md"]
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
ADAPTER = "adapter_config.json"
MAX_TEXT_BYTES = 100_000_000  # of JSON or a template; the largest tokenizers have 35 MB
TEMPLATE_SECONDS = 10  # processor time of a chat template on trial


def check(folder: Path) -> None:
    """Raise InputError if a base cannot be trained on chats."""
    if path := irregular(folder):
        raise bad(path, "is not a regular file")
    about = config(folder)
    if "quantization_config" in about:
        raise bad(
            folder,
            "has weights that are quantized already: take the 16-bit ones, which training "
            "quantizes itself",
        )
    if (folder / ADAPTER).exists():  # transformers would load the adapter, perhaps a pickle
        raise bad(folder, f"holds an adapter ({ADAPTER}): merge it into the model that it is of")
    positions(folder)
    _check_weights(folder, about)
    template = chat_template(folder)
    if not template:
        raise bad(
            folder,
            "has no chat template: take a model that was tuned for chats (-Instruct, -it), or put "
            "a chat_template.jinja into a folder of your own",
        )
    if problem := _problem_of(template):
        raise bad(
            folder,
            f"has a chat template that refuses a system message ({problem}): take another base, or "
            "change the template in a folder of your own",
        )
    _check_architecture(folder, about)
    if not tokenizer_of(folder).eos_token:
        raise bad(folder, "has a tokenizer without an end-of-sequence token (eos_token)")


def bad(path: Path, why: str) -> InputError:
    """Return the error of a base's folder or of a file in it."""
    return InputError(f"student.base: {path} {why}")


def irregular(folder: Path) -> Path | None:
    """Return the first path of a model that is not a regular file; None if all are.

    Links are followed. A pipe or a device would be read for ever.
    """
    paths = sorted({path for pattern in FILES for path in folder.glob(pattern)})
    return next((path for path in paths if not path.is_file()), None)


def config(folder: Path) -> dict[str, Any]:
    """Read a model's config.json. Raises InputError if the file is no JSON object."""
    return _object(folder / "config.json")


def positions(folder: Path) -> int | None:
    """Return a model's context length in tokens; None if its config has none."""
    found = _whole(folder, "max_position_embeddings")
    return found or None


def chat_template(weights: Path) -> str:
    """Return the chat template that a folder of weights is served with; empty if there is none."""
    file = weights / "chat_template.jinja"
    if file.exists():
        return _text(file)
    settings = weights / "tokenizer_config.json"
    found = _object(settings).get("chat_template") if settings.exists() else None
    if isinstance(found, list):  # several templates by name
        named = {one.get("name"): one.get("template") for one in found if isinstance(one, dict)}
        found = named.get("default")
    return found if isinstance(found, str) else ""


def parameters(folder: Path) -> int:
    """Count a model's parameters by the headers of its weights.

    Raises InputError for a missing or damaged file.
    """
    return sum(prod(shape) for path in weight_files(folder) for shape in _shapes(path).values())


def weight_files(folder: Path) -> list[Path]:
    """List the files of weights that trainers load. Raises InputError if one is missing."""
    if (folder / WEIGHTS).exists():
        return [folder / WEIGHTS]
    index = folder / INDEX
    if not index.exists():
        raise bad(
            folder,
            f"has no weights in safetensors ({WEIGHTS}, or {INDEX} with its parts); other formats "
            "are not loaded, since they can run code",
        )
    parts = _object(index).get("weight_map")
    names = set(parts.values()) if isinstance(parts, dict) else set()
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise bad(index, 'has no "weight_map" of files beside it')
    paths = [folder / name for name in sorted(names)]
    if missing := [path.name for path in paths if not path.exists()]:
        raise bad(folder, f"lacks {missing[0]}, which {INDEX} names")
    return paths


@lru_cache(maxsize=2)
def tokenizer_of(folder: Path) -> Any:
    """Load a model's tokenizer. Raises InputError if the folder has none."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise bad(folder, f"has no tokenizer that can be read: {_short(error)}") from error


def _whole(folder: Path, name: str) -> int:
    """Return a number of config.json or of its `text_config`; 0 if there is none."""
    about = config(folder)
    inner = about.get("text_config")
    found = (about | inner if isinstance(inner, dict) else about).get(name)
    if found is None:
        return 0
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise bad(folder / "config.json", f'has {str(found)[:40]!r} for "{name}": no whole number')
    return found


def _check_weights(folder: Path, about: Mapping[str, Any]) -> None:
    """Check the headers of all weights.

    A training that cannot load its base would otherwise fail after the answers were paid.
    """
    shapes = [shape for path in weight_files(folder) for shape in _shapes(path).values()]
    rows = _whole(folder, "vocab_size")
    if not shapes or (rows and not any(len(one) == 2 and one[0] == rows for one in shapes)):
        raise bad(folder, f"has weights without a table of the {rows:,} tokens of its config.json")


def _shapes(path: Path) -> dict[str, list[int]]:
    """Return name → shape of a file's tensors, from its header."""
    from safetensors import SafetensorError, safe_open

    if not stat.S_ISREG(path.stat().st_mode):
        raise bad(path, "is not a regular file")
    try:
        with safe_open(path, "numpy") as file:
            return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, OverflowError) as error:
        raise bad(path, f"is damaged: {_short(error)}") from error


def _check_architecture(folder: Path, about: Mapping[str, Any]) -> None:
    from transformers import CONFIG_MAPPING

    named = about.get("model_type")
    if not isinstance(named, str) or named not in CONFIG_MAPPING:
        raise bad(
            folder / "config.json",
            f"names the architecture {str(named)[:40]!r}, which transformers lacks; a base's own "
            "code is not run",
        )


@lru_cache(maxsize=8)
def _problem_of(template: str) -> str:
    """Return the error of a chat template on a system and a user message; "" if there is none.

    The template runs in a process of its own, with a limit of processor time and memory.
    """
    command = [sys.executable, "-m", "distill.serve.template_trial", str(TEMPLATE_SECONDS)]
    done = subprocess.run(command, input=template.encode(), capture_output=True, check=False)
    if done.returncode:
        return "it does not end, or takes too much memory"
    return done.stdout.decode(errors="replace")


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise bad(path, f"is not valid JSON: {_short(error)}") from error
    if not isinstance(found, dict):
        raise bad(path, "is no JSON object")
    return found


def _text(path: Path) -> str:
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise bad(path, "is not a regular file")
        if about.st_size > MAX_TEXT_BYTES:
            raise bad(path, f"has {about.st_size:,} bytes, more than {MAX_TEXT_BYTES:,}")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise bad(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise bad(path, f"is not UTF-8 at byte {error.start}") from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
