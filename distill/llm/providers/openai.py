"""OpenAI: models, chat completions and batches, through its official client.

Parameters that a model refuses are not sent, because OpenAI answers such a request with a 400.
Source: the SDK of November 2026 (openai 3.54) and the provider's pages.

A batch is an uploaded file of requests, and its results are files. The tag is in the file's name
and in the batch's metadata, as "distill".
"""

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from distill.core.errors import InputError
from distill.core.model_ref import SOURCES
from distill.core.requests import Attempt, Endpoint, Model, Request
from distill.llm.batches import BatchApi
from distill.llm.batches.jobs import Entry, Job, Line, unanswered
from distill.llm.failures import is_retried
from distill.llm.providers import openai_compatible
from distill.llm.providers.endpoints import endpoint_of, looked_up
from distill.llm.providers.openai_compatible import constraint, turns
from distill.llm.providers.transport import client_of, opened
from distill.llm.providers.wire import Body, ProviderApi
from distill.llm.tokens import PromptTokens
from distill.pricing.token_prices import Rates, TokenPrice, token_price
from distill.serve import ServerSettings

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types import Batch


ROOM_TO_REASON = 2048
CACHE_MINIMUM, CACHE_STEP = 1024, 128  # tokens


@dataclass(frozen=True, slots=True)
class OpenAIModel:
    """The parameters that a model accepts.

    `sampling`: True if the model accepts temperature and seed.
    `stop`: True if the model accepts stop sequences.
    `effort`: the reasoning effort to send, or "" to send none.
    `reasoning_tokens`: the tokens allowed for reasoning beyond the answer.
    `logprobs`: True if the model returns log probabilities.
    """

    sampling: bool
    stop: bool
    effort: str
    reasoning_tokens: int
    logprobs: bool = False


PLAIN = OpenAIModel(sampling=True, stop=True, effort="", reasoning_tokens=0, logprobs=True)
SWITCHED_OFF = OpenAIModel(sampling=True, stop=False, effort="none", reasoning_tokens=0)
REASONS = OpenAIModel(sampling=False, stop=False, effort="low", reasoning_tokens=ROOM_TO_REASON)
UNKNOWN = OpenAIModel(sampling=False, stop=False, effort="", reasoning_tokens=ROOM_TO_REASON)

# The first matching prefix counts. A fine-tuned model accepts the parameters of its base.
OPENAI_MODELS = {
    "gpt-4o": PLAIN,
    "gpt-4.1": PLAIN,
    "gpt-6-luna": SWITCHED_OFF,
    "gpt-6.1-terra": SWITCHED_OFF,
    "gpt-6": REASONS,
    "gpt-5": REASONS,
}

KEY = SOURCES["openai"].key


def identify(argument: str) -> Model:
    """Return the model with that id."""
    return Model(argument, None, "openai")


def price(argument: str, rates: Mapping[str, Rates]) -> TokenPrice:
    """Return a model's price for online requests."""
    return token_price("openai", argument, rates)


@contextmanager
def serve(model: Model, settings: ServerSettings) -> Iterator[Endpoint]:
    """Yield OpenAI's endpoint (OPENAI_BASE_URL if set), after a lookup of the model."""
    endpoint = endpoint_of(model, settings, KEY)
    check_model(endpoint, model.name)
    yield endpoint


def check_model(endpoint: Endpoint, name: str) -> None:
    """Check that the key is accepted, and that the model exists and is not shut down.

    The lookup is free. `name`: OpenAI's id of the model. Raises the errors of `looked_up`, and
    InputError for a model that was shut down.
    """
    import openai

    with openai.OpenAI(
        max_retries=2,
        http_client=opened(openai.DefaultHttpxClient, endpoint.url, endpoint.model.api),
    ) as client:
        retrieve = partial(client.models.retrieve, name)
        found = looked_up(retrieve, openai.APIError, endpoint)
    end = getattr(found, "shutdown_date", None)
    if end and date.fromisoformat(str(end)[:10]) <= datetime.now(UTC).date():
        raise InputError(f"{name} was shut down on {end}: choose another teacher")


def body(request: Request) -> Body:
    """Return the JSON of a request to OpenAI itself, without parameters that the model refuses.

    A reasoning model gets extra tokens for its reasoning. The service tier is set, because the
    project's own tier may cost more than any price here.
    """
    model, sampling = openai_model(request.model), request.sampling
    values: Body = {
        "model": request.model,
        "messages": turns(request),
        "max_completion_tokens": sampling.max_tokens + model.reasoning_tokens,
        "service_tier": "default",
    }
    if model.effort:
        values["reasoning_effort"] = model.effort
    if model.sampling:
        values |= {"temperature": sampling.temperature, "seed": sampling.seed}
    if sampling.logprobs and model.logprobs:
        values["logprobs"] = True
    if sampling.stop and model.stop:
        values["stop"] = list(sampling.stop)
    return values | constraint(request)


MAX_BATCH_REQUESTS = 50_000
MAX_BATCH_BYTES = 200 * 10**6
URL: Literal["/v1/chat/completions"] = "/v1/chat/completions"
TAG = "distill"
ENDED = ("completed", "failed", "expired", "cancelled")
NEVER_ASKED = ("batch_expired", "batch_cancelled")
LEAST_STATUS = 100
TOO_MUCH_WAITING = "token_limit_exceeded"
UPLOAD_SECONDS = 600.0


