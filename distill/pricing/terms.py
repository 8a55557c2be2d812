"""Lookup of the terms of use of a teacher's outputs or a base's weights.

Models are given by their names in `task.toml`. The lookup does not use the network.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

from distill.core.model_terms import Terms
from distill.pricing.term_table import BaseRow, Clause, TeacherRow, term_table

EMBEDDED = "gemma-3-270m"
PAGE = "docs/privacy.md"
# Host names in private networks.
PRIVATE_SUFFIXES = (".local", ".internal", ".lan", ".home.arpa", ".localhost")
UNKNOWN_SAYS = (
    "No row of terms.toml is about this model: read its licence, and the terms of whoever serves "
    "it, before you use or distribute the student."
)


@dataclass(frozen=True, slots=True)
class StudentKind:
    """The kind of the task and the trainer, on which the terms for a student depend."""

    kind: str
    trainer: str


def terms_of_teacher(
    model: str, student: StudentKind, *, use: str = "teacher", place: str = "teacher.model"
) -> Terms:
    """Return the terms of a model on whose outputs a student is trained.

    `model`: a name in the form of `teacher.model`. For a model without a row, `training` is "ask".
    """
    backend, host, name = _parts(model)
    own = backend in ("embedded", "vllm") or (bool(host) and is_private(host))
    row = _teacher_row(backend, host, name.lower())
    if row is None:
        provider = f"{host or 'weights'} ({name})"
        return Terms(use, place, model, provider, "ask", UNKNOWN_SAYS, self_served=own)
    clause = _clause(row, student)
    served_by = (f"{host} serves the model: its own terms hold, too.",)
    elsewhere = host and not own and not _serves(row, backend, host)
    return Terms(
        use=use,
        place=place,
        model=model,
        provider=row.provider,
        training=clause.training,
        says=clause.says,
        source=row.source,
        url=row.url,
        checked=row.checked,
        effective=row.effective,
        duties=(*clause.duties, *(served_by if elsewhere else ())),
        self_served=own,
    )


def terms_of_base(model: str, licence: str) -> Terms:
    """Return the terms of a base by the licence on its card, or without one by its name."""
    place = "student.base"
    row = _base_row(model, licence)
    if row is None:
        provider = f"licence {licence}" if licence else f"weights ({model})"
        says = "No row of terms.toml is about this licence: read it before you use the student."
        return Terms("base", place, model, provider, "ask", says, self_served=True)
    return Terms(
        use="base",
        place=place,
        model=model,
        provider=row.name,
        training="allowed",
        says=row.says,
        source=row.source,
        url=row.url,
        checked=row.checked,
        effective=row.effective,
        duties=row.duties,
        self_served=True,
    )


def is_private(host: str) -> bool:
    """True if a host is this machine or a machine in a private network."""
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(PRIVATE_SUFFIXES)
    return address.is_private or address.is_loopback or address.is_link_local


def _parts(model: str) -> tuple[str, str, str]:
    """Split a model's name into the backend, the host and the provider's name of the model.

    The host is "" unless the name is a URL.
    """
    if model == "embedded":
        return "embedded", "", EMBEDDED
    if "://" in model:
        url, _, name = model.partition("#")
        protocol, _, called = name.partition(":")
        return "url", _host(url), called or protocol if protocol == "systemone" else name
    backend, _, name = model.partition(":")
    return backend, "", name


def _host(url: str) -> str:
    """Return the host of a URL; "" for an invalid URL, which the teacher's backend rejects."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _teacher_row(backend: str, host: str, name: str) -> TeacherRow | None:
    """Return the row of a model; None without one.

    The first match counts: the provider unless it is a gateway, the model's name, the gateway.
    """
    rows = term_table().teacher
    serving = next((row for row in rows if _serves(row, backend, host)), None)
    if serving and not serving.gateway:
        return serving
    names = list(_names(name))
    for row in rows:
        patterns = (*row.models, *row.slugs) if serving else row.models
        if any(fnmatchcase(one, pattern) for one in names for pattern in patterns):
            return row
    return serving


def _serves(row: TeacherRow, backend: str, host: str) -> bool:
    if row.backend and row.backend == backend:
        return True
    return any(host == known or host.endswith(f".{known}") for known in row.hosts)


def _names(name: str) -> Iterator[str]:
    """Yield a model's name and, if it has a slash, the part after the last slash."""
    yield name
    last = name.rstrip("/").rpartition("/")[2]
    if last != name:
        yield last


def _clause(row: TeacherRow, student: StudentKind) -> Clause:
    return next(one for one in row.clauses if one.fits(student.kind, student.trainer))


def _base_row(model: str, licence: str) -> BaseRow | None:
    """Return the row of a licence, or for "" the row of the base's name; None without a row."""
    rows = term_table().base
    if licence:
        return next((row for row in rows if licence.lower() in row.licences), None)
    names = list(_names(model.lower()))
    return next(
        (
            row
            for row in rows
            if any(fnmatchcase(one, pattern) for one in names for pattern in row.models)
        ),
        None,
    )
