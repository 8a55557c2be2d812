"""A teacher that we serve: a folder with weights, or a model's id on the Hugging Face hub."""

from collections.abc import Mapping
from pathlib import Path

from distill.core.errors import InputError
from distill.core.hosts import loopback_without_proxy
from distill.core.requests import Model
from distill.pricing.token_prices import Rates
from distill.serve import SERVERS
from distill.serve.base_folder import irregular
from distill.serve.embedded_models import folder_hash

serve = SERVERS["vllm"].serve


def price(argument: str, rates: Mapping[str, Rates]) -> None:
    """Nobody sends a bill for what we serve."""


def identify(argument: str) -> Model:
    """The model by name and weights. One without a chat template continues texts."""
    folder = Path(argument)
    if not (folder / "config.json").exists():
        folder = _download(argument)
    if path := irregular(folder):
        raise InputError(f"teacher.model: {path} is no regular file")
    chat = _has_chat_template(folder)
    name = f"{Path(argument).name}@{folder_hash(folder)}"
    return Model(name, folder, "chat" if chat else "completions")


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        with loopback_without_proxy():  # a mirror on this machine (HF_ENDPOINT)
            return Path(snapshot_download(name))
    except (ImportError, ValueError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            f"teacher.model: vllm:{name} is neither a folder with a model nor one that the hub "
            f"gives: {error}"
        ) from error


def _has_chat_template(folder: Path) -> bool:
    settings = folder / "tokenizer_config.json"
    inline = settings.exists() and '"chat_template"' in settings.read_text(
        "utf-8", errors="replace"
    )
    return inline or (folder / "chat_template.jinja").exists()
