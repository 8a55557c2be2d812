"""Checks of a base model's folder before anything is paid.

The folder is not trusted. Only regular files up to a maximum size are opened, and only the headers
of weights are read. Code and pickles are never loaded.
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

# Only weights in safetensors, since other formats contain pickles.
FILES = ["*.safetensors", "*.json", "*.jinja", "tokenizer.model", "LICENSE*", "README.md"]
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
ADAPTER = "adapter_config.json"
MAX_TEXT_BYTES = 100_000_000  # max size of JSON or a template; the largest tokenizers have 35 MB
WRITERS = ("ForCausalLM", "ForConditionalGeneration")  # architectures with a decoder
TEMPLATE_SECONDS = 10  # max processor time to render a chat template


def check(folder: Path) -> None:
    """Check that a base can be trained on chats.

    Raises InputError, with the problem, if it cannot.
    """
    about = _check_can_be_loaded(folder)
    template = chat_template(folder)
    if not template:
        raise bad(
            folder,
            "has no chat template: take a model that was tuned for chats (-Instruct, -it), or add "
            "a chat_template.jinja to your own copy of the folder",
        )
    if problem := template_problem(template):
        raise bad(
            folder,
            f"has a chat template that refuses a system message ({problem}): take another base, or "
            "change the template in your own copy of the folder",
        )
    _check_architecture(folder, about)
    if not tokenizer_of(folder).eos_token:
        raise bad(
            folder,
            "has a tokenizer without an end-of-sequence token: set eos_token in its "
            "tokenizer_config.json, or take another base",
        )


def check_encoder(folder: Path) -> None:
    """Check that a base is an encoder that can be trained.

    Raises InputError, with the problem, if it is not.
    """
    about = _check_can_be_loaded(folder)
    _check_architecture(folder, about)
    named = about.get("architectures")
    names = named if isinstance(named, list) else []
    if any(str(name).endswith(WRITERS) for name in names):
        raise bad(
            folder,
            f"is no encoder but a model that writes texts ({names[0]}): take an encoder, such as "
            'answerdotai/ModernBERT-base, or student.trainer = "auto"',
        )
    if not tokenizer_of(folder).pad_token:
        raise bad(
            folder,
            "has a tokenizer without a padding token: set pad_token in its tokenizer_config.json, "
            "or take another encoder",
        )


def _check_can_be_loaded(folder: Path) -> Mapping[str, Any]:
    """Return a base's config.json. Raises InputError if its files cannot be loaded safely."""
    if path := irregular(folder):
        raise bad(path, "is not a regular file")
    about = config(folder)
    if "quantization_config" in about:
        raise bad(
            folder,
            "has weights that are quantized already: take the 16-bit weights, since training "
            "quantizes them itself",
        )
    if (folder / ADAPTER).exists():  # transformers would load the adapter, perhaps a pickle
        raise bad(folder, f"contains an adapter ({ADAPTER}): merge it into its base model first")
    positions(folder)
    _check_weights(folder, about)
    return about


def bad(path: Path, why: str) -> InputError:
    """Return the error for a problem of a base's folder or of a file in it."""
    return InputError(f"student.base: {path} {why}")


def irregular(folder: Path) -> Path | None:
    """Return the first of a model's files that is not a regular file; None if all are.

    Links are followed. A read of a pipe or a device might never end.
    """
    paths = sorted({path for pattern in FILES for path in folder.glob(pattern)})
    return next((path for path in paths if not path.is_file()), None)


def config(folder: Path) -> dict[str, Any]:
    """Read a model's config.json. Raises InputError if the file is not a JSON object."""
    return _object(folder / "config.json")


def positions(folder: Path) -> int | None:
    """Return a model's context length in tokens; None if its config does not state it."""
    found = _whole(folder, "max_position_embeddings")
    return found or None


def chat_template(weights: Path) -> str:
    """Return the chat template in a folder of weights; "" if there is none."""
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
    """Count a model's parameters from the headers of its weights.

    Raises InputError for a missing or damaged file.
    """
    return sum(prod(shape) for path in weight_files(folder) for shape in _shapes(path).values())


def weight_files(folder: Path) -> list[Path]:
    """Return the files of weights that trainers load. Raises InputError if one is missing."""
    if (folder / WEIGHTS).exists():
        return [folder / WEIGHTS]
    index = folder / INDEX
    if not index.exists():
        raise bad(
            folder,
            f"has no weights in safetensors ({WEIGHTS}, or {INDEX} with its parts): convert them, "
            "since other formats can run code and are not loaded",
        )
    parts = _object(index).get("weight_map")
    names = set(parts.values()) if isinstance(parts, dict) else set()
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise bad(index, 'has no "weight_map" of files in the same folder: fetch the model again')
    paths = [folder / name for name in sorted(names)]
    if missing := [path.name for path in paths if not path.exists()]:
        raise bad(folder, f"lacks {missing[0]}, a part listed in {INDEX}: fetch the model again")
    return paths


@lru_cache(maxsize=2)
def tokenizer_of(folder: Path) -> Any:
    """Load a model's tokenizer. Raises InputError if the folder has no readable tokenizer."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise bad(folder, f"has no tokenizer that can be read: {_short(error)}") from error


def _whole(folder: Path, name: str) -> int:
    """Return a number from config.json or its `text_config`; 0 if the key is missing.

    Raises InputError for a value that is not a whole number.
    """
    about = config(folder)
    inner = about.get("text_config")
    found = (about | inner if isinstance(inner, dict) else about).get(name)
    if found is None:
        return 0
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise bad(
            folder / "config.json", f'has {str(found)[:40]!r} for "{name}", not a whole number'
        )
    return found


def _check_weights(folder: Path, about: Mapping[str, Any]) -> None:
    """Check the headers of all weights. Raises InputError if the base could not be loaded.

    Without this check, the training would fail after the answers were paid for.
    """
    shapes = [shape for path in weight_files(folder) for shape in _shapes(path).values()]
    rows = _whole(folder, "vocab_size")
    if not shapes or (rows and not any(len(one) == 2 and one[0] == rows for one in shapes)):
        raise bad(
            folder,
            f"has weights without an embedding of the {rows:,} tokens in its config.json: fetch "
            "the model again",
        )


def _shapes(path: Path) -> dict[str, list[int]]:
    """Return the shapes of the tensors in a file by name, from its header."""
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
            f"names the architecture {str(named)[:40]!r}, which transformers does not support: "
            "take another base, since a base's own code is not run",
        )


@lru_cache(maxsize=8)
def template_problem(template: str, roles: tuple[str, ...] = ("system", "user")) -> str:
    """Return the error of a chat template on messages of these roles; "" if there is none.

    The template is rendered in a separate process with limits on processor time and memory.
    """
    trial = ["-m", "distill.serve.template_trial", str(TEMPLATE_SECONDS), *roles]
    command = [sys.executable, *trial]
    done = subprocess.run(command, input=template.encode(), capture_output=True, check=False)
    if done.returncode:
        return "it does not end, or needs too much memory"
    return done.stdout.decode(errors="replace")


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise bad(path, f"is not valid JSON: {_short(error)}") from error
    if not isinstance(found, dict):
        raise bad(path, "is not a JSON object")
    return found


def _text(path: Path) -> str:
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise bad(path, "is not a regular file")
        if about.st_size > MAX_TEXT_BYTES:
            raise bad(path, f"has {about.st_size:,} bytes; the maximum is {MAX_TEXT_BYTES:,}")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise bad(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise bad(path, f"is not UTF-8 at byte {error.start}") from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
