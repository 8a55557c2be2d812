"""The leak gate, which keeps gold out of training data and prompts.

Seeds too close to gold are not used in any prompt, system or check. Examples too close to gold are
left out of training. `distill leaks` lists both. Since curation masks personal data, texts are also
compared in canonical form, with kinds such as "email" in place of values.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from distill.core.conversation import as_text
from distill.core.dataset import GoldOverlap, LabelledExample
from distill.core.errors import InputError
from distill.task import Task
from distill.task.gold import check_contradictions
from distill.task.kinds.extract import Fields
from distill.task.spec import CurateSpec, LeaksSpec
from distill.text.contamination import found_by, leak_searches, near_copies
from distill.text.pii.detect import name_kinds

REASONS = {
    "exact": "equals a gold row",
    "near": "nearly equals a gold row",
    "semantic": "means the same as a gold row",
}
OFF = 2.0  # above every similarity
MOST_KEPT = 100_000  # max texts in the cache
MOST_PAIRED = 5_000  # max gold rows to compare with each other, which takes 3 seconds


def find(
    texts: Sequence[str],
    gold: Sequence[LabelledExample],
    leaks: LeaksSpec,
    curate: CurateSpec,
    embedding_model: str,
) -> list[GoldOverlap]:
    """Find the texts too close to gold, each with its closest gold row.

    Texts and gold are compared both as given and in canonical form.
    """
    searches = leak_searches(leaks.near or OFF, leaks.semantic or OFF, embedding_model)
    rows = [row.input for row in gold]
    return found_by(searches, texts, rows, partial(canonical, curate=curate))


def canonical(text: str, curate: CurateSpec) -> str:
    """Return the canonical form of a text, with the personal data that curation masks as kinds.

    A masked text and its original have the same canonical form. Returns the text unchanged if
    `curate.privacy` is "off".
    """
    if curate.privacy == "off":
        return text
    return _named_once(text, curate.private_kinds, curate.phone_region, curate.private_names)


@lru_cache(maxsize=MOST_KEPT)
def _named_once(text: str, kinds: tuple[str, ...], region: str, names: tuple[str, ...]) -> str:
    """Replace values with kinds, cached because each round of generation repeats the texts."""
    return name_kinds(text, kinds, region=region, names=names)


Search = Callable[[Sequence[LabelledExample], Sequence[LabelledExample]], Sequence[GoldOverlap]]


def find_with_answers(
    rows: Sequence[LabelledExample],
    gold: Sequence[LabelledExample],
    task: Task,
    search: Search | None = None,
) -> list[GoldOverlap]:
    """Find the rows too close to gold whose answers do not contradict the gold row's answer.

    "turn on the light" and "turn off the light" with different labels are not a leak, since such
    rows show the border between labels. Equal texts are always a leak.
    """
    search = search or partial(_search, task=task)
    leaks, again = [], defaultdict[str, list[int]](list)
    for leak in search(rows, gold):
        if leak.kind != "exact" and _contradict(task, rows[leak.text], gold[leak.gold]):
            again[rows[leak.text].answer].append(leak.text)
        else:
            leaks.append(leak)
    for places in again.values():
        kept = [n for n, row in enumerate(gold) if not _contradict(task, rows[places[0]], row)]
        if kept:
            found = search([rows[n] for n in places], [gold[n] for n in kept])
            leaks += [replace(one, text=places[one.text], gold=kept[one.gold]) for one in found]
    return sorted(leaks, key=lambda leak: leak.text)


def _search(
    rows: Sequence[LabelledExample], gold: Sequence[LabelledExample], task: Task
) -> list[GoldOverlap]:
    spec = task.spec
    return find([row.input for row in rows], gold, spec.leaks, spec.curate, spec.embedding_model)


def _contradict(task: Task, row: LabelledExample, gold: LabelledExample) -> bool:
    """True if two answers contradict each other.

    Objects with a common value do not contradict, since the row reveals a part of gold's answer.
    """
    form = task.form
    if not form.contradict(row.answer, gold.answer):
        return False
    if not isinstance(form, Fields) or not (
        form.is_valid(row.answer) and form.is_valid(gold.answer)
    ):
        return True
    return not form.pairs(row.answer) & form.pairs(gold.answer)


def leaking_seeds(
    task: Task, *, meanings: bool = True
) -> list[tuple[LabelledExample, GoldOverlap]]:
    """Return the seeds too close to gold, each with its closest gold row.

    `meanings`: False to compare only letters and words, which loads no model.
    """
    leaks = task.spec.leaks if meanings else task.spec.leaks.model_copy(update={"semantic": 0})

    def search(
        seeds: Sequence[LabelledExample], gold: Sequence[LabelledExample]
    ) -> Sequence[GoldOverlap]:
        return _of_seeds(
            tuple(seeds), tuple(gold), leaks, task.spec.curate, task.spec.embedding_model
        )

    found = find_with_answers(task.seeds, task.gold, task, search)
    return [(task.seeds[leak.text], leak) for leak in found]


@lru_cache(maxsize=256)
def _of_seeds(
    seeds: tuple[LabelledExample, ...],
    gold: tuple[LabelledExample, ...],
    leaks: LeaksSpec,
    curate: CurateSpec,
    embedding_model: str,
) -> tuple[GoldOverlap, ...]:
    """Find the seeds too close to gold, cached because every stage repeats the search."""
    return tuple(find([row.input for row in seeds], gold, leaks, curate, embedding_model))


def without_leaking_seeds(task: Task, *, meanings: bool = True) -> Task:
    """Return the loaded task without its leaking seeds, found as in `leaking_seeds`.

    Raises InputError if no seed is left, or none of a label. Raises InputError if gold has two
    answers to one input.
    """
    check_contradictions(task.folder, task.gold, task.form)
    found = leaking_seeds(task, meanings=meanings)
    leaking = {seed for seed, _ in found}
    passed = tuple(seed for seed in task.seeds if seed not in leaking)
    left = {task.form.group(seed.answer) for seed in passed}
    for group in task.form.groups or (() if passed else task.groups):
        if group not in left:
            seed, leak = next(pair for pair in found if task.form.group(pair[0].answer) == group)
            twin = task.gold[leak.gold]
            raise InputError(
                f"{task.folder}: every seed of {group!r} is too close to gold, for example "
                f"{seed.file}:{seed.line} ({as_text(seed.input)!r}) to {twin.file}:{twin.line} "
                f"({as_text(twin.input)!r}). Remove such rows from one of the two files; "
                f"`distill leaks {task.name}` lists them."
            )
    return replace(task, seeds=passed, leaking=tuple(seed for seed, _ in found))


def near_gold(task: Task) -> list[GoldOverlap]:
    """Return the gold rows that nearly equal an earlier gold row, each with its closest row.

    Only the first MOST_PAIRED rows are compared. Returns [] if `leaks.near` is 0.
    """
    near, curate = task.spec.leaks.near, task.spec.curate
    inputs = [row.input for row in task.gold[:MOST_PAIRED]]
    return near_copies(inputs, near, partial(canonical, curate=curate)) if near else []
