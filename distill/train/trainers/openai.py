"""OpenAI's fine-tuning jobs: upload the files, create or find the job, follow it to its end.

A file's name contains a hash of its content, and a job's metadata contains its tag. An interrupted
command can thus find its files and jobs again, and creates nothing twice.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.core.api_keys import required_key
from distill.core.errors import DistillError, InputError, TrainingEnded
from distill.llm.providers.openai import KEY
from distill.llm.tokens import most_of_chat, of_chat
from distill.pricing.finetuning import FEWEST_EXAMPLES, NO_NEW_JOBS, TUNABLE, training_usd
from distill.serve.context_length import Chat
from distill.task.kinds import AnswerForm
from distill.train.trainers import openai_jobs
from distill.train.trainers.base import Base, HostedModel, OnSteps, TrainJob, TrainResult

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent


PROVIDER = "openai"
DEFAULT_EPOCHS = 3
MOST_EPOCHS = 50
# Settings that OpenAI does not support, with their values in a task that does not set them.
NOT_TAKEN = {
    **{"rank": None, "alpha": None, "dropout": 0.0, "rslora": False},
    **{"learning_rate": None, "load_in_4bit": None},
}
MOST_BATCH, MOST_SEED = 256, 2**31 - 1
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
CLOSING = (
    f"OpenAI accepts no new fine-tuning jobs from {NO_NEW_JOBS} on, and refuses many accounts "
    "already. The trained model ends on {shutdown}, {days} days from now. For a lasting student, "
    'train here: student.trainer = "unsloth".'
)


def automatic() -> str:
    """Return the name of the base that `auto` selects."""
    return openai_jobs.AUTO


def suits(form: AnswerForm) -> None:
    """Accept every form, because a language model can write any answer."""


def check(choices: Mapping[str, Any]) -> str:
    """Return the notice on the end of the service, to show before anything is billed.

    Raises InputError for a base that OpenAI does not train (any more). Raises InputError for a
    setting that OpenAI does not support, or if the API key is not set.
    """
    if set_ := [key for key, unsaid in NOT_TAKEN.items() if choices[key] != unsaid]:
        raise InputError(
            f"student.{set_[0]}: OpenAI does not support it: set only epochs, batch_size and seed"
        )
    base = locate(choices["base"])
    recipe(choices, base, labelled=False)
    name, today = base.name, datetime.now(UTC).date()
    if why := closed(today):
        raise InputError(f'student.trainer: {why}. Train here: student.trainer = "unsloth"')
    required_key(KEY, f"student.trainer openai ({name})", openai_jobs.TRAIN_HERE)
    return closing(name, today)


cancel = openai_jobs.cancel


def closed(today: date) -> str:
    """Return a sentence on the end of new fine-tuning jobs; "" before that day."""
    since = f"OpenAI has accepted no new fine-tuning jobs since {NO_NEW_JOBS}"
    return since if today >= NO_NEW_JOBS else ""


def lifetime(base: str) -> str:
    """Describe in short how long the service takes jobs, and how long base and students last."""
    ends = TUNABLE[base].shutdown
    return f"no new jobs from {NO_NEW_JOBS} on; base and students end on {ends}"


def closing(base: str, today: date) -> str:
    """Return a sentence on the end dates of the service and the model."""
    shutdown = TUNABLE[base].shutdown
    return CLOSING.format(shutdown=shutdown, days=(shutdown - today).days)


def locate(base: str) -> Base:
    """Return the base. Raises InputError for a base that OpenAI does not train."""
    name = openai_jobs.AUTO if base == "auto" else base
    if name not in TUNABLE:
        known = ", ".join(TUNABLE)
        raise InputError(f"student.base: OpenAI does not train {name!r}: choose one of {known}")
    return Base(name, name, "OpenAI's terms of use")


def recipe(choices: Mapping[str, Any], base: Base, *, labelled: bool) -> dict[str, object]:
    """Return a job's hyperparameters. Raises InputError for values that OpenAI does not accept."""
    epochs = choices["epochs"] or DEFAULT_EPOCHS
    if epochs != int(epochs) or epochs > MOST_EPOCHS:
        raise InputError(f"student.epochs: must be a whole number up to {MOST_EPOCHS} at OpenAI")
    if (choices["batch_size"] or 1) > MOST_BATCH:
        raise InputError(f"student.batch_size: must be at most {MOST_BATCH} at OpenAI")
    if not 0 <= choices["seed"] <= MOST_SEED:
        raise InputError(f"student.seed: must be from 0 to {MOST_SEED} at OpenAI")
    values = {"n_epochs": int(epochs), "seed": choices["seed"]}
    return values | ({"batch_size": choices["batch_size"]} if choices["batch_size"] else {})


