"""/v1/batches of OpenAI."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from distill.rehearsal.provider import batches, forms, openai_chat, openai_files
from distill.rehearsal.provider.errors import ApiError, openai_body
from distill.rehearsal.provider.forms import Form, Metadata
from distill.rehearsal.provider.state import Body, Call, ProviderReply, ProviderState, now

MOST_REQUESTS = 50_000
WINDOW = 24 * 3600
ENDS = ("completed", "expired", "failed", "cancelled")
# Share of a batch's time for each of its two short phases, validation and finalization.
PHASE = 0.1
_MESSAGES = {
    "batch_expired": "This request could not be executed before the completion window expired.",
    "batch_cancelled": "This request was not executed because the batch was cancelled.",
}


class _Create(Form):
    input_file_id: str
    endpoint: Literal["/v1/chat/completions"]
    completion_window: Literal["24h"]
    metadata: Metadata | None = None


class _Line(Form):
    custom_id: str = Field(min_length=1, max_length=512)
    method: Literal["POST"]
    url: str
    body: dict[str, Any]


@dataclass
class BatchState:
    """A batch and its results so far."""

    id: str
    number: int
    request: Body
    created_at: int
    status: str = "validating"
    times: dict[str, int] = field(default_factory=dict)
    errors: list[Body] = field(default_factory=list)
    total: int = 0
    answered: list[Body] = field(default_factory=list)
    failed: list[Body] = field(default_factory=list)
    output_file: str | None = None
    error_file: str | None = None
    odd: list[str] = field(default_factory=list)
    late_looks: int = 0

    def enter(self, status: str) -> None:
        """Set the status, and record the time."""
        self.status = status
        self.times[f"{status}_at"] = now()

    def is_cancelled(self) -> bool:
        """True if the client has asked to cancel the batch."""
        return self.status == "cancelling"

    def as_json(self) -> Body:
        """Return the batch object of the API."""
        names = ("in_progress", "finalizing", "cancelling", *ENDS)
        times = {f"{name}_at": self.times.get(f"{name}_at") for name in names}
        counts = {"total": self.total, "completed": len(self.answered) + len(self.odd)}
        late = self.status == "completed" and self.late_looks > 0
        self.late_looks -= late
        return times | {
            "id": self.id,
            "object": "batch",
            "endpoint": self.request["endpoint"],
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "input_file_id": self.request["input_file_id"],
            "completion_window": self.request["completion_window"],
            "status": self.status,
            "output_file_id": None if late else self.output_file,
            "error_file_id": self.error_file,
            "created_at": self.created_at,
            "expires_at": self.created_at + WINDOW,
            "request_counts": counts | {"failed": len(self.failed)},
            "metadata": self.request.get("metadata"),
        }


async def create(world: ProviderState, call: Call) -> ProviderReply:
    """Start a batch, whose file is checked later."""
    body = call.json()
    forms.check_openai(_Create, body)
    openai_files.found(world, body["input_file_id"], "input_file_id", "batch")
    batch = BatchState(world.new_id("batch_"), world.next("batch"), body, now())
    world.batches[batch.id] = batch
    world.ledger.batch_created(body.get("metadata"))
    world.start(_work(world, batch))
    return ProviderReply(batch.as_json())


async def _work(world: ProviderState, batch: BatchState) -> None:
    seconds = world.settings.batch_seconds
    content = world.files[batch.request["input_file_id"]].content
    await batches.wait(seconds * PHASE, batch.is_cancelled)
    lines = [json.loads(line) for line in content.splitlines()]
    batch.errors = _line_errors(lines, batch.request["endpoint"]) or _queue_errors(world, lines)
    if batch.errors:
        batch.enter("failed")
        return
    batch.total = len(lines)
    if not batch.is_cancelled():
        batch.enter("in_progress")
    order = batches.shuffled(lines, world.settings.random_seed + batch.number)
    expired = False
    async for line in batches.paced(order, seconds * (1 - 2 * PHASE), batch.is_cancelled):
        expired |= _answer(world, batch, line)
    if not batch.is_cancelled():
        batch.enter("finalizing")
        await batches.wait(seconds * PHASE, batch.is_cancelled)
    _finish(world, batch, expired=expired)


def _line_errors(lines: list[Body], endpoint: str) -> list[Body]:
    """Return the errors in a batch's lines; [] if there are none."""
    errors: list[Body] = []
    seen: set[str] = set()

    def wrong(number: int, code: str, message: str, param: str | None = None) -> None:
        errors.append({"code": code, "line": number, "message": message, "param": param})

    if len(lines) > MOST_REQUESTS:
        wrong(MOST_REQUESTS + 1, "too_many_tasks", f"more than {MOST_REQUESTS} requests")
        return errors
    model = None
    for number, line in enumerate(lines, 1):
        try:
            forms.check_openai(_Line, line)
        except ApiError as error:
            wrong(number, error.code or "invalid_request", error.message, error.param)
            continue
        if line["custom_id"] in seen:
            wrong(number, "duplicate_custom_id", "The custom_id is not unique.", "custom_id")
        if line["url"] != endpoint:
            wrong(number, "mismatched_url", "The url is not the batch's endpoint.", "url")
        model = model or line["body"].get("model")
        if line["body"].get("model") != model:
            wrong(number, "mismatched_model", "All requests must ask the same model.", "body.model")
        seen.add(line["custom_id"])
    return errors


