"""The rate limit: a bucket that fills at the allowed rate, and how each provider announces it.

The limit is announced per minute and enforced per second, as the providers do: at once no more than
one second's worth is let through.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

TOKENS_PER_REQUEST = 2000
"""The token limit is announced as this times the request limit; it refuses nobody."""


@dataclass
class Bucket:
    """`capacity` at most, `per_second` more each second."""

    per_second: float
    clock: Callable[[], float]
    capacity: float = field(init=False)
    _level: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self.capacity = max(1.0, self.per_second)
        self._level, self._at = self.capacity, self.clock()

    def level(self) -> float:
        """What is left now."""
        now = self.clock()
        self._level = min(self.capacity, self._level + (now - self._at) * self.per_second)
        self._at = now
        return self._level

    def take(self, amount: float = 1.0, *, force: bool = False) -> bool:
        """Takes it if there is enough; by force down to nothing."""
        enough = self.level() >= amount
        if enough or force:
            self._level = max(0.0, self._level - amount)
        return enough

    @property
    def per_minute(self) -> int:
        """The limit as it is announced."""
        return round(self.per_second * 60)

    def seconds_until(self, amount: float) -> float:
        """How long until this much is left."""
        return max(0.0, (min(amount, self.capacity) - self.level()) / self.per_second)


@dataclass
class Window(Bucket):
    """`capacity` in each window of one second, whatever was left of the window before."""

    def level(self) -> float:
        """What is left of this window."""
        now = math.floor(self.clock())
        if now != self._at:
            self._level, self._at = self.capacity, now
        return self._level

    def seconds_until(self, amount: float) -> float:
        """Seconds until the window ends; 0 where so much is left."""
        return 0.0 if self.level() >= amount else self._at + 1.0 - self.clock()


class Limits:
    """The limits on requests and tokens of one provider."""

    def __init__(
        self, per_second: float, clock: Callable[[], float], *, windows: bool = False
    ) -> None:
        self.requests = Window(per_second, clock) if windows else Bucket(per_second, clock)
        self.tokens = Bucket(per_second * TOKENS_PER_REQUEST, clock)

    def openai_headers(self) -> dict[str, str]:
        """x-ratelimit-…"""
        headers = {}
        for name, bucket in (("requests", self.requests), ("tokens", self.tokens)):
            headers[f"x-ratelimit-limit-{name}"] = str(bucket.per_minute)
            headers[f"x-ratelimit-remaining-{name}"] = str(math.floor(bucket.level()))
            until = bucket.seconds_until(bucket.capacity)
            headers[f"x-ratelimit-reset-{name}"] = span(until)
        return headers

    def anthropic_headers(self) -> dict[str, str]:
        """anthropic-ratelimit-…"""
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
    """As OpenAI writes a time: 20ms, 1s, 1.5s, 6m0s, 1h0m0s."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{rest:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
