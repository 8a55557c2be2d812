"""Teachers: what `teacher.model` names → the model, and its endpoint for as long as a block lasts.

embedded                the small teacher that comes with the tool
openai:<id>             OpenAI, with the key in OPENAI_API_KEY
anthropic:<id>          Anthropic, with the key in ANTHROPIC_API_KEY
vllm:<folder or id>     a model that we serve
<url>#<model>           any server that speaks OpenAI's chat protocol
auto                    one of these, by the keys that are set and the terms: see `automatic`
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from distill.core.model_ref import BY_KEY, KEYS, WITHOUT_KEY, parse
from distill.core.model_terms import SENTENCES
from distill.core.requests import Endpoint, Model
from distill.llm.models import anthropic, embedded, openai, url, vllm
from distill.pricing.terms import PAGE, StudentKind, terms_of_teacher
from distill.pricing.token_prices import Rates, TokenPrice
from distill.serve import ServerSettings


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


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A teacher's backend with its model."""

    backend: Teacher
    model: Model

    def serve(self, settings: ServerSettings) -> AbstractContextManager[Endpoint]:
        """The teacher's endpoint, for as long as the block lasts."""
        return self.backend.serve(self.model, settings)


def automatic(variables: Mapping[str, str], student: StudentKind) -> tuple[str, str]:
    """(the teacher that `auto` means for a student where these variables are set, why). A teacher
    whose terms do not let the student learn from it is never taken."""
    passed_over = list[str]()
    for backend, model in BY_KEY.items():
        if variables.get(KEYS[backend]):
            name, why = f"{backend}:{model}", f"{KEYS[backend]} is set"
            terms = terms_of_teacher(name, student)
            if not terms.stops:
                return name, "; ".join([*passed_over, why])
            passed_over.append(f"{why}, but {terms.provider}: {SENTENCES[terms.training]}")
    if passed_over:
        return WITHOUT_KEY, f"{'; '.join(passed_over)} ({PAGE})"
    return WITHOUT_KEY, f"neither {' nor '.join(KEYS.values())} is set"


def check_exists(name: str, settings: ServerSettings) -> None:
    """Look the model up at its provider, which costs nothing. Raises InputError for a key that is
    not accepted or a model that does not exist; does nothing for a model without a provider."""
    if name and parse(name)[0] in KEYS:
        with choose(name).serve(settings):
            pass


def choose(name: str) -> ResolvedModel:
    """The teacher that `teacher.model` means, once a run has settled what `auto` is. Raises
    InputError for one that does not exist."""
    backend, argument = parse(name)
    return ResolvedModel(TEACHERS[backend], TEACHERS[backend].identify(argument))


def price_of(name: str, rates: Mapping[str, Rates]) -> TokenPrice | None:
    """What the provider of the teacher that `teacher.model` means bills; None for one that sends
    no bill. `rates` are the task's own prices. Raises InputError for a teacher that does not exist
    or whose price is not known."""
    backend, argument = parse(name)
    return TEACHERS[backend].price(argument, rates)
