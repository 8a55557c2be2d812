"""What may be billed: nothing without a consent, no more than it says; refusals leave no trace."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from distill import pipeline
from distill.cli import cli
from distill.core.errors import InputError
from distill.core.purpose import ANSWER, JUDGED, SYNTHESIZE
from distill.core.workspace import Workspace
from distill.estimate import CostEstimate, plan, run_start
from distill.estimate.consent import Consent, Declined, NotAgreed
from distill.estimate.go_no_go import advise
from distill.estimate.probe import estimate_run, probe_run
from distill.estimate.run_start import RunOptions
from distill.estimate.workload import EVALUATE
from distill.llm.ledger import BudgetReached
from distill.rehearsal.provider import StandIn as Provider
from distill.report.compare_runs import compare
from distill.store import Store, open_store
from tests.conftest import PETS, WriteTask, jsonl, point_to
from tests.generate.test_rounds import rounds
from tests.support.command import json_rows
from tests.support.figures import figures
from tests.support.paying import paid_run
from tests.support.scripted_run import NO_STAGE
from tests.support.standin import StandIn
from tests.train.test_openai_trainer import TASK as TUNED

ROOT = Path(__file__).parents[2]
LUNA, TERRA = "openai:gpt-6-luna", "openai:gpt-6.1-terra"
HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
INPUTS = jsonl([{"input": f"the old cat number {number} sleeps"} for number in range(40)])
DEAR = '[prices."gpt-6-luna"]\ninput = 20\noutput = 20\nsure = true\n'  # about $0.45

pytestmark = pytest.mark.usefixtures("scripted_backends")

Process = Callable[..., subprocess.CompletedProcess[str]]


def toml(more: str = "", teacher: str = LUNA) -> str:
    generate = "[generate]\nrequests = 60\nseeds_shown = 2\n"
    return f'{HEAD}{generate}[teacher]\nmodel = "{teacher}"\nfew_shot = 3\n{more}'


@dataclass
class Listener:
    """Whoever looks for a provider here is counted, and refused."""

    url: str = ""
    requests: int = 0


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """Both providers' address, with keys set: every connection counts, whatever it asks."""
    with listening() as found:
        point_to(monkeypatch, found.url, key="sk-nobody")
        yield found


