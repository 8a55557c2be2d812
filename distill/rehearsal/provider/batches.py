"""Parts that the batches of both providers share: timing, order, extra lines and list pages."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from random import Random
from typing import Any, Protocol, TypeVar

from distill.rehearsal.provider.errors import invalid


class Listed(Protocol):
    """An object of a paged list."""

    @property
    def id(self) -> str: ...

    def as_json(self) -> dict[str, Any]: ...


Item = TypeVar("Item")
Named = TypeVar("Named", bound=Listed)

LINES_AT_A_TIME = 20
"""The number of lines after which other requests get a turn."""


def shuffled(items: Sequence[Item], seed: int) -> list[Item]:
    """Return the items in a random order that differs from the given order."""
    order = list(items)
    Random(seed).shuffle(order)
    if len(order) > 1 and order == list(items):
        order.append(order.pop(0))
    return order


async def paced(
    items: Sequence[Item], seconds: float, over: Callable[[], bool]
) -> AsyncIterator[Item]:
    """Yield the items evenly over `seconds`, and let the server do other work in between.

    Once `over` returns True, the remaining items are yielded at once.
    """
    start = time.monotonic()
    for number, item in enumerate(items):
        early = start + seconds * number / len(items) - time.monotonic()
        await wait(early, over)
        if number % LINES_AT_A_TIME == 0:
            await asyncio.sleep(0)
        yield item


async def wait(seconds: float, over: Callable[[], bool]) -> None:
    """Wait for `seconds`, or until `over` returns True."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not over():
        await asyncio.sleep(min(left, 0.02))


def page(items: Sequence[Named], after: str | None, limit: int) -> tuple[Sequence[Named], bool]:
    """Return a page of at most `limit` items after the id `after`, and True if more items follow.

    Raises ApiError if no item has the id `after`.
    """
    names = [item.id for item in items]
    if after is not None and after not in names:
        raise invalid(f"No such object: {after}", "after")
    start = names.index(after) + 1 if after is not None else 0
    return items[start : start + limit], len(items) > start + limit


def with_strays(lines: list[dict[str, Any]], unknown: int, twice: int) -> list[dict[str, Any]]:
    """Return the lines of a result with `twice` duplicates and `unknown` lines of unknown ids."""
    if not lines:
        return lines
    strays = [lines[n % len(lines)] | {"custom_id": f"unknown-{n}"} for n in range(unknown)]
    return [*lines, *lines[:twice], *strays]
