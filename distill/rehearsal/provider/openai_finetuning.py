"""/v1/fine_tuning/jobs of OpenAI: supervised fine-tuning jobs, whose models can then answer."""

import json
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from distill.rehearsal.provider import batches, forms, openai_files, tokens
from distill.rehearsal.provider.billing import training_cost
from distill.rehearsal.provider.errors import ApiError, invalid
from distill.rehearsal.provider.forms import ABSENT, Form, Metadata
from distill.rehearsal.provider.memory import Memory
from distill.rehearsal.provider.models import OPENAI, OPENAI_ALIASES, TUNED_PRICES, OpenAIModel
from distill.rehearsal.provider.state import (
    Body,
    Call,
    ProviderReply,
    ProviderState,
    StoredFile,
    now,
)

FEWEST_EXAMPLES = 10
DEFAULT_EPOCHS = 3
CHECKPOINTS = 3
# Share of a job's time for each of its two short phases.
PHASE = 0.1


class _Hyperparameters(Form):
    n_epochs: Annotated[int, Field(ge=1, le=50)] = ABSENT
    batch_size: Annotated[int, Field(ge=1, le=256)] = ABSENT


class _Supervised(Form):
    hyperparameters: _Hyperparameters = ABSENT


class _Method(Form):
    type: Literal["supervised"]
    supervised: _Supervised = ABSENT


class _Create(Form):
    model: str
    training_file: str
    validation_file: str | None = None
    method: _Method = ABSENT
    metadata: Metadata | None = None
    seed: int | None = Field(None, ge=0, lt=2**31)
    suffix: str | None = Field(None, min_length=1, max_length=64)


class _Message(Form):
    role: Literal["system", "developer", "user", "assistant"]
    content: str
    name: str = ABSENT
    weight: Annotated[int, Field(ge=0, le=1)] = ABSENT


class _Row(Form):
    messages: list[_Message] = Field(min_length=1)


@dataclass
class FineTuningJobState:
    """A fine-tuning job."""

    id: str
    request: Body
    model: OpenAIModel
    seed: int
    created_at: int
    epochs: int
    status: str = "validating_files"
    trained_tokens: int | None = None
    tuned: str | None = None
    finished_at: int | None = None
    error: Body | None = None
    result_files: list[str] = field(default_factory=list)
    events: list["Entry"] = field(default_factory=list)
    checkpoints: list["Entry"] = field(default_factory=list)

    def is_over(self) -> bool:
        """True if the job has ended."""
        return self.status in ("succeeded", "failed", "cancelled")

    def end(self, status: str) -> None:
        """End the job with a status, and record the time."""
        self.status, self.finished_at = status, now()

    def as_json(self) -> Body:
        """Return the job object of the API."""
        method = self.request.get("method", {}).get("supervised", {})
        given = dict.fromkeys(("batch_size", "learning_rate_multiplier"), "auto")
        numbers = given | method.get("hyperparameters", {}) | {"n_epochs": self.epochs}
        return {
            "id": self.id,
            "object": "fine_tuning.job",
            "created_at": self.created_at,
            "error": self.error,
            "fine_tuned_model": self.tuned,
            "finished_at": self.finished_at,
            "hyperparameters": numbers,
            "model": self.model.id,
            "organization_id": "org-rehearsal",
            "result_files": self.result_files,
            "seed": self.seed,
            "status": self.status,
            "trained_tokens": self.trained_tokens,
            "training_file": self.request["training_file"],
            "validation_file": self.request.get("validation_file"),
            "estimated_finish": None,
            "integrations": [],
            "metadata": self.request.get("metadata"),
            "method": {"type": "supervised", "supervised": {"hyperparameters": numbers}},
        }


@dataclass(frozen=True)
class Entry:
    """An event or a checkpoint of a job."""

    id: str
    fields: Body

    def as_json(self) -> Body:
        """Return the event or checkpoint object of the API."""
        return {"id": self.id} | self.fields


