"""The schema of report.json: what every kind of run writes fits it, and it has no key too many."""

import json
from collections.abc import Callable, Iterator, Mapping
from inspect import get_annotations
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from distill import pipeline
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.rehearsal.rehearse import RehearsalOptions, rehearse
from distill.report.schema import Report, UnfinishedReport, read_report
from distill.report.schema.fields import Section
from distill.report.schema.page import models, tables
from distill.train.trainers import openai_jobs
from tests.conftest import PETS, jsonl, pet_rows, write_pets
from tests.support.out_of_scope import FILES
from tests.support.paying import paid_run
from tests.support.runs import finished
from tests.task import test_extract, test_texts

UNFINISHED = ("generate", "curate", "split", "train")
HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
IN_BATCHES = HEAD + (
    '[teacher]\nmodel = "openai:gpt-6-luna"\nmode = "batch"\nfew_shot = 3\nrationale = true\n'
    "[generate]\nrequests = 30\ninputs_per_request = 5\n"
    '[student]\ntrainer = "openai"\nepochs = 2\n[people]\nhours = 1\nusd_per_hour = 9\n'
    '[evaluate]\nmargin = 0.9\n[prices."gpt-6-luna"]\ninput = 900\noutput = 900\nsure = true\n'
    '[budget]\nusd = 100000\n[today]\nmodel = "openai:gpt-6.1-terra"\nprompt_tokens = 900\n'
    "completion_tokens = 5\n"
)
# Key → how it comes about. The runs of other tests have these keys.
RARE = {
    "BreakEven.teacher_ends": "a teacher that its provider ends",
    "CheckNote.check": "a second opinion that is wrong too often",
    "CheckNote.spared": "the same",
    "CheckNote.words": "the same",
    "Common.older": "a task that was edited since the run",
    "Common.rehearsal": "a rehearsal",
    "CuratedData.notes": "a second opinion that is wrong too often",
    "Data.logged_answers": "answers of a production log",
    "Loss.validation_loss": "a real training",
    "MemorisedRow.values": "a student that memorises",
    "Parity.agreement": "a real student behind a real server",
    "Parity.n": "the same",
    "Report.beaten": "a student that clearly beats a free rival",
    "Report.disturbed": "a busy machine",
    "Report.parity": "a real student behind a real server",
    "Report.scored_otherwise": "a run before an edit of x-normalize",
    "Report.server": "a real server",
    "Server.memory_mib": "the same",
    "Server.start_s": "the same",
    "Spend.disturbed": "a busy machine",
    "Tariff.assumed": "a cached token without a price of its own",
    "Teacher.instead_of": "a key without a consent",
    "Turn.content": "a task with conversations",
    "Turn.role": "the same",
    "WithInput.turns": "the same",
}

Make = Callable[[Workspace], Path]
Figures = Mapping[str, Any]


def classify(workspace: Workspace) -> Path:
    """A run with a learning curve, labelled examples, a copy in gold and a kept margin."""
    gold = [*pet_rows("gold", 5), *pet_rows("gold", 1)]
    examples = jsonl(pet_rows("example", 2))
    write_pets(workspace.prompts, gold_jsonl=jsonl(gold), examples_jsonl=examples)
    path = workspace.prompts / "pets" / "task.toml"
    toml = path.read_text(encoding="utf-8") + "[evaluate]\nmargin = 0.9\n"
    path.write_text(toml, encoding="utf-8")
    return finished(workspace, "pets", RunOptions(curve=True)).context.folder


def out_of_scope(workspace: Workspace) -> Path:
    """A run of a task with a label for what belongs to no other."""
    write_pets(workspace.prompts, **FILES)
    return finished(workspace, "pets").context.folder


def extract(workspace: Workspace) -> Path:
    test_extract.write(workspace)
    return finished(workspace, "bookings").context.folder


def generate(workspace: Workspace) -> Path:
    test_texts.write(workspace, preferences_jsonl=jsonl(test_texts.PREFERENCES))
    return finished(workspace, "counts").context.folder


def rehearsal(workspace: Workspace) -> Path:
    write_pets(workspace.prompts)
    done = rehearse(workspace, "pets", RehearsalOptions("openai:gpt-6-luna", "online"))
    return done.outcome.context.folder


def without(stage: str) -> Make:
    """A run that ends after a stage."""

    def make(workspace: Workspace) -> Path:
        write_pets(workspace.prompts)
        outcome = finished(workspace, "pets", RunOptions(until=stage))
        pipeline.report_now(workspace, "pets")
        return outcome.context.folder

    return make


def in_batches(workspace: Workspace) -> Path:
    """A run whose teacher answers in batches, and whose student is the provider's; judged twice."""
    write_pets(workspace.prompts, task_toml=IN_BATCHES)
    paid_run(workspace, "pets")
    return paid_run(workspace, "pets", RunOptions(new=True)).context.folder


