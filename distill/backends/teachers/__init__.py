"""Teachers: what `teacher.model` names → the model, and its endpoint for as long as a block lasts.

embedded                the small teacher that comes with the tool
openai:<id>             OpenAI, with the key in OPENAI_API_KEY
anthropic:<id>          Anthropic, with the key in ANTHROPIC_API_KEY
vllm:<folder or id>     a model that we serve
<url>#<model>           any server that speaks OpenAI's chat protocol
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from distill.backends.servers import ServerSettings
from distill.backends.teachers import anthropic, embedded, openai, url, vllm
from distill.errors import InputError
from distill.prices import Rates, TokenPrice
from distill.records import Endpoint, Model


class Teacher(Protocol):
    """What a teacher backend offers."""

    def identify(self, argument: str) -> Model:
        """The model that the part after the backend's name means; costs and starts nothing.
        Raises InputError when it means none."""

    def price(self, argument: str, rates: Mapping[str, Rates]) -> TokenPrice | None:
        """What its provider bills; None for a teacher that sends no bill. Needs no key, starts and
        fetches nothing. Raises InputError for a price that is not known."""

    def serve(self, model: Model, settings: ServerSettings) -> AbstractContextManager[Endpoint]:
        """The teacher's endpoint, for as long as the block lasts. Raises InputError, before
        anything is paid, when the key, the model or its price is missing."""


TEACHERS: dict[str, Teacher] = {
    "embedded": embedded,
    "openai": openai,
    "anthropic": anthropic,
    "vllm": vllm,
    "url": url,
}
# A key that is set is not a wish to spend: `auto` takes it only once a run can say its price first.
AUTOMATIC = "embedded"
FORMS = "auto, embedded, openai:<id>, anthropic:<id>, vllm:<folder or id>, <url>#<model>"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A teacher's backend with its model."""

    backend: Teacher
    model: Model

    def serve(self, settings: ServerSettings) -> AbstractContextManager[Endpoint]:
        """The teacher's endpoint, for as long as the block lasts."""
        return self.backend.serve(self.model, settings)


def choose(name: str) -> Chosen:
    """The teacher that `teacher.model` means. Raises InputError for one that does not exist."""
    backend, argument = _parts(name)
    return Chosen(TEACHERS[backend], TEACHERS[backend].identify(argument))


def price_of(name: str, rates: Mapping[str, Rates]) -> TokenPrice | None:
    """What the provider of the teacher that `teacher.model` means bills; None for one that sends
    no bill. `rates` are the task's own prices. Raises InputError for a teacher that does not exist
    or whose price is not known."""
    backend, argument = _parts(name)
    return TEACHERS[backend].price(argument, rates)


def _parts(name: str) -> tuple[str, str]:
    """(backend, what it is to be given)."""
    wanted = AUTOMATIC if name == "auto" else name
    backend, _, argument = wanted.partition(":")
    if "://" in wanted:
        backend, argument = "url", wanted
    # Only the embedded one stands alone, and only a URL is told by its form.
    alone = backend == "embedded"
    if (
        backend not in TEACHERS
        or alone == bool(argument)
        or (backend == "url") != ("://" in wanted)
    ):
        raise InputError(f"teacher.model: {name!r} does not exist; known: {FORMS}")
    return backend, argument
