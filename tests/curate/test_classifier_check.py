"""The second opinion overrules only a teacher that it is shown to be better than, on the seeds."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from distill import pipeline
from distill.cli import cli
from distill.core.dataset import Candidate, CheckNote
from distill.core.purpose import ON_SEEDS
from distill.core.requests import Model
from distill.core.workspace import Workspace
from distill.curate import run_checks
from distill.curate.classifier_check import Standing
from distill.curate.context import CheckContext
from distill.curate.on_seeds import MOST_ASKED, places_asked
from distill.estimate import plan
from distill.estimate.consent import Consent
from distill.estimate.run_start import RunOptions
from distill.llm.batches import runner
from distill.llm.ledger import BudgetReached
from distill.rehearsal.provider import Settings
from distill.rehearsal.provider import StandIn as Provider
from distill.store import open_store
from distill.task import Task
from distill.task.prompts import seed_requests
from distill.text import classifiers, embeddings
from distill.text.classifiers import left_out
from tests.conftest import PETS, WriteTask, jsonl, point_to
from tests.support.command import json_rows
from tests.support.figures import figures
from tests.support.paying import paid_run
from tests.support.provider import running
from tests.support.scripted import Embedder
from tests.support.standin import StandIn

API = Model("m", None, "openai")
LABELS = tuple(PETS)
HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
PAID = HEAD + '[teacher]\nmodel = "openai:gpt-6-luna"\nfew_shot = 3\n'
PAID += '[generate]\nsources = ["inputs"]\nrequests = 0\n'
UNTIL_GENERATE, UNTIL_CURATE = RunOptions(until="generate"), RunOptions(until="curate")
SEEDS, INPUTS = 60, 40
Rows = list[tuple[str, str]]
Teach = Callable[[Rows], Provider]


def rows_of(kind: str, count: int, *, told: bool) -> Rows:
    """(text, label) of rows in turn; the words of one that is not `told` say nothing of its label
    to a linear model."""
    words = {label: f"about{label}" for label in LABELS} if told else dict.fromkeys(LABELS, "note")
    return [
        (f"{words[LABELS[n % 3]]} {kind}{n} and {kind}x{n}", LABELS[n % 3]) for n in range(count)
    ]


def wrong_in(rows: Rows, every: int) -> Rows:
    """The rows, every so-manieth of them with another label."""
    others = dict(zip(LABELS, LABELS[1:] + LABELS[:1], strict=True))
    return [
        (text, others[label] if n % every == every - 1 else label)
        for n, (text, label) in enumerate(rows)
    ]


@pytest.fixture
def teach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Teach]:
    """Starts a provider that answers what the rows say."""
    with ExitStack() as stack:

        def start(rows: Rows) -> Provider:
            memory = tmp_path / "provider.jsonl"
            memory.write_text(jsonl([{"input": t, "label": a} for t, a in rows]), "utf-8")
            provider = stack.enter_context(running(Settings(memory, batch_seconds=0.1)))
            point_to(monkeypatch, provider.url)
            return provider

        yield start


def write(pets: WriteTask, *, told: bool, toml: str = PAID) -> Task:
    """A task of given inputs, whose prompt shows nothing but the input."""
    seeds, inputs = rows_of("s", SEEDS, told=told), rows_of("i", INPUTS, told=told)
    return pets(
        task_toml=toml,
        answer_md="{{ input }}\n",
        seeds_jsonl=jsonl([{"input": text, "label": label} for text, label in seeds]),
        inputs_jsonl=jsonl([{"input": text} for text, _ in inputs]),
    )


def strong(*, told: bool) -> Rows:
    """A teacher's answers that are right on 95 %."""
    return [
        *wrong_in(rows_of("s", SEEDS, told=told), 20),
        *wrong_in(rows_of("i", INPUTS, told=told), 20),
    ]


def weak() -> Rows:
    """A teacher's answers that are right on half of the rows, which a linear model can tell."""
    return [
        *wrong_in(rows_of("s", SEEDS, told=True), 2),
        *wrong_in(rows_of("i", INPUTS, told=True), 2),
    ]


def notes_of(outcome: pipeline.RunResult) -> list[CheckNote]:
    with outcome.context.store() as store:
        return store.check_notes(outcome.run.id)


