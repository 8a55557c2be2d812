"""A provider's records of a batch: the job, and the lines of its results."""

from dataclasses import dataclass
from typing import Any

from distill.llm.failures import UNCLEAR, Failure, row_reason
from distill.llm.providers.wire import Payload

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """A batch at its provider.

    `ended`: True if nothing more is answered.
    `problem`: the reason why the provider took nothing of an ended batch, or "".
    `too_long`: True if the problem is that too much is waiting at the provider.
    `cut_short`: True if the batch was cancelled or ran out of time. A request without a line was
        not asked then.
    `guessed`: True if the batch may be another program's.
    `files`: the ids of the files with the results.
    `late`: True if the batch has ended but its answers are not there yet.
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
    """Return a line without an answer, which providers do not bill.

    `status`: the status of a refusal, which may concern this request alone.
    """
    row = row_reason(status, message)
    unclear = status in UNCLEAR and not row
    return Line(custom_id, failure=Failure(False, retry, False, None, message, row, unclear))
