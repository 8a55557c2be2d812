"""Sentences on the commonest mistakes of the student, and on what it forces into a label."""

from collections.abc import Mapping
from typing import Any

from distill.core.numbers import percent
from distill.report.names import name_of, within

MOST = 2


def commonest_mistakes(figures: Mapping[str, Any]) -> list[str]:
    """Return the two commonest confusions of labels, or the two worst fields; empty for texts.

    A student that surely forces more into a label than today's model is named first.
    """
    if figures.get("rehearsal"):
        return []
    found = _labels(figures) if "labels" in figures else _fields(figures)
    return [*_forced(figures), *found][:MOST]


def _forced(figures: Mapping[str, Any]) -> list[str]:
    found = figures.get("out_of_scope", {})
    if not found.get("student_forces", {}).get("more"):
        return []
    rates = {row["name"]: row["false_accepts"]["value"] for row in found["systems"]}
    than = found["student_forces"]["than"]
    return [
        f"It forces {percent(rates['student'])} of “{found['label']}” into a label, "
        f"{within(name_of(figures, than))} only {percent(rates[than])}"
    ]


def _labels(figures: Mapping[str, Any]) -> list[str]:
    found = [
        (count, row["student"]["n"], row["label"], answer)
        for row in figures["labels"]
        for answer, count in row["student"]["taken_for"].items()
    ]
    return [
        f"“{label}” is taken for “{answer}” ({count} of {n})"
        for count, n, label, answer in sorted(found, key=lambda one: (-one[0], *one[1:]))
    ]


def _fields(figures: Mapping[str, Any]) -> list[str]:
    found = [
        (row["student"]["wrong"] + row["student"]["missing"], row["student"]["n"], row["field"])
        for row in figures.get("fields", ())
    ]
    return [
        f"“{field}” is wrong or missing ({count} of {n})"
        for count, n, field in sorted(found, key=lambda one: (-one[0], *one[1:]))
        if count
    ]