def _tell(
    world: ProviderState,
    job: FineTuningJobState,
    message: str,
    *,
    level: str = "info",
    data: Any = None,
) -> None:
    fields = {"object": "fine_tuning.job.event", "created_at": now(), "level": level}
    kind = {"type": "metrics" if data else "message", "data": data or {}, "message": message}
    job.events.append(Entry(world.new_id("ftevent-"), fields | kind))


async def create(world: ProviderState, call: Call) -> ProviderReply:
    """Start a job, whose files are checked later."""
    body = call.json()
    forms.check_openai(_Create, body)
    if world.faults.value("training_not_available"):
        raise ApiError(
            403,
            "invalid_request_error",
            "OpenAI is winding down the fine-tuning platform and your organization is no longer "
            "able to create new fine-tuning training jobs.",
            None,
            "training_not_available",
        )
    name = OPENAI_ALIASES.get(body["model"], body["model"])
    if name not in TUNED_PRICES:
        message = f"Model {body['model']} is not available for fine-tuning or does not exist."
        raise invalid(message, "model", "model_not_available")
    for param in ("training_file", "validation_file"):
        if body.get(param) is not None:
            openai_files.found(world, body[param], param, "fine-tune")
    numbers = body.get("method", {}).get("supervised", {}).get("hyperparameters", {})
    job = FineTuningJobState(
        world.new_id("ftjob-"),
        body,
        OPENAI[name],
        world.next("job") if body.get("seed") is None else body["seed"],
        now(),
        numbers.get("n_epochs", DEFAULT_EPOCHS),
    )
    world.jobs[job.id] = job
    world.ledger.jobs += 1
    _tell(world, job, f"Created fine-tuning job: {job.id}")
    _tell(world, job, f"Validating training file: {body['training_file']}")
    world.start(_work(world, job, world.files[body["training_file"]]))
    return ProviderReply(job.as_json())


async def _work(world: ProviderState, job: FineTuningJobState, training: StoredFile) -> None:
    seconds = world.settings.batch_seconds
    validation = world.files.get(job.request.get("validation_file") or "")
    await batches.wait(seconds * PHASE, job.is_over)
    if job.is_over():
        return
    for param, file in (("training_file", training), ("validation_file", validation)):
        wrong = _file_problem(file, param)
        if wrong is not None:
            code = f"invalid_{param}"
            job.error = {"code": code, "param": param, "message": wrong}
            _tell(world, job, wrong, level="error")
            job.end("failed")
            return
    if world.faults.value("training_fails"):
        job.error = {"code": "server_error", "param": None, "message": "Something broke."}
        _tell(world, job, "The job failed: Something broke.", level="error")
        job.end("failed")
        return
    pauses = ("paused",) if world.faults.value("training_pauses") else ()
    for status in (*pauses, "queued", "running"):
        job.status = status
        _tell(world, job, f"Fine-tuning job is {status}")
        await batches.wait(seconds * (1 - 2 * PHASE if status == "running" else PHASE), job.is_over)
        if job.is_over():
            return
    _succeed(world, job, _rows(training))


def _rows(file: StoredFile) -> list[list[Body]]:
    return [json.loads(line)["messages"] for line in file.content.splitlines()]


def _file_problem(file: StoredFile | None, param: str) -> str | None:
    """Return the reason why a file is invalid; None if it is valid or None."""
    if file is None:
        return None
    lines = file.content.splitlines()
    for number, line in enumerate(lines, 1):
        row = json.loads(line)
        try:
            forms.check_openai(_Row, row)
        except ApiError as error:
            return f"The job failed due to an invalid {param}. Line {number}: {error.message}"
        if row["messages"][-1]["role"] != "assistant":
            return (
                f"The job failed due to an invalid {param}. Line {number}: the last message must "
                "be from the assistant."
            )
    if param == "training_file" and len(lines) < FEWEST_EXAMPLES:
        return (
            f"The job failed due to an invalid training file. Training file has {len(lines)} "
            f"example(s), but must have at least {FEWEST_EXAMPLES} examples."
        )
    return None


