"""The bases of the trainer `encoder`: the embedded encoder, a folder, or a model of the hub."""

from functools import cache
from pathlib import Path

from distill.serve.base_folder import check_encoder
from distill.serve.base_models import named_folder
from distill.serve.embedded_models import folder_hash
from distill.text import embedding_models

ENCODER = embedding_models.MINILM


def locate(base: str) -> tuple[str, Path]:
    """Return (name with a hash of the weights, folder) of an encoder. Raises as `folder_of`."""
    folder = folder_of(base)
    name = ENCODER if base == "auto" else Path(base).name
    return f"{name}@{_hash_of(folder)}", folder


def folder_of(base: str) -> Path:
    """Return the folder of an encoder; `auto` is the embedded one.

    A model of the hub is fetched if it is not in the cache. Raises InputError if the name is
    neither a folder with a model nor a model of the hub. Raises InputError if the hub refuses
    access, or if the base is not an encoder with weights in safetensors. Raises DistillError if the
    hub cannot be reached.
    """
    if base == "auto":
        return embedding_models.folder_of(ENCODER)
    folder = named_folder(base)
    check_encoder(folder)
    return folder


@cache
def _hash_of(folder: Path) -> str:
    return folder_hash(folder)
