"""The names of models, as in `teacher.model`, with their providers, models and endpoints."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from distill.core.model_ref import SOURCES, WITHOUT_KEY, key_names, key_variables, parse
from distill.core.model_terms import SENTENCES
from distill.core.requests import Endpoint, Model
from distill.llm.batches import BatchApi
from distill.llm.providers.wire import ProviderApi
from distill.pricing.terms import PAGE, StudentKind, terms_of_teacher
from distill.pricing.token_prices import Rates, TokenPrice
from distill.serve import ServerSettings

if TYPE_CHECKING:
    from distill.llm.tokens import PromptTokens


class Provider(Protocol):
    """The interface of a provider's module."""

    @property
    def APIS(self) -> Mapping[str, ProviderApi]:
        """The provider's protocols, by the names in `Model.api`."""

    @property
    def BATCHES(self) -> BatchApi | None:
        """The provider's batch API; None if it has none."""

    def identify(self, argument: str) -> Model:
        """Return the model for the part of `teacher.model` after the provider's name.

        Starts no server and costs nothing. Raises InputError if there is no such model.
        """

    def price(self, argument: str, rates: Mapping[str, Rates]) -> TokenPrice | None:
        """Return the provider's price; None for a teacher that is not billed.

        Needs no key, server or network. Raises InputError if the price is not known.
        """

    def cached_and_written(
        self, model: Model, prompt: "PromptTokens", *, warm: bool
    ) -> tuple[int, int]:
        """Return the tokens of a prompt that are read from the cache and written to it.

        `warm`: True if a prompt of the same kind was answered shortly before.
        """

    def serve(self, model: Model, settings: ServerSettings) -> AbstractContextManager[Endpoint]:
        """Yield the teacher's endpoint, and close it after the block.

        Raises InputError, before anything is billed, if the key, the model or its price is missing.
        """


PROVIDERS: dict[str, Provider] = {}  # loaded modules


def provider(source: str) -> Provider:
    """Return the module of a source of models, by its name in SOURCES."""
    if source not in PROVIDERS:
        PROVIDERS[source] = import_module(SOURCES[source].module)
    return PROVIDERS[source]


def provider_of(api: str) -> Provider:
    """Return the provider that has the protocol of this name."""
    return next(found for name in SOURCES if api in (found := provider(name)).APIS)


def provider_api(api: str) -> ProviderApi:
    """Return the protocol of this name."""
    return provider_of(api).APIS[api]


def batch_api(api: str) -> BatchApi | None:
    """Return the batch API of a protocol's provider; None if it has none."""
    return provider_of(api).BATCHES


def takes_batches(api: str) -> bool:
    """True if the provider of a protocol has a batch API."""
    return batch_api(api) is not None


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A teacher's provider with its model."""

    backend: Provider
    model: Model

    def serve(self, settings: ServerSettings) -> AbstractContextManager[Endpoint]:
        """Yield the teacher's endpoint, and close it after the block."""
        return self.backend.serve(self.model, settings)


def automatic(variables: Mapping[str, str], student: StudentKind) -> tuple[str, str]:
    """Return the teacher that `auto` chooses with these environment variables, and the reason.

    A teacher whose terms forbid training this student on its answers is never chosen.
    """
    passed_over = list[str]()
    for backend, key in key_variables().items():
        if SOURCES[backend].automatic and variables.get(key):
            name, why = f"{backend}:{SOURCES[backend].automatic}", f"{key} is set"
            terms = terms_of_teacher(name, student)
            if not terms.stops:
                return name, "; ".join([*passed_over, why])
            passed_over.append(f"{why}, but {terms.provider}: {SENTENCES[terms.training]}")
    if passed_over:
        return WITHOUT_KEY, f"{'; '.join(passed_over)} ({PAGE})"
    return WITHOUT_KEY, f"neither {' nor '.join(key_names())} is set"


def check_exists(name: str, settings: ServerSettings) -> None:
    """Check at the provider, free of charge, that a model exists.

    Does nothing for a model that needs no key. Raises InputError if the key is not accepted, or if
    the model does not exist.
    """
    if name and parse(name)[0] in key_variables():
        with choose(name).serve(settings):
            pass


def choose(name: str) -> ResolvedModel:
    """Return the teacher that `teacher.model` names, once a run has settled `auto`.

    Raises InputError if the teacher does not exist.
    """
    backend, argument = parse(name)
    return ResolvedModel(provider(backend), provider(backend).identify(argument))


def price_of(name: str, rates: Mapping[str, Rates]) -> TokenPrice | None:
    """Return the price of the teacher that `teacher.model` names; None if it is not billed.

    `rates`: the task's own prices. Raises InputError if the teacher does not exist, or if its price
    is not known.
    """
    backend, argument = parse(name)
    return provider(backend).price(argument, rates)


def cached_and_written(model: Model, prompt: "PromptTokens", *, warm: bool) -> tuple[int, int]:
    """Return the tokens of a prompt that the provider reads from its cache and writes to it.

    `warm`: True if a prompt of the same kind was answered shortly before. Without a price for cache
    writes, the written tokens are priced like other tokens.
    """
    return provider_of(model.api).cached_and_written(model, prompt, warm=warm)
