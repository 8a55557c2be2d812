"""Labels as people write them: their spellings, and labels with too few rows."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from distill.core.errors import InvalidInput, Problem
from distill.core.suggestions import did_you_mean
from distill.core.text import fold

MOST_LABELS = 200
FEWEST_ROWS = 6  # of a label: three to test it, and three to show
SHOWN = 5


def one_spelling(labels: Sequence[str]) -> dict[str, str]:
    """Return spelling → label: of spellings that differ in case or white space the commonest."""
    by_folded: dict[str, Counter[str]] = defaultdict(Counter)
    for label in labels:
        by_folded[fold(label)][" ".join(label.split())] += 1
    commonest = {folded: max(found, key=found.__getitem__) for folded, found in by_folded.items()}
    return {label: commonest[fold(label)] for label in set(labels)}


def folded_note(spellings: Mapping[str, str]) -> str:
    """Name the spellings that became another label; "" if there are none."""
    changed = sorted((label, kept) for label, kept in spellings.items() if label != kept)
    if not changed:
        return ""
    shown = ", ".join(f"{label!r} as {kept!r}" for label, kept in changed[:SHOWN])
    more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    return f"took spellings of one label together: {shown}{more}"


def check_labels(counts: Mapping[str, int], where: str) -> None:
    """Raise InputError for one label alone, too many labels, and labels with too few rows."""
    if len(counts) < len(("one", "another")):
        only = next(iter(counts), "none")
        fix = "a task needs two labels or more"
        raise InvalidInput(Problem(f"the only label is {only!r}", where, fix=fix))
    if len(counts) > MOST_LABELS:
        said = f"{len(counts):,} different labels, and at most {MOST_LABELS} are supported"
        fix = (
            "is it a column of ids or names? Choose another with --label, or take --kind generate "
            "if the answers are free texts"
        )
        raise InvalidInput(Problem(said, where, key="--label", fix=fix))
    rare = sorted((label for label in counts if counts[label] < FEWEST_ROWS), key=counts.get)  # type: ignore[arg-type]
    if rare:
        shown = ", ".join(f"{label} ({counts[label]})" for label in rare[:SHOWN])
        more = f" and {len(rare) - SHOWN} more" if len(rare) > SHOWN else ""
        said = f"labels with fewer than {FEWEST_ROWS} rows: {shown}{more}"
        fix = (
            "add rows, or put them together with --merge-rare other, or leave them out with "
            "--drop-rare"
        )
        raise InvalidInput(Problem(said, where, fix=fix))


def known_label(said: str, labels: Collection[str], where: str) -> str:
    """Return the label that a name stands for, whatever its case. Raises InputError for none."""
    for label in labels:
        if fold(label) == fold(said):
            return label
    fix = did_you_mean(said, labels) or "give a label that rows have"
    raise InvalidInput(Problem(f"no row has the label {said!r}", where, key="--other", fix=fix))


def merge_rare(counts: Mapping[str, int], merged: str) -> dict[str, str]:
    """Return label → label, with `merged` in place of each label that has too few rows."""
    return {label: label if n >= FEWEST_ROWS else merged for label, n in counts.items()}
