"""Answers of no use are asked again where a user says so, and no other. Old stores are read as
answers are today."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from distill import pipeline
from distill.cli import cli
from distill.core.errors import InputError
from distill.core.requests import Message, Request, Sampling
from distill.core.text import stable_hash
from distill.core.workspace import Workspace
from distill.estimate.consent import Consent, NotAgreed
from distill.estimate.run_start import RunOptions
from distill.pipeline import RunResult
from tests.conftest import PETS, WriteTask, jsonl
from tests.support.odd_server import Body, OddServer, completion, odd_server
from tests.support.paying import paid_run

ROWS = 12
SPOILT = 4  # of them: what the server fails at
MENDED: list[bool] = []
CURATED = RunOptions(until="curate")
TOML = """name = "pets"
kind = "classify"
[labels]
{labels}
[teacher]
model = "{model}"
[generate]
sources = ["inputs"]
[curate]
second_opinion = false
near_duplicates = 0
semantic_duplicates = 0
[prices.m]
input = 1.0
output = 2.0
"""


@pytest.fixture
def server() -> Iterator[OddServer]:
    """Answers with the label that a text names; what says "lately" ends by an unknown word, until
    the server is mended."""

    def answer(body: Body) -> tuple[int, Any, Mapping[str, str]]:
        text = body["messages"][-1]["content"]
        label = next(label for label in PETS if label[:-1] in text)
        spoilt = "lately" in text and not MENDED
        made = completion(json.dumps({"label": label}), "glitch" if spoilt else "stop")
        return 200, made, {}

    MENDED.clear()
    with odd_server(answer) as server:
        yield server


@pytest.fixture
def asked_once(server: OddServer, pets: WriteTask, workspace: Workspace) -> RunResult:
    """A run up to its curation, whose spoilt rows are dropped."""
    texts = [
        f"my {label[:-1]} {'lately' if number < SPOILT else 'today'} has the number {number}"
        for number, label in enumerate([*PETS] * (ROWS // len(PETS)))
    ]
    labels = "".join(f'{label} = "{about}"\n' for label, about in PETS.items())
    pets(
        task_toml=TOML.format(labels=labels, model=f"{server.url}#m"),
        answer_md="{{ input }}\n",
        inputs_jsonl=jsonl([{"input": text} for text in texts]),
    )
    done = paid_run(workspace, "pets", CURATED)
    assert len(server.asked) == ROWS
    assert dropped(done) == {"ended by glitch": SPOILT}
    server.asked.clear()
    return done


def dropped(done: RunResult) -> dict[str, int]:
    """Reason → rows that curation dropped."""
    with done.context.store() as store:
        return {reason: n for (_, reason), n in store.count_drops(done.run.id, seeds=False).items()}


def mend() -> None:
    """Let the server answer everything from now on."""
    MENDED.append(True)


def test_a_run_asks_nothing_again_by_itself(
    server: OddServer, asked_once: RunResult, workspace: Workspace
) -> None:
    mend()
    assert dropped(paid_run(workspace, "pets", replace(CURATED, new=True)))
    assert server.asked == []


def test_what_is_of_no_use_is_asked_again_and_nothing_else(
    server: OddServer, asked_once: RunResult, workspace: Workspace
) -> None:
    mend()
    done = paid_run(workspace, "pets", replace(CURATED, ask_again=True))
    assert done.run.id != asked_once.run.id
    assert len(server.asked) == SPOILT
    assert all("lately" in body["messages"][-1]["content"] for body in server.asked)
    assert dropped(done) == {}
    with done.context.store() as store:
        assert store.count_candidates(done.run.id)["inputs"] == ROWS
        paid = [store.billed_usd(run.id) for run in (asked_once.run, done.run)]
        assert paid == [ROWS * usd(10, 2), SPOILT * usd(10, 2)], "both bills stay"

    server.asked.clear()
    assert dropped(paid_run(workspace, "pets", replace(CURATED, new=True))) == {}
    assert server.asked == [], "the new answers are kept"
    with pytest.raises(InputError, match="--ask-again: all answers of the latest run are usable"):
        paid_run(workspace, "pets", replace(CURATED, ask_again=True))


def test_without_a_run_there_is_nothing_to_ask_again(workspace: Workspace, pets: WriteTask) -> None:
    pets()
    with pytest.raises(InputError, match="--ask-again: there is no run yet; `distill run pets`"):
        paid_run(workspace, "pets", RunOptions(ask_again=True))
    assert not workspace.database("pets").exists()


def usd(prompt: int, made: int) -> Decimal:
    """One answer's price."""
    return (Decimal(prompt) + 2 * Decimal(made)) / 10**6


