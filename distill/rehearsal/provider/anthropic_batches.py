"""/v1/messages/batches of Anthropic."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from distill.rehearsal.provider import anthropic_messages, batches, forms
from distill.rehearsal.provider.errors import ApiError, anthropic_body, invalid
from distill.rehearsal.provider.forms import Form
from distill.rehearsal.provider.state import Body, Call, ProviderReply, ProviderState

MOST_REQUESTS = 100_000


class _Request(Form):
    custom_id: str = Field(pattern="^[a-zA-Z0-9_-]{1,64}$")
    params: dict[str, Any]


class _Create(Form):
    requests: list[_Request] = Field(min_length=1, max_length=MOST_REQUESTS)


@dataclass
class MessageBatch:
    """A batch and its results so far."""

    id: str
    number: int
    requests: list[Body]
    results_url: str
    created: datetime
    status: str = "in_progress"
    canceled: datetime | None = None
    ended: datetime | None = None
    lines: list[Body] = field(default_factory=list)

    def as_json(self) -> Body:
        """Return the batch object of the API.

        Before the batch ends, all requests are counted as processing.
        """
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        if self.ended is None:
            counts["processing"] = len(self.requests)
        sent = {request["custom_id"] for request in self.requests}
        told = {line["custom_id"]: line["result"]["type"] for line in self.lines}
        for name in sent & set(told) if self.ended else ():
            counts[told[name]] += 1
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": self.status,
            "request_counts": counts,
            "created_at": _time(self.created),
            "expires_at": _time(self.created + timedelta(hours=24)),
            "ended_at": _time(self.ended),
            "cancel_initiated_at": _time(self.canceled),
            "archived_at": None,
            "results_url": self.results_url if self.ended else None,
        }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def create(world: ProviderState, call: Call) -> ProviderReply:
    """Start a batch, whose requests are checked later."""
    body = call.json()
    forms.check_anthropic(_Create, body)
    names = Counter(request["custom_id"] for request in body["requests"])
    if len(names) < len(body["requests"]):
        twice = names.most_common(1)[0][0]
        raise invalid(f"requests: custom_id must be unique, {twice!r} is not")
    name = world.new_id("msgbatch_")
    url = f"{call.base_url}/v1/messages/batches/{name}/results"
    batch = MessageBatch(
        name, world.next("message batch"), body["requests"], url, datetime.now(UTC)
    )
    world.message_batches[name] = batch
    world.ledger.batch_created(None)
    world.start(_work(world, batch))
    return ProviderReply(batch.as_json())


async def _work(world: ProviderState, batch: MessageBatch) -> None:
    order = batches.shuffled(batch.requests, world.settings.random_seed + batch.number)
    seconds = world.settings.batch_seconds
    async for request in batches.paced(order, seconds, lambda: batch.canceled is not None):
        result = {"type": "canceled"} if batch.canceled else _result(world, request["params"])
        batch.lines.append({"custom_id": request["custom_id"], "result": result})
    unknown, twice = (int(world.faults.value(name)) for name in ("unknown_id", "twice"))
    batch.lines = batches.with_strays(batch.lines, unknown, twice)
    batch.status, batch.ended = "ended", datetime.now(UTC)


def _result(world: ProviderState, params: Any) -> Body:
    fault = world.faults.of_line(world.next("line"))
    if fault == "expire":
        return {"type": "expired"}
    try:
        if fault == "batch_error":
            raise ApiError(500, "api_error", "Internal server error")
        message = anthropic_messages.answer(world, params, batch=True, fault=fault)
    except ApiError as error:
        return {"type": "errored", "error": anthropic_body(error, world.new_id("req_"))}
    return {"type": "succeeded", "message": message}


def _found(world: ProviderState, call: Call) -> MessageBatch:
    batch = world.message_batches.get(call.path["batch"])
    if not isinstance(batch, MessageBatch):
        raise ApiError(404, "not_found_error", f"Message batch {call.path['batch']} not found.")
    return batch


async def retrieve(world: ProviderState, call: Call) -> ProviderReply:
    """Return the current state of a batch."""
    return ProviderReply(_found(world, call).as_json())


async def listed(world: ProviderState, call: Call) -> ProviderReply:
    """List all batches, the newest first."""
    call.only("after_id", "limit")
    found = list(world.message_batches.values())[::-1]
    limit = call.whole("limit", 20, 1, 1000)
    part, more = batches.page(found, call.query.get("after_id"), limit)
    return ProviderReply(
        {
            "data": [batch.as_json() for batch in part],
            "has_more": more,
            "first_id": part[0].id if part else None,
            "last_id": part[-1].id if part else None,
        }
    )


async def cancel(world: ProviderState, call: Call) -> ProviderReply:
    """Cancel the unanswered requests of a batch."""
    batch = _found(world, call)
    if batch.ended is None and batch.canceled is None:
        batch.status, batch.canceled = "canceling", datetime.now(UTC)
    return ProviderReply(batch.as_json())


async def results(world: ProviderState, call: Call) -> ProviderReply:
    """Return a JSON line for each request of an ended batch, in any order."""
    batch = _found(world, call)
    if batch.ended is None:
        raise ApiError(404, "not_found_error", "The results are not available yet.")
    text = "".join(json.dumps(line) + "\n" for line in batch.lines)
    return ProviderReply(text.encode(), media="application/x-jsonl")
