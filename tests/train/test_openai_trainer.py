"""Trainings at OpenAI, with the official client against the strict stand-in, faults included."""

import json
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai
import pytest

from distill.core.errors import DistillError, InputError, TrainingEnded
from distill.core.workspace import Workspace
from distill.estimate import plan
from distill.estimate.finetuning import TRAIN
from distill.estimate.run_start import RunOptions
from distill.llm.ledger import BudgetReached
from distill.llm.tokens import of_text
from distill.pricing.finetuning import TUNABLE, training_usd
from distill.pricing.token_prices import Rates, token_price
from distill.rehearsal.provider import Settings
from distill.rehearsal.provider import StandIn as Provider
from distill.store import Store, open_store
from distill.task.loading import load_task
from distill.task.spec import StudentSpec
from distill.text import embeddings
from distill.train.cancel import cancel
from distill.train.trainers import TRAINERS, openai_jobs
from distill.train.trainers import openai as trainer
from distill.train.trainers.base import HostedModel, TrainJob
from tests.conftest import PETS, WriteTask, jsonl, pet_rows, point_to
from tests.support import forked
from tests.support.figures import figures
from tests.support.paying import paid_run
from tests.support.provider import running
from tests.support.scripted import Embedder
from tests.support.standin import StandIn

BASE = "gpt-4o-mini-2024-07-18"
HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
TASK = HEAD + (
    "[generate]\nrequests = 30\nseeds_shown = 2\n[teacher]\nmodel = 'embedded'\nfew_shot = 3\n"
    "[student]\ntrainer = 'openai'\nepochs = 2\n"
)
CHOICES = StudentSpec().model_dump()
RECIPE: dict[str, object] = {"n_epochs": 2, "seed": 0}

Start = Callable[..., AbstractContextManager[Provider]]


@pytest.fixture
def providers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts the stand-in, with the faults that it is told to show."""

    @contextmanager
    def start(batch_seconds: float = 0.3, **faults: float) -> Iterator[Provider]:
        seeds = tmp_path / "provider.jsonl"
        seeds.write_text(jsonl(pet_rows("seed", 4)), encoding="utf-8")
        settings = Settings(seeds, faults=faults, batch_seconds=batch_seconds)
        with running(settings) as standin:
            point_to(monkeypatch, standin.url)
            yield standin

    return start


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in lists at once what it knows: nobody waits 45 seconds for what is not there."""
    monkeypatch.setattr(openai_jobs, "LATE_SECONDS", (0.01, 0.1, 0.3, 1.0))


@pytest.fixture
def provider(providers: Start) -> Iterator[Provider]:
    with providers() as standin:
        yield standin