def _queue_errors(world: ProviderState, lines: list[Body]) -> list[Body]:
    """Return an error if unfinished batches have too many lines; [] if not.

    The real provider counts prompt tokens instead.
    """
    most = int(world.faults.value("queue"))
    waiting = sum(other.total for other in world.batches.values() if other.status not in ENDS)
    if not most or waiting + len(lines) <= most:
        return []
    message = f"Enqueued token limit reached for {lines[0]['body']['model']}."
    return [{"code": "token_limit_exceeded", "line": None, "message": message, "param": None}]


def _answer(world: ProviderState, batch: BatchState, line: Body) -> bool:
    """Answer a line of a batch, and return True if the line has expired."""
    told: Body = {
        "id": world.new_id("batch_req_"),
        "custom_id": line["custom_id"],
        "response": None,
        "error": None,
    }
    fault = world.faults.of_line(world.next("line")) if not batch.is_cancelled() else None
    unasked = "batch_cancelled" if batch.is_cancelled() else None
    if unasked is None and fault == "expire":
        unasked = "batch_expired"
    if unasked is not None:
        error = {"code": unasked, "message": _MESSAGES[unasked]}
        batch.failed.append(told | {"error": error})
        return unasked == "batch_expired"
    status, body = (0, {}) if fault == "no_status" else _body(world, line["body"], fault)
    response = {"status_code": status, "request_id": world.new_id("req_"), "body": body}
    if fault == "no_status":
        empty = {"status_code": 0, "request_id": "", "body": {}}
        batch.failed.append(told | {"response": empty})
        return False
    if fault in ("broken_line", "empty_line"):
        whole = json.dumps(told | {"response": response})
        text = json.dumps(told) if fault == "empty_line" else whole[: len(whole) // 2]
        batch.odd.append(text)
        return False
    (batch.answered if status == 200 else batch.failed).append(told | {"response": response})
    return False


def _body(world: ProviderState, body: Any, fault: str | None) -> tuple[int, Body]:
    try:
        if fault == "batch_error":
            raise ApiError(500, "server_error", "The server had an error processing the request.")
        return 200, openai_chat.answer(world, body, batch=True, fault=fault)
    except ApiError as error:
        return error.status, openai_body(error, "")


def _finish(world: ProviderState, batch: BatchState, *, expired: bool) -> None:
    unknown, twice = (int(world.faults.value(name)) for name in ("unknown_id", "twice"))
    output = batches.with_strays(batch.answered, unknown, twice)
    batch.output_file = _file(world, f"{batch.id}_output.jsonl", output, batch.odd)
    batch.late_looks = int(world.faults.value("late_files"))
    batch.error_file = _file(world, f"{batch.id}_error.jsonl", batch.failed)
    ends = "cancelled" if batch.is_cancelled() else "expired" if expired else "completed"
    batch.enter(ends)


def _file(
    world: ProviderState, name: str, lines: list[Body], odd: Sequence[str] = ()
) -> str | None:
    if not lines and not odd:
        return None
    text = "".join(f"{line}\n" for line in [*odd, *map(json.dumps, lines)])
    return openai_files.store(world, text.encode(), name, "batch_output").id


def _found(world: ProviderState, call: Call) -> BatchState:
    batch = world.batches.get(call.path["batch"])
    if not isinstance(batch, BatchState):
        message = f"No batch found with id '{call.path['batch']}'."
        raise ApiError(404, "invalid_request_error", message)
    return batch


async def retrieve(world: ProviderState, call: Call) -> ProviderReply:
    """Return the current state of a batch."""
    return ProviderReply(_found(world, call).as_json())


async def listed(world: ProviderState, call: Call) -> ProviderReply:
    """List all batches, the newest first."""
    call.only("after", "limit")
    return openai_files.page(list(world.batches.values())[::-1], call, 20, 100)


async def cancel(world: ProviderState, call: Call) -> ProviderReply:
    """Cancel the unanswered requests of a batch."""
    batch = _found(world, call)
    if batch.status not in ("validating", "in_progress", "finalizing", "cancelling"):
        message = f"Cannot cancel a batch with status '{batch.status}'."
        raise ApiError(409, "invalid_request_error", message)
    if not batch.is_cancelled():
        batch.enter("cancelling")
    return ProviderReply(batch.as_json())
