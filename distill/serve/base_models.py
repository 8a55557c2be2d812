"""The bases of `student.base`: the embedded base, a folder, or a model of the Hugging Face hub."""

import re
from pathlib import Path

from distill.core.errors import InputError
from distill.core.hardware import gpu
from distill.core.hub import HUB_NAME, fetch
from distill.serve.base_folder import FILES, check
from distill.serve.embedded_models import (
    BASES,
    STUDENT,
    TEACHER_AS_BASE,
    embedded,
    folder_hash,
)

# The default with a GPU: an open copy, since Meta's own files require an account.
FOR_A_CARD = "unsloth/Llama-3.2-1B-Instruct"
LICENCES = {STUDENT: "apache-2.0", TEACHER_AS_BASE: "gemma"}


def locate(base: str) -> tuple[str, Path]:
    """Return (name with a hash of the weights, folder) of a base. Raises as `folder_of` does."""
    name, _ = automatic() if base == "auto" else (base, "")
    folder = folder_of(base)
    if name in BASES:
        return embedded(BASES[name])
    return f"{Path(name).name}@{folder_hash(folder)}", folder


def automatic() -> tuple[str, str]:
    """Return the base that `auto` selects on this machine, and the reason."""
    if gpu():
        return FOR_A_CARD, "a GPU was found; student.base may also name a folder or a hub model"
    return STUDENT, "the embedded base; student.base may also name a folder or a hub model"


def folder_of(base: str) -> Path:
    """Return the folder of a base, after fetching a model of the hub that is not in the cache.

    Raises InputError if the name is neither a folder with a model nor a model of the hub. Raises
    InputError if the hub refuses access, or if the base cannot be trained on chats. Raises
    DistillError if the hub cannot be reached.
    """
    name, _ = automatic() if base == "auto" else (base, "")
    if name in BASES:
        return embedded(BASES[name])[1]
    folder = named_folder(name)
    check(folder)
    return folder


def named_folder(name: str) -> Path:
    """Return the folder of a base, after fetching a model of the hub that is not in the cache.

    The base is not checked. Raises InputError and DistillError as `folder_of` does.
    """
    folder = Path(name)
    if (folder / "config.json").is_file():
        return folder
    if folder.exists() or not HUB_NAME.fullmatch(name):
        raise InputError(
            f"student.base: {name!r} is neither auto nor a folder with a model nor the name of "
            "a model on the Hugging Face hub (owner/model)"
        )
    return fetch(name, FILES, "student.base")


def licence(folder: Path) -> str:
    """Return the licence on a base's card, or of the embedded base; "" if it is not stated."""
    if folder.name in LICENCES:
        return LICENCES[folder.name]
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.exists() else ""
    found = re.search(r"\A---\n(?:.*\n)*?license: *(\S+)", text)
    return found[1] if found else ""
