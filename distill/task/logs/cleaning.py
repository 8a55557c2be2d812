"""Texts of logs before they are stored: masked, without copies, apart from gold."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from distill.core.conversation import is_within_turn
from distill.core.text import fold
from distill.task import Task
from distill.task.leak_gate import OFF, canonical
from distill.task.logs.collecting import Answer, LoggedText
from distill.text.contamination import leak_matches
from distill.text.pii.detect import PersonalData, find_personal, mask_personal
from distill.text.pii.secrets import name_key

SECRET = "secret"
BETWEEN = "\n\n\0\n\n"  # a separator that no personal value spans
ALREADY, SAME, LEAK, PERSONAL = (
    "already in the task",
    "equal after masking",
    "too close to gold",
    "with personal data",
)


@dataclass
class Cleaned:
    """Masked texts, and what was found.

    `known`: texts that are inputs of the task already, as they are spelt there.
    `left_out`: reason → number of texts. `masked`: kind of personal data → number of values.
    `secrets`: kind of secret → number of values.
    """

    texts: list[LoggedText] = field(default_factory=list)
    known: list[LoggedText] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    secrets: Counter[str] = field(default_factory=Counter)


def clean(task: Task, texts: Sequence[LoggedText]) -> Cleaned:
    """Mask texts and answers, and leave out copies and the texts that are too close to gold.

    With `curate.privacy = "drop"` texts with personal data are left out. Secrets are always masked.
    The check of meaning is left to the leak gate of a run.
    """
    found = Cleaned()
    inputs = {fold(text): text for text in task.inputs}
    people = {fold(text) for text in _of_people(task)}
    fresh: dict[str, LoggedText] = {}
    for text in texts:
        masked = _masked(text, task, found)
        key = fold(masked.text) if masked else ""
        if masked is None:
            found.left_out[PERSONAL] += 1
        elif key in people or fold(text.text) in people:
            found.left_out[ALREADY] += 1
        elif key in fresh:
            found.left_out[SAME] += 1
            fresh[key].answers.update(masked.answers)
        else:
            fresh[key] = masked
    found.known = [replace(fresh[key], text=inputs[key]) for key in fresh if key in inputs]
    found.left_out[ALREADY] += len(found.known)
    new = [text for key, text in fresh.items() if key not in inputs]
    found.texts = list(_apart_from_gold(task, new, found))
    return found


def _of_people(task: Task) -> Iterator[str]:
    for rows in (task.seeds, task.examples):
        yield from (row.input for row in rows)
    yield from (row.input for row in task.reviews)


def _masked(text: LoggedText, task: Task, found: Cleaned) -> LoggedText | None:
    """Return a text with its answers masked, by the same values in both; None to leave it out."""
    personal = personal_in(text.text, task)
    if task.spec.curate.privacy == "drop" and any(one.kind != SECRET for one in personal):
        return None
    _count(text.text, personal, found)
    answers = Counter[Answer]()
    masked = mask_personal(text.text, personal)
    for answer, number in text.answers.items():
        if task.form.choices:
            answers[answer] += number
            continue
        both = f"{text.text}{BETWEEN}{answer.text}"
        inside = personal_in(both, task)
        _count(both, (one for one in inside if one.start >= len(text.text)), found)
        _, _, said = mask_personal(both, inside).partition(BETWEEN)
        answers[answer._replace(text=said)] += number
    return LoggedText(masked, answers)


def masked_prompts(task: Task, systems: Counter[str]) -> Counter[str]:
    """Return system prompts and their numbers with personal data replaced."""
    found = Counter[str]()
    for system, number in systems.items():
        found[masked_prompt(task, system)] += number
    return found


def masked_prompt(task: Task, system: str) -> str:
    """Return a system prompt with personal data replaced."""
    return mask_personal(system, personal_in(system, task))


def personal_in(text: str, task: Task) -> list[PersonalData]:
    """Return the personal data in a text of the task's kinds, and secrets in any case."""
    spec = task.spec.curate
    kinds = () if spec.privacy == "off" else spec.private_kinds
    names = () if spec.privacy == "off" else spec.private_names
    wanted = tuple(dict.fromkeys((*kinds, SECRET)))
    found = find_personal(text, wanted, region=spec.phone_region, names=names)
    return [one for one in found if is_within_turn(text, one.start, one.end)]


def _count(text: str, personal: Iterable[PersonalData], found: Cleaned) -> None:
    for one in personal:
        found.masked[one.kind] += 1
        if one.kind == SECRET:
            found.secrets[name_key(text, one.start, one.end)] += 1


def _apart_from_gold(
    task: Task, texts: Sequence[LoggedText], found: Cleaned
) -> Iterator[LoggedText]:
    leaks = leak_matches(
        [row.text for row in texts],
        [row.input for row in task.gold],
        task.spec.leaks.near or OFF,
        OFF,
        partial(canonical, curate=task.spec.curate),
    )
    leaking = {leak.text for leak in leaks}
    found.left_out[LEAK] += len(leaking)
    yield from (row for place, row in enumerate(texts) if place not in leaking)
