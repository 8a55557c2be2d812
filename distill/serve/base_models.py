"""The bases of `student.base`: the embedded base, a folder, or a model of the Hugging Face hub."""

import re
from pathlib import Path

from distill.core.errors import DistillError, InputError
from distill.core.hardware import gpu
from distill.core.hosts import loopback_without_proxy
from distill.serve.base_folder import FILES, check
from distill.serve.embedded_models import STUDENT, embedded, folder_hash

# The default with a GPU: an open copy, since Meta's own files require an account.
FOR_A_CARD = "unsloth/Llama-3.2-1B-Instruct"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
LICENCES = {STUDENT: "apache-2.0"}


def locate(base: str) -> tuple[str, Path]:
    """Return (name with a hash of the weights, folder) of a base. Raises as `folder_of` does."""
    name, _ = automatic() if base == "auto" else (base, "")
    folder = folder_of(base)
    if name == STUDENT:
        return embedded(STUDENT)
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
    if name == STUDENT:
        return embedded(STUDENT)[1]
    folder = Path(name)
    if not (folder / "config.json").is_file():
        if folder.exists() or not HUB_NAME.fullmatch(name):
            raise InputError(
                f"student.base: {name!r} is neither auto nor a folder with a model nor the name of "
                "a model on the Hugging Face hub (owner/model)"
            )
        folder = fetch(name)
    check(folder)
    return folder


def licence(folder: Path) -> str:
    """Return the licence on a base's card, or of the embedded base; "" if it is not stated."""
    if folder.name in LICENCES:
        return LICENCES[folder.name]
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.exists() else ""
    found = re.search(r"\A---\n(?:.*\n)*?license: *(\S+)", text)
    return found[1] if found else ""


def fetch(name: str) -> Path:
    """Return the folder of a model of the hub, from the cache or after fetching it.

    Raises InputError if the hub refuses access, or if the proxy cannot be used. Raises DistillError
    if the hub cannot be reached and the model is not in the cache.
    """
    from httpx2 import HTTPError
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    try:
        with loopback_without_proxy():  # a mirror on this machine (HF_ENDPOINT)
            return Path(snapshot_download(name, allow_patterns=FILES))
    except HFValidationError as error:
        raise InputError(f"student.base: {name!r} is not a valid hub name: {error}") from error
    except GatedRepoError as error:
        raise InputError(
            f"student.base: {name} is gated: accept its licence on its Hugging Face page, and set "
            "HF_TOKEN to a token of the account that accepted it"
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"student.base: the hub has no model {name!r}: correct the name, or set HF_TOKEN if "
            "the model is private"
        ) from error
    except (ImportError, ValueError) as error:  # "Using SOCKS proxy, but …", "Unknown scheme …"
        raise InputError(
            f"student.base: the proxy in the environment cannot be used for the hub: {error}. "
            "Change or unset HTTPS_PROXY, HTTP_PROXY and ALL_PROXY."
        ) from error
    except (HTTPError, OSError) as error:
        raise DistillError(
            f"student.base: {name} is not in the cache and cannot be fetched "
            f"({type(error).__name__}). Connect to the network, or set student.base to a folder."
        ) from error
