"""/v1/files of OpenAI, and the paged lists for files, batches and fine-tuning jobs."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from distill.rehearsal.provider import batches
from distill.rehearsal.provider.errors import ApiError, invalid
from distill.rehearsal.provider.state import (
    Call,
    ProviderReply,
    ProviderState,
    StoredFile,
    now,
)

PURPOSES = ("batch", "fine-tune")
LARGEST = {"batch": 200 * 2**20, "fine-tune": 512 * 2**20}


def page(items: Sequence[batches.Listed], call: Call, default: int, most: int) -> ProviderReply:
    """Return the page of a list that the query's `after` and `limit` select."""
    limit = call.whole("limit", default, 1, most)
    part, more = batches.page(items, call.query.get("after"), limit)
    body = {"object": "list", "data": [item.as_json() for item in part]}
    ends = (part[0].id, part[-1].id) if part else (None, None)
    return ProviderReply(body | {"first_id": ends[0], "last_id": ends[1], "has_more": more})


async def create(world: ProviderState, call: Call) -> ProviderReply:
    """Store an uploaded file."""
    form = await _form(call)
    given = form.get("file")
    if not isinstance(given, UploadFile):
        raise invalid("Missing required parameter: 'file'.", "file", "missing_required_parameter")
    purpose = str(form.get("purpose", ""))
    if purpose not in PURPOSES:
        raise invalid(f"'{purpose}' is not one of {list(PURPOSES)} - 'purpose'", "purpose")
    content = await given.read()
    name = given.filename or "upload"
    _check(content, name, purpose)
    file = store(world, content, name, purpose)
    world.ledger.uploaded(content)
    return ProviderReply(file.as_json())


async def _form(call: Call) -> Mapping[str, Any]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield call.body

    if not call.headers.get("content-type", "").startswith("multipart/form-data"):
        raise invalid("Invalid Content-Type header, expected multipart/form-data.")
    try:
        form = await MultiPartParser(Headers(dict(call.headers)), stream()).parse()
    except MultiPartException as error:
        raise invalid(f"Could not parse multipart form: {error.message}") from None
    for name in form:
        if name not in ("file", "purpose"):
            raise invalid(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    return form


def _check(content: bytes, name: str, purpose: str) -> None:
    if not name.endswith(".jsonl"):
        raise invalid(f"Invalid file format for {purpose}. Must be .jsonl", "file")
    if len(content) > LARGEST[purpose]:
        raise ApiError(413, "invalid_request_error", "The file is too large.", "file")
    lines = content.splitlines()
    if not lines:
        raise invalid("The file is empty.", "file", "empty_file")
    for number, line in enumerate(lines, 1):
        try:
            fine = isinstance(json.loads(line), dict)
        except ValueError:
            fine = False
        if not fine:
            raise invalid(
                "Expected file to have JSONL format, where every line is a valid JSON dictionary. "
                f"Line {number} is not a dictionary.",
                "file",
            )


def store(world: ProviderState, content: bytes, name: str, purpose: str) -> StoredFile:
    """Store an uploaded file, or a file of the stand-in's results."""
    file = StoredFile(world.new_id("file-"), content, name, purpose, now())
    world.files[file.id] = file
    return file


def found(
    world: ProviderState, name: str, param: str = "id", purpose: str | None = None
) -> StoredFile:
    """Return the file with an id. Raises ApiError if there is none, or if its purpose differs."""
    file = world.files.get(name)
    if file is None and purpose is None:
        raise ApiError(404, "invalid_request_error", f"No such File object: {name}", param)
    if file is None or purpose not in (None, file.purpose):
        raise invalid(f"Invalid file id {name}: no file for {purpose}.", param, "invalid_value")
    return file


async def listed(world: ProviderState, call: Call) -> ProviderReply:
    """List all files, the newest first."""
    call.only("after", "limit", "purpose")
    purpose = call.query.get("purpose")
    gone = world.deleted if world.faults.value("files_linger") else []
    files = [file for file in (*world.files.values(), *gone) if purpose in (None, file.purpose)]
    return page(files[::-1], call, 10_000, 10_000)


async def content(world: ProviderState, call: Call) -> ProviderReply:
    """Return a file's content."""
    return ProviderReply(found(world, call.path["file"]).content, media="application/octet-stream")


async def delete(world: ProviderState, call: Call) -> ProviderReply:
    """Delete a file."""
    file = found(world, call.path["file"])
    del world.files[file.id]
    world.deleted.append(file)
    return ProviderReply({"id": file.id, "object": "file", "deleted": True})
