"""The masking of personal data in candidates, as in training."""

from collections.abc import Sequence
from functools import lru_cache

from distill.core.conversation import is_within_turn
from distill.core.dataset import Candidate
from distill.task import Task
from distill.text.pii.detect import PersonalData, find_personal, mask_personal

BETWEEN = "\n\n\0\n\n"  # a separator that no personal value spans
MOST_KEPT = 100_000  # texts


def masked(row: Candidate, task: Task) -> tuple[str, str]:
    """Return input and answer with personal data replaced, by the same values in both."""
    if task.spec.curate.privacy != "mask":
        return row.input, row.answer
    if task.form.choices:
        return mask_personal(row.input, personal_in(row.input, task)), row.answer
    both = f"{row.input}{BETWEEN}{row.answer}"
    text, _, answer = mask_personal(both, personal_in(both, task)).partition(BETWEEN)
    return text, answer


def personal_in(text: str, task: Task) -> Sequence[PersonalData]:
    """Return the personal data in a text, of the kinds in the task's spec.

    The data in a conversation are within its turns.
    """
    spec = task.spec.curate
    return _found_once(text, spec.private_kinds, spec.phone_region, spec.private_names)


@lru_cache(maxsize=MOST_KEPT)
def _found_once(
    text: str, kinds: tuple[str, ...], region: str, names: tuple[str, ...]
) -> tuple[PersonalData, ...]:
    """Find personal data; cached, because every round of generation checks the same texts."""
    found = find_personal(text, kinds, region=region, names=names)
    return tuple(one for one in found if is_within_turn(text, one.start, one.end))