def longer_than(chats: Sequence[Chat], base: Base, choices: Mapping[str, Any]) -> dict[int, int]:
    """Return index → estimated tokens of each chat above the base's limit for an example."""
    limit = TUNABLE[base.name].example_tokens
    counts = enumerate(map(of_chat, chats))
    return {place: count for place, count in counts if count > limit}


def total_steps(job: TrainJob) -> None:
    """Return None, because OpenAI does not state the number of steps."""


def worst_usd(job: TrainJob) -> Decimal:
    """Return the maximum bill in USD for any tokenizer, to be reserved before the job is created.

    Validation rows are priced like training rows, because no page states their price.
    """
    chats = chain(_chats(job.train), _chats(job.validation))
    return training_usd(job.base, sum(map(most_of_chat, chats)) * _epochs(job))


def expected_usd(job: TrainJob) -> Decimal:
    """Estimate the bill in USD from the estimated tokens."""
    return training_usd(job.base, sum(map(of_chat, _chats(job.train))) * _epochs(job))


def _chats(path: Path) -> Iterator[Chat]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["messages"]


def _epochs(job: TrainJob) -> int:
    return int(str(job.recipe["n_epochs"]))


def train(job: TrainJob, on_steps: OnSteps) -> TrainResult:
    """Create the job, or find it again; wait for its end, and return the result.

    Raises InputError for too few rows. Raises DistillError if the job failed or was cancelled, the
    account may not train, or the provider cannot be reached.
    """
    rows = job.train.read_bytes().count(b"\n")
    if rows < FEWEST_EXAMPLES:
        raise InputError(
            f"OpenAI trains on at least {FEWEST_EXAMPLES} examples, but only {rows} were kept: "
            "generate more"
        )
    with openai_jobs.connected(job.base) as client:
        known = openai_jobs.patiently(lambda: _known(client, job))
        made = known or openai_jobs.patiently(
            lambda: _known(client, job) or openai_jobs.create(client, job)
        )
        return replace(_follow(client, made.id, job, on_steps), made_now=known is None)


def is_made(job: TrainJob) -> bool:
    """True if OpenAI has a job with this tag that is running or has succeeded.

    Raises the errors of `train`."""
    with openai_jobs.connected(job.base) as client:
        return openai_jobs.patiently(lambda: _known(client, job)) is not None


def _known(client: "OpenAI", job: TrainJob) -> "FineTuningJob | None":
    """Return OpenAI's record of the job; None if there is none.

    After an earlier creation request, the search takes longer. Its response may have been lost, and
    a job that is created twice is billed twice.
    """
    found = openai_jobs.find(client, job.tag)
    for pause in openai_jobs.LATE_SECONDS if (job.out / openai_jobs.CREATING).exists() else ():
        if found:
            break
        time.sleep(pause)
        found = openai_jobs.find(client, job.tag)
    return found


