"""The teacher that needs no key, no GPU and no network: gemma-3-270m behind vLLM.

The teacher is the base model without a chat template, so it continues texts.
"""

from collections.abc import Mapping

from distill.core.extras import missing
from distill.core.requests import Model
from distill.llm.providers.wire import ProviderApi
from distill.llm.tokens import PromptTokens
from distill.pricing.token_prices import Rates
from distill.serve import SERVERS
from distill.serve.embedded_models import TEACHER, embedded, models_folder, unpacked

serve = SERVERS["vllm"].serve


def price(argument: str, rates: Mapping[str, Rates]) -> None:
    """Return None, because a model on our own server is not billed."""


def identify(argument: str) -> Model:
    """Return the embedded teacher, by name and weights; by name alone if it is not installed.

    Without the weights a task can be planned, but no run begins.
    """
    if unpacked(TEACHER) is None and missing("local"):
        return Model(TEACHER, models_folder() / TEACHER, "completions")
    name, folder = embedded(TEACHER)
    return Model(name, folder, "completions")


def cached_and_written(model: Model, prompt: PromptTokens, *, warm: bool) -> tuple[int, int]:
    """Return (0, 0), because caching does not change this cost."""
    return 0, 0


APIS: dict[str, ProviderApi] = {}  # vLLM's module has the protocols
BATCHES = None
