"""Validated rows of `terms.toml`: providers' terms of use and models' licences.

Each row has a source and the day on which the source was last checked.
"""

import tomllib
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from distill.core.model_terms import Training

Text = Annotated[str, Field(min_length=1)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sourced(_Row):
    """The source of terms.

    `checked`: the day on which the page was last read; None if it was never read.
    `effective`: the day on which the terms take effect; None if unknown.
    """

    source: Text
    url: Annotated[str, Field(pattern=r"^https://\S+$")]
    checked: date | None = None
    effective: date | None = None


class Clause(_Row):
    """A clause of terms for some kinds of tasks and trainers; an empty tuple means all."""

    kinds: tuple[Literal["classify", "extract", "generate"], ...] = ()
    trainers: tuple[str, ...] = ()
    training: Training
    says: Text
    duties: tuple[Text, ...] = ()

    def fits(self, kind: str, trainer: str) -> bool:
        """True if the clause applies to students of a kind of task and a trainer."""
        return (not self.kinds or kind in self.kinds) and (
            not self.trainers or trainer in self.trainers
        )


class TeacherRow(Sourced):
    """The terms of a provider, or of a model's weights.

    `backend`, `hosts`, `models`: the backend, the hosts and the name patterns that select the row.
    `slugs`: the name patterns that select the row at a gateway.
    `gateway`: True if the provider serves the models of other providers.
    `clauses`: the clauses, the most specific first; the last one must fit every task.
    """

    provider: Text
    backend: str = ""
    hosts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    slugs: tuple[str, ...] = ()
    gateway: bool = False
    clauses: Annotated[tuple[Clause, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _last_clause_fits_all(self) -> Self:
        last = self.clauses[-1]
        if last.kinds or last.trainers:
            raise ValueError(f"{self.provider}: the last clause must fit every task")
        return self


class BaseRow(Sourced):
    """The licence of base models.

    `licences`, `models`: the licence ids and the name patterns that select the row.
    `duties`: the user's duties for a student of such a base.
    """

    name: Text
    licences: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    says: Text
    duties: tuple[Text, ...] = ()


class TermTable(_Row):
    """All rows of `terms.toml`."""

    teacher: tuple[TeacherRow, ...]
    base: tuple[BaseRow, ...]


@cache
def term_table() -> TermTable:
    """Load the table of terms that is part of the tool."""
    text = (files("distill.pricing") / "terms.toml").read_text(encoding="utf-8")
    return TermTable.model_validate(tomllib.loads(text))
