"""The calls for OpenAI's fine-tuning jobs through its official client."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from distill.core.api_keys import required_key
from distill.core.errors import DistillError, TrainingEnded
from distill.core.requests import Endpoint, Model
from distill.llm.failures import explain, is_retried
from distill.llm.providers.openai import KEY
from distill.llm.providers.transport import opened, timeout
from distill.pricing.finetuning import training_usd
from distill.pricing.token_prices import MachinePrice
from distill.train.trainers.base import TrainJob

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.fine_tuning import FineTuningJob


Answer = TypeVar("Answer")
AUTO = "gpt-4o-mini-2024-07-18"
TAG = "distill"
FILES = ("training_file", "validation_file")
ENDED = ("succeeded", "failed", "cancelled")
PAUSES_SECONDS = (3.0, 6.0, 12.0, 24.0, 48.0)
# A new job may be missing in the list for a while, as may a finished job's token counts.
LATE_SECONDS = (3.0, 6.0, 12.0, 24.0)
CREATING = "creating"  # a file that exists from the first request to create a job
UPLOAD_SECONDS = 600.0
TRAIN_HERE = 'or train here: student.trainer = "unsloth", student.base = "auto"'
REFUSED = (
    "OpenAI no longer lets this account start fine-tuning jobs: it is ending the service, first "
    "for accounts without recent jobs. Nothing was billed; {files}. Train here instead, with "
    'student.trainer = "unsloth" and student.base = "auto": every stored answer is reused. Or use '
    "a small model without training: the report can compare one."
)


@contextmanager
def connected(model: str) -> "Iterator[OpenAI]":
    """Yield the official client without its own retries; a job created twice is billed twice.

    Raises InputError without an API key. Raises DistillError for the client's errors; the message
    does not contain the key.
    """
    import openai

    required_key(KEY, f"student.trainer openai ({model})", TRAIN_HERE)
    try:
        with openai.OpenAI(
            max_retries=0,
            timeout=timeout(UPLOAD_SECONDS),
            http_client=opened(openai.DefaultHttpxClient, None, "openai"),
        ) as client:
            yield client
    except (openai.OpenAIError, json.JSONDecodeError) as error:
        endpoint = Endpoint(None, Model(model, None, "openai"), 1, MachinePrice(Decimal(0), 1), KEY)
        raise DistillError(
            f"{explain(error, endpoint).message}\nRun the same command to continue; a job that has "
            "started continues at OpenAI."
        ) from error


def find(client: "OpenAI", tag: str) -> "FineTuningJob | None":
    """Return the job with a tag that is running or has succeeded; None if there is none.

    The tag is also compared here, because a gateway may ignore the filter by metadata.
    """
    for job in _readable(client.fine_tuning.jobs.list(metadata={TAG: tag}, limit=100)):
        if (job.metadata or {}).get(TAG) == tag and job.status not in ("failed", "cancelled"):
            return job
    return None


def _readable(answer: Answer) -> Answer:
    """Check that an answer is not a proxy's page, which the client returns as text.

    Returns the answer. Raises DistillError for a page.
    """
    if isinstance(answer, str):
        raise DistillError(
            f"the answer from OpenAI's address is not OpenAI's JSON: {answer[:200]!r}. Check the "
            "proxy and OPENAI_BASE_URL."
        )
    return answer


def create(client: "OpenAI", job: TrainJob) -> "FineTuningJob":
    """Upload missing files and create the job.

    A file that is listed but no longer exists is uploaded again."""
    import openai

    try:
        return _start(client, job, anew=False)
    except openai.BadRequestError as error:
        if error.param not in FILES:
            raise
        return _start(client, job, anew=True)


def _start(client: "OpenAI", job: TrainJob, *, anew: bool) -> "FineTuningJob":
    """Create a job on the files. If the account may not train, delete the files and raise."""
    import openai

    paths = zip(FILES, (job.train, job.validation), strict=True)
    files: dict[str, Any] = {
        param: _file(client, path, anew=anew) for param, path in paths if path.read_bytes().strip()
    }
    numbers: Any = {key: value for key, value in job.recipe.items() if key != "seed"}
    (job.out / CREATING).touch()
    try:
        made = client.fine_tuning.jobs.create(
            model=job.base,
            method={"type": "supervised", "supervised": {"hyperparameters": numbers}},
            metadata={TAG: job.tag},
            seed=int(str(job.recipe["seed"])),
            suffix=TAG,
            **files,
        )
    except openai.PermissionDeniedError as error:
        if error.code != "training_not_available":
            raise
        raise TrainingEnded(REFUSED.format(files=_removed(client, files.values()))) from error
    return _readable(made)


def _removed(client: "OpenAI", files: Iterable[str]) -> str:
    """Delete the files of an account that may not train, and return a phrase on the result."""
    import openai

    left = []
    for file in files:
        try:
            client.files.delete(file)
        except openai.APIError:
            left.append(file)
    return f"these files are left there: {', '.join(left)}" if left else "the files were deleted"


def _file(client: "OpenAI", path: Path, *, anew: bool) -> str:
    """Return the id of a file with this content, uploaded if it is missing or `anew` is set."""
    content = b"".join(map(last_answer_only, path.read_bytes().splitlines(keepends=True)))
    name = f"{TAG}-{sha256(content).hexdigest()[:32]}.jsonl"
    known = None
    if not anew:
        files = _readable(client.files.list(purpose="fine-tune", limit=10_000))
        known = next((file.id for file in files if file.filename == name), None)
    if known is None:
        known = _readable(client.files.create(file=(name, content), purpose="fine-tune")).id
    return known


def last_answer_only(line: bytes) -> bytes:
    """Return a training row in which only the last answer is learnt.

    OpenAI learns every turn of the assistant, unless its weight is 0.
    """
    messages = json.loads(line)["messages"]
    earlier = [turn for turn in messages[:-1] if turn["role"] == "assistant"]
    if not earlier:
        return line
    for turn in earlier:
        turn["weight"] = 0
    return json.dumps({"messages": messages}, ensure_ascii=False).encode() + b"\n"


def patiently(call: Callable[[], Answer]) -> Answer:
    """Make a call, with retries after temporary errors, and return its result.

    The call must first search for existing objects, so that a lost response creates nothing twice.
    """
    import openai

    for pause in PAUSES_SECONDS:
        try:
            return call()
        except openai.APIStatusError as error:
            if not is_retried(error.status_code):
                raise
        except (openai.APIConnectionError, json.JSONDecodeError):
            pass
        time.sleep(pause)
    return call()


def is_incomplete(found: "FineTuningJob") -> bool:
    """True if a job has succeeded but its model or its trained tokens are missing."""
    told = found.fine_tuned_model and found.trained_tokens is not None
    return found.status == "succeeded" and not told


def cancel(tag: str) -> Decimal | None:
    """Cancel the job with a tag, and return its bill so far in USD; None if no job is running."""
    with connected(AUTO) as client:
        found = find(client, tag)
        if found is None or found.status in ENDED:
            return None
        stopped = client.fine_tuning.jobs.cancel(found.id)
        return training_usd(stopped.model, stopped.trained_tokens or 0)