def dropped_by_it(outcome: pipeline.RunResult) -> int:
    with outcome.context.store() as store:
        return sum(drop.check == "second_opinion" for drop in store.drops(outcome.run.id))


def said(outcome: pipeline.RunResult) -> str:
    return (outcome.context.folder / "events.jsonl").read_text(encoding="utf-8")


def test_a_strong_teacher_is_not_overruled_and_the_run_says_why(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, teach: Teach
) -> None:
    write(pets, told=False)
    provider = teach(strong(told=False))
    outcome = paid_run(workspace, "pets", UNTIL_CURATE)
    (note,) = notes_of(outcome)
    assert dropped_by_it(outcome) == 0 < len(note.spared) <= INPUTS
    assert "it drops nothing: on 60 seeds, each left out" in note.words
    assert "the teacher on 57" in note.words
    assert note.words.endswith(f"It would have dropped {len(note.spared)} of {INPUTS} rows")
    assert f"second_opinion: {note.words}" in said(outcome)
    with outcome.context.store() as store:
        assert store.committed_usd(outcome.run.id) == provider.bill().usd
        assert store.spent(outcome.run.id)[ON_SEEDS] > 0
    assert provider.bill().requests == INPUTS + SEEDS
    assert all(drop.reason == "another answer" for drop in note.spared)


