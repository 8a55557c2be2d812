"""`terms.toml` in, its checked rows out: what providers and licences say on training with outputs,
each with its source and the day on which that was last looked at."""

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
    """Where terms are written, when that was last looked at, and from when on they hold. `checked`
    is None for terms that were written down without a look at their page."""

    source: Text
    url: Annotated[str, Field(pattern=r"^https://\S+$")]
    checked: date | None = None
    effective: date | None = None


class Clause(_Row):
    """One sentence of terms, for tasks of some kinds or trainers; no kinds and no trainers are
    all."""

    kinds: tuple[Literal["classify", "extract", "generate"], ...] = ()
    trainers: tuple[str, ...] = ()
    training: Training
    says: Text
    duties: tuple[Text, ...] = ()

    def fits(self, kind: str, trainer: str) -> bool:
        """Whether it is about students of that kind that the trainer makes."""
        return (not self.kinds or kind in self.kinds) and (
            not self.trainers or trainer in self.trainers
        )


class TeacherRow(Sourced):
    """The terms of a provider, or of a model's weights: by which backend, hosts and names of models
    they are found, and their clauses, the most special first. A `gateway` serves other providers'
    models, which it calls by slugs."""

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
    """The licence of base models: by which ids of licences and names of models it is found, and
    the duties of a student that is made of one."""

    name: Text
    licences: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    says: Text
    duties: tuple[Text, ...] = ()


class TermTable(_Row):
    """All rows."""

    teacher: tuple[TeacherRow, ...]
    base: tuple[BaseRow, ...]


@cache
def term_table() -> TermTable:
    """The table that came with the tool."""
    text = (files("distill.pricing") / "terms.toml").read_text(encoding="utf-8")
    return TermTable.model_validate(tomllib.loads(text))