AT_PROVIDER = "in batches"
RUNS: dict[str, Make] = {
    "classify": classify,
    "out of scope": out_of_scope,
    "extract": extract,
    "generate": generate,
    "rehearsal": rehearsal,
    **{f"until {stage}": without(stage) for stage in UNFINISHED},
    AT_PROVIDER: in_batches,
}


HAVE_EVERY_KEY = (
    *("classify", "out of scope", "extract", "generate"),
    *("until curate", "until train", AT_PROVIDER),
)


@pytest.fixture
def report_of(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    scripted_backends: object,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], str]:
    """Makes a run of RUNS in a folder of its own and returns the text of its report.json."""

    def make(name: str) -> str:
        if name == AT_PROVIDER:
            request.getfixturevalue("provider")
            monkeypatch.setattr(openai_jobs, "LATE_SECONDS", (0.01, 0.1, 0.3, 1.0))
        folder = tmp_path / name.replace(" ", "-")
        made = RUNS[name](Workspace(folder / "prompts", folder / "runs"))
        return (made / "report.json").read_text(encoding="utf-8")

    return make


@pytest.mark.slow("a whole run of each kind")
@pytest.mark.parametrize("name", RUNS)
def test_what_a_run_writes_fits(name: str, report_of: Callable[[str], str]) -> None:
    found = read_report(report_of(name))
    assert isinstance(found, UnfinishedReport if "until" in name else Report)
    assert found.model_dump(mode="json", by_alias=True, exclude_unset=True)["task"] == found.task


@pytest.mark.slow("a whole run of each kind")
def test_every_key_is_in_a_report(report_of: Callable[[str], str]) -> None:
    seen: set[str] = set()
    for name in HAVE_EVERY_KEY:
        seen.update(keys_of(read_report(report_of(name))))
    known = {key_of(model, name) for model in models() for name in model.model_fields}
    assert known - seen == RARE.keys()


def key_of(model: type[Section], name: str) -> str:
    """Return model.key, with the first of the model's bases that has the key."""
    bases = [base for base in model.__mro__ if name in get_annotations(base)]
    return f"{bases[-1].__name__}.{name}"


def keys_of(value: object) -> Iterator[str]:
    """Yield model.key of every key that a checked report has."""
    if isinstance(value, Section):
        for key in value.model_fields_set:
            yield key_of(type(value), key)
            yield from keys_of(getattr(value, key))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


@pytest.fixture
def figures(report_of: Callable[[str], str]) -> dict[str, Any]:
    """The figures of a report that fits."""
    found: dict[str, Any] = json.loads(report_of("until train"))
    return found


def problems(figures: Figures) -> list[tuple[str, str]]:
    """The place and the kind of each problem of a report."""
    with pytest.raises(ValidationError) as caught:
        read_report(json.dumps(figures))
    return [(".".join(map(str, row["loc"])), row["type"]) for row in caught.value.errors()]


def test_what_does_not_fit_is_named_by_its_place(figures: dict[str, Any]) -> None:
    spend = figures["spend"]
    assert problems(figures | {"more": 1}) == [("more", "extra_forbidden")]
    assert problems(figures | {"rehearsal": None}) == [("rehearsal", "literal_error")]
    assert problems(figures | {"spend": spend | {"curve_usd": None}}) == [
        ("spend.curve_usd", "string_type")
    ]
    assert problems(figures | {"spend": spend | {"total_usd": 0.1}}) == [
        ("spend.total_usd", "string_type")
    ]
    assert problems(figures | {"spend": spend | {"total_usd": "0,10"}}) == [
        ("spend.total_usd", "string_pattern_mismatch")
    ]
    del figures["headline"]
    assert problems(figures) == [("headline", "missing")]


def test_every_key_has_a_meaning_in_a_sentence() -> None:
    for model in models():
        assert model.__doc__ and model.__doc__ != Section.__doc__, model
        for name, field in model.model_fields.items():
            assert (field.description or "").endswith("."), f"{model.__name__}.{name}"
            assert field.is_required() or "Absent" in (field.description or ""), name


UNITS = {"_per_s": "", "_s": "seconds", "_usd": "USD", "_requests": "USD per 1,000 requests"}


def test_amounts_and_times_have_their_unit() -> None:
    rows = [row for row in tables().splitlines() if row.startswith("| `")]
    for row in rows:
        name, _, unit, _ = (cell.strip(" `") for cell in row.strip("|").split(" | ", 3))
        expected = next((UNITS[end] for end in UNITS if name.endswith(end)), "")
        assert unit.startswith(expected), row
    assert "| `ci_low` | number | share 0..1 | Lower end of the interval. |" in rows
    assert "| `dropped` | map of text to integer | rows |" in tables()
    assert "| `in_flight` | integer or null |  | Requests in flight; null if unknown. |" in rows