def test_a_weak_teacher_is_overruled_as_before(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, teach: Teach
) -> None:
    write(pets, told=True)
    teach(weak())
    outcome = paid_run(workspace, "pets", UNTIL_CURATE)
    (note,) = notes_of(outcome)
    assert note.words.startswith("it overrules the teacher: on 60 seeds, each left out")
    assert "right on 60 and the teacher on 30 (it alone on 30, the teacher alone on 0)" in (
        note.words
    )
    assert (note.spared, dropped_by_it(outcome)) == ((), INPUTS // 2)
    assert note.words in said(outcome)


def test_the_plan_counts_what_is_asked_about_seeds(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, teach: Teach
) -> None:
    task = write(pets, told=False)
    (step,) = (row for row in plan(task).steps if row.purpose == ON_SEEDS)
    assert (step.requests, step.answered) == (SEEDS, 0)
    assert step.usd > 0 and step.batch_usd == step.usd / 2
    assert any("the teacher answers the seeds" in line for line in plan(task).assumptions)
    teach(strong(told=False))
    paid_run(workspace, "pets", UNTIL_CURATE)
    with open_store(workspace.database("pets")) as store:
        run_id = store.runs()[-1].id
        (step,) = (row for row in plan(task, store, run_id).steps if row.purpose == ON_SEEDS)
    assert step.requests == 0, "what is curated asks no more"


@pytest.mark.parametrize("changed", ("second_opinion = false", "judge = 0"))
def test_nobody_is_asked_about_seeds_where_nothing_would_be_overruled(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    teach: Teach,
    changed: str,
) -> None:
    """Where the check is off, and where it shares every answer."""
    off = changed.startswith("second")
    task = write(pets, told=not off, toml=PAID + f"[curate]\n{changed}\n")
    provider = teach([*rows_of("s", SEEDS, told=not off), *rows_of("i", INPUTS, told=not off)])
    planned = [step.requests for step in plan(task).steps if step.purpose == ON_SEEDS]
    assert planned == [0 if off else SEEDS]
    outcome = paid_run(workspace, "pets", UNTIL_CURATE)
    assert provider.bill().requests == INPUTS
    assert notes_of(outcome) == []


def test_answers_to_seeds_are_paid_once(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, teach: Teach
) -> None:
    """By a run that stopped in the midst of them, and by another run."""
    task = write(pets, told=False)
    provider = teach(strong(told=False))
    paid_run(workspace, "pets", UNTIL_GENERATE)
    with open_store(workspace.database("pets")) as store:
        cost = plan(task, store, store.runs()[-1].id).up_to(("curate",)).expected_usd
    little = Consent(max_usd=cost + Decimal("0.00001"))  # less than with the worst case of one
    with pytest.raises(BudgetReached, match="agreed to"):
        pipeline.run(workspace, "pets", RunOptions(until="curate", consent=little))
    assert INPUTS < provider.bill().requests < INPUTS + SEEDS
    outcome = paid_run(workspace, "pets", UNTIL_CURATE)
    assert provider.bill().requests == INPUTS + SEEDS
    assert set(provider.bill().asked.values()) == {1}
    again = paid_run(workspace, "pets", RunOptions(until="curate", new=True))
    assert provider.bill().requests == INPUTS + SEEDS
    assert notes_of(again)[0].words == notes_of(outcome)[0].words


def test_a_budget_that_does_not_carry_them_drops_nothing(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, teach: Teach
) -> None:
    """Of a teacher that would be overruled, too."""
    write(pets, told=True)
    provider = teach(weak())
    paid_run(workspace, "pets", UNTIL_GENERATE)
    usd = provider.bill().usd + Decimal("0.000001")
    write(pets, told=True, toml=PAID + f'[budget]\nusd = "{usd}"\n')
    outcome = pipeline.run(
        workspace, "pets", RunOptions(until="curate", consent=Consent(max_usd=Decimal(9)))
    )
    assert provider.bill().requests == INPUTS
    (note,) = notes_of(outcome)
    assert (len(note.spared), dropped_by_it(outcome)) == (INPUTS // 2, 0)
    assert "the budget does not carry the teacher's answers to the seeds" in note.words
    assert note.words in said(outcome)


def test_they_go_through_batches(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    teach: Teach,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "FIRST_PAUSE_SECONDS", 0.05)
    toml = PAID.replace("few_shot = 3", 'few_shot = 3\nmode = "batch"')
    write(pets, told=False, toml=toml)
    provider = teach(strong(told=False))
    outcome = paid_run(workspace, "pets", UNTIL_CURATE)
    with outcome.context.store() as store:
        assert {purpose for (purpose,) in store.rows("SELECT purpose FROM batch")} == {
            *("generate:answer", str(ON_SEEDS))
        }
        assert store.committed_usd(outcome.run.id) == provider.bill().usd
    assert "the teacher on 57" in notes_of(outcome)[0].words


def test_rounds_ask_the_teacher_that_is_there(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, teach: Teach
) -> None:
    """Of a run that goes on until enough is kept each round is curated."""
    toml = PAID.replace("requests = 0", "requests = 10\nexamples = 10")
    write(pets, told=False, toml=toml)
    provider = teach(strong(told=False))
    paid_run(workspace, "pets", UNTIL_GENERATE)
    asked = provider.bill().requests
    assert asked >= INPUTS + SEEDS
    outcome = paid_run(workspace, "pets", UNTIL_CURATE)
    assert provider.bill().requests == asked
    assert "it drops nothing" in notes_of(outcome)[0].words


def test_what_it_cost_and_what_it_spared_are_shown(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, teach: Teach
) -> None:
    write(pets, told=False)
    teach(strong(told=False))
    outcome = paid_run(workspace, "pets")
    (note,) = notes_of(outcome)
    found, folder = figures(outcome.context.folder), outcome.context.folder
    spend = {key: Decimal(value) for key, value in found["spend"].items()}
    assert spend["seeds_usd"] > 0 == spend["judge_usd"]
    parts = ("generate_usd", "judge_usd", "seeds_usd", "train_usd", "evaluate_usd")
    assert abs(spend["total_usd"] - sum(spend[part] for part in parts)) <= Decimal("2e-8")
    assert found["data"]["notes"] == [
        {"check": "second_opinion", "words": note.words, "spared": len(note.spared)}
    ]
    for page in ("report.full.md", "report.html"):
        text = (folder / page).read_text(encoding="utf-8")
        assert "It would have dropped" in text and "answers to seeds" in text
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    shown = CliRunner().invoke(cli, [*folders, "drops", "pets", "--spared", "--json"])
    rows = json_rows(shown.output, "spared")
    assert len(rows) == len(note.spared)
    assert {row["check"] for row in rows} == {"second_opinion"}
    assert rows[0]["matched"].startswith(f"answered {rows[0]['answer']}, second opinion ")
    table = CliRunner().invoke(cli, [*folders, "drops", "pets"]).output
    assert f"second_opinion: {note.words}" in table


def test_no_seed_is_shown_with_its_own_request(
    pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "_model", Embedder)
    copies = [("A  seed Twice", "cats"), ("a seed twice", "cats"), ("a dog once", "dogs")]
    rows = [*copies, ("a bird once", "birds")]
    task = pets(seeds_jsonl=jsonl([{"input": text, "label": label} for text, label in rows]))
    requests = seed_requests(task, API, task.seeds)
    for seed, request in zip(task.seeds, requests, strict=True):
        *shown, _ = request.messages[-1].content.casefold().splitlines()
        assert shown, "others are"
        assert not any(" ".join(seed.input.casefold().split()) in line for line in shown)
        assert not any("a  seed" in line for line in shown if "seed" in seed.input.casefold())


def test_a_model_is_fitted_to_neither_a_text_nor_its_copies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each text alone tells its label: whoever has seen it would know."""
    monkeypatch.setattr(embeddings, "_model", Embedder)
    texts = [*(f"word{n} other{n}" for n in range(12)), "WORD0  other0"]
    labels = [*(("cats", "dogs")[n % 2] for n in range(12)), "cats"]
    found = left_out(texts, labels, range(13))
    assert found[:12] != labels[:12]
    assert found[0] == found[12] == "dogs", "five cats are left, and six dogs"
    assert left_out(["one", "two"], ["cats", "dogs"], [0, 1]) == ["dogs", "cats"]
    assert left_out(["one"], ["cats"], [0]) == [""]


def test_of_many_texts_a_part_is_left_out_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "_model", Embedder)
    monkeypatch.setattr(classifiers, "MOST_FITS", 5)
    made = []
    real = classifiers._regression

    def counted() -> Any:
        made.append(real())
        return made[-1]

    monkeypatch.setattr(classifiers, "_regression", counted)
    texts = [f"{('purr', 'bark')[n % 2]} {n}" for n in range(23)]
    labels = [("cats", "dogs")[n % 2] for n in range(23)]
    assert left_out(texts, labels, range(23)) == labels
    assert len(made) == 5


@pytest.mark.parametrize(
    ("alone", "teachers", "overrules"),
    [(5, 0, True), (1, 0, True), (0, 0, False), (16, 14, True), (4, 16, False), (20, 20, False)],
)
def test_only_a_lead_on_the_seeds_counts(alone: int, teachers: int, overrules: bool) -> None:
    """Seeds on which both are right or both wrong tell nothing; a tie leaves the teacher."""
    both = [True] * 7 + [False] * 3
    opinion = [*both, *[True] * alone, *[False] * teachers]
    teacher = [*both, *[False] * alone, *[True] * teachers]
    assert Standing(opinion, teacher).overrules is overrules


def answers_of(task: Task, wrong: Sequence[int]) -> list[str]:
    """A teacher's answers to the seeds, unusable where they are wrong."""
    return ["" if n in wrong else seed.answer for n, seed in enumerate(task.seeds)]


def test_seeds_without_a_usable_answer_count_for_nobody(
    pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row without one is no row that the second opinion could overrule."""
    monkeypatch.setattr(embeddings, "_model", Embedder)
    task = write(pets, told=True)
    notes: list[CheckNote] = []
    row = Candidate("aboutdogs are here", None, ("cats",), "inputs", "inputs.jsonl#1")
    means = CheckContext(task, seed_answers=lambda: answers_of(task, range(40)), tell=notes.append)
    kept, drops = run_checks([row], means)
    assert (kept, drops) == ([row], [])
    assert "on 20 seeds, each left out, it is right on 20 and the teacher on 20" in notes[0].words


def test_a_person_is_not_overruled_and_asks_nobody(
    pets: WriteTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "_model", Embedder)
    review = jsonl([{"input": "aboutdogs are here", "answer": "cats"}])
    task = pets(
        task_toml=PAID,
        seeds_jsonl=jsonl([{"input": t, "label": a} for t, a in rows_of("s", 12, told=True)]),
        reviews_jsonl=review,
    )

    def asked() -> list[str]:
        raise AssertionError("nobody is to be asked")

    row = Candidate("aboutdogs are here", None, ("dogs",), "inputs", "inputs.jsonl#1")
    kept, drops = run_checks([row], CheckContext(task, seed_answers=asked))
    assert ([found.answer for found in kept], drops) == (["cats"], [])


def test_of_many_seeds_some_are_asked_about(pets: WriteTask) -> None:
    rows = [{"input": f"text {n}", "label": LABELS[n // 100]} for n in range(300)]
    task = pets(seeds_jsonl=jsonl(rows))
    places = places_asked(task)
    assert len(set(places)) == len(places) == MOST_ASKED == 200
    assert [sum(place // 100 == n for place in places) for n in range(3)] == [67, 67, 66]