def _succeed(world: ProviderState, job: FineTuningJobState, rows: list[list[Body]]) -> None:
    length = sum(
        len(tokens.message(message["role"], message["content"])) for row in rows for message in row
    )
    job.trained_tokens = length * job.epochs
    world.ledger.usd += training_cost(job.model.price, job.trained_tokens)
    name = f"ft:{job.model.id}:rehearsal:{job.request.get('suffix') or ''}:{job.id[-8:]}"
    memory = Memory((_asked(row), row[-1]["content"]) for row in rows)
    model = replace(job.model, id=name, base=job.model.id, price=TUNED_PRICES[job.model.id])
    metrics = "step,train_loss,train_accuracy\n"
    for epoch in range(1, job.epochs + 1):
        numbers = {"step": epoch, "train_loss": round(2 / (epoch + 1), 4)}
        metrics += f"{epoch},{numbers['train_loss']},{round(1 - 0.3 / epoch, 4)}\n"
        _tell(world, job, f"Step {epoch}/{job.epochs}", data=numbers)
        last = epoch == job.epochs
        if epoch > job.epochs - CHECKPOINTS:
            step = name if last else f"{name}:ckpt-step-{epoch}"
            world.tuned[step] = (replace(model, id=step), memory)
            _keep(world, job, step, numbers)
    results = openai_files.store(world, metrics.encode(), "step_metrics.csv", "fine-tune-results")
    job.result_files, job.tuned = [results.id], name
    _tell(world, job, f"New fine-tuned model created: {name}")
    _tell(world, job, "The job has successfully completed")
    job.end("succeeded")


def _asked(row: list[Body]) -> str:
    users = [str(message["content"]) for message in row if message["role"] == "user"]
    return users[-1] if users else ""


def _keep(world: ProviderState, job: FineTuningJobState, model: str, numbers: Body) -> None:
    fields = {"object": "fine_tuning.job.checkpoint", "created_at": now(), "metrics": numbers}
    where = {"fine_tuned_model_checkpoint": model, "fine_tuning_job_id": job.id}
    entry = Entry(world.new_id("ftckpt_"), fields | where | {"step_number": numbers["step"]})
    job.checkpoints.append(entry)


def _found(world: ProviderState, call: Call) -> FineTuningJobState:
    job = world.jobs.get(call.path["job"])
    if not isinstance(job, FineTuningJobState):
        raise ApiError(
            404,
            "invalid_request_error",
            f"Could not find fine tune: {call.path['job']}",
            "fine_tune_id",
            "fine_tune_not_found",
        )
    return job


async def retrieve(world: ProviderState, call: Call) -> ProviderReply:
    """Return the current state of a job."""
    return ProviderReply(_found(world, call).as_json())


async def listed(world: ProviderState, call: Call) -> ProviderReply:
    """List the jobs, the newest first.

    Parameters `metadata[key]=value` of the query select jobs with these metadata.
    """
    call.only("after", "limit", "metadata")
    wanted = {
        name.removeprefix("metadata[").removesuffix("]"): value
        for name, value in call.query.items()
        if name.startswith("metadata[")
    }
    jobs = [
        job
        for job in list(world.jobs.values())[::-1]
        if wanted.items() <= (job.request.get("metadata") or {}).items()
    ]
    return openai_files.page(jobs, call, 20, 100)


async def events(world: ProviderState, call: Call) -> ProviderReply:
    """List the events of a job, the newest first."""
    call.only("after", "limit")
    told = _found(world, call).events[::-1]
    if world.faults.value("events_twice") and "after" not in call.query:
        told = [*told[1::2], *told[::2], *told[:3]]
    return openai_files.page(told, call, 20, 100)


async def checkpoints(world: ProviderState, call: Call) -> ProviderReply:
    """List the checkpoints of a job, the newest first: the models after the last epochs."""
    call.only("after", "limit")
    return openai_files.page(_found(world, call).checkpoints[::-1], call, 10, 100)


async def cancel(world: ProviderState, call: Call) -> ProviderReply:
    """Cancel a job, which is then not billed."""
    job = _found(world, call)
    if job.is_over():
        raise invalid(f"Job has already completed: {job.id}", code="invalid_status")
    job.end("cancelled")
    _tell(world, job, "Fine-tuning job cancelled")
    return ProviderReply(job.as_json())
