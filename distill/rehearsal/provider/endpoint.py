"""The handling of requests to a path: authentication, rate limit, faults and delivery."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from distill.rehearsal.provider.anthropic_params import VERSION
from distill.rehearsal.provider.errors import ApiError, anthropic_body, invalid, openai_body
from distill.rehearsal.provider.state import Call, Handler, ProviderReply, ProviderState

CUT = "distill.cut"
"""The key in a request's scope for the function that closes the connection."""
PROXY_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1>"
    b"</center><hr><center>nginx</center></body></html>"
)

REQUEST_IDS = {
    "openai": "x-request-id",
    "anthropic": "request-id",
    "systemone": "x-typesafe-request-id",
}

Purpose = Literal["ask", "create", "look"]


@dataclass(frozen=True)
class Endpoint:
    """A path of a provider.

    `purpose`: "ask" for requests to a model, which are rate limited; "create" for other requests
        that cost money; "look" for requests without a bill.
    """

    world: ProviderState
    provider: Literal["openai", "anthropic", "systemone"]
    handler: Handler
    purpose: Purpose

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive)
        if self.provider == "openai" and "anthropic-version" in request.headers:
            raise HTTPException(404)
        fault = self.world.faults.of_request(self.world.next("request"))
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        if self.purpose == "ask":
            reply = await self._counted(request, body, fault)
        else:
            reply = await self._reply(request, body, fault)
        if reply is None:
            await _cut(scope, receive)
            return
        await _deliver(reply, fault if reply.status == 200 else None, request, send)

    async def _counted(
        self, request: Request, body: bytes, fault: str | None
    ) -> ProviderReply | None:
        """Answer a request to a model, and count concurrent requests.

        The count is lowered before the answer is sent, since the client may send its next request
        immediately afterwards.
        """
        world = self.world
        world.at_once += 1
        world.ledger.most_at_once = max(world.ledger.most_at_once, world.at_once)
        try:
            reply = await self._reply(request, body, fault)
            if reply is not None and reply.status == 200 and world.settings.latency:
                await asyncio.sleep(world.settings.latency)
            return reply
        finally:
            world.at_once -= 1

    async def _reply(
        self, request: Request, body: bytes, fault: str | None
    ) -> ProviderReply | None:
        """Return the answer to a request; None to close the connection instead."""
        request_id = self.world.new_id("req_")
        try:
            self._authenticate(request.headers)
            self._let_through()
            if fault == "hang":
                await _until_client_is_gone(request.receive)
            if fault in ("hang", "cut_before"):
                return None
            self._fail(fault)
            reply = await self.handler(self.world, _call(request, body, fault))
        except ApiError as error:
            reply = self._refusal(error, request_id)
        headers = {REQUEST_IDS[self.provider]: request_id}
        return ProviderReply(
            reply.body, reply.status, reply.media, {**headers, **self._limits(), **reply.headers}
        )

    def _authenticate(self, headers: Mapping[str, str]) -> None:
        key = headers.get("authorization", "")
        known = key.startswith("Bearer ") and key.removeprefix("Bearer ").strip()
        if self.provider == "openai" and not known:
            raise ApiError(
                401,
                "invalid_request_error",
                "You didn't provide an API key. You need to provide your API key in an "
                "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            )
        if self.provider == "systemone" and not known:
            raise ApiError(403, "permission_error", "Authorization: Bearer is required")
        if self.provider != "anthropic":
            return
        if not known:
            raise ApiError(401, "authentication_error", "Authorization: Bearer is required")
        version = headers.get("anthropic-version")
        if version is None:
            raise invalid("anthropic-version: header is required")
        if version != VERSION:
            raise invalid(f"anthropic-version: {version!r} is not a version the rehearsal speaks")

    def _let_through(self) -> None:
        limits = self.world.limits.get(self.provider)
        if limits is not None and self.purpose == "ask" and not limits.requests.take():
            raise self._too_many()

    def _too_many(self) -> ApiError:
        if self.provider == "anthropic":
            return ApiError(
                429,
                "rate_limit_error",
                "This request would exceed your organization's rate limit of requests per minute.",
            )
        return ApiError(
            429,
            "requests",
            "Rate limit reached on requests per min (RPM). Please try again later.",
            code="rate_limit_exceeded",
        )

    def _fail(self, fault: str | None) -> None:
        """Raise the error of a fault that replaces the answer; do nothing for other faults."""
        ours = self.provider == "anthropic"
        if fault == "429":
            raise self._too_many()
        if fault == "500":
            kind = "api_error" if ours else "server_error"
            raise ApiError(500, kind, "The server had an error while processing your request.")
        if fault == "529":
            if self.provider == "openai":
                raise ApiError(503, "server_error", "The engine is overloaded.")
            raise ApiError(529, "overloaded_error", "Overloaded")
        if fault == "html":
            raise ApiError(502, "html", "Bad Gateway")
        if self.world.faults.value("no_credit") and self.purpose != "look":
            raise _no_credit(self.provider)

    def _refusal(self, error: ApiError, request_id: str) -> ProviderReply:
        self.world.ledger.refused += 1
        if error.kind == "html":
            return ProviderReply(PROXY_PAGE, error.status, "text/html")
        body = anthropic_body if self.provider == "anthropic" else openai_body
        limited = (429, 529) if self.provider == "systemone" else (429,)
        headers = self._retry_after() if error.status in limited else {}
        return ProviderReply(body(error, request_id), error.status, headers=headers)

    def _retry_after(self) -> dict[str, str]:
        slow = self.world.faults.value("slow_retry_after")
        if slow:
            return {"retry-after": str(math.ceil(slow))}
        if not self.world.settings.rate_headers:
            return {}
        limits = self.world.limits.get(self.provider)
        seconds = limits.requests.seconds_until(1) if limits is not None else 1.0
        headers = {"retry-after": str(max(1, math.ceil(seconds)))}
        if self.provider == "openai":
            headers["retry-after-ms"] = str(max(1, math.ceil(seconds * 1000)))
        return headers

    def _limits(self) -> dict[str, str]:
        limits = self.world.limits.get(self.provider)
        if limits is None or not self.world.settings.rate_headers or self.provider == "systemone":
            return {}
        ours = self.provider == "anthropic"
        return limits.anthropic_headers() if ours else limits.openai_headers()


def _no_credit(provider: str) -> ApiError:
    if provider != "anthropic":
        return ApiError(
            429,
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.",
            code="insufficient_quota",
        )
    return invalid(
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing "
        "to upgrade or purchase credits."
    )


def _call(request: Request, body: bytes, fault: str | None) -> Call:
    return Call(
        request.path_params,
        request.query_params,
        request.headers,
        body,
        f"http://{request.headers.get('host', '')}",
        fault,
    )


async def _until_client_is_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cut(scope: Scope, receive: Receive) -> None:
    """Close the connection, and discard unsent data."""
    scope[CUT]()
    await _until_client_is_gone(receive)


async def _deliver(reply: ProviderReply, fault: str | None, request: Request, send: Send) -> None:
    content = reply.content()
    if fault == "broken_json":
        content = content[: len(content) // 2]
    headers = dict(reply.headers)
    response = Response(content, reply.status, headers, reply.media)
    if fault != "cut":
        await response(request.scope, request.receive, send)
        return
    start: dict[str, Any] = {"type": "http.response.start", "status": reply.status}
    await send(start | {"headers": response.raw_headers})
    half = content[: len(content) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})
    await _cut(request.scope, request.receive)
