"""What a provider makes of a batch: the job, and the lines that come back."""

from dataclasses import dataclass
from typing import Any

from distill.llm.failures import UNCLEAR, Failure, row_reason
from distill.llm.providers.wire import Payload

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """A batch at its provider. `ended` with a `problem`: it took none of it, and why; `too_long`:
    because too much is waiting there already. `cut_short`: it was cancelled or ran out of time, so
    what did not come back was not asked. `guessed`: it may be another's. `files` are where results
    lie. `late`: it has ended, and its answers are not there yet."""

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
    """What came back under a custom_id: the body of an answer, or why there is none. A line that
    cannot be read has no custom_id."""

    custom_id: str
    payload: Payload | None = None
    failure: Failure | None = None


def unanswered(custom_id: str, message: str, *, retry: bool, status: int = 0) -> Line:
    """A line without an answer; providers bill none of those. `status` is that of a refusal, which
    may be for what is in this one request."""
    row = row_reason(status, message)
    unclear = status in UNCLEAR and not row
    return Line(custom_id, failure=Failure(False, retry, False, None, message, row, unclear))
