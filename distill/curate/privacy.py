"""Personal data and secrets: rows with them go, or their values are replaced by reserved ones."""

from collections.abc import Sequence

from distill.backends.personal import Found, find_personal, mask_personal
from distill.curate.means import Means
from distill.records import Candidate, Drop
from distill.task import Task


def check(rows: Sequence[Candidate], means: Means) -> list[Drop]:
    """Where the task says so, drop rows with personal data. Seeds are what people chose to show."""
    if means.task.spec.curate.privacy != "drop":
        return []
    found = []
    for row in rows:
        if row.source != "seeds" and (personal := _find(row.input, means.task)):
            kinds = ", ".join(sorted({item.kind for item in personal}))
            found.append(Drop(row.id, "privacy", f"personal data: {kinds}"))
    return found


def masked(text: str, task: Task) -> str:
    """The text as a student may learn from it."""
    if task.spec.curate.privacy != "mask":
        return text
    return mask_personal(text, _find(text, task))


def _find(text: str, task: Task) -> list[Found]:
    spec = task.spec.curate
    return find_personal(
        text, spec.private_kinds, region=spec.phone_region, names=spec.private_names
    )
