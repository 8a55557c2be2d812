"""What `student.base` means: the embedded base, a folder, or a model of the Hugging Face hub."""

import json
import re
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

from distill.backends.hardware import gpu
from distill.backends.weights import STUDENT, embedded, folder_hash
from distill.errors import DistillError, InputError

# With a card; an open copy of Meta's, whose licence otherwise wants an account.
FOR_A_CARD = "unsloth/Llama-3.2-1B-Instruct"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
# Weights in safetensors alone: other formats are pickled.
FILES = ["*.safetensors", "*.json", "*.jinja", "tokenizer.model", "LICENSE*", "README.md"]
LICENCES = {STUDENT: "apache-2.0"}


def locate(base: str) -> tuple[str, Path]:
    """(name with a hash of the weights, folder) of a base. Raises what `folder_of` raises."""
    name, _ = automatic() if base == "auto" else (base, "")
    folder = folder_of(base)
    if name == STUDENT:
        return embedded(STUDENT)
    return f"{Path(name).name}@{folder_hash(folder)}", folder


def automatic() -> tuple[str, str]:
    """The base that `auto` is here, and why."""
    if gpu():
        return FOR_A_CARD, "a card was found; student.base takes a folder or a name of the hub, too"
    return STUDENT, "the embedded base; student.base takes a folder or a name of the hub, too"


def folder_of(base: str) -> Path:
    """Where a base lies; what the hub has is fetched once.

    Raises InputError for what is neither a folder with a model nor a name of the hub, for a name
    that the hub does not give out, and for a base that cannot be trained on chats; DistillError
    when the hub cannot be reached.
    """
    name, _ = automatic() if base == "auto" else (base, "")
    if name == STUDENT:
        return embedded(STUDENT)[1]
    folder = Path(name)
    if not (folder / "config.json").exists():
        if folder.exists() or not HUB_NAME.fullmatch(name):
            raise InputError(
                f"student.base: {name!r} is neither auto nor a folder with a model nor a name of "
                "the Hugging Face hub (owner/model)"
            )
        folder = fetch(name)
    check(folder)
    return folder


def check(folder: Path) -> None:
    """Raises InputError for a base that cannot be trained on chats."""
    if not any(folder.glob("*.safetensors")):
        raise InputError(
            f"student.base: {folder} has no weights in safetensors; other formats are not loaded, "
            "since they can run code"
        )
    if not chat_template(folder):
        raise InputError(
            f"student.base: {folder} has no chat template: take a model that was tuned for chats "
            "(-Instruct, -it), or put a chat_template.jinja into a folder of your own"
        )
    if "quantization_config" in config(folder):
        raise InputError(
            f"student.base: the weights in {folder} are quantized already: take the 16-bit ones, "
            "which training quantizes itself"
        )
    check_template(folder)


def check_template(folder: Path) -> None:
    """Raises InputError for a template that refuses what students are asked: a system message and
    the user's."""
    from jinja2 import TemplateError
    from transformers.utils.chat_template_utils import render_jinja_template

    turns = [{"role": role, "content": "a text"} for role in ("system", "user")]
    try:
        render_jinja_template(
            conversations=[turns],
            chat_template=chat_template(folder),
            add_generation_prompt=True,
            bos_token="",
            eos_token="",
        )
    except TemplateError as error:
        raise InputError(
            f"student.base: the chat template of {folder} refuses a system message ({error}): take "
            "another base, or change the template in a folder of your own"
        ) from error


def config(folder: Path) -> dict[str, Any]:
    """A model's config.json."""
    found: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return found


def positions(folder: Path) -> int | None:
    """How many tokens a model can look at; None where its config does not say."""
    found = config(folder)
    found |= found.get("text_config") or {}
    most = found.get("max_position_embeddings")
    return int(most) if most else None


@lru_cache(maxsize=2)
def tokenizer_of(folder: Path) -> Any:
    """A model's tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def chat_template(weights: Path) -> str:
    """The chat template that a folder of weights is served with; empty when it has none."""
    file = weights / "chat_template.jinja"
    if file.exists():
        return file.read_text(encoding="utf-8")
    settings = weights / "tokenizer_config.json"
    found = json.loads(settings.read_text(encoding="utf-8")) if settings.exists() else {}
    return str(found.get("chat_template") or "")


def licence(folder: Path) -> str:
    """What a base's own card, or the embedded one's wheel, says of its licence; empty when nothing
    is said."""
    if folder.name in LICENCES:
        return LICENCES[folder.name]
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.exists() else ""
    found = re.search(r"\A---\n(?:.*\n)*?license: *(\S+)", text)
    return found[1] if found else ""


def parameters(folder: Path) -> int:
    """How many numbers a model has, from the headers of its weights. Raises InputError for a file
    that is none."""
    from safetensors import SafetensorError, safe_open

    total = 0
    for path in folder.glob("*.safetensors"):
        try:
            with safe_open(path, "numpy") as file:
                total += sum(prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
        except SafetensorError as error:
            raise InputError(f"student.base: {path} is damaged: {error}") from error
    return total


def fetch(name: str) -> Path:
    """The folder of a model of the hub, from the cache when it is there. Raises InputError for one
    that is not given out, DistillError when the hub cannot be reached and the cache has it not."""
    from httpx2 import HTTPError
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=FILES))
    except GatedRepoError as error:
        raise InputError(
            f"student.base: {name} is gated: accept its licence on its page of the hub and set "
            "HF_TOKEN to a token of that account"
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"student.base: the hub has no {name!r}, or it is private (set HF_TOKEN)"
        ) from error
    except (HTTPError, OSError) as error:
        raise DistillError(
            f"student.base: {name} is not in the cache and cannot be fetched "
            f"({type(error).__name__}). Fetch it where there is a network, or give a folder."
        ) from error
