"""The application of the stand-in: the paths of the providers and of the bill."""

from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from distill.rehearsal.provider import (
    anthropic_batches,
    anthropic_messages,
    openai_batches,
    openai_chat,
    openai_decisions,
    openai_files,
    openai_finetuning,
    systemone,
)
from distill.rehearsal.provider.endpoint import Endpoint, Purpose
from distill.rehearsal.provider.errors import ApiError, anthropic_body, openai_body
from distill.rehearsal.provider.state import Handler, ProviderState


@dataclass(frozen=True)
class EitherProvider:
    """A path that both providers have; Anthropic's clients are recognised by a header."""

    openai: Endpoint
    anthropic: Endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the form of the provider that the client expects."""
        versioned = any(name == b"anthropic-version" for name, _ in scope["headers"])
        await (self.anthropic if versioned else self.openai)(scope, receive, send)


_BATCHES, _JOBS = "/v1/messages/batches", "/v1/fine_tuning/jobs"
_OPENAI: list[tuple[str, str, Handler, Purpose]] = [
    ("POST", "/v1/chat/completions", openai_chat.create, "ask"),
    ("POST", "/v1/decisions", openai_decisions.create, "ask"),
    ("POST", "/v1/files", openai_files.create, "create"),
    ("GET", "/v1/files", openai_files.listed, "look"),
    ("DELETE", "/v1/files/{file}", openai_files.delete, "look"),
    ("GET", "/v1/files/{file}/content", openai_files.content, "look"),
    ("POST", "/v1/batches", openai_batches.create, "create"),
    ("GET", "/v1/batches", openai_batches.listed, "look"),
    ("GET", "/v1/batches/{batch}", openai_batches.retrieve, "look"),
    ("POST", "/v1/batches/{batch}/cancel", openai_batches.cancel, "look"),
    ("POST", _JOBS, openai_finetuning.create, "create"),
    ("GET", _JOBS, openai_finetuning.listed, "look"),
    ("GET", _JOBS + "/{job}", openai_finetuning.retrieve, "look"),
    ("POST", _JOBS + "/{job}/cancel", openai_finetuning.cancel, "look"),
    ("GET", _JOBS + "/{job}/events", openai_finetuning.events, "look"),
    ("GET", _JOBS + "/{job}/checkpoints", openai_finetuning.checkpoints, "look"),
]
_ANTHROPIC: list[tuple[str, str, Handler, Purpose]] = [
    ("POST", "/v1/messages", anthropic_messages.create, "ask"),
    ("POST", _BATCHES, anthropic_batches.create, "create"),
    ("GET", _BATCHES, anthropic_batches.listed, "look"),
    ("GET", _BATCHES + "/{batch}", anthropic_batches.retrieve, "look"),
    ("POST", _BATCHES + "/{batch}/cancel", anthropic_batches.cancel, "look"),
    ("GET", _BATCHES + "/{batch}/results", anthropic_batches.results, "look"),
]


def build(world: ProviderState) -> Starlette:
    """Build the application with all paths."""

    async def bill(request: Request) -> Response:
        return JSONResponse(world.ledger.as_json())

    async def unknown(request: Request, error: Exception) -> Response:
        world.ledger.refused += 1
        status = getattr(error, "status_code", 404)
        message = f"Invalid URL ({request.method} {request.url.path})"
        if "anthropic-version" in request.headers:
            error = ApiError(status, "not_found_error", message)
            return JSONResponse(anthropic_body(error, world.new_id("req_")), status)
        error = ApiError(status, "invalid_request_error", message, None, "unknown_url")
        return JSONResponse(openai_body(error, ""), status)

    routes = [Route("/rehearsal/bill", bill)]
    for method, path, handler, purpose in _OPENAI:
        endpoint = Endpoint(world, "openai", handler, purpose)
        routes.append(Route(path, endpoint, methods=[method]))
    for method, path, handler, purpose in _ANTHROPIC:
        endpoint = Endpoint(world, "anthropic", handler, purpose)
        routes.append(Route(path, endpoint, methods=[method]))
    of_systemone = Endpoint(world, "systemone", systemone.create, "ask")
    routes.append(Route("/v1/systemone", of_systemone, methods=["POST"]))
    either = EitherProvider(
        Endpoint(world, "openai", openai_chat.model, "look"),
        Endpoint(world, "anthropic", anthropic_messages.model, "look"),
    )
    routes.append(Route("/v1/models/{model}", either, methods=["GET"]))
    return Starlette(routes=routes, exception_handlers={404: unknown, 405: unknown})
