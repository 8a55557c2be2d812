"""HTTP transport of the official clients: proxies, redirects, timeouts and size limits.

A server on this machine is never reached through a proxy. A prompt does not follow redirects,
because the user did not choose the new host. An answer has a maximum number of bytes.
"""

import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

from distill.core.api_keys import key_of
from distill.core.errors import InputError
from distill.core.hosts import is_here, proxy_variables, without_proxies
from distill.core.model_ref import SOURCES
from distill.core.requests import Endpoint

TIMEOUT_SECONDS = 300.0  # without receiving a byte
CONNECT_SECONDS = 10.0
MAX_BYTES = 32_000_000  # per answer
MAX_PACKED_BYTES = 64_000  # per compressed answer, which may expand a thousandfold
# Several encodings in a row, br and zstd expand a millionfold.
READ_ENCODINGS = ("identity", "", "gzip", "x-gzip", "deflate")
MAX_SHOWN = 40  # characters of an encoding in a message
PLAIN = {"accept-encoding": "identity"}

NO_KEY = "none-needed"

Client = TypeVar("Client")


class AnswerTooLarge(ValueError):
    """The error that an answer has more bytes than allowed, or a refused encoding."""


def timeout(seconds: float = TIMEOUT_SECONDS) -> Any:
    """Return a client's timeouts: `seconds` between bytes, CONNECT_SECONDS to connect."""
    import httpx2

    return httpx2.Timeout(seconds, connect=CONNECT_SECONDS)


def client_of(
    make: Callable[..., Client],
    http: Callable[..., Any],
    endpoint: Endpoint,
    *,
    seconds: float = TIMEOUT_SECONDS,
    limited: bool = False,
) -> Client:
    """Return an endpoint's official client, without its own retries.

    `make`, `http`: the classes of the client and of its HTTP client. `seconds`: the timeout between
    bytes. `limited`: True to limit the bytes of answers. Raises the InputError of `opened`.
    """
    return make(
        base_url=endpoint.url,
        api_key=key_of(endpoint) or NO_KEY,
        max_retries=0,
        timeout=timeout(seconds),
        http_client=opened(http, endpoint.url, endpoint.model.api, limited=limited),
    )


def opened(
    make: Callable[..., Client], url: str | None, provider: str, *, limited: bool = False
) -> Client:
    """Return an HTTP client for a server's address, or for the provider's own if `url` is None.

    `limited`: True to limit the bytes of answers. Raises InputError if a proxy or certificates in
    the environment cannot be used.
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
            f"{proxies or 'the proxy'} in the environment cannot be used: {error}. Unset it, set "
            "an http:// proxy, or add the server's host to NO_PROXY."
        ) from error


@cache
def certificates() -> ssl.SSLContext:
    """Return the trusted certificates, loaded once because loading is slow.

    Raises InputError if a file of certificates cannot be read.
    """
    import httpx2

    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        names = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
        where = ", ".join(f"{name}={os.environ[name]}" for name in names)
        raise InputError(
            f"the certificates of {where or 'this machine'} cannot be read: {error.strerror}. Set "
            "SSL_CERT_FILE to a readable file of certificates, or unset it."
        ) from error


class _Limited:
    """A response stream that raises AnswerTooLarge after `most` bytes.

    `refused`: the content encoding that is not read, or "".
    """

    def __init__(self, stream: Any, most: int, refused: str) -> None:
        self._stream, self._most, self._refused = stream, most, refused

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._refused:
            raise AnswerTooLarge(
                f"the answer is compressed with {self._refused}, which was not requested"
            )
        read = 0
        async for part in self._stream:
            read += len(part)
            if read > self._most:
                raise AnswerTooLarge(f"the answer has more than {self._most:,} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _limit(response: Any) -> None:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    most = MAX_BYTES if encoding in ("", "identity") else MAX_PACKED_BYTES
    refused = "" if encoding in READ_ENCODINGS else encoding[:MAX_SHOWN]
    response.stream = _bounded(response.stream, most, refused)


@cache
def _limited_class() -> type[Any]:
    """Return the stream class that httpx requires, imported late to keep `--help` fast."""
    import httpx2

    return type("LimitedStream", (_Limited, httpx2.AsyncByteStream), {})


def _bounded(stream: Any, most: int, refused: str) -> Any:
    return _limited_class()(stream, most, refused)
