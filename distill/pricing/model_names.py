"""The known names of providers' models, and suggestions for misspelt names."""

import re
from functools import cache

from distill.core.errors import InputError
from distill.core.model_ref import AUTO, WITHOUT_KEY, check_name, key_variables
from distill.core.suggestions import nearest
from distill.pricing.table import price_table
from distill.pricing.token_prices import library_id

SIMILAR = 0.8  # of a model to a known model of its provider
# A teacher answers texts with texts. Fine-tuned models have names of their own.
OTHER_USES = re.compile(
    r"audio|dall|embedding|ft|image|live|moderation|realtime|search|transcribe|tts|vision|whisper"
)


@cache
def known_models() -> dict[str, tuple[str, ...]]:
    """Return the ids of the models with known prices that answer texts, by provider."""
    from genai_prices.data_snapshot import get_snapshot

    found: dict[str, set[str]] = {name: set() for name in key_variables()}
    for row in price_table().inference:
        found.setdefault(row.provider, set()).add(row.model)
    names = {library_id(name): name for name in key_variables()}
    for provider in get_snapshot().providers:
        if provider.id in names:
            found[names[provider.id]].update(model.id for model in provider.models)
    return {
        provider: tuple(sorted(name for name in names if not OTHER_USES.search(name)))
        for provider, names in found.items()
    }


def misspelt(provider: str, model: str) -> str:
    """Return the known model whose name was probably meant; "" if there is none.

    A model that differs only in its numbers is taken for a newer version, and not for a mistake.
    A server of the user's may have any model.
    """
    if provider not in key_variables():
        return ""
    for other in key_variables():
        if other != provider and model in known_models().get(other, ()):
            return f"{other}:{model}"
    found = _nearest(provider, model)
    if not found or (_letters(found) == _letters(model) and _digits(found) != _digits(model)):
        return ""
    return f"{provider}:{found}"


@cache
def _nearest(provider: str, model: str) -> str:
    known = known_models().get(provider, ())
    return "" if OTHER_USES.search(model) else nearest(model, known, least=SIMILAR)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.casefold())


def _digits(name: str) -> str:
    return re.sub(r"\D", "", name)


def check_model_name(place: str, name: str) -> None:
    """Check the form of a model's name, with a suggestion for an unknown form.

    `place`: the key of task.toml, or the option, with the name. Accepts "" and `auto`. Raises
    InputError for a name of an unknown form.
    """
    try:
        check_name(place, name)
    except InputError as error:
        if found := _with_provider(name):
            raise InputError(f"{error}; did you mean {found}?") from error
        raise


def _with_provider(name: str) -> str:
    """Return the nearest name in the form of `teacher.model`; "" if none is near."""
    folded = name.casefold()
    full = {WITHOUT_KEY: WITHOUT_KEY, AUTO: AUTO}
    for provider, models in known_models().items():
        for model in models:
            if folded == model or folded.startswith(f"{model}-20"):  # a dated version
                return f"{provider}:{folded}"
            full[f"{provider}:{model}"] = f"{provider}:{model}"
            full.setdefault(model, f"{provider}:{model}")
    found = nearest(name, full, least=SIMILAR)
    return full[found] if found else ""
