"""The name of a model, as `teacher.model` has one: its backend, and the key that the backend needs.

embedded                the small teacher that comes with the tool
openai:<id>             OpenAI, with the key in OPENAI_API_KEY
anthropic:<id>          Anthropic, with the key in ANTHROPIC_API_KEY
vllm:<folder or id>     a model that we serve
<url>#<model>           any server that speaks OpenAI's chat protocol
auto                    one of these, by the keys that are set and the terms
"""

from distill.core.api_keys import required_key
from distill.core.errors import InputError

AUTO = "auto"
NAMES = ("embedded", "openai", "anthropic", "vllm", "url")
KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}  # variables, by provider
# What `auto` is when the backend's key is set; the first that is set counts.
BY_KEY = {"openai": "gpt-6.1-terra", "anthropic": "claude-sonnet-5-5"}
WITHOUT_KEY = "embedded"
FORMS = "auto, embedded, openai:<id>, anthropic:<id>, vllm:<folder or id>, <url>#<model>"


def check_key(place: str, name: str) -> None:
    """Raises InputError when the model that stands at `place` of a task file needs a key that is
    not set; no name needs none."""
    backend = parse(name)[0] if name else ""
    if backend in KEYS:
        instead = f"or choose another {place} (`embedded` needs none)"
        required_key(KEYS[backend], name, instead)


def check_name(place: str, name: str) -> None:
    """Raises InputError when the model that stands at `place` of a task file does not exist."""
    if name not in ("", AUTO):
        parse(name, place)


def parse(name: str, place: str = "teacher.model") -> tuple[str, str]:
    """Split a model's name into its backend and the argument of that backend.

    Raises InputError, which names the key `place`, for a name of another form.
    """
    backend, _, argument = name.partition(":")
    if "://" in name:
        backend, argument = "url", name
    # Only the embedded one stands alone, and only a URL is told by its form.
    alone = backend == "embedded"
    if backend not in NAMES or alone == bool(argument) or (backend == "url") != ("://" in name):
        raise InputError(f"{place}: {name!r} does not exist; known: {FORMS}")
    return backend, argument
