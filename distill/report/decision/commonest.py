"""Sentences on the commonest mistakes of the student."""

from collections.abc import Mapping
from typing import Any

MOST = 2


def commonest_mistakes(figures: Mapping[str, Any]) -> list[str]:
    """Return the two commonest confusions of labels, or the two worst fields; empty for texts."""
    if figures.get("rehearsal"):
        return []
    return (_labels(figures) if "labels" in figures else _fields(figures))[:MOST]


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