def rows(path: Path, count: int, first: int = 0) -> Path:
    lines = []
    for number in range(first, first + count):
        pet = list(PETS)[number % 3]
        turns = [("system", "Which pet?"), ("user", f"{pet} {number}"), ("assistant", pet)]
        chat = [{"role": role, "content": text} for role, text in turns]
        lines.append(json.dumps({"messages": chat}) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def job(tmp_path: Path) -> TrainJob:
    held = rows(tmp_path / "validation.jsonl", 3, first=100)
    out = tmp_path / "out"
    out.mkdir()
    train = rows(tmp_path / "train.jsonl", 12)
    return TrainJob(BASE, train, held, held, out, tmp_path / "log", RECIPE, "tag-1")


def train(job: TrainJob) -> Any:
    return TRAINERS["openai"].train(job, lambda steps: None)


def test_a_training_from_its_files_to_its_model(job: TrainJob, provider: Provider) -> None:
    steps: list[int] = []
    trained = TRAINERS["openai"].train(job, steps.append)
    model = trained.model
    assert isinstance(model, HostedModel) and model.name.startswith(f"ft:{BASE}:")
    assert trained.trained_tokens > 0 and trained.kept_step == 2
    assert model.usd == provider.bill().usd == training_usd(BASE, trained.trained_tokens)
    assert model.most_usd is None
    assert [row["step"] for row in trained.losses] == [1.0, 2.0]
    assert sum(steps) == 2
    log = job.log.read_text(encoding="utf-8")
    assert "The job has successfully completed" in log
    record = json.loads((job.out / "job.json").read_text(encoding="utf-8"))
    assert record["job"]["fine_tuned_model"] == model.name
    assert len(record["checkpoints"]) == 2


def test_the_same_job_is_found_and_made_once(job: TrainJob, provider: Provider) -> None:
    assert train(job).model.name == train(job).model.name
    assert (provider.bill().files, provider.bill().jobs) == (2, 1)
    other = replace(job, tag="tag-2", recipe={**RECIPE, "n_epochs": 1})
    assert train(other).model.name != train(job).model.name
    assert (provider.bill().files, provider.bill().jobs) == (2, 2)


@pytest.mark.timeout(600)
def test_killed_at_twenty_moments_leaves_one_file_and_one_job(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten calls, before and after each; then the same job again."""
    monkeypatch.setattr(openai_jobs, "LATE_SECONDS", (0.0,))
    died = 0
    for moment in range(1, 21):
        out = tmp_path / f"moment-{moment}"
        out.mkdir()
        rows(out / "train.jsonl", 12, first=1000 * moment)
        rows(out / "validation.jsonl", 2, first=1000 * moment + 500)
        code = forked.run("tests.support.dying_training", [str(moment), str(out), BASE])
        died += code == -signal.SIGKILL
        held = out / "validation.jsonl"
        job = TrainJob(BASE, out / "train.jsonl", held, held, out, out / "log", RECIPE, out.name)
        assert train(job).model.name
        bill = provider.bill()
        assert (bill.files, bill.jobs) == (2 * moment, moment), moment
    assert died == 20


def test_lost_answers_make_nothing_twice(job: TrainJob, providers: Start) -> None:
    """Every third answer is cut off on its way; what was done then is looked up."""
    trainer_pauses = openai_jobs.PAUSES_SECONDS
    with pytest.MonkeyPatch.context() as patch, providers(cut=0.3) as provider:
        patch.setattr(openai_jobs, "PAUSES_SECONDS", (0.0,) * 4 * len(trainer_pauses))
        assert train(job).model.name
        assert (provider.bill().files, provider.bill().jobs) == (2, 1)


def test_a_creation_whose_answer_is_lost_is_looked_for_while_the_list_lags(
    job: TrainJob, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, find, looks = openai_jobs.create, openai_jobs.find, []

    def lose(*arguments: Any) -> Any:
        create(*arguments)
        request: Any = SimpleNamespace(url="")
        raise openai.APITimeoutError(request)

    def lag(*arguments: Any) -> Any:
        looks.append(arguments)
        return find(*arguments) if len(looks) > 4 else None

    monkeypatch.setattr(openai_jobs, "PAUSES_SECONDS", (0.0,) * 5)
    monkeypatch.setattr(openai_jobs, "create", lose)
    monkeypatch.setattr(openai_jobs, "find", lag)
    assert train(job).model.name
    assert provider.bill().jobs == 1


def test_a_cancelled_training_that_was_billed_pays_for_no_other(tmp_path: Path) -> None:
    with open_store(tmp_path / "distill.duckdb") as store:
        for attempt in ("a", "b"):
            store.begin_training("run", "tag", attempt, Decimal(2))
        store.end_without_student("a", Decimal(1), "cancelled")
        assert store.training_paid_by("tag") == set()
        store.end_training("b", Decimal(2), "ft:model")
        assert store.training_paid_by("tag") == {"run"}
        assert store.training_usd("run", "tag") == Decimal(3)


def test_an_account_that_may_not_train_is_told_so_plainly(job: TrainJob, providers: Start) -> None:
    with providers(training_not_available=1) as provider:
        with pytest.raises(DistillError, match="no longer lets this account start") as said:
            train(job)
        assert 'student.trainer = "unsloth"' in str(said.value)
        assert "the files were deleted" in str(said.value)
        with openai.OpenAI() as client:
            content = job.train.read_bytes()
            name = f"distill-{sha256(content).hexdigest()[:32]}.jsonl"
            client.files.create(file=(name, content), purpose="fine-tune")
            with pytest.raises(TrainingEnded, match="the files were deleted"):
                train(job)
            assert client.files.list(purpose="fine-tune").data == []
        assert provider.bill().usd == 0


def test_a_job_that_fails_says_why_and_is_made_anew(job: TrainJob, providers: Start) -> None:
    with providers(training_fails=1) as provider:
        for made in (1, 2):
            with pytest.raises(TrainingEnded, match=r"failed: Something broke\.\nIt was not bill"):
                train(job)
            assert provider.bill().jobs == made
        assert provider.bill().usd == 0


def test_rows_that_openai_refuses_are_named(job: TrainJob, provider: Provider) -> None:
    bad = json.dumps({"messages": [{"role": "user", "content": "no answer"}]}) + "\n"
    job.train.write_text(job.train.read_text("utf-8") + bad, encoding="utf-8")
    with pytest.raises(TrainingEnded, match=r"Line 13: the last message must be from the assist"):
        train(job)


def test_a_cancelled_job_says_so_and_another_is_made(job: TrainJob, providers: Start) -> None:
    with providers(batch_seconds=30) as provider:
        thread_said: list[BaseException] = []

        def work() -> None:
            try:
                train(job)
            except TrainingEnded as error:
                thread_said.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        while not provider.bill().jobs:
            thread.join(timeout=0.05)
        assert openai_jobs.cancel(job.tag) == 0
        thread.join()
        assert "was cancelled at OpenAI" in str(thread_said[0])
        assert openai_jobs.cancel(job.tag) is None
        assert provider.bill().usd == 0


def test_a_job_that_pauses_is_waited_for(job: TrainJob, providers: Start) -> None:
    with providers(training_pauses=1):
        assert train(job).model.name
    assert "paused" in job.log.read_text(encoding="utf-8")


def test_events_that_come_twice_and_out_of_order_are_told_once(
    job: TrainJob, providers: Start
) -> None:
    with providers(events_twice=1):
        steps: list[int] = []
        trained = TRAINERS["openai"].train(job, steps.append)
    assert sum(steps) == 2 and [row["step"] for row in trained.losses] == [1.0, 2.0]
    lines = job.log.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(set(lines)) and len(lines) > 6


def test_a_file_that_is_listed_but_gone_is_uploaded_anew(job: TrainJob, providers: Start) -> None:
    with providers(files_linger=1) as provider:
        train(job)
        with openai.OpenAI() as client:
            for file in client.files.list(purpose="fine-tune"):
                client.files.delete(file.id)
        assert train(replace(job, tag="tag-2")).model.name
        assert provider.bill().files == 4


def test_too_few_examples_and_odd_epochs(job: TrainJob, provider: Provider) -> None:
    rows(job.train, 9)
    with pytest.raises(InputError, match="at least 10 examples, but only 9 were"):
        train(job)
    assert provider.bill().files == 0
    base = TRAINERS["openai"].locate("auto")
    for epochs in (1.5, 51):
        with pytest.raises(InputError, match=r"student\.epochs: must be a whole number"):
            choices = {"epochs": epochs, "seed": 0, "batch_size": None}
            TRAINERS["openai"].recipe(choices, base, labelled=True)


def test_a_key_never_shows(job: TrainJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is out of reach, and one that says the key back."""
    point_to(monkeypatch, "http://127.0.0.1:1", key="sk-secret-and-wrong")
    monkeypatch.setattr(openai_jobs, "PAUSES_SECONDS", ())
    with pytest.raises(DistillError, match="Run the same command to continue") as said:
        train(job)
    assert "secret" not in str(said.value)


def test_what_is_said_before_anything_is_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="needs a key: set OPENAI_API_KEY"):
        trainer.check(CHOICES)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    assert "OpenAI accepts no new fine-tuning jobs from 2027-01-06 on" in trainer.check(CHOICES)
    assert "ends on 2027-01-14, 52 days from now" in trainer.closing(BASE, date(2026, 11, 23))
    with pytest.raises(
        InputError, match=f"OpenAI does not train 'gpt-6-luna': choose one of {BASE}"
    ):
        trainer.check(CHOICES | {"base": "gpt-6-luna"})
    with pytest.raises(InputError, match=r"student\.rank: OpenAI does not support it"):
        trainer.check(CHOICES | {"rank": 8})
    with pytest.raises(InputError, match=r"student\.epochs: must be a whole number"):
        trainer.check(CHOICES | {"epochs": 0.5})
    monkeypatch.setattr(trainer, "NO_NEW_JOBS", date(2026, 1, 1))
    with pytest.raises(InputError, match="accepted no new fine-tuning jobs since 2026-01-01"):
        trainer.check(CHOICES)


@pytest.mark.usefixtures("drawn_charts")
def test_the_whole_way_with_a_student_at_openai(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    task = pets(task_toml=TASK)
    estimate = plan(task)
    assert [str(step.purpose) for step in estimate.steps] == [
        "train:openai",
        "evaluate:base",
        "evaluate:base_few_shot",
        "evaluate:student",
    ]
    outcome = paid_run(workspace, "pets")
    bill, found = provider.bill(), figures(outcome.context.folder)
    systems = {system["name"]: system for system in found["systems"]}
    assert found["student"]["trainer"] == "openai"
    assert found["student"]["artifact"].startswith(f"ft:{BASE}:")
    assert "parity" not in found, "what was trained is served by the same provider"
    assert Decimal(found["spend"]["billed_usd"]) == bill.usd
    assert Decimal(found["spend"]["train_usd"]) > 0
    asked = systems["student"]
    each = asked["prompt_tokens_mean"] * 0.30 + asked["completion_tokens_mean"] * 1.20
    assert float(asked["usd_per_1k_requests"]) == pytest.approx(each / 1000, rel=1e-6)
    # Of 37 rows that are kept the estimate knew only the share that is usually kept.
    assert Decimal("0.4") < bill.usd / estimate.usd < Decimal("2.5")
    again = paid_run(workspace, "pets", RunOptions(new=True))
    with open_store(again.context.database) as store:
        assert store.student(again.run.id) is not None
    assert provider.bill().jobs == 1, "the same rows and recipe were paid for already"
    spent = figures(again.context.folder)["spend"]
    assert spent["train_usd"] == found["spend"]["train_usd"], "what the student cost, whoever paid"
    assert Decimal(spent["billed_usd"]) == 0


def test_killed_between_the_bill_and_the_record_of_the_stage(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    pets(task_toml=TASK)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Store, "add_student", interrupted)
        paid_run(workspace, "pets")
    billed = provider.bill().usd
    pets(task_toml=f"{TASK}[budget]\nusd = '{billed * Decimal('1.01'):.8f}'\n")
    shutil.rmtree(workspace.task_folder("pets") / "latest" / "student")
    paid_run(workspace, "pets", RunOptions(until="train"))  # what is paid for is not reserved
    pets(task_toml=TASK)
    found = figures(paid_run(workspace, "pets").context.folder)["spend"]
    assert provider.bill().jobs == 1
    assert Decimal(found["train_usd"]) == billed
    assert Decimal(found["billed_usd"]) == provider.bill().usd


def test_after_the_split_the_estimate_is_of_the_rows_themselves(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    task = pets(task_toml=TASK)
    outcome = paid_run(workspace, "pets", RunOptions(until="split"))
    with outcome.context.store() as store:
        estimate = plan(task, store, outcome.run.id)
    paid_run(workspace, "pets")
    ratio = estimate.usd / provider.bill().usd
    assert Decimal("0.8") < ratio < Decimal("1.25")


def test_a_training_beyond_the_budget_is_not_begun(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    pets(task_toml=TASK + "[budget]\nusd = '0.0001'\n")
    with pytest.raises(BudgetReached, match="one token per byte of its rows is reserved"):
        paid_run(workspace, "pets")
    assert (provider.bill().files, provider.bill().jobs) == (0, 0)


def test_a_run_that_is_killed_while_it_trains_pays_once(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, providers: Start
) -> None:
    """The first try is cut off after the job was made; nothing of it is counted as lost."""
    pets(task_toml=TASK)
    with providers(batch_seconds=1.0) as provider:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trainer, "_follow", interrupted)
            with pytest.raises(KeyboardInterrupt):
                paid_run(workspace, "pets")
        assert provider.bill().jobs == 1
        outcome = paid_run(workspace, "pets")
        assert provider.bill().jobs == 1
        found = figures(outcome.context.folder)["spend"]
        assert Decimal(found["billed_usd"]) == provider.bill().usd
        assert found["possibly_paid_twice_usd"] == "0"


def test_distill_cancel_stops_a_training_and_settles_it(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, providers: Start
) -> None:
    pets(task_toml=TASK)
    with providers(batch_seconds=30) as provider:
        for forget in (False, True):
            with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
                patch.setattr(trainer, "_follow", interrupted)
                paid_run(workspace, "pets")
            assert cancel(workspace, "pets", forget=forget).trainings == 1
            assert cancel(workspace, "pets").trainings == 0
        assert provider.bill().usd == 0
        with open_store(workspace.database("pets")) as store:
            run = store.runs()[-1].id
            committed = store.committed_usd(run)
            worst = store.rows("SELECT worst_usd FROM attempt JOIN training ON attempt_id = id")
    assert len(worst) == 2 and committed == worst[0][0], "the forgotten one counts as billed"


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def job_of(tag: str, status: str) -> Any:
    return SimpleNamespace(metadata={"distill": tag}, status=status, id=f"{tag}-{status}")


def client_with(*jobs: Any) -> Any:
    """One that does not know how to look for metadata, as some gateways."""
    listed = SimpleNamespace(list=lambda **_: list(jobs))
    return SimpleNamespace(fine_tuning=SimpleNamespace(jobs=listed))


def test_a_job_in_a_state_that_nobody_knows_yet_is_under_way() -> None:
    jobs = [job_of("tag-2", "running"), job_of("tag-1", "failed"), job_of("tag-1", "resuming")]
    assert openai_jobs.find(client_with(*jobs), "tag-1") is jobs[2]
    assert openai_jobs.find(client_with(*jobs[:2]), "tag-1") is None


def test_a_job_that_was_asked_for_is_looked_for_longer(
    job: TrainJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list may lag behind what was made."""
    monkeypatch.setattr(openai_jobs, "LATE_SECONDS", (0.0, 0.0))
    late = [[], [], [job_of(job.tag, "running")]]
    jobs = SimpleNamespace(list=lambda **_: late.pop(0))
    client: Any = SimpleNamespace(fine_tuning=SimpleNamespace(jobs=jobs))
    assert trainer._known(client, job) is None and len(late) == 2
    (job.out / openai_jobs.CREATING).touch()
    assert trainer._known(client, job) is not None


def test_a_proxys_page_is_no_answer() -> None:
    listed = SimpleNamespace(list=lambda **_: "<html>busy</html>")
    client: Any = SimpleNamespace(fine_tuning=SimpleNamespace(jobs=listed))
    with pytest.raises(DistillError, match="is not OpenAI's JSON: '<html>busy"):
        openai_jobs.find(client, "tag-1")


def ended(status: str, tokens: int | None, model: str | None = "ft:x") -> Any:
    return SimpleNamespace(
        status=status, trained_tokens=tokens, fine_tuned_model=model, id="job", error=None
    )


def test_what_ended_is_booked_by_its_tokens(job: TrainJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "_write_record", lambda *_: None)
    client: Any = None
    for status in ("failed", "cancelled"):
        with pytest.raises(TrainingEnded, match=r"It was billed \$0\.003") as said:
            trainer._ended(client, ended(status, 1000), job, {})
        assert said.value.usd == training_usd(BASE, 1000)
    with pytest.raises(DistillError, match="has no name yet") as unnamed:
        trainer._ended(client, ended("succeeded", 1000, None), job, {})
    assert not isinstance(unnamed.value, TrainingEnded), "it is paid for, and goes on"
    uncounted = trainer._ended(client, ended("succeeded", None), job, {}).model
    expected, worst = trainer.expected_usd(job), trainer.worst_usd(job)
    assert uncounted == HostedModel("ft:x", expected, worst) and worst > expected > 0


# Texts of which the count made here is less than half of what a tokenizer makes: Gemma 3's or
# SmolLM2's, whichever makes more of them.
DENSE = {
    "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB1L9RIvNEVUxTveLruM0rfj0WAK1jHDhaXXzOI8d4VFmtvBtMkA/"
    "+SNV1tdpcY4BAEl9l2w/j4kSUt26phkV9mG": 99,
    "3141592653589793238462643383279502884197169399375105820974944592307816406286": 76,
    "Árvíztűrő tükörfúrógép: a megrendelésem harmadik hete késlekedik, és az ügyfélszolgálatuk "
    "egyszer sem válaszolt a leveleimre.": 69,
    "Zamówienie złożone w zeszłym tygodniu wciąż nie zostało wysłane, a obsługa klienta nie "
    "odpowiada na żadną z moich wiadomości.": 70,
}
MARKS_OF_A_MESSAGE = 4  # <|im_start|>, its role, <|im_sep|>, <|im_end|>


@pytest.mark.parametrize(("text", "tokens"), DENSE.items())
def test_no_training_is_billed_more_than_was_reserved(
    job: TrainJob, text: str, tokens: int
) -> None:
    """The rows that validate are billed as well, as far as anybody knows."""
    assert tokens >= 2 * of_text(text)
    for file in (job.train, job.validation):
        chat = [{"role": "user", "content": text}, {"role": "assistant", "content": "a"}]
        line = json.dumps({"messages": chat}, ensure_ascii=False) + "\n"
        file.write_text(20 * line, encoding="utf-8")
    billed = training_usd(BASE, 2 * 2 * 20 * (tokens + 1 + 2 * MARKS_OF_A_MESSAGE))
    assert trainer.worst_usd(job) >= billed


def test_the_bundled_task_trains_within_the_default_budget(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "_model", Embedder)
    shutil.copytree("prompts/classify", workspace.prompts / "classify")
    spec = workspace.prompts / "classify" / "task.toml"
    text = spec.read_text(encoding="utf-8").replace('model = "auto"', 'model = "embedded"')
    text = text.replace("[student]\n", "[student]\ntrainer = 'openai'\n")
    spec.write_text(text, encoding="utf-8")
    found = plan(load_task(workspace.prompts, "classify"))
    (training,) = (step for step in found.steps if step.purpose == TRAIN)
    assert 3 * training.usd < training.worst_usd < 4 * training.usd, "English"
    assert training.worst_usd < Decimal("0.7") and found.budget_usd == 5
    assert found.stops() is None


def test_a_training_whose_tokens_nobody_tells_is_no_bill(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The student costs what is expected; the most that it may cost stands apart."""

    def uncounted(client: Any, found: Any, *rest: Any) -> Any:
        return told(client, found.model_copy(update={"trained_tokens": None}), *rest)

    told = trainer._ended
    monkeypatch.setattr(trainer, "_ended", uncounted)
    pets(task_toml=TASK)
    outcome = paid_run(workspace, "pets", RunOptions(until="train"))
    with outcome.context.store() as store:
        billed, most = (
            store.billed_usd(outcome.run.id),
            store.possibly_paid_twice_usd(outcome.run.id),
        )
        student = store.student(outcome.run.id)
        assert store.committed_usd(outcome.run.id) == most, "which the budget counts"
    assert student is not None and student.train_usd is not None
    assert billed == 0 < provider.bill().usd <= most
    assert Decimal("0.8") < student.train_usd / provider.bill().usd < Decimal("1.25")
    again = paid_run(workspace, "pets", RunOptions(until="train", new=True))
    with again.context.store() as store:
        found = store.student(again.run.id)
        assert store.committed_usd(again.run.id) == 0
    assert found is not None and found.train_usd == student.train_usd
    assert provider.bill().jobs == 1


def test_without_a_key_nothing_is_begun(job: TrainJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for call in (trainer.is_made, train):
        with pytest.raises(InputError, match="needs a key: set OPENAI_API_KEY"):
            call(job)


def test_hyperparameters_that_openai_refuses() -> None:
    base = TRAINERS["openai"].locate("auto")
    for key, value in (("batch_size", 257), ("seed", 2**31), ("seed", -1)):
        choices = {"epochs": None, "batch_size": None, "seed": 0} | {key: value}
        with pytest.raises(InputError, match=rf"student\.{key}: must be (at most|from 0)"):
            trainer.recipe(choices, base, labelled=True)


def test_every_base_has_a_price_for_its_students() -> None:
    for base in TUNABLE:
        price = token_price("openai", f"ft:{base}:org:distill:x1", {})
        assert price == token_price("openai", f"ft:{base}", {})
    given = Rates(Decimal(7), Decimal(8), Decimal(7), Decimal(7))
    own = token_price("openai", f"ft:{BASE}:org:distill:x1", {f"ft:{BASE}": given})
    assert own.tiers == ((0, given),)


def test_a_training_that_is_out_is_reserved(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, providers: Start
) -> None:
    """What is asked meanwhile must leave room for it."""
    pets(task_toml=TASK.replace("requests = 30", "requests = 60"))
    with providers() as provider:
        outcome = paid_run(workspace, "pets", RunOptions(until="train"))
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(trainer, "_follow", interrupted)
            paid_run(workspace, "pets", RunOptions(until="train", curve=True))
        with outcome.context.store() as store:
            billed = store.committed_usd(outcome.run.id)
            out = store.trainings_out_usd(outcome.run.id)
        assert out > 0
        tight = f"[budget]\nusd = '{billed + out:.8f}'\n"
        pets(task_toml=TASK.replace("requests = 30", "requests = 60") + tight)
        before = provider.bill().requests
        with pytest.raises(BudgetReached):
            paid_run(workspace, "pets")
        assert provider.bill().requests == before


def test_the_plan_says_when_the_training_has_paid_for_itself(
    pets: WriteTask, provider: Provider
) -> None:
    dear = TASK.replace("'embedded'", "'openai:gpt-6.1-sol'")
    words = " ".join(plan(pets(task_toml=dear)).assumptions)
    assert "the run pays for itself after about" in words
    assert "a day until its model ends on 2027-01-14" in words
    no_gain = dear + f'[prices."ft:{BASE}"]\ninput = 500\noutput = 500\nsure = true\n'
    assert "never pays for itself" in " ".join(plan(pets(task_toml=no_gain)).assumptions)
