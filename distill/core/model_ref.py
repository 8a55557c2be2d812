"""Names of models, such as the value of `teacher.model`.

- `embedded`: the small model that is installed with the tool
- `openai:<id>`: OpenAI, with the key in OPENAI_API_KEY
- `anthropic:<id>`: Anthropic, with the key in ANTHROPIC_API_KEY
- `vllm:<folder or id>`: a model that the tool serves with vLLM
- `<url>#<model>`: any server with OpenAI's chat protocol
- `decisions:<id>`: a decision model of OpenAI, which answers with one of given labels
- `<url>#systemone`: any server with the System One protocol for decisions; `#systemone:<model>`
  names one of its models
- `auto`: a model that the tool chooses by the available keys and the terms
"""

from dataclasses import dataclass

from distill.core.api_keys import required_key
from distill.core.errors import InputError
from distill.core.requests import DECISION_APIS

AUTO = "auto"
WITHOUT_KEY = "embedded"


@dataclass(frozen=True, slots=True)
class Source:
    """A source of models.

    `module`: the module that implements `Provider` of `llm/models.py`.
    `form`: the form of a model's name.
    `key`: the environment variable of the key; "" if the source needs no key.
    `base_url`: the environment variable that overrides the address; "" if there is none.
    `automatic`: the model that `auto` chooses if the key is set; "" if `auto` skips the source.
    `has_batches`: True for a batch API.
    """

    module: str
    form: str
    key: str = ""
    base_url: str = ""
    automatic: str = ""
    has_batches: bool = False


# To add a provider, add a module and a row here. `auto` chooses the first row whose key is set.
SOURCES: dict[str, Source] = {
    "embedded": Source("distill.llm.providers.embedded", "embedded"),
    "openai": Source(
        "distill.llm.providers.openai",
        "openai:<id>",
        key="OPENAI_API_KEY",
        base_url="OPENAI_BASE_URL",
        automatic="gpt-6.1-terra",
        has_batches=True,
    ),
    "anthropic": Source(
        "distill.llm.providers.anthropic",
        "anthropic:<id>",
        key="ANTHROPIC_API_KEY",
        base_url="ANTHROPIC_BASE_URL",
        automatic="claude-sonnet-5-5",
        has_batches=True,
    ),
    "vllm": Source("distill.llm.providers.vllm", "vllm:<folder or id>"),
    "url": Source("distill.llm.providers.url", "<url>#<model>"),
    "decisions": Source(
        "distill.llm.providers.decisions",
        "decisions:<id>",
        key="OPENAI_API_KEY",
        base_url="OPENAI_BASE_URL",
    ),
    "systemone": Source("distill.llm.providers.systemone", "<url>#systemone"),
}
AT_A_URL = ("url", "systemone")  # sources whose models are named by a server's address


def key_variables() -> dict[str, str]:
    """Return the environment variable of the key of each source that needs one."""
    return {name: source.key for name, source in SOURCES.items() if source.key}


def key_names() -> list[str]:
    """Return the environment variables of all keys, each once."""
    return list(dict.fromkeys(key_variables().values()))


def decides(name: str) -> bool:
    """True if the name is that of a decision model; False for an unknown form."""
    try:
        return name not in ("", AUTO) and parse(name)[0] in DECISION_APIS
    except InputError:
        return False


def forms() -> str:
    """Return the forms of a model's name, separated by commas."""
    return ", ".join([AUTO, *(source.form for source in SOURCES.values())])


def check_key(place: str, name: str) -> None:
    """Check that the key of a model is set.

    `place`: the key of task.toml with the model's name. An empty name needs no API key. Raises
    InputError if the model needs an API key that is not set.
    """
    backend = parse(name)[0] if name else ""
    if backend in key_variables():
        instead = f"or choose another {place} (`embedded` needs none)"
        required_key(key_variables()[backend], name, instead)


def check_name(place: str, name: str) -> None:
    """Check the form of a model's name.

    `place`: the key of task.toml with the name. Accepts "" and `auto`. Raises InputError for a name
    of an unknown form.
    """
    if name not in ("", AUTO):
        parse(name, place)


def parse(name: str, place: str = "teacher.model") -> tuple[str, str]:
    """Split a model's name into its backend and the backend's argument.

    `place`: the key of task.toml with the name. Raises InputError for a name of an unknown form.
    """
    backend, _, argument = name.partition(":")
    if "://" in name:
        protocol = name.partition("#")[2].partition(":")[0]
        backend, argument = "systemone" if protocol == "systemone" else "url", name
    # Only `embedded` has no argument, and only a URL has no prefix.
    alone = backend == "embedded"
    if (
        backend not in SOURCES
        or alone == bool(argument)
        or (backend in AT_A_URL) != ("://" in name)
    ):
        raise InputError(f"{place}: {name!r} does not exist; known: {forms()}")
    return backend, argument
