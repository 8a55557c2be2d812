"""How the official clients reach a server: proxies, redirects, time and size.

A server on this machine is never asked through a proxy. A prompt follows no redirect: the host that
it names is not the one that the user chose. An answer has a limit of bytes.
"""

import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

from distill.core.errors import InputError
from distill.core.hosts import is_here, proxy_variables, without_proxies
from distill.core.model_ref import SOURCES

TIMEOUT_SECONDS = 300.0  # without a byte
CONNECT_SECONDS = 10.0
MAX_BYTES = 32_000_000  # of an answer
MAX_PACKED_BYTES = 64_000  # of one that comes packed: a thousand times as much may be in it
PLAIN = {"accept-encoding": "identity"}

Client = TypeVar("Client")


class AnswerTooLarge(ValueError):
    """An answer of more bytes than any can have."""


def timeout(seconds: float = TIMEOUT_SECONDS) -> Any:
    """The clients' time limits: `seconds` without a byte, fewer for a connection."""
    import httpx2

    return httpx2.Timeout(seconds, connect=CONNECT_SECONDS)


def opened(
    make: Callable[..., Client], url: str | None, provider: str, *, limited: bool = False
) -> Client:
    """An HTTP client for a server's address, None for the provider's own; `limited` bounds answers.

    Raises InputError for a proxy or certificates in the environment that cannot be used.
    """
    address = url or os.environ.get(SOURCES[provider].base_url if provider in SOURCES else "", "")
    local = is_here(urlsplit(address).hostname or "")
    options: dict[str, Any] = {"event_hooks": {"response": [_limit]}} if limited else {}
    try:
        with without_proxies() if local else nullcontext():
            return make(
                verify=certificates(),
                follow_redirects=False,
                trust_env=not local,
                headers=PLAIN,
                **options,
            )
    except (ImportError, ValueError) as error:
        proxies = ", ".join(proxy_variables())
        raise InputError(
            f"{proxies or 'the proxy'} in the environment cannot be used: {error}. Unset it, or "
            "name an http:// proxy; NO_PROXY lists what is asked without one."
        ) from error


@cache
def certificates() -> ssl.SSLContext:
    """What servers are trusted by: made once, which takes longer than all the rest of a client.
    Raises InputError for a file of certificates that cannot be read."""
    import httpx2

    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        names = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
        where = ", ".join(f"{name}={os.environ[name]}" for name in names)
        raise InputError(
            f"the certificates of {where or 'this machine'} cannot be read: {error.strerror}"
        ) from error


class _Limited:
    """A response's stream that ends with AnswerTooLarge after so many bytes."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream, self._most = stream, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for part in self._stream:
            read += len(part)
            if read > self._most:
                raise AnswerTooLarge(f"the answer has more than {self._most:,} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _limit(response: Any) -> None:
    packed = response.headers.get("content-encoding", "identity").lower() != "identity"
    bounded = _bounded(response.stream, MAX_PACKED_BYTES if packed else MAX_BYTES)
    response.stream = bounded


@cache
def _limited_class() -> type[Any]:
    """httpx wants its own kind of stream, and importing it takes longer than `--help` may."""
    import httpx2

    return type("LimitedStream", (_Limited, httpx2.AsyncByteStream), {})


def _bounded(stream: Any, most: int) -> Any:
    return _limited_class()(stream, most)
