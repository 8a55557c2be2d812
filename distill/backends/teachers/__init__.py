"""Teachers: a name → the model behind it, and its endpoint for as long as the block lasts."""

from contextlib import AbstractContextManager
from typing import Protocol

from distill.backends.names import chosen
from distill.backends.servers import ServerSettings
from distill.backends.teachers import embedded
from distill.records import Endpoint, Model


class Teacher(Protocol):
    """What a teacher backend offers."""

    def identify(self) -> Model:
        """The model behind the name; costs nothing and starts nothing."""

    def serve(self, model: Model, settings: ServerSettings) -> AbstractContextManager[Endpoint]:
        """The teacher's endpoint, for as long as the block lasts."""


TEACHERS: dict[str, Teacher] = {"embedded": embedded}


def choose(name: str) -> str:
    """The teacher that `teacher.model` means. Raises InputError for one that does not exist."""
    return chosen("teacher.model", name, TEACHERS, auto="embedded")
