"""Names of logged models, in the form of `teacher.model` where the provider is known."""

import re
from functools import lru_cache

from distill.core.model_ref import key_variables
from distill.pricing.model_names import known_models

# The names of providers in logs, as the parts of `teacher.model`.
PROVIDERS = {"openai": "openai", "anthropic": "anthropic"}
_DATE = re.compile(r"(?:-20\d{2}-\d{2}-\d{2}|-20\d{6}|@20\d{6})$")


@lru_cache(maxsize=1024)
def named(model: str, provider: str = "") -> str:
    """Return the name of a logged model: `openai:<id>`, or as it is logged for other providers.

    A gateway's prefix such as "azure/" stays, since other terms apply there.
    """
    before, slash, after = model.partition("/")
    if slash and before.casefold() in PROVIDERS:
        provider, model = before, after
    known = PROVIDERS.get(provider.casefold(), "")
    if known:
        return f"{known}:{model}"
    if provider or slash:
        return model
    undated = without_date(model)
    found = [name for name, models in known_models().items() if {model, undated} & {*models}]
    return f"{found[0]}:{model}" if len(found) == 1 else model


def without_date(model: str) -> str:
    """Return a model's name without the date of its version."""
    return _DATE.sub("", model)


def is_same(logged: str, teacher: str) -> bool:
    """True if a logged model is the teacher. The teacher's name may leave out the date.

    A teacher behind a URL is known by the name after the URL.
    """
    _, is_url, name = teacher.rpartition("#")
    return logged in (teacher, name if is_url else teacher) or without_date(logged) == teacher


def provider_and_id(model: str) -> tuple[str, str]:
    """Split the name of a model of a known provider; ("", name) for another model."""
    provider, colon, name = model.partition(":")
    return (provider, name) if colon and provider in key_variables() else ("", model)
