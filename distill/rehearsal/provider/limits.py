"""The rate limit of a stand-in: a token bucket, and the headers of both providers.

As at the providers, the limit is stated per minute and enforced per second. At most one second's
requests pass at once.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

TOKENS_PER_REQUEST = 2000
"""The stated limit of tokens, as a multiple of the limit of requests. It is not enforced."""


@dataclass
class Bucket:
    """A token bucket that gains `per_second` each second, up to `capacity`."""

    per_second: float
    clock: Callable[[], float]
    capacity: float = field(init=False)
    _level: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self.capacity = max(1.0, self.per_second)
        self._level, self._at = self.capacity, self.clock()

    def level(self) -> float:
        """Return the current level."""
        now = self.clock()
        self._level = min(self.capacity, self._level + (now - self._at) * self.per_second)
        self._at = now
        return self._level

    def take(self, amount: float = 1.0, *, force: bool = False) -> bool:
        """Take an amount, and return True if the bucket had enough.

        With `force`, a bucket without enough is emptied.
        """
        enough = self.level() >= amount
        if enough or force:
            self._level = max(0.0, self._level - amount)
        return enough

    @property
    def per_minute(self) -> int:
        """The limit per minute, as in the headers."""
        return round(self.per_second * 60)

    def seconds_until(self, amount: float) -> float:
        """Return the seconds until the bucket has `amount`."""
        return max(0.0, (min(amount, self.capacity) - self.level()) / self.per_second)


@dataclass
class Window(Bucket):
    """A limit of `capacity` in each second, without carrying over unused requests."""

    def level(self) -> float:
        """Return the rest of the limit in the current second."""
        now = math.floor(self.clock())
        if now != self._at:
            self._level, self._at = self.capacity, now
        return self._level

    def seconds_until(self, amount: float) -> float:
        """Return the seconds until the next second begins; 0 if this one still has `amount`."""
        return 0.0 if self.level() >= amount else self._at + 1.0 - self.clock()


class Limits:
    """A provider's limits on requests and tokens."""

    def __init__(
        self, per_second: float, clock: Callable[[], float], *, windows: bool = False
    ) -> None:
        self.requests = Window(per_second, clock) if windows else Bucket(per_second, clock)
        self.tokens = Bucket(per_second * TOKENS_PER_REQUEST, clock)

    def openai_headers(self) -> dict[str, str]:
        """Return OpenAI's headers `x-ratelimit-…`."""
        headers = {}
        for name, bucket in (("requests", self.requests), ("tokens", self.tokens)):
            headers[f"x-ratelimit-limit-{name}"] = str(bucket.per_minute)
            headers[f"x-ratelimit-remaining-{name}"] = str(math.floor(bucket.level()))
            until = bucket.seconds_until(bucket.capacity)
            headers[f"x-ratelimit-reset-{name}"] = span(until)
        return headers

    def anthropic_headers(self) -> dict[str, str]:
        """Return Anthropic's headers `anthropic-ratelimit-…`."""
        headers = {}
        for name in ("requests", "tokens", "input-tokens", "output-tokens"):
            bucket = self.requests if name == "requests" else self.tokens
            start = f"anthropic-ratelimit-{name}-"
            headers[start + "limit"] = str(bucket.per_minute)
            headers[start + "remaining"] = str(math.floor(bucket.level()))
            until = datetime.now(UTC) + timedelta(seconds=bucket.seconds_until(bucket.capacity))
            headers[start + "reset"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
        return headers


def span(seconds: float) -> str:
    """Format a time in OpenAI's style: 20ms, 1s, 1.5s, 6m0s, 1h0m0s."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{rest:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
