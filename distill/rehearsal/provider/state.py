"""The state of a running stand-in, and the records of requests, answers and files."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Any

from distill.rehearsal.provider import Settings, memory
from distill.rehearsal.provider.billing import ProviderLedger
from distill.rehearsal.provider.errors import invalid
from distill.rehearsal.provider.faults import Faults
from distill.rehearsal.provider.limits import Limits
from distill.rehearsal.provider.memory import Memory
from distill.rehearsal.provider.models import OPENAI, OPENAI_ALIASES, OpenAIModel
from distill.rehearsal.provider.tokens import PrefixCache

Body = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A request with its complete body."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    fault: str | None = None

    def json(self) -> Any:
        """Parse the body. Raises ApiError if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise invalid(
                "We could not parse the JSON body of your request. (HINT: This likely means you "
                "aren't using your HTTP library correctly.)"
            ) from None

    def only(self, *names: str) -> None:
        """Raise ApiError if the query has any parameter except `names`."""
        for name in self.query:
            if name.partition("[")[0] not in names:
                raise invalid(f"Unknown parameter: '{name}'.", name, "unknown_parameter")

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """Return a whole number from the query, or the default if it is missing.

        Raises ApiError for a value that is not a number from `low` to `high`.
        """
        given = self.query.get(name)
        if given is None:
            return default
        if not given.isdigit() or not low <= int(given) <= high:
            message = f"Invalid value for '{name}': expected an integer from {low} to {high}."
            raise invalid(message, name, "invalid_value")
        return int(given)


@dataclass(frozen=True)
class ProviderReply:
    """An answer, whose body is an object to send as JSON, or bytes."""

    body: Any
    status: int = 200
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """Return the bytes to send."""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        )


Handler = Callable[["ProviderState", Call], Awaitable[ProviderReply]]


@dataclass
class StoredFile:
    """A file at OpenAI."""

    id: str
    content: bytes
    name: str
    purpose: str
    created_at: int

    def as_json(self) -> Body:
        """Return the file object of the API."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_at,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


class ProviderState:
    """The state of a stand-in."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.memory = memory.load(settings.seeds)
        self.faults = Faults(settings.random_seed, settings.faults)
        self.ledger = ProviderLedger()
        self.cache = PrefixCache()
        rate = settings.requests_per_second
        names = ("openai", "anthropic", "systemone")
        self.limits: dict[str, Limits] = {}
        if rate is not None:
            windows = settings.rate_windows
            self.limits = {n: Limits(rate, time.monotonic, windows=windows) for n in names}
        self.files: dict[str, StoredFile] = {}
        self.deleted: list[StoredFile] = []
        self.batches: dict[str, Any] = {}
        self.message_batches: dict[str, Any] = {}
        self.jobs: dict[str, Any] = {}
        self.tuned: dict[str, tuple[OpenAIModel, Memory]] = {}
        self.at_once = 0
        self._numbers: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def next(self, kind: str) -> int:
        """Return the next number of a kind: 0, 1, 2, …"""
        self._numbers[kind] += 1
        return self._numbers[kind] - 1

    def new_id(self, prefix: str) -> str:
        """Return a new id in the providers' style."""
        number = self.next(prefix)
        text = f"{self.settings.random_seed} {prefix} {number}"
        return prefix + blake2b(text.encode(), digest_size=12).hexdigest()

    def random(self, name: str) -> Random:
        """Return the random generator for the answer to a request; `name` is the body's hash."""
        return Random(int(name[:16], 16) ^ self.settings.random_seed)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # the event loop only has weak references to tasks
        task.add_done_callback(self._tasks.discard)

    def openai_model(self, name: object) -> tuple[OpenAIModel, Memory] | None:
        """Return a model and the rows behind its answers; None if the model does not exist."""
        if not isinstance(name, str):
            return None
        model = OPENAI.get(OPENAI_ALIASES.get(name, name))
        return (model, self.memory) if model else self.tuned.get(name)


def now() -> int:
    """Return the Unix time in whole seconds, as in the providers' objects."""
    return int(time.time())
