"""The yield table: every row is in it once, and its dollars are those that were paid."""

import shutil
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from distill import pipeline
from distill.cli import cli
from distill.core.dataset import Drop
from distill.core.purpose import ANSWER, SYNTHESIZE
from distill.core.workspace import Workspace
from distill.curate.drops import dropped_rows, yields
from distill.rehearsal.provider import Settings
from distill.store import open_store
from tests.conftest import PETS, WriteTask, jsonl, pet_rows, point_to
from tests.support.command import json_rows
from tests.support.figures import figures
from tests.support.open_store import close_stores
from tests.support.paying import paid_run
from tests.support.provider import running
from tests.support.standin import StandIn

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
GIVEN = [
    "the old cat number 4 of ours is hungry",
    "THE old cat number 4 of ours is hungry",
    "short one",
    "my \x1b[31mdog\x00 barks, and what now",
]


@pytest.fixture
def outcome(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> pipeline.RunResult:
    """A run with a paid teacher, a judge and rows for several checks."""
    seeds = tmp_path / "provider.jsonl"
    seeds.write_text(jsonl(pet_rows("seed", 4)), encoding="utf-8")
    toml = HEAD + '[teacher]\nmodel = "openai:gpt-6-luna"\nfew_shot = 3\n[curate]\njudge = 4\n'
    toml += "[generate]\nrequests = 60\ninputs_per_request = 5\n"
    with running(Settings(seeds, faults={"refuse": 0.05})) as provider:
        point_to(monkeypatch, provider.url)
        pets(task_toml=toml, inputs_jsonl=jsonl([{"input": text} for text in GIVEN]))
        found = paid_run(workspace, "pets")
        with found.context.store() as store:
            assert store.committed_usd(found.run.id) == provider.bill().usd
    return found


def test_rows_and_dollars_add_up(outcome: pipeline.RunResult) -> None:
    with outcome.context.store() as store:
        run = outcome.run.id
        table = yields(store, run)
        dropped = dropped_rows(store, run)
        completed = [row for row in store.candidates(run) if row.source != "seeds"]
        examples = [row for row in store.examples(run) if row.source != "seeds"]
        generated = sum(
            (usd for purpose, usd in store.spent(run).items() if purpose.stage == "generate"),
            Decimal(0),
        )
    assert table[0].rows_in == len(completed)
    for before, after in pairwise(table):
        assert after.rows_in == before.rows_in - before.dropped
    leaked = sum(row.check == "leak_gate" for row in dropped)
    assert len(completed) - len(dropped) == len(examples) - leaked
    assert [sum(row.reasons.values()) for row in table] == [row.dropped for row in table]
    assert sum((row.usd for row in table), Decimal(0)) <= generated
    assert {row.check for row in table} >= {"form", "exact_duplicates", "judge"}
    for row in table:
        assert row.usd > 0
        assert 0 < len(row.examples) <= 3


def test_all_candidates_together_cost_what_generation_was_billed(
    outcome: pipeline.RunResult, tmp_path: Path
) -> None:
    """Where every one of them is dropped."""
    close_stores()  # else its file is not whole
    copy = Path(shutil.copy(outcome.context.database, tmp_path / "copy.duckdb"))
    with open_store(copy) as store:
        run = outcome.run.id
        dropped = {drop.candidate_id for drop in store.drops(run)}
        left = [row for row in store.candidates(run) if row.id not in dropped]
        store.add_drops(run, [Drop(row.id, "form", "all of them") for row in left])
        costs = [row.usd for row in dropped_rows(store, run)]
        spent = store.spent(run)
    generated = spent[SYNTHESIZE] + spent[ANSWER]
    assert abs(sum(costs, Decimal(0)) - generated) < Decimal("1e-20")


def test_the_judge_is_in_the_report_and_in_the_sum(outcome: pipeline.RunResult) -> None:
    found: Any = figures(outcome.context.folder)
    spend = {key: Decimal(value) for key, value in found["spend"].items()}
    assert spend["judge_usd"] > 0
    parts = ("generate_usd", "judge_usd", "seeds_usd", "train_usd", "evaluate_usd")
    assert abs(spend["total_usd"] - sum(spend[part] for part in parts)) <= Decimal("2e-8")
    assert [row["check"] for row in found["data"]["yields"]][:1] == ["form"]
    assert {row["label"] for row in found["data"]["spread"]} <= set(PETS)


def test_on_the_command_line(outcome: pipeline.RunResult, workspace: Workspace) -> None:
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]

    def told(*words: str) -> str:
        result = CliRunner().invoke(cli, [*folders, *words])
        assert result.exit_code == 0, result.output
        return result.output

    table = told("drops", "pets")
    assert table.splitlines()[0].split() == ["check", "rows", "in", "dropped", "$", "because"]
    assert "exact_duplicates: exact duplicate\n  THE old cat number 4" in table
    rows = json_rows(told("drops", "pets", "--json"), "curation")
    assert [row["check"] for row in rows] == [
        line.split()[0] for line in table.split("\n\n")[0].splitlines()[1:]
    ]
    refused = json_rows(told("drops", "pets", "--reason", "refused", "--json"), "drops")
    assert refused and {row["check"] for row in refused} == {"form"}
    assert all(Decimal(row["usd"]) > 0 for row in refused)
    shown = told("drops", "pets", "--reason", "form")
    assert "\x1b" not in shown and "\x00" not in shown
