"""How fast to ask: as many at a time as answers come back well, and no faster than the limits that
the provider announces or, where it announces none, than what it took before it said 429.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic

FIRST_WINDOW = 8
SAFETY = 0.985  # of an announced limit
BACK_OFF = 0.97  # of what was taken when a 429 came
SPEED_UP = 0.01  # of the rate, each second without a 429
CALM_SECONDS = 1.0  # 429s of one overshoot count once
# What was taken before the first 429 is the limit and what had been saved up: look again soon.
FIRST_CALM_SECONDS = 0.3
BURST_SECONDS = 0.05  # what a sleep that took too long may be made up for
LOOK_SECONDS = 0.2
SAVED_SECONDS = 0.75  # of an announced limit, after a rest: providers save up a second or more
CLOSED = 3  # as many 429s without an answer between them: nothing is taken now
WINDOW_CUT = 0.7
DURATION = re.compile(r"([\d.]+)(ms|h|m|s)")
UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
SECONDS_PER_MINUTE = 60
KINDS = ("requests", "tokens")
PREFIXES = ("x-ratelimit-{what}-{kind}", "anthropic-ratelimit-{kind}-{what}")


class Gate:
    """Lets through `rate` units a second, evenly (the generic cell rate algorithm)."""

    def __init__(self, rate: float | None = None) -> None:
        self.rate = rate
        self.burst_s = BURST_SECONDS
        self._next = 0.0

    def delay(self, units: float, now: float) -> float:
        """Seconds until so many units may pass; they count as passed."""
        if not self.rate:
            return 0.0
        self._next = max(self._next, now - self.burst_s)
        wait = self._next - now
        self._next += units / self.rate
        return max(wait, 0.0)


class Pace:
    """One endpoint's pace. `clock` gives seconds that never go backwards."""

    def __init__(self, in_flight: int, clock: Callable[[], float] = monotonic) -> None:
        self._most, self._window = in_flight, float(min(in_flight, FIRST_WINDOW))
        self._clock = clock
        self._running = 0
        self._gates = {kind: Gate() for kind in KINDS}
        self._announced = False
        self._taken: deque[float] = deque(maxlen=4096)
        self._last_cut = self._last_raise = self._calm_until = float("-inf")
        self._refused_in_a_row = 0
        self._closed_until = 0.0
        self._room = asyncio.Condition()
        self._ended = asyncio.Event()

    async def admit(self, tokens: int) -> None:
        """Wait until a request of at most so many tokens may be sent, or the pace has ended; `done`
        must follow."""
        async with self._room:
            await self._room.wait_for(
                lambda: self._running < int(self._window) or self._ended.is_set()
            )
            self._running += 1
        now = self._clock()
        waits = [self._gates["requests"].delay(1, now), self._gates["tokens"].delay(tokens, now)]
        wait = max(*waits, self._closed_until - now)
        if wait > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._ended.wait()

    def end(self) -> None:
        """Nothing is sent any more: nobody needs to wait."""
        self._ended.set()

    async def done(self) -> None:
        """A request has come back, however."""
        async with self._room:
            self._running -= 1
            self._room.notify(2)

    def took(self, headers: Mapping[str, str]) -> None:
        """An answer came: widen the window, believe what is announced, else speed up slowly."""
        now = self._clock()
        self._taken.append(now)
        self._refused_in_a_row = 0
        self._window = min(self._window + 1, self._most)
        self._believe(headers, now)
        gate = self._gates["requests"]
        if gate.rate and not self._announced and now - max(self._last_raise, self._last_cut) >= 1:
            gate.rate *= 1 + SPEED_UP
            self._last_raise = now

    def refused(self, wait_s: float | None, headers: Mapping[str, str], *, busy: bool) -> None:
        """A 429, or (`busy`) a server that is overloaded: fewer at a time, not fewer a second."""
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
        elif not self._announced:
            gate.rate = max(BACK_OFF * self._taken_per_second(now), 0.2)
        self._last_cut = now

    def _taken_per_second(self, now: float) -> float:
        """Of the last second, or of the end of it when it was cut meanwhile; where nothing was
        taken, half of the rate until now."""
        seconds = 1.0 if now - self._last_cut >= 1 else LOOK_SECONDS
        recent = sum(at > now - seconds for at in self._taken)
        return recent / seconds or (self._gates["requests"].rate or 2.0) / 2

    def _believe(self, headers: Mapping[str, str], now: float) -> None:
        for kind in KINDS:
            if (rate := announced_rate(headers, kind)) is not None:
                self._gates[kind].rate = SAFETY * rate
                self._gates[kind].burst_s = SAVED_SECONDS
                self._announced |= kind == "requests"


def announced_rate(headers: Mapping[str, str], kind: str) -> float | None:
    """Units a second that rate-limit headers allow. Limits are by the minute; one that is longer
    than that in coming back whole (`reset`) is by the day, and gives what comes back a second."""
    for prefix in PREFIXES:
        limit, remaining, reset = (
            headers.get(prefix.format(what=what, kind=kind))
            for what in ("limit", "remaining", "reset")
        )
        if limit is None or not limit.isdigit() or int(limit) == 0:
            continue
        by_the_minute = int(limit) / SECONDS_PER_MINUTE
        seconds = _seconds(reset, headers.get("date"))
        if not (remaining or "").isdigit() or not seconds:
            return by_the_minute
        used = int(limit) - int(remaining or 0)
        by_the_day = seconds > SECONDS_PER_MINUTE and used > 0
        return min(by_the_minute, used / seconds) if by_the_day else by_the_minute
    return None


def _seconds(reset: str | None, date: str | None) -> float | None:
    """ "6m0s", "20ms", or a time of RFC 3339, as seconds from the answer's own date: a clock of
    ours that is behind would make minutes of a limit into a day's."""
    if not reset:
        return None
    if parts := DURATION.findall(reset) if "T" not in reset else []:
        return sum(float(value) * UNIT_SECONDS[unit] for value, unit in parts)
    try:
        at = datetime.fromisoformat(reset)
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        return max((at - now).total_seconds(), 0.0)
    except (ValueError, TypeError):  # a time without its zone cannot be compared
        return None
