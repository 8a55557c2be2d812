"""OpenAI's batches: a file of requests is uploaded, a batch is made of it, its results are files.

The tag is the file's name and the batch's metadata "distill".
"""

import json
from collections.abc import Iterator, Sequence, Set
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal

from distill.backends.apis.openai import body
from distill.backends.apis.wire import NO_KEY
from distill.backends.batches.jobs import Entry, Job, Line, unanswered
from distill.backends.failures import is_retried
from distill.backends.keys import key_of
from distill.records import Attempt, Endpoint

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types import Batch

MOST_REQUESTS = 50_000
MOST_BYTES = 200 * 10**6
URL: Literal["/v1/chat/completions"] = "/v1/chat/completions"
TAG = "distill"
ENDED = ("completed", "failed", "expired", "cancelled")
NEVER_ASKED = ("batch_expired", "batch_cancelled")
TOO_MUCH_WAITING = "token_limit_exceeded"
UPLOAD_SECONDS = 600.0


def connect(endpoint: Endpoint) -> "AbstractContextManager[OpenAI]":
    """The client, which does not retry by itself: a second creation would be a second bill."""
    import openai

    return openai.OpenAI(
        base_url=endpoint.url,
        api_key=key_of(endpoint) or NO_KEY,
        max_retries=0,
        timeout=UPLOAD_SECONDS,
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
    row = json.loads(text)
    name, response, error = row["custom_id"], row.get("response"), row.get("error")
    if error:
        code = str(error.get("code"))
        return unanswered(name, f"{code}: {error.get('message')}", retry=code in NEVER_ASKED)
    status = response["status_code"]
    if status != 200:
        said = (response["body"].get("error") or {}).get("message")
        return unanswered(name, f"{status}: {said}", retry=is_retried(status))
    return Line(name, response["body"])


def _job(batch: "Batch") -> Job:
    errors = (batch.errors.data or []) if batch.errors else []
    problem = "; ".join(
        f"line {row.line}: {row.message}" if row.line else str(row.message) for row in errors[:3]
    )
    return Job(
        id=batch.id,
        ended=batch.status in ENDED,
        problem=(problem or "no reason given") if batch.status == "failed" else "",
        too_long=any(row.code == TOO_MUCH_WAITING for row in errors),
        cut_short=batch.status in ("expired", "cancelled"),
        files=tuple(file for file in (batch.output_file_id, batch.error_file_id) if file),
    )
