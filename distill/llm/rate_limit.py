"""An adaptive rate limiter: a window of requests in flight, and a rate.

The window grows while answers succeed. The rate stays within the limits that the provider
announces. Without announced limits, it follows the rate that was accepted before the last 429.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic

FIRST_WINDOW = 8
SAFETY = 0.985  # share of an announced limit
BACK_OFF = 0.97  # share of the accepted rate after a 429
EASED_AT_ONCE = 0.5  # minimum share of an announced limit after a single 429
SPEED_UP = 0.01  # growth of the rate in each second without a 429
CALM_SECONDS = 1.0  # the 429s of one overshoot count once
# The rate before the first 429 includes saved-up credit, so the next 429 soon counts again.
FIRST_CALM_SECONDS = 0.3
BURST_SECONDS = 0.05  # time to catch up after a sleep that took too long
LOOK_SECONDS = 0.2
WINDOW_SECONDS = 1.0  # limits per minute are enforced per second
TOLD_SHARE = 0.9  # share of `remaining`: answers arrive out of order, so its value may be old
CLOSED = 3  # 429s in a row after which sending pauses for the wait that the provider asks for
WINDOW_CUT = 0.7
DURATION = re.compile(r"([\d.]+)(ms|h|m|s)")
PLAIN = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,9})?")  # seconds
UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
SECONDS_PER_MINUTE = 60
SECONDS_PER_DAY = 86_400
MOST_REMEMBERED = 4096  # requests
LONGEST_NUMBER = 18  # digits: no provider's limit has more
KINDS = ("requests", "tokens")
PREFIXES = ("x-ratelimit-{what}-{kind}", "anthropic-ratelimit-{kind}-{what}")
# Together's headers. Only the reset time tells the window. The dynamic limit is read first.
WINDOWED = {
    "requests": ("x-ratelimit-{what}-dynamic", "x-ratelimit-{what}"),
    "tokens": ("x-tokenlimit-{what}-dynamic", "x-tokenlimit-{what}"),
}
WINDOW_RESET = "x-ratelimit-reset"
WINDOWS = (1.0, 60.0)  # seconds


class TokenRate:
    """A gate for `rate` units per second, evenly spaced (the generic cell rate algorithm).

    `most`: the maximum units in any second, from the announced limit; None without a limit.
    `credit`: the units that pass without delay, because the provider reports them as remaining.
    """

    def __init__(self, rate: float | None = None) -> None:
        self.rate = rate
        self.most: float | None = None
        self.credit = 0.0
        self._next = 0.0
        self._passed: deque[tuple[float, float]] = deque(maxlen=MOST_REMEMBERED)

    def delay(self, units: float, now: float) -> float:
        """Return the seconds until these units may pass, and count them as passed."""
        due = now
        if units <= self.credit:
            self.credit -= units
        elif self.rate:
            due = max(self._next, now - BURST_SECONDS)
            if self.most:
                due = max(due, self._room_at(units, max(due, now)))
            self._next = due + units / self.rate
        self._passed.append((max(due, now), units))
        return max(due - now, 0.0)

    def _room_at(self, units: float, at: float) -> float:
        """Return the earliest time from `at` on when the last second has room for the units."""
        most, passed = self.most or 0.0, self._passed
        while passed and passed[0][0] <= at - WINDOW_SECONDS:
            passed.popleft()
        held = sum(count for _, count in passed)
        while passed and held + units > most:
            first, count = passed.popleft()
            at, held = max(at, first + WINDOW_SECONDS), held - count
        return at


class AdaptiveRateLimiter:
    """The rate limiter of one endpoint. `clock` returns monotonic seconds."""

    def __init__(self, in_flight: int, clock: Callable[[], float] = monotonic) -> None:
        self._most, self._window = in_flight, float(min(in_flight, FIRST_WINDOW))
        self._clock = clock
        self._running = 0
        self._gates = {kind: TokenRate() for kind in KINDS}
        self._announced = False
        self._eased = 1.0  # share of an announced limit in use; less after a 429
        self._due = 0  # requests with a send time, or pending
        self._trusts_remaining = True
        self._taken: deque[float] = deque(maxlen=MOST_REMEMBERED)
        self._last_cut = self._last_raise = self._calm_until = float("-inf")
        self._refused_in_a_row = 0
        self._closed_until = 0.0
        self._room = asyncio.Condition()
        self._ended = asyncio.Event()

    async def admit(self, tokens: int) -> None:
        """Wait until a request of at most `tokens` tokens may be sent, or until `end`.

        The caller must call `done` afterwards.
        """
        async with self._room:
            await self._room.wait_for(
                lambda: self._running < int(self._window) or self._ended.is_set()
            )
            self._running += 1
        now = self._clock()
        self._due += 1
        waits = [self._gates["requests"].delay(1, now), self._gates["tokens"].delay(tokens, now)]
        wait = max(*waits, self._closed_until - now)
        if wait > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._ended.wait()

    def end(self) -> None:
        """End all waits, because no further request will be sent."""
        self._ended.set()

    async def done(self) -> None:
        """Count a request as no longer pending, after any outcome."""
        self._due -= 1
        async with self._room:
            self._running -= 1
            self._room.notify(2)

    def took(self, headers: Mapping[str, str]) -> None:
        """Widen the window after an answer; adopt announced limits, or raise the rate slowly."""
        now = self._clock()
        self._taken.append(now)
        self._refused_in_a_row = 0
        self._window = min(self._window + 1, self._most)
        self._believe(headers, now)
        gate = self._gates["requests"]
        if gate.rate and now - max(self._last_raise, self._last_cut) >= 1:
            if self._announced:
                self._eased = min(self._eased * (1 + SPEED_UP), 1.0)
            else:
                gate.rate *= 1 + SPEED_UP
            self._last_raise = now

    def refused(self, wait_s: float | None, headers: Mapping[str, str], *, busy: bool) -> None:
        """Lower the rate after a 429, or narrow the window if the server is overloaded (`busy`)."""
        now = self._clock()
        self._believe(headers, now)
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= CLOSED and wait_s:
            self._closed_until = max(self._closed_until, now + wait_s)
        if now < self._calm_until:
            return
        gate = self._gates["requests"]
        self._calm_until = now + (CALM_SECONDS if busy or gate.rate else FIRST_CALM_SECONDS)
        if busy:
            self._window = max(1.0, self._window * WINDOW_CUT)
        elif self._announced:
            self._ease(now)
        else:
            gate.rate = max(BACK_OFF * self._taken_per_second(now), 0.2)
        self._last_cut = now

    def _ease(self, now: float) -> None:
        """Lower the share of the announced limit in use.

        The factor is the accepted share of the last second's rate, from EASED_AT_ONCE to BACK_OFF.
        """
        gate = self._gates["requests"]
        rate, began = gate.rate or 0.0, self._taken[0] if self._taken else now
        share = BACK_OFF
        if now - max(began, self._last_cut) > WINDOW_SECONDS and rate:
            share = min(share, max(self._taken_per_second(now) / rate, EASED_AT_ONCE))
        self._eased *= share
        self._trusts_remaining = False
        for each in self._gates.values():
            each.credit = 0.0

    def _taken_per_second(self, now: float) -> float:
        """Return the accepted requests per second, over the last second.

        If the rate was cut within that second, only the last LOOK_SECONDS count. Returns half of
        the current rate if no request was accepted.
        """
        seconds = 1.0 if now - self._last_cut >= 1 else LOOK_SECONDS
        recent = sum(at > now - seconds for at in self._taken)
        return recent / seconds or (self._gates["requests"].rate or 2.0) / 2

    def _believe(self, headers: Mapping[str, str], now: float) -> None:
        for kind in KINDS:
            if (rate := announced_rate(headers, kind)) is not None:
                gate = self._gates[kind]
                gate.rate = self._eased * SAFETY * rate
                gate.most = max(gate.rate * WINDOW_SECONDS, 1.0)
                self._announced |= kind == "requests"
        self._take_remaining(headers)

    def _take_remaining(self, headers: Mapping[str, str]) -> None:
        """Credit the requests that the provider reports as remaining, minus the pending ones.

        A number above one second's share is the rest of a minute's or a day's limit. How many of
        these requests may pass at once is unknown, so the credit is 0 then.
        """
        gate, remaining = self._gates["requests"], told(headers, "remaining", "requests")
        if not (gate.rate and self._trusts_remaining) or remaining is None:
            return
        a_second = gate.rate / (self._eased * SAFETY) * WINDOW_SECONDS
        left = TOLD_SHARE * remaining - max(self._due - 1, 0)  # this answer is deducted already
        gate.credit = max(left, 0.0) if remaining <= a_second else 0.0


def announced_rate(headers: Mapping[str, str], kind: str) -> float | None:
    """Return the units per second that rate-limit headers allow; None if no limit is announced.

    Limits are per minute. A limit whose full reset takes over a minute is per day. The rate of a
    daily limit is its used units over the seconds to the reset, at least limit / SECONDS_PER_DAY.
    Together's limits are per second or per minute.
    """
    limit = _count(headers, "limit", kind, PREFIXES)
    if limit is None:
        return _of_a_window(headers, kind)
    if not limit:
        return None
    by_the_minute = limit / SECONDS_PER_MINUTE
    remaining, seconds = told(headers, "remaining", kind), _reset_seconds(headers, kind)
    if remaining is None or not seconds:
        return by_the_minute
    used = limit - remaining
    if seconds <= SECONDS_PER_MINUTE or used <= 0:
        return by_the_minute
    return min(by_the_minute, max(used / seconds, limit / SECONDS_PER_DAY))


def told(headers: Mapping[str, str], what: str, kind: str) -> int | None:
    """Return a count from rate-limit headers; None if it is missing or not a count."""
    return _count(headers, what, kind, PREFIXES + WINDOWED[kind])


def _count(headers: Mapping[str, str], what: str, kind: str, names: Sequence[str]) -> int | None:
    for name in names:
        text = headers.get(name.format(what=what, kind=kind), "")
        if text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER:
            return int(text)
    return None


def _of_a_window(headers: Mapping[str, str], kind: str) -> float | None:
    """Return the units per second of a limit, over the shortest window that its reset fits.

    None if the limit or the reset is missing, or if the reset is longer than every window.
    """
    limit = _count(headers, "limit", kind, WINDOWED[kind])
    reset = headers.get(WINDOW_RESET, "")
    seconds = float(reset) if PLAIN.fullmatch(reset) else _seconds(reset, headers.get("date"))
    if not limit or seconds is None:
        return None
    return next((limit / window for window in WINDOWS if seconds <= window), None)


def _reset_seconds(headers: Mapping[str, str], kind: str) -> float | None:
    resets = (headers.get(prefix.format(what="reset", kind=kind)) for prefix in PREFIXES)
    return _seconds(next(filter(None, resets), None), headers.get("date"))


def _seconds(reset: str | None, date: str | None) -> float | None:
    """Parse a duration ("6m0s", "20ms") or an RFC 3339 time as seconds; None for other text.

    A time counts from the answer's Date header. If this machine's clock were slow, a limit per
    minute would look like a limit per day.
    """
    if not reset:
        return None
    try:
        if parts := DURATION.findall(reset) if "T" not in reset else []:
            return sum(float(value) * UNIT_SECONDS[unit] for value, unit in parts)
        at = datetime.fromisoformat(reset)
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        return max((at - now).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):  # TypeError: a time without a zone
        return None
