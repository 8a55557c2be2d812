"""Generation goes round until enough is kept, with a teacher of ours and with one that is paid."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from distill import pipeline
from distill.core.errors import DistillError
from distill.core.workspace import EVENTS, Workspace
from distill.curate import preview
from distill.estimate import plan
from distill.estimate.run_start import RunOptions
from distill.rehearsal.provider import Settings
from distill.report.build import data_figures
from distill.store import open_store
from distill.task.run_context import Context
from tests.conftest import PETS, WriteTask, jsonl, pet_rows, point_to
from tests.support.paying import paid_run
from tests.support.provider import running
from tests.support.standin import StandIn

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
# What the stand-ins write is too much alike for the checks that look for that.
HEAD += "[curate]\nnear_duplicates = 0\nsemantic_duplicates = 0\nsecond_opinion = false\n"
UNTIL_CURATE = RunOptions(until="curate")


def rounds(folder: Path) -> list[str]:
    lines = (folder / EVENTS).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "kept of" in line]


def kept(context: Context) -> int:
    with context.store() as store:
        return sum(row.source != "seeds" for row in store.examples(context.run_id))


def test_rounds_go_on_until_enough_is_kept(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets(task_toml=HEAD + "[generate]\nrequests = 400\nexamples = 40\nseeds_shown = 2\n")
    outcome = pipeline.run(workspace, "pets", UNTIL_CURATE)
    said = rounds(outcome.context.folder)
    assert len(said) >= 2, "the first round asks for no more than is wanted, and some are dropped"
    assert "no more: 40 were wanted" in said[-1]
    assert kept(outcome.context) >= 40
    asked = scripted_backends.total
    again = pipeline.run(workspace, "pets", RunOptions(until="curate", new=True))
    assert rounds(again.context.folder)[-1].split("round")[1] == said[-1].split("round")[1]
    assert scripted_backends.total == asked, "every round is asked for once"


def test_a_run_that_is_killed_in_a_later_round_ends_the_same(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, tmp_path: Path
) -> None:
    pets(task_toml=HEAD + "[generate]\nrequests = 400\nexamples = 40\nseeds_shown = 2\n")
    whole = pipeline.run(Workspace(workspace.prompts, tmp_path / "whole"), "pets", UNTIL_CURATE)
    expected = scripted_backends.total
    scripted_backends.fail_after = expected + expected - 5
    with pytest.raises(DistillError):
        pipeline.run(workspace, "pets", UNTIL_CURATE)
    scripted_backends.fail_after = None
    outcome = pipeline.run(workspace, "pets", UNTIL_CURATE)
    assert scripted_backends.total == 2 * expected
    with whole.context.store() as first, outcome.context.store() as second:
        assert first.examples(whole.run.id) == second.examples(outcome.run.id)


def test_rounds_end_where_no_more_may_be_asked_for(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets(task_toml=HEAD + "[generate]\nrequests = 60\nexamples = 58\nseeds_shown = 2\n")
    outcome = pipeline.run(workspace, "pets", UNTIL_CURATE)
    assert "no more: generate.requests allows 60" in rounds(outcome.context.folder)[-1]
    assert 0 < kept(outcome.context) < 58


def test_rounds_end_where_a_round_brings_too_little(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    most = "[generate]\nrequests = 4000\nexamples = 40\nleast_yield = 1\n"
    pets(task_toml=HEAD + most)
    outcome = pipeline.run(workspace, "pets", UNTIL_CURATE)
    said = rounds(outcome.context.folder)
    assert len(said) == 1 and "under generate.least_yield, 100%" in said[0]
    with outcome.context.store() as store:
        data = data_figures(outcome.context.task, store, outcome.run.id, [], [])
    assert data["requested"] == data["completed"] == 40, "not the 4,000 that were allowed"


@pytest.mark.slow("several rounds of hundreds of requests")
def test_the_budget_ends_a_later_round_and_what_was_answered_is_used(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seeds = tmp_path / "provider.jsonl"
    seeds.write_text(jsonl(pet_rows("seed", 4)), encoding="utf-8")
    toml = HEAD + '[teacher]\nmodel = "openai:gpt-6-luna"\nfew_shot = 0\nin_flight = 2\n'
    toml += "[generate]\nrequests = 4000\nexamples = 500\ninputs_per_request = 5\n"
    with running(Settings(seeds)) as provider:
        point_to(monkeypatch, provider.url)
        pets(task_toml=toml + "[budget]\nusd = 0.0185\n")
        outcome = paid_run(workspace, "pets", UNTIL_CURATE)
        bill = provider.bill()
    said = rounds(outcome.context.folder)
    assert len(said) >= 2 and "no more: the budget is reached" in said[-1]
    assert bill.usd <= Decimal("0.0185")
    assert 0 < kept(outcome.context) < 500
    with outcome.context.store() as store:
        assert store.committed_usd(outcome.run.id) == bill.usd
        synthesised = store.rows(
            "SELECT DISTINCT request_id FROM ask JOIN completion USING (request_id) "
            "WHERE purpose LIKE 'generate:synthesize%'"
        )
        assert store.inputs_asked(outcome.run.id) == 5 * len(synthesised) < 630, said
        candidates = store.candidates(outcome.run.id)
        assert all(row.answers or row.problem or not row.input for row in candidates)
        used = {id_ for row in candidates for id_ in row.answer_ids}
        paid = store.rows(
            "SELECT DISTINCT request_id FROM ask JOIN completion USING (request_id) "
            "WHERE purpose LIKE 'generate:answer%'"
        )
        assert used == {id_ for (id_,) in paid}, "no paid answer is left unused"
        found = preview(outcome.context, store, candidates)
    assert len([row for row in found if row.source != "seeds"]) == kept(outcome.context)


def test_a_plan_counts_on_more_than_one_round(workspace: Workspace, pets: WriteTask) -> None:
    toml = HEAD + '[teacher]\nmodel = "openai:gpt-6-luna"\n[generate]\nrequests = 4000\n'
    toml += "examples = 500\ninputs_per_request = 5\n"
    found = plan(pets(task_toml=toml))
    synthesize, answer = found.steps[:2]
    assert (synthesize.requests, answer.requests) == (200, 1000)
    assert "500 examples: 50% of the inputs are kept (not measured)" in found.assumptions[0]
    with open_store(workspace.database("pets")) as store:
        nearest = plan(pets(task_toml=toml), store).steps
    assert [step.requests for step in nearest] == [step.requests for step in found.steps]
    assert nearest[0] == replace(synthesize, worst_usd=nearest[0].worst_usd), "it shows no nearest"
