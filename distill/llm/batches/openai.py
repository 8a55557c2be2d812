"""OpenAI's batches: a file of requests is uploaded, a batch is made of it, its results are files.

The tag is the file's name and the batch's metadata "distill".
"""

import json
from collections.abc import Iterator, Sequence, Set
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal

from distill.core.api_keys import key_of
from distill.core.requests import Attempt, Endpoint
from distill.llm.batches.jobs import Entry, Job, Line, unanswered
from distill.llm.failures import is_retried
from distill.llm.providers.openai import body
from distill.llm.providers.transport import opened, timeout
from distill.llm.providers.wire import NO_KEY

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types import Batch

MOST_REQUESTS = 50_000
MOST_BYTES = 200 * 10**6
URL: Literal["/v1/chat/completions"] = "/v1/chat/completions"
TAG = "distill"
ENDED = ("completed", "failed", "expired", "cancelled")
NEVER_ASKED = ("batch_expired", "batch_cancelled")
LEAST_STATUS = 100
TOO_MUCH_WAITING = "token_limit_exceeded"
UPLOAD_SECONDS = 600.0


def connect(endpoint: Endpoint) -> "AbstractContextManager[OpenAI]":
    """The client, which does not retry by itself: a second creation would be a second bill."""
    import openai

    return openai.OpenAI(
        base_url=endpoint.url,
        api_key=key_of(endpoint) or NO_KEY,
        max_retries=0,
        timeout=timeout(UPLOAD_SECONDS),
        http_client=opened(openai.DefaultHttpxClient, endpoint.url, endpoint.model.api),
    )


def entry(attempt: Attempt) -> Entry:
    """A line of the file."""
    called = {"method": "POST", "url": URL, "body": body(attempt.request)}
    return {"custom_id": attempt.id} | called


def create(client: "OpenAI", tag: str, entries: Sequence[Entry], *, again: bool) -> Job:
    """Upload and submit; a file that was uploaded before is taken as it is."""
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


def find(client: "OpenAI", tag: str, ids: Set[str], others: Set[str]) -> Job | None:
    """By its metadata: the list has no filter for it."""
    made = (b for b in client.batches.list(limit=100) if (b.metadata or {}).get(TAG) == tag)
    found = next(made, None)
    return _job(found) if found else None


def look(client: "OpenAI", job_id: str) -> Job:
    """How far it is."""
    return _job(client.batches.retrieve(job_id))


def cancel(client: "OpenAI", job_id: str) -> None:
    """It may take ten minutes until it has ended."""
    import openai

    try:
        client.batches.cancel(job_id)
    except openai.ConflictError:
        return  # it has ended by itself


def results(client: "OpenAI", job: Job) -> Iterator[Line]:
    """The lines of its files: what was answered, what was not."""
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
        return unanswered(name, f"{code}: {said}", retry=code in NEVER_ASKED, status=status)
    if not isinstance(response, dict):
        return Line(name)  # nobody can tell whether it was answered
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
