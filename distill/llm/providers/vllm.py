"""A model on our own vLLM server: a folder with weights, or a model's id on the Hugging Face hub.

vLLM has its own parameter to constrain an answer. A base model gets the messages as one text.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from distill.core.errors import InputError
from distill.core.hosts import loopback_without_proxy
from distill.core.requests import Model, Request
from distill.llm.providers import openai_compatible
from distill.llm.providers.openai_compatible import turns
from distill.llm.providers.wire import Body, ProviderApi
from distill.llm.tokens import PromptTokens
from distill.pricing.token_prices import Rates
from distill.serve import SERVERS
from distill.serve.base_folder import irregular
from distill.serve.embedded_models import folder_hash

serve = SERVERS["vllm"].serve


def price(argument: str, rates: Mapping[str, Rates]) -> None:
    """Return None, because a model on our own server is not billed."""


def identify(argument: str) -> Model:
    """Return the model by name and weights. A model without a chat template continues texts.

    Raises InputError if the model is not found, or has no weights in safetensors.
    """
    folder = Path(argument)
    if not (folder / "config.json").exists():
        folder = _download(argument)
    if path := irregular(folder):
        raise InputError(f"teacher.model: {path} is not a regular file")
    if not any(folder.glob("*.safetensors")):
        raise InputError(
            f"teacher.model: {folder} has no weights in safetensors: choose a model that has them. "
            "Other formats are not loaded, because they can run code"
        )
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
            f"teacher.model: vllm:{name} is neither a folder with a model nor a model that the hub "
            f"provides: {error}"
        ) from error


def _has_chat_template(folder: Path) -> bool:
    settings = folder / "tokenizer_config.json"
    inline = settings.exists() and '"chat_template"' in settings.read_text(
        "utf-8", errors="replace"
    )
    return inline or (folder / "chat_template.jinja").exists()


def chat_body(request: Request) -> Body:
    """Return the JSON of a request to a model with a chat template."""
    told = {"logprobs": True} if request.sampling.logprobs else {}
    return {"messages": turns(request)} | _common(request) | told


def completion_body(request: Request) -> Body:
    """Return the JSON of a request to a base model."""
    prompt = "\n\n".join(turn.content for turn in request.messages)
    return {"prompt": prompt} | _common(request)


def _common(request: Request) -> Body:
    sampling = request.sampling
    beyond_openai: Body = {}
    if sampling.choices:
        beyond_openai["structured_outputs"] = {"choice": list(sampling.choices)}
    if sampling.schema:
        beyond_openai["structured_outputs"] = {"json": json.loads(sampling.schema)}
    if sampling.min_p:
        beyond_openai["min_p"] = sampling.min_p
    body: Body = {
        "model": request.model,
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
    }
    return body | beyond_openai | ({"stop": list(sampling.stop)} if sampling.stop else {})


def cached_and_written(model: Model, prompt: PromptTokens, *, warm: bool) -> tuple[int, int]:
    """Return (0, 0), because caching does not change this cost."""
    return 0, 0


APIS: dict[str, ProviderApi] = {
    "completions": ProviderApi(
        openai_compatible.connect,
        openai_compatible.failures,
        completion_body,
        openai_compatible.send_completion,
        openai_compatible.read_completion,
    ),
    "chat": ProviderApi(
        openai_compatible.connect,
        openai_compatible.failures,
        chat_body,
        openai_compatible.send_chat,
        openai_compatible.read_chat,
    ),
}
BATCHES = None
