"""The teacher that needs no key, no card and no network: gemma-3-270m behind vLLM.

It is the base model, without a chat template: it continues texts.
"""

from distill.backends.servers import SERVERS
from distill.backends.weights import TEACHER, embedded
from distill.records import Model

serve = SERVERS["vllm"].serve


def identify(argument: str) -> Model:
    """The embedded teacher, by name and weights."""
    name, folder = embedded(TEACHER)
    return Model(name, folder, "completions")
