"""Every key of task.toml does something: a run with it changed is another run than one without."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from pydantic import BaseModel

from distill.core.errors import DistillError
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.serve import SERVERS
from distill.task.spec import TaskSpec
from distill.train.trainers import TRAINERS
from distill.train.trainers.base import TrainJob, TrainResult
from tests.conftest import PETS, WriteTask, jsonl
from tests.support.figures import figures
from tests.support.paying import paid_run
from tests.support.scripted import Trainer
from tests.support.standin import StandIn

# Each value is another than the default and than what BASIS sets.
CHANGED = {
    "teacher.model": '"openai:gpt-6-luna"',
    "teacher.few_shot": "2",
    "teacher.votes": "3",
    "teacher.in_flight": "5",
    "generate.requests": "12",
    "generate.sources": '["synthesis"]',
    "generate.seeds_shown": "1",
    "generate.temperature": "0.3",
    "generate.min_p": "0.2",
    "generate.max_tokens": "40",
    "generate.seed": "7",
    "generate.examples": "9",
    "curate.min_words": "6",
    "curate.max_words": "4",
    "curate.language": '"de"',
    "curate.privacy": '"drop"',
    "curate.private_kinds": '["card"]',
    "curate.private_names": '["Jane"]',
    "curate.phone_region": '"DE"',
    "curate.agreement": "false",
    "curate.contradictions": "false",
    "curate.exact_duplicates": "false",
    "curate.near_duplicates": "0.99",
    "curate.semantic_duplicates": "0.2",
    "curate.judge": "5",
    "curate.balance": '"equal"',
    "leaks.near": "0",
    "leaks.semantic": "0.1",
    "leaks.most_share": "0",
    "curate.second_opinion": "false",
    "student.base": '"nowhere"',
    "student.trainer": '"nobody"',
    "student.rank": "8",
    "student.alpha": "32",
    "student.dropout": "0.1",
    "student.rslora": "true",
    "student.load_in_4bit": "true",
    "student.epochs": "1.5",
    "student.learning_rate": "0.01",
    "student.schedule": '"linear"',
    "student.warmup_share": "0.2",
    "student.batch_size": "16",
    "student.patience": "1",
    "student.context_tokens": "500",
    "student.seed_repeats": "5",
    "student.injected_share": "0.5",
    "student.validation_share": "0.4",
    "student.seed": "3",
    "evaluate.margin": "0.1",
    "evaluate.confidence": "0.8",
    "evaluate.in_flight": "3",
    "evaluate.speed_requests": "30",
    "evaluate.side_effects": "false",
    "evaluate.most_forgotten": "0.1",
    "evaluate.most_unsafe": "0.1",
    "evaluate.teacher_twice": "false",
    "machine.usd_per_hour": '"0.25"',
}
# What changes no run of a teacher that we serve has its own tests: in test_paid_teacher.py,
# test_batches.py and test_prompting.py.
ELSEWHERE = {"generate.inputs_per_request", "generate.axes", "budget.usd"}
ELSEWHERE |= {"teacher.mode", "teacher.rationale"}
ELSEWHERE.add("generate.contrastive")  # in test_contrasts.py
ELSEWHERE.add("terms.confirmed")  # it shapes no run: in test_terms.py
# The scripted trainer's model answers nothing: in test_parity.py. A model to compare with is paid:
# in test_baselines.py.
ELSEWHERE |= {"evaluate.parity", "evaluate.baselines"}
ELSEWHERE.add("evaluate.encoder")  # it takes a minute: in test_encoder_rival.py
# They shape no run: in test_break_even.py and test_decision.py.
ELSEWHERE |= {"traffic.requests_per_day", "traffic.utilisation"}
ELSEWHERE |= {"people.hours", "people.usd_per_hour"}
ELSEWHERE |= {f"today.{name}" for name in ("model", "prompt_tokens", "completion_tokens")}
ELSEWHERE.add("budget.ask_above_usd")  # in test_consent.py
ELSEWHERE.add("machine.sure")  # in test_project_file.py
ELSEWHERE.add("evaluate.judge_model")  # of texts alone: in test_paid_judge.py
# What the stand-in's rows never show: in test_curate.py, test_rounds.py and test_judge.py.
ELSEWHERE |= {"curate.min_agreement", "curate.boilerplate", "curate.leaked_prompt"}
ELSEWHERE |= {"curate.suspect_labels", "curate.judge_model", "generate.least_yield"}
# How far a run must come for a key of a section to show.
SHOWS_IN = {"teacher": "split", "generate": "split", "curate": "split", "student": "train"}
SHOWS_IN |= {"evaluate": "report", "machine": "generate", "leaks": "split"}
BASIS = {"generate.requests": "18", "generate.seeds_shown": "2", "teacher.few_shot": "3"}
BASIS |= {"evaluate.speed_requests": "5"}
# One for each check of `curate` to leave out, and one to keep.
INPUTS = (
    "the old cat number 4 of ours is hungry",
    "THE old cat number 4 of ours is hungry",
    "one cat only",
    "dog or dog or dog, with some cat beside it",
    "the old cat number 4 of ours is hungry!!",
    "the old dog number 9 of theirs sleeps",
    "THE OLD DOG NUMBER 9 OF THEIRS SLEEPS",
    "please write to jane.roe@corp.com about our cat",
    "tell Jane that it is a bird and not what she thinks",
    "for questions about the dog call 030 901820 after nine",
    "could you feed cat 1 now please",
)


def keys(section: type[BaseModel] = TaskSpec, prefix: str = "") -> Iterator[str]:
    """Every key of the sections, as section.key."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{name}.")
        elif prefix:
            yield prefix + name


