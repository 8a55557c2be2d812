"""Common parts of both providers' batches: the pace of the work, its order, and extra lines."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from random import Random
from typing import Any, TypeVar

Item = TypeVar("Item")

LINES_AT_A_TIME = 20
"""Number of lines after which other requests are served."""


def shuffled(items: Sequence[Item], seed: int) -> list[Item]:
    """Shuffle the items into another order than theirs."""
    order = list(items)
    Random(seed).shuffle(order)
    if len(order) > 1 and order == list(items):
        order.append(order.pop(0))
    return order


async def paced(
    items: Sequence[Item], seconds: float, over: Callable[[], bool]
) -> AsyncIterator[Item]:
    """Yield the items evenly over `seconds`, while the server does other work.

    Once `over` is true the rest comes at once.
    """
    start = time.monotonic()
    for number, item in enumerate(items):
        early = start + seconds * number / len(items) - time.monotonic()
        await wait(early, over)
        if number % LINES_AT_A_TIME == 0:
            await asyncio.sleep(0)
        yield item


async def wait(seconds: float, over: Callable[[], bool]) -> None:
    """Wait for `seconds`, or until `over` is true."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not over():
        await asyncio.sleep(min(left, 0.02))


def with_strays(lines: list[dict[str, Any]], unknown: int, twice: int) -> list[dict[str, Any]]:
    """Return the lines of a result, with some duplicates and some lines under unknown ids."""
    if not lines:
        return lines
    strays = [lines[n % len(lines)] | {"custom_id": f"unknown-{n}"} for n in range(unknown)]
    return [*lines, *lines[:twice], *strays]