def test_a_server_that_is_not_mended_can_be_asked_as_often_as_one_likes(
    server: OddServer, asked_once: RunResult, workspace: Workspace
) -> None:
    for _ in range(2):
        done = paid_run(workspace, "pets", replace(CURATED, ask_again=True))
        assert dropped(done) == {"ended by glitch": SPOILT}
    assert len(server.asked) == 2 * SPOILT


def test_the_bill_for_asking_again_is_agreed_to(
    server: OddServer, asked_once: RunResult, workspace: Workspace
) -> None:
    with pytest.raises(NotAgreed, match=f"for {SPOILT} requests"):
        pipeline.run(workspace, "pets", replace(CURATED, ask_again=True))
    assert server.asked == []
    mend()
    assert dropped(paid_run(workspace, "pets", replace(CURATED, new=True))), "nothing was put aside"
    assert server.asked == []


def test_a_call_that_ends_on_the_way_goes_on_without_the_option(
    server: OddServer, asked_once: RunResult, workspace: Workspace
) -> None:
    mend()
    way = replace(CURATED, ask_again=True, until="generate", consent=Consent(Decimal("0.01")))
    begun = pipeline.run(workspace, "pets", way)
    done = paid_run(workspace, "pets", CURATED)
    assert (done.run.id, dropped(done)) == (begun.run.id, {})
    assert len(server.asked) == SPOILT


def spoil_store(workspace: Workspace, change: str) -> None:
    """Change the stored answers into those of an older version."""
    with duckdb.connect(str(workspace.database("pets"))) as connection:
        connection.execute(f"UPDATE completion SET {change}")


@pytest.mark.parametrize(
    "change",
    [
        "finish_reason = 'eos'",
        "finish_reason = 'STOP'",
        "finish_reason = 'complete'",
        "finish_reason = 'None'",
        "finish_reason = 'stop', text = '<think>\nA pet.\n</think>\n\n' || text",
        "finish_reason = 'stop', text = '```json\n' || text || '\n```'",
        "finish_reason = 'stop', text = 'Here it is: ' || text",
    ],
)
def test_old_answers_are_read_as_answers_are_today(
    change: str, server: OddServer, asked_once: RunResult, workspace: Workspace
) -> None:
    spoil_store(workspace, change)
    done = paid_run(workspace, "pets", replace(CURATED, new=True))
    assert server.asked == []
    assert dropped(done) == {}
    with done.context.store() as store:
        learnt = [row for row in store.examples(done.run.id) if row.source == "inputs"]
    assert len(learnt) == ROWS
    assert all(row.answer[:-1] in row.input for row in learnt)


def test_a_request_is_what_it_was_until_it_is_asked_again() -> None:
    request = Request("m", (Message("user", "cat"),), Sampling(5))
    turns = [{"role": "user", "content": "cat"}]
    sampling = {"max_tokens": 5, "temperature": 0.0, "min_p": 0.0, "seed": 0, "stop": []}
    whole = {"model": "m", "messages": turns, "sampling": sampling | {"choices": []}}
    assert request.id == stable_hash(whole)
    again = request.asked_again(1)
    assert again.id not in (request.id, request.asked_again(2).id)
    assert again.asked_again(0) == request


def test_the_command(server: OddServer, asked_once: RunResult, workspace: Workspace) -> None:
    mend()
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    arguments = ["curate", "pets", "--ask-again", "--yes"]
    told = CliRunner().invoke(cli, [*folders, *arguments])
    assert told.exit_code == 0, told.output
    assert len(server.asked) == SPOILT
    told = CliRunner().invoke(cli, [*folders, *arguments])
    assert isinstance(told.exception, InputError)
