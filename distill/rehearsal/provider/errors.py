"""Errors of the providers' APIs, and their bodies."""

from dataclasses import dataclass
from typing import Any


@dataclass
class ApiError(Exception):
    """An error answer, with a status of 400 or more; `kind` is the `type` in its body."""

    status: int
    kind: str
    message: str
    param: str | None = None
    code: str | None = None


def openai_body(error: ApiError, request_id: str) -> dict[str, Any]:
    """Return an error's body in the form of api.openai.com."""
    fields = {"message": error.message, "type": error.kind}
    return {"error": fields | {"param": error.param, "code": error.code}}


def anthropic_body(error: ApiError, request_id: str) -> dict[str, Any]:
    """Return an error's body in the form of api.anthropic.com."""
    fields = {"type": error.kind, "message": error.message}
    return {"type": "error", "error": fields, "request_id": request_id}


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """Return the error for an invalid request, with status 400."""
    return ApiError(400, "invalid_request_error", message, param, code)