def _follow(client: "OpenAI", job_id: str, job: TrainJob, on_steps: OnSteps) -> TrainResult:
    """Wait for the end of the job, write its events to the log, and return the result."""
    told: dict[str, FineTuningJobEvent] = {}
    pause, late = FIRST_PAUSE_SECONDS, list(openai_jobs.LATE_SECONDS)
    while True:
        # The state is read before the events, so that the last reading has all events.
        found = openai_jobs.patiently(lambda: client.fine_tuning.jobs.retrieve(job_id))
        new = openai_jobs.patiently(lambda: _new_events(client, job_id, told))
        _write_log(job.log, told)
        on_steps(sum(bool(_loss(event)) for event in new))
        if found.status in openai_jobs.ENDED and not (openai_jobs.is_incomplete(found) and late):
            return _ended(client, found, job, told)
        if found.status in openai_jobs.ENDED:
            time.sleep(late.pop(0))
            continue
        pause = FIRST_PAUSE_SECONDS if new else min(2 * pause, LONGEST_PAUSE_SECONDS)
        time.sleep(pause)


def _new_events(
    client: "OpenAI", job_id: str, told: dict[str, "FineTuningJobEvent"]
) -> list["FineTuningJobEvent"]:
    """Return the events that are not in `told`, and add them to it.

    OpenAI lists the newest events first, and some twice."""
    new: dict[str, FineTuningJobEvent] = {}
    for page in client.fine_tuning.jobs.list_events(job_id, limit=100).iter_pages():
        fresh = {event.id: event for event in page.data if event.id not in told}
        new |= fresh
        if not fresh:
            break
    told |= new
    return list(new.values())


def _write_log(log: Path, told: Mapping[str, "FineTuningJobEvent"]) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{datetime.fromtimestamp(event.created_at, UTC).isoformat()} {event.level} {event.message}"
        for event in sorted(told.values(), key=lambda event: event.created_at)
    ]
    log.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def _loss(event: "FineTuningJobEvent") -> dict[str, float]:
    """Return the step and the losses of an event; {} if it has none."""
    data = event.data if isinstance(event.data, dict) else {}
    names = {"train_loss": "loss", "valid_loss": "validation_loss"}
    values = {names[key]: float(value) for key, value in data.items() if key in names and value}
    return {"step": float(data["step"])} | values if values and "step" in data else {}


def _ended(
    client: "OpenAI",
    found: "FineTuningJob",
    job: TrainJob,
    told: Mapping[str, "FineTuningJobEvent"],
) -> TrainResult:
    billed = training_usd(job.base, found.trained_tokens or 0)
    bill = f"It was billed ${billed}." if billed else "It was not billed."
    if found.status == "cancelled":
        raise TrainingEnded(
            f"the job was cancelled at OpenAI. {bill} Run the same command to start a new one",
            billed,
        )
    if found.status == "failed":
        said = found.error.message if found.error else "no reason given"
        raise TrainingEnded(
            f"OpenAI's job {found.id} failed: {said}\n{bill} Its events are in {job.log}",
            billed,
        )
    if not found.fine_tuned_model:
        raise DistillError(
            f"OpenAI's job {found.id} has succeeded, but its model has no name yet. Run the same "
            "command later to check again."
        )
    _write_record(client, found, job.out)
    losses = {row["step"]: row for row in map(_loss, told.values()) if row}
    name, tokens = found.fine_tuned_model, found.trained_tokens
    model = HostedModel(name, billed)
    if tokens is None:
        model = HostedModel(name, expected_usd(job), worst_usd(job))
    return TrainResult(
        model,
        trained_tokens=tokens or 0,
        kept_step=int(max(losses, default=0)),
        losses=tuple(losses[step] for step in sorted(losses)),
    )


def _write_record(client: "OpenAI", found: "FineTuningJob", out: Path) -> None:
    """Write OpenAI's job object, and its list of checkpoints, to `job.json`."""
    checkpoints = client.fine_tuning.jobs.checkpoints
    kept = openai_jobs.patiently(lambda: list(checkpoints.list(found.id, limit=100)))
    record = {"job": found.to_dict(), "checkpoints": [row.to_dict() for row in kept]}
    (out / "job.json").write_text(json.dumps(record, indent=2, default=str), encoding="utf-8")