def connect_to_batches(endpoint: Endpoint) -> "AbstractContextManager[OpenAI]":
    """Return the client without its own retries, because a batch created twice is billed twice."""
    import openai

    return client_of(openai.OpenAI, openai.DefaultHttpxClient, endpoint, seconds=UPLOAD_SECONDS)


def batch_entry(attempt: Attempt) -> Entry:
    """Return an attempt as an entry of a batch, one line of its file."""
    called = {"method": "POST", "url": URL, "body": body(attempt.request)}
    return {"custom_id": attempt.id} | called


def create_batch(client: "OpenAI", tag: str, entries: Sequence[Entry], *, again: bool) -> Job:
    """Upload the file and submit the batch; with `again`, reuse a file from an earlier try."""
    file_id = _uploaded(client, tag) if again else None
    if file_id is None:
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in entries)
        name = (_file_name(tag), content.encode("utf-8"))
        file_id = client.files.create(file=name, purpose="batch").id
    made = client.batches.create(
        input_file_id=file_id, endpoint=URL, completion_window="24h", metadata={TAG: tag}
    )
    return _job(made)


def _file_name(tag: str) -> str:
    return f"{TAG}-{tag}.jsonl"


def _uploaded(client: "OpenAI", tag: str) -> str | None:
    files = client.files.list(purpose="batch", limit=10_000)
    return next((file.id for file in files if file.filename == _file_name(tag)), None)


def find_batch(client: "OpenAI", tag: str, ids: Set[str], others: Set[str]) -> Job | None:
    """Find a batch in the provider's list by its metadata; None if there is none."""
    made = (b for b in client.batches.list(limit=100) if (b.metadata or {}).get(TAG) == tag)
    found = next(made, None)
    return _job(found) if found else None


def batch_status(client: "OpenAI", job_id: str) -> Job:
    """Return the state of a batch."""
    return _job(client.batches.retrieve(job_id))


def cancel_batch(client: "OpenAI", job_id: str) -> None:
    """Stop a batch, which may take ten minutes to end."""
    import openai

    try:
        client.batches.cancel(job_id)
    except openai.ConflictError:
        return  # the batch has ended by itself


def batch_results(client: "OpenAI", job: Job) -> Iterator[Line]:
    """Yield the lines of the batch's files: answers and errors."""
    for file in job.files:
        with client.files.with_streaming_response.content(file) as response:
            for text in response.iter_lines():
                if text.strip():
                    yield _line(text)


def _line(text: str) -> Line:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return Line("")
    name = row.get("custom_id") if isinstance(row, dict) else None
    if not isinstance(name, str):
        return Line("")
    response, error = row.get("response"), row.get("error")
    if error:
        code, said = _part(error, "code"), _part(error, "message") or error
        status = 0 if code in NEVER_ASKED else 400
        return unanswered(name, f"{code}: {said}", retry=status == 0, status=status)
    if not isinstance(response, dict):
        return Line(name)  # the request may have been answered
    status, body = _part(response, "status_code"), _part(response, "body")
    if not isinstance(status, int) or isinstance(status, bool) or status < LEAST_STATUS:
        return unanswered(name, f"no status: {response}", retry=True)
    if status != 200:
        said = _part(_part(body, "error"), "message") or body
        retry = is_retried(status)
        return unanswered(name, f"{status}: {said}", retry=retry, status=status)
    return Line(name, body if isinstance(body, dict) else {})


def _part(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _job(batch: "Batch") -> Job:
    errors = (batch.errors.data or []) if batch.errors else []
    problem = "; ".join(
        f"line {row.line}: {row.message}" if row.line else str(row.message) for row in errors[:3]
    )
    answered = batch.request_counts.completed if batch.request_counts else 0
    return Job(
        id=batch.id,
        ended=batch.status in ENDED,
        late=batch.status == "completed" and answered > 0 and not batch.output_file_id,
        problem=(problem or "no reason given") if batch.status == "failed" else "",
        too_long=any(row.code == TOO_MUCH_WAITING for row in errors),
        cut_short=batch.status in ("expired", "cancelled"),
        files=tuple(file for file in (batch.output_file_id, batch.error_file_id) if file),
    )


def cached_and_written(model: Model, prompt: PromptTokens, *, warm: bool) -> tuple[int, int]:
    usable = _in_steps(prompt.total)
    read = _in_steps(prompt.shared) if warm else 0
    return read, usable - read


def _in_steps(tokens: int) -> int:
    """Return the number of leading tokens that can be cached; 0 below CACHE_MINIMUM.

    Only whole steps are cached. The count is an estimate, so half a step is deducted on average.
    """
    return 0 if tokens < CACHE_MINIMUM else tokens - CACHE_STEP // 2


def openai_model(name: str) -> OpenAIModel:
    """Return the parameters that an OpenAI model accepts."""
    base = name.removeprefix("ft:")
    return next((m for prefix, m in OPENAI_MODELS.items() if base.startswith(prefix)), UNKNOWN)


APIS: dict[str, ProviderApi] = {
    "openai": ProviderApi(
        openai_compatible.connect,
        openai_compatible.failures,
        body,
        openai_compatible.send_chat,
        openai_compatible.read_tiered_chat,
    )
}
BATCHES = BatchApi(
    max_requests=MAX_BATCH_REQUESTS,
    max_bytes=MAX_BATCH_BYTES,
    connect=connect_to_batches,
    entry=batch_entry,
    create=create_batch,
    find=find_batch,
    status=batch_status,
    cancel=cancel_batch,
    results=batch_results,
)