def toml(values: dict[str, str]) -> str:
    lines = ['name = "pets"', 'kind = "classify"']
    lines += [f'labels.{label} = "{meaning}"' for label, meaning in PETS.items()]
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in values.items())]) + "\n"


def test_no_key_is_forgotten_here() -> None:
    assert sorted([*CHANGED, *ELSEWHERE]) == sorted(keys())


class Recorder(Trainer):
    """A scripted trainer that remembers its jobs."""

    def __init__(self) -> None:
        self.jobs: list[TrainJob] = []

    def train(self, job: TrainJob, on_steps: Any) -> TrainResult:
        self.jobs.append(job)
        return super().train(job, on_steps)


def trace(workspace: Workspace, pets: WriteTask, values: dict[str, str], until: str) -> list[Any]:
    """What a run asked, kept, trained with and found; or why it could not."""
    pets(task_toml=toml(values), inputs_jsonl=jsonl([{"input": text} for text in INPUTS]))
    server: Any = SERVERS["vllm"]
    recorder: Any = TRAINERS["unsloth"]
    server.starts.clear()
    recorder.jobs.clear()
    try:
        outcome = paid_run(workspace, "pets", RunOptions(until=until))
    except DistillError as error:
        return [str(error)]
    run = outcome.run.id
    with outcome.context.store() as store:
        asked = store.rows("SELECT request_id FROM ask WHERE run_id = ? ORDER BY ALL", run)
        split = [(row.example.input, row.part, row.repeats) for row in store.split(run)]
        dropped = [(drop.check, drop.reason) for drop in store.drops(run)]
    servers = [(settings.in_flight, settings.usd_per_hour) for _, settings in server.starts]
    recipes = [(job.recipe, job.tag) for job in recorder.jobs]
    told = figures(outcome.context.folder) if until == "report" else {}
    limits = [row["limit"] for row in told.get("side_effects", [])]
    loads = [row["requests"] for row in told.get("speed", [])]
    return [asked, split, dropped, servers, recipes, told.get("verdict"), limits, loads]


Run = Callable[[dict[str, str], str], list[Any]]


@pytest.fixture
def run(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Traces a run of its own with these values, until a stage."""
    monkeypatch.setitem(TRAINERS, "unsloth", Recorder())
    numbers = count()

    def traced(values: dict[str, str], until: str) -> list[Any]:
        apart = Workspace(workspace.prompts, workspace.runs / str(next(numbers)))
        return trace(apart, pets, values, until)

    return traced


@pytest.fixture(scope="module")
def unchanged() -> dict[str, list[Any]]:
    """The traces of runs that change no key, by the stage that they end with: as far as made."""
    return {}


@pytest.mark.slow("two whole runs")
def test_two_runs_of_one_task_are_the_same(run: Run) -> None:
    assert run(BASIS, "report") == run(BASIS, "report")


@pytest.mark.parametrize("key", CHANGED)
def test_every_changed_key_makes_another_run(
    run: Run, unchanged: dict[str, list[Any]], key: str
) -> None:
    until = SHOWS_IN[key.partition(".")[0]]
    if until not in unchanged:
        unchanged[until] = run(BASIS, until)
    assert run({**BASIS, key: CHANGED[key]}, until) != unchanged[until]
