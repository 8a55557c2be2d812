"""A training at OpenAI that dies by kill -9 at a moment: 2n - 1 is before the n-th call of the
official client goes out, 2n after its answer has come."""

import os
import signal
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

from distill.train.trainers import TRAINERS
from distill.train.trainers.base import TrainJob

IMPORTS = ("openai",)


def main(arguments: Sequence[str]) -> None:
    """Train and die: the moment, the folder with the rows, the base."""
    moment, out, base = int(arguments[0]), Path(arguments[1]), arguments[2]
    send, moments = httpx2.Client.send, count(1)

    def die_in_time() -> None:
        if next(moments) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def dying(self: httpx2.Client, *args: Any, **options: Any) -> httpx2.Response:
        die_in_time()
        answer = send(self, *args, **options)
        die_in_time()
        return answer

    httpx2.Client.send = dying  # type: ignore[method-assign] # this process ends with it
    held = out / "validation.jsonl"
    recipe: dict[str, object] = {"n_epochs": 2, "seed": 0}
    job = TrainJob(base, out / "train.jsonl", held, held, out, out / "log", recipe, out.name)
    TRAINERS["openai"].train(job, lambda steps: None)
