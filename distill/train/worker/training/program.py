"""The frame of a training program: it reports its start, its result, and a failure's remedy."""

from collections.abc import Callable
from typing import TypeVar

from .messages import in_words
from .protocol import AnyJob, Done, tell

OwnJob = TypeVar("OwnJob", bound=AnyJob)


def run(job: OwnJob, work: Callable[[OwnJob], Done]) -> None:
    """Run the job. An error that has a message for the user is reported, then raised again."""
    tell(job, {"event": "begun"})
    try:
        done = work(job)
    except Exception as error:
        if message := in_words(error):
            tell(job, {"event": "failed", "message": message})
        raise
    tell(job, done)
