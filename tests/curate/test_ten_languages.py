"""Ten languages go the same way: no check leaves out more than twice what it does of English.

The second opinion is off: it is a model of English, which a task's seeds have to show to be good.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from distill.core.workspace import Workspace
from distill.curate.registry import CHECKS
from distill.estimate.run_start import RunOptions
from distill.rehearsal.provider import Settings
from tests.conftest import point_to, write_files
from tests.support.languages import LANGUAGES, Language, Row
from tests.support.paying import paid_run
from tests.support.provider import running

REQUESTS = 60  # new inputs
ENGLISH, *OTHERS = LANGUAGES
LABELS = 3
FEW = 3  # rows, of 75: no share is told by fewer
OF_SPLIT = ("leak_gate", "context")
SEMANTIC = "semantic_duplicates"
SPELT = ("ar", "he", "hi", "zh", "ja", "th")  # what MiniLM reads letter by letter, or not at all
TOML = """name = "shop"
kind = "classify"
description = "…"
[teacher]
model = "openai:gpt-6-luna"
mode = "online"
[generate]
requests = {requests}
[curate]
language = "{code}"
[labels]
{labels}
"""
SYNTHESIZE = "{{ label }}:\n{% for seed in seeds %}\n- {{ seed.input }}\n{% endfor %}\n-\n"
ANSWER = "{{ input }}\n"


@dataclass(frozen=True)
class Seen:
    """What became of a language's rows. Of the seeds only the parts of the split have any."""

    completed: Counter[str]
    dropped: Counter[str]
    by_label: Counter[str]
    in_parts: Counter[str]
    leaked: int
    notes: list[str]

    @property
    def kept(self) -> int:
        """How many rows are examples."""
        return self.by_label.total()


def lines(rows: Iterable[Mapping[str, str]]) -> str:
    """JSON lines as people write them."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def labelled(rows: Iterable[Row]) -> str:
    """Rows of seeds or gold."""
    return lines({"input": text, "label": label} for text, label in rows)


def write_task(workspace: Workspace, language: Language) -> None:
    """A task in a language."""
    labels = "".join(f'"{label}" = "{label}"\n' for label in language.matters)
    texts = {
        "task_toml": TOML.format(requests=REQUESTS, code=language.code, labels=labels),
        "synthesize_md": SYNTHESIZE,
        "answer_md": ANSWER,
        "student_md": "?\n",
        "seeds_jsonl": labelled(language.seeds()),
        "gold_jsonl": labelled(language.gold()),
        "inputs_jsonl": lines({"input": text} for text, _ in language.inputs()),
    }
    write_files(workspace.prompts / "shop", texts)


@cache
def seen(language: Language) -> Seen:
    """Bring a task in a language through generate, curate and split, once."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        workspace = Workspace(Path(folder, "prompts"), Path(folder, "runs"))
        write_task(workspace, language)
        known = Path(folder, "teacher.jsonl")
        known.write_text(labelled(language.known_to_the_teacher()), encoding="utf-8")
        with running(Settings(known)) as provider:
            point_to(patch, provider.url)
            outcome = paid_run(workspace, "shop", RunOptions(until="split"))
        with outcome.context.store() as store:
            run = outcome.run.id
            rows = [row for row in store.candidates(run) if row.source != "seeds"]
            own = {row.id for row in rows}
            drops = [drop.check for drop in store.drops(run) if drop.candidate_id in own]
            examples = [row for row in store.examples(run) if row.source != "seeds"]
            parts = Counter(str(row.part) for row in store.split(run))
            notes = [note.words for note in store.check_notes(run) if note.check == SEMANTIC]
    return Seen(
        completed=Counter(row.source for row in rows),
        dropped=Counter(check for check in drops if check not in OF_SPLIT),
        by_label=Counter(row.answer for row in examples),
        in_parts=parts,
        leaked=sum(check in OF_SPLIT for check in drops),
        notes=notes,
    )


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.code)
def test_every_row_is_somewhere(language: Language) -> None:
    found = seen(language)
    assert found.completed == {"inputs": 5 * LABELS, "synthesis": REQUESTS}
    assert found.kept + found.dropped.total() == found.completed.total()
    assert found.by_label.total() == found.kept
    assert sorted(found.by_label) == sorted(language.matters), "labels as task.toml writes them"
    assert min(found.by_label.values()) >= found.kept / LABELS / 2
    assert found.in_parts.total() + found.leaked == found.kept + 4 * LABELS


@pytest.mark.parametrize("language", OTHERS, ids=lambda one: one.code)
def test_no_check_drops_more_than_twice_what_it_does_of_english(language: Language) -> None:
    of_english, found = seen(ENGLISH), seen(language)
    assert of_english.kept >= of_english.completed.total() / 2
    allowed = {check: 2 * of_english.dropped[check] + FEW for check in CHECKS}
    assert {c: n for c, n in found.dropped.items() if n > allowed[c]} == {}
    assert found.leaked <= 2 * of_english.leaked + FEW


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.code)
def test_a_run_says_that_its_texts_are_not_read(language: Language) -> None:
    found = seen(language).notes
    if language.code in SPELT:
        assert "all-MiniLM-L6-v2 does not read" in found[0]
    else:
        assert found == []
