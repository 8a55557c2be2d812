"""Downloads of models from the Hugging Face hub, through its cache."""

import re
from collections.abc import Sequence
from pathlib import Path

from distill.core.errors import DistillError, InputError
from distill.core.hosts import loopback_without_proxy

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def fetch(name: str, files: Sequence[str], key: str) -> Path:
    """Return the folder of a model of the hub, from the cache or after fetching it.

    `files`: the patterns of the files to fetch. `key`: the key of task.toml that names the model.

    Raises InputError if the hub refuses access, or if the proxy cannot be used. Raises DistillError
    if the hub cannot be reached and the model is not in the cache.
    """
    from httpx2 import HTTPError
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    try:
        with loopback_without_proxy():  # a mirror on this machine (HF_ENDPOINT)
            return Path(snapshot_download(name, allow_patterns=list(files)))
    except HFValidationError as error:
        raise InputError(f"{key}: {name!r} is not a valid hub name: {error}") from error
    except GatedRepoError as error:
        raise InputError(
            f"{key}: {name} is gated: accept its licence on its Hugging Face page, and set "
            "HF_TOKEN to a token of the account that accepted it"
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"{key}: the hub has no model {name!r}: correct the name, or set HF_TOKEN if "
            "the model is private"
        ) from error
    except (ImportError, ValueError) as error:  # "Using SOCKS proxy, but …", "Unknown scheme …"
        raise InputError(
            f"{key}: the proxy in the environment cannot be used for the hub: {error}. "
            "Change or unset HTTPS_PROXY, HTTP_PROXY and ALL_PROXY."
        ) from error
    except (HTTPError, OSError) as error:
        raise DistillError(
            f"{key}: {name} is not in the cache and cannot be fetched "
            f"({type(error).__name__}). Connect to the network, or set {key} to a folder."
        ) from error
