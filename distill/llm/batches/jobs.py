"""A provider's records of a batch: the job, and the lines of its results."""

from dataclasses import dataclass
from typing import Any

from distill.llm.failures import UNCLEAR, Failure, row_reason
from distill.llm.providers.wire import Payload

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """A batch at its provider.

    `ended`: True if no further request will be answered.
    `problem`: the reason why the provider rejected the whole batch; "" if it did not.
    `too_long`: True if the provider rejected the batch because its queue is full.
    `cut_short`: True if the batch was cancelled or expired. A request without a result line was
        then never run.
    `guessed`: True if the batch may belong to another program.
    `files`: the ids of the result files.
    `late`: True if the batch has ended but its results are not available yet.
    """

    id: str
    ended: bool
    problem: str = ""
    too_long: bool = False
    cut_short: bool = False
    guessed: bool = False
    files: tuple[str, ...] = ()
    late: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """The result of one custom_id: the body of an answer, or the failure.

    A line that cannot be read has an empty custom_id.
    """

    custom_id: str
    payload: Payload | None = None
    failure: Failure | None = None


def unanswered(custom_id: str, message: str, *, retry: bool, status: int = 0) -> Line:
    """Return the line of a request without an answer, which providers do not bill.

    `status`: the HTTP status of a refusal, which may concern this request alone; 0 for none.
    """
    row = row_reason(status, message)
    unclear = status in UNCLEAR and not row
    return Line(custom_id, failure=Failure(False, retry, False, None, message, row, unclear))