@contextmanager
def listening() -> Iterator[Listener]:
    found = Listener()

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            found.requests += 1
            super().handle_one_request()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def process(workspace: Workspace, scripted_backends: StandIn) -> Process:
    """A real process without a terminal, whose local models are scripted."""

    def started(*arguments: str) -> subprocess.CompletedProcess[str]:
        folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
        command = [sys.executable, "-m", "tests.support.scripted_run", scripted_backends.url]
        return subprocess.run(
            [*command, NO_STAGE, *folders, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )

    return started


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is there to answer."""
    monkeypatch.setattr("distill.cli.group.interactive", lambda: True)


def shown(workspace: Workspace, *arguments: str, answer: str = "") -> Result:
    """A command's output and error, without a terminal."""
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    return CliRunner().invoke(cli, [*folders, *arguments], input=answer)


def left_behind(workspace: Workspace) -> list[str]:
    """Everything under the folder of runs, but for the lock."""
    return sorted(path.name for path in workspace.runs.rglob("*") if path.name != ".lock")[1:]


def traces(workspace: Workspace) -> tuple[list[str], str, int]:
    """(the ids of the runs, the one that `latest` points to, how many folders of runs there are)"""
    folder = workspace.task_folder("pets")
    with open_store(workspace.database("pets")) as store:
        ids = [run.id for run in store.runs()]
    folders = [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    return ids, (folder / "latest").readlink().name, len(folders)


# without a consent


def test_a_library_call_that_does_not_agree_spends_nothing_and_leaves_nothing(
    workspace: Workspace, pets: WriteTask, listener: Listener
) -> None:
    pets(task_toml=toml())
    with pytest.raises(NotAgreed, match="a key in the environment is not consent") as refused:
        pipeline.run(workspace, "pets")
    for way in ("--yes", "--max-usd N", 'teacher.model = "embedded"', "OPENAI_API_KEY", "unset"):
        assert way in str(refused.value)
    assert f"about {estimate_run(workspace, 'pets').range}" in str(refused.value)
    assert (listener.requests, left_behind(workspace)) == (0, [])


@pytest.mark.parametrize(
    "command",
    [
        *(["run"], ["generate"], ["curate"], ["split"], ["train"], ["evaluate"]),
        *(["run", "--detach"], ["run", "--new"], ["run", "--json"], ["train", "--curve"]),
        *(["plan", "--probe"], ["run", "--max-usd", "0"]),
    ],
    ids=" ".join,
)
def test_every_command_that_spends_is_a_usage_error_without_a_terminal(
    workspace: Workspace, pets: WriteTask, listener: Listener, command: list[str]
) -> None:
    pets(task_toml=toml())
    result = shown(workspace, command[0], "pets", *command[1:])
    assert isinstance(result.exception, NotAgreed) and result.exception.exit_code == 2
    assert (listener.requests, left_behind(workspace)) == (0, [])


def test_a_process_without_a_terminal_ends_with_2_and_says_the_cost(
    workspace: Workspace, pets: WriteTask, listener: Listener, process: Process
) -> None:
    pets(task_toml=toml())
    done = process("run", "pets")
    assert (done.returncode, listener.requests) == (2, 0)
    assert "about $" in done.stderr and "--max-usd N" in done.stderr
    assert left_behind(workspace) == []


@pytest.mark.parametrize(
    ("more", "command"),
    [
        ('[evaluate]\nbaselines = ["anthropic:claude-haiku-5-5"]\n', "evaluate"),
        (f'[curate]\njudge = 4\njudge_model = "{LUNA}"\n', "curate"),
        # The rounds of a top-up are curated as they come.
        (f'examples = 20\n[curate]\njudge = 4\njudge_model = "{LUNA}"\n', "generate"),
        ('[student]\ntrainer = "openai"\n', "train"),
    ],
    ids=["baseline", "judge", "judge of rounds", "training"],
)
def test_other_models_than_the_teacher_are_not_paid_either(
    workspace: Workspace, pets: WriteTask, listener: Listener, more: str, command: str
) -> None:
    generate = "[generate]\nrequests = 30\nseeds_shown = 2\n"
    pets(task_toml=f'{HEAD}[teacher]\nmodel = "embedded"\n{generate}{more}')
    result = shown(workspace, command, "pets")
    assert isinstance(result.exception, NotAgreed), result.output
    assert (listener.requests, left_behind(workspace)) == (0, [])


def test_a_run_that_is_half_done_needs_a_consent_for_the_rest(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    pets(task_toml=toml("[curate]\nsecond_opinion = false\n"))
    paid_run(workspace, "pets", RunOptions("generate"))
    before = provider.bill()
    with pytest.raises(NotAgreed, match="for 30 requests"):
        pipeline.run(workspace, "pets")
    assert pipeline.run(workspace, "pets", RunOptions("split")).stages_run, "nothing is billed"
    assert provider.bill() == before


def test_what_the_plan_does_not_see_is_not_billed_without_a_consent(
    workspace: Workspace, pets: WriteTask, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger holds the consent, too: a plan that is wrong opens nothing."""
    pets(task_toml=toml())

    def nothing(*arguments: Any, **options: Any) -> CostEstimate:
        return replace(plan(*arguments, **options), steps=())

    monkeypatch.setattr(run_start, "plan", nothing)
    with pytest.raises(BudgetReached, match=r"(?s)the cost agreed to .* --max-usd"):
        pipeline.run(workspace, "pets")
    assert provider.bill().requests == 0


def test_whatever_only_looks_sends_nothing(
    workspace: Workspace, pets: WriteTask, listener: Listener
) -> None:
    pets(task_toml=toml())
    assert estimate_run(workspace, "pets").usd > 0
    assert advise(workspace, "pets")
    pets()
    run = pipeline.run(workspace, "pets").run.id
    assert compare(workspace, "pets", [run])
    assert shown(workspace, "cancel", "pets").exit_code == 0
    assert shown(workspace, "report", "pets").exit_code == 0
    assert listener.requests == 0


# a run that is not begun


def test_a_missing_key_leaves_no_trace_of_a_run(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=toml())
    with pytest.raises(InputError, match="set OPENAI_API_KEY"):
        paid_run(workspace, "pets")
    with pytest.raises(InputError, match="set OPENAI_API_KEY"):
        probe_run(workspace, "pets", lambda calls, most: None)
    pets(task_toml=toml(teacher="openai:gpt-nobody"))
    with pytest.raises(InputError, match="gpt-nobody"):
        paid_run(workspace, "pets")
    assert left_behind(workspace) == []


def test_a_model_that_does_not_exist_leaves_no_trace_of_a_run(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    price = '[prices."gpt-nobody"]\ninput = 1\noutput = 2\n'
    pets(task_toml=toml(price, teacher="openai:gpt-nobody"))
    with pytest.raises(InputError, match="gpt-nobody"):
        paid_run(workspace, "pets")
    assert (provider.bill().requests, left_behind(workspace)) == (0, [])


@pytest.mark.parametrize("why", ["edited", "new"])
def test_what_is_refused_leaves_the_latest_run_as_it_was(
    workspace: Workspace, pets: WriteTask, provider: Provider, why: str
) -> None:
    pets(task_toml=toml())
    paid_run(workspace, "pets", RunOptions("generate"))
    before = traces(workspace)
    if why == "edited":
        pets(task_toml=toml("[student]\nepochs = 1\n"))
    way = RunOptions(new=why == "new")
    for consent in (Consent(), Consent(Decimal("0.000001")), Consent(None, lambda _: False)):
        asks = "[budget]\nask_above_usd = 0\n" + ("[student]\nepochs = 1\n" * (why == "edited"))
        pets(task_toml=toml(asks))
        with pytest.raises((NotAgreed, Declined)):
            pipeline.run(workspace, "pets", replace(way, consent=consent))
    assert traces(workspace) == before


@pytest.mark.usefixtures("terminal")
def test_a_terminal_that_declines_leaves_nothing(
    workspace: Workspace, pets: WriteTask, listener: Listener
) -> None:
    pets(task_toml=toml(DEAR))
    for command in (["run", "pets"], ["plan", "pets", "--probe"]):
        asks = "[budget]\nask_above_usd = 0\n"
        pets(task_toml=toml(DEAR + asks))
        result = shown(workspace, *command, answer="n\n")
        assert isinstance(result.exception, Declined) and "Continue? [y/N]" in result.stderr
    assert (listener.requests, left_behind(workspace)) == (0, [])


# how much is agreed to


def test_an_estimate_above_max_usd_ends_before_anything_is_sent(
    workspace: Workspace, pets: WriteTask, listener: Listener
) -> None:
    pets(task_toml=toml())
    result = shown(workspace, "run", "pets", "--max-usd", "0.001")
    assert isinstance(result.exception, NotAgreed)
    assert "the estimate is above --max-usd 0.001" in str(result.exception)
    assert (listener.requests, left_behind(workspace)) == (0, [])
    for amount in ("-1", "nan", "much"):
        assert shown(workspace, "run", "pets", "--max-usd", amount).exit_code == 2


def test_no_bill_passes_max_usd_and_the_next_call_has_as_much_again(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    pets(task_toml=toml(DEAR), inputs_jsonl=INPUTS)
    estimate = estimate_run(workspace, "pets").expected_usd
    most = round(estimate, 2) + Decimal("0.01")
    told = shown(workspace, "run", "pets", "--max-usd", str(most))
    assert isinstance(told.exception, BudgetReached)
    assert "Run again and agree to more (--yes, or a higher --max-usd)" in str(told.exception)
    first = provider.bill().usd
    assert 0 < first <= most
    again = shown(workspace, "run", "pets", "--max-usd", str(most))
    assert again.exit_code == 0, again.output
    assert first < provider.bill().usd <= first + most
    spend = json.loads((workspace.task_folder("pets") / "latest/report.json").read_text())["spend"]
    assert spend["budget_usd"] == "5", "the task's budget is what it was"


@pytest.mark.slow("a round of a thousand requests")
def test_a_top_up_that_reaches_max_usd_goes_on_with_the_next_call(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    """The task's budget ends a later round for good; a consent is for one call."""
    more = "[curate]\nmin_words = 12\nnear_duplicates = 0\nsemantic_duplicates = 0\n"
    more += "second_opinion = false\n"
    rounds_of = "requests = 4000\nexamples = 500\nleast_yield = 0"
    generate = toml(more).replace("requests = 60", rounds_of)
    pets(task_toml=generate.replace("few_shot = 3", "few_shot = 0\nin_flight = 2"))
    way = RunOptions("generate", consent=Consent(Decimal("0.03")))
    with pytest.raises(BudgetReached, match="the cost agreed to"):
        pipeline.run(workspace, "pets", way)
    assert provider.bill().usd <= Decimal("0.03")
    assert rounds(workspace.task_folder("pets") / "latest"), "the first round was whole"
    with open_store(workspace.database("pets")) as store:
        (run,) = store.runs()
        assert store.finished_stages(run.id) == {}


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("limit_in", ["", "task.toml", "distill.toml"])
def test_from_which_estimate_on_a_terminal_is_asked(
    workspace: Workspace, pets: WriteTask, provider: Provider, limit_in: str
) -> None:
    limit = "[budget]\nask_above_usd = 3\n"
    if limit_in == "distill.toml":
        (workspace.prompts.parent / limit_in).write_text(limit, encoding="utf-8")
    task = pets(task_toml=toml(DEAR + (limit if limit_in == "task.toml" else "")))
    estimate = estimate_run(workspace, "pets").up_to(["generate"]).expected_usd
    assert Decimal("0.10") < estimate < 1
    result = shown(workspace, "generate", "pets", answer="y\n")
    assert result.exit_code == 0, result.output
    assert ("Continue? [y/N]" in result.stderr) == (not limit_in)
    assert "about $" in result.stderr, "the estimate is shown, asked about or not"
    assert task.hash == pets(task_toml=toml(DEAR)).hash, "it shapes no run"


# the teacher that `auto` is


@pytest.mark.slow("two processes, of which one goes the whole way")
def test_auto_is_the_embedded_teacher_where_nobody_can_agree(
    workspace: Workspace, pets: WriteTask, listener: Listener, process: Process
) -> None:
    pets(task_toml=toml(teacher="auto"))
    done = process("run", "pets")
    assert (done.returncode, listener.requests) == (0, 0), done.stderr
    assert "teacher: embedded (auto: OPENAI_API_KEY is set, but " in done.stderr
    assert "`distill run pets --new --yes` uses openai:gpt-6.1-terra" in done.stderr
    folder = workspace.task_folder("pets") / "latest"
    teacher = figures(folder)["teacher"]
    assert teacher["instead_of"] == TERRA and "a key is not consent" in teacher["auto"]
    assert "not consent" in (folder / "events.jsonl").read_text(encoding="utf-8")
    said = f"not {TERRA}: OPENAI_API_KEY is set, but"
    for page in ("report.full.md", "report.html"):
        assert said in (folder / page).read_text(encoding="utf-8")
    again = process("run", "pets", "--yes")
    assert (again.returncode, listener.requests) == (0, 0), "a run keeps its teacher"
    assert "nothing to do" in again.stdout


def test_auto_that_is_agreed_to_is_the_key_s_and_stays_it(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    pets(task_toml=toml(teacher="auto"))
    first = paid_run(workspace, "pets", RunOptions("generate"))
    assert first.run.teacher == TERRA
    with first.context.store() as store:
        choice = store.teacher_choice(first.run.id)
    assert choice is not None
    assert (choice.why, choice.instead_of) == ("OPENAI_API_KEY is set", "")
    before = provider.bill()
    with pytest.raises(NotAgreed):
        pipeline.run(workspace, "pets")
    assert provider.bill() == before
    fresh = pipeline.run(workspace, "pets", RunOptions("generate", new=True))
    assert fresh.run.teacher == "embedded"
    assert provider.bill() == before


@pytest.mark.parametrize(
    ("more", "detach"), [('mode = "batch"\n', False), ("rationale = true\n", False), ("", True)]
)
def test_auto_stays_where_only_a_provider_can_do_it(
    workspace: Workspace, pets: WriteTask, listener: Listener, more: str, detach: bool
) -> None:
    pets(task_toml=toml(more, teacher="auto"))
    with pytest.raises(NotAgreed, match=r"gpt-6\.1-terra"):
        pipeline.run(workspace, "pets", RunOptions(detach=detach))
    assert (listener.requests, left_behind(workspace)) == (0, [])


@pytest.mark.usefixtures("terminal")
def test_auto_asks_at_a_terminal(workspace: Workspace, pets: WriteTask, listener: Listener) -> None:
    pets(task_toml=toml("[budget]\nask_above_usd = 0\n", teacher="auto"))
    result = shown(workspace, "run", "pets", answer="n\n")
    assert isinstance(result.exception, Declined)
    assert "requests to gpt-6.1-terra" in result.stderr and "Continue? [y/N]" in result.stderr
    assert (listener.requests, left_behind(workspace)) == (0, [])


def test_make_runs_the_same_command() -> None:
    command = ["make", "--dry-run", "distill", "TASK=classify", "ARGS=--yes"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert '.venv/bin/distill run "classify" --yes\n' in done.stdout


# the report


def test_report_runs_no_stage_and_says_what_is_missing(
    workspace: Workspace, pets: WriteTask, provider: Provider, scripted_backends: StandIn
) -> None:
    pets(task_toml=toml())
    none = shown(workspace, "report", "pets")
    assert isinstance(none.exception, InputError)
    assert "begin one with `distill run pets`" in str(none.exception)
    paid_run(workspace, "pets", RunOptions("curate"))
    asked, bill = scripted_backends.total, provider.bill()
    half = shown(workspace, "report", "pets")
    assert half.exit_code == 1 and "Done so far: generate, curate." in half.stdout
    assert "split, train, evaluate, report not done yet" in str(half.exception)
    assert "Continue with `distill run pets`" in str(half.exception)
    assert shown(workspace, "report", "pets", "--now").exit_code == 0
    assert (
        json_rows(shown(workspace, "report", "pets", "--json").stdout, "report")[0]["missing"][0]
        == "split"
    )
    assert (scripted_backends.total, provider.bill()) == (asked, bill)
    outcome = paid_run(workspace, "pets", RunOptions("evaluate"))
    asked, bill = scripted_backends.total, provider.bill()
    whole = shown(workspace, "report", "pets")
    assert whole.exit_code == 0 and "report.html" in whole.stdout
    with outcome.context.store() as store:
        assert "report" in store.finished_stages(outcome.run.id)
    (outcome.context.folder / "report.json").unlink()
    assert shown(workspace, "report", "pets").exit_code == 0
    assert figures(outcome.context.folder)["systems"]
    assert (scripted_backends.total, provider.bill()) == (asked, bill)


# how much of an estimate is certain


def test_the_certain_part_is_the_cost_of_what_is_there(
    workspace: Workspace, pets: WriteTask
) -> None:
    task = pets(task_toml=toml(), inputs_jsonl=INPUTS)
    found = {step.purpose: step for step in plan(task).steps}
    given = pets(task_toml=toml().replace("requests = 60", "requests = 0"), inputs_jsonl=INPUTS)
    alone = {step.purpose: step for step in plan(given).steps}
    assert found[ANSWER].requests == 100 and alone[ANSWER].requests == 40
    assert found[ANSWER].certain_usd == alone[ANSWER].usd == alone[ANSWER].certain_usd
    assert found[ANSWER].certain_batch_usd == found[ANSWER].certain_usd / 2
    for purpose in (SYNTHESIZE, EVALUATE):
        assert found[purpose].certain_usd == found[purpose].usd
    whole = plan(task)
    hanging = found[ANSWER].usd - found[ANSWER].certain_usd
    assert whole.usd - whole.certain_usd == hanging > 0
    assert f"up to ${whole.usd:.4f} if all 60 generated inputs differ from them" in whole.words
    assert plan(given).words.startswith(f"about ${plan(given).usd:.4f} for 82 requests")


def test_judge_and_training_hang_on_new_inputs_in_part(
    workspace: Workspace, pets: WriteTask, listener: Listener
) -> None:
    judged = f'[curate]\njudge = 4\njudge_model = "{LUNA}"\n'
    task = pets(task_toml=toml(judged), inputs_jsonl=INPUTS)
    step = next(step for step in plan(task).steps if step.purpose == JUDGED)
    # Half of 100 inputs is judged, half of 40 whatever comes.
    assert (step.requests, step.certain_usd / step.usd) == (50, Decimal("0.4"))
    training = next(
        step for step in plan(pets(task_toml=TUNED)).steps if step.purpose.stage == "train"
    )
    assert 0 < training.certain_usd < training.usd


def test_the_bill_lies_between_the_certain_part_and_the_whole_estimate(
    workspace: Workspace, pets: WriteTask, provider: Provider
) -> None:
    """A few seeds that are alike: many new inputs are copies, which nobody answers twice."""
    pets(task_toml=toml().replace("requests = 60", "requests = 300"), inputs_jsonl=INPUTS)
    before = estimate_run(workspace, "pets")
    folder = paid_run(workspace, "pets").context.folder
    spend, bill = figures(folder)["spend"], provider.bill().usd
    assert before.certain_usd * Decimal("0.9") <= bill <= before.usd * Decimal("1.1")
    assert Decimal(spend["estimate_certain_usd"]) == round(before.certain_usd, 8)
    assert Decimal(spend["estimate_usd"]) == round(before.usd, 8)
    page = (folder / "report.full.md").read_text(encoding="utf-8")
    assert f"whether or not new inputs come | {spend['estimate_certain_usd']} |" in page
    assert f">${spend['estimate_certain_usd']}<" in (folder / "report.html").read_text("utf-8")


def test_the_plan_shows_both_and_its_json_has_them(workspace: Workspace, pets: WriteTask) -> None:
    pets(task_toml=toml(), inputs_jsonl=INPUTS)
    found = estimate_run(workspace, "pets")
    assert f"Expected: {found.range}." in shown(workspace, "plan", "pets").stdout
    [row] = json_rows(shown(workspace, "plan", "pets", "--json").stdout, "plan")
    assert (Decimal(row["certain_usd"]), row["new_inputs"]) == (found.certain_usd, 60)


def test_a_run_of_before_has_no_certain_part_and_keeps_its_page(
    workspace: Workspace, pets: WriteTask, monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> None:
    def of_before(self: Store, run_id: str, usd: Decimal, certain_usd: Decimal) -> None:
        self.rows("INSERT INTO estimate VALUES (?, ?, now(), NULL)", run_id, usd)

    monkeypatch.setattr(Store, "add_estimate", of_before)
    pets(task_toml=toml())
    folder = paid_run(workspace, "pets").context.folder
    spend = figures(folder)["spend"]
    assert "estimate_usd" in spend and "estimate_certain_usd" not in spend
