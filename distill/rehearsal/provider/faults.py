"""Misbehaviour on order: the known faults, and who gets which.

A fault with a share strikes that share of the requests (or of a batch's lines); which ones is fixed
by the random seed and the request's number. No request has two faults.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

BEFORE_WORK = ("429", "500", "529", "html", "hang", "cut_before")
"""Not answered by the model and not billed."""
OF_ANSWERS = ("refuse", "content_filter", "length", "nonsense", "priority")
"""The model's answer is not what was asked for, or comes in another service tier (OpenAI's models
that think); billed."""
AFTER_WORK = ("cut", "broken_json")
"""Answered and billed, but the client does not get it."""
OF_LINES = ("expire", "batch_error", "no_status", "broken_line", "empty_line")
"""Lines of a batch without an answer, not billed; and answered lines, billed, that are cut in the
middle or have neither a response nor an error."""

SHARES = BEFORE_WORK + OF_ANSWERS + AFTER_WORK + OF_LINES
COUNTS = ("unknown_id", "twice", "queue", "late_files")
"""Lines under foreign ids, lines that come twice; how many lines may wait in batches at a time; how
often a completed batch is looked at before it names its file."""
FLAGS = (
    "training_not_available",
    "no_credit",
    "training_fails",
    "training_pauses",
    "events_twice",
    "files_linger",
    "fast_project",
)
"""Of trainings: refused to the account, ended without a model, paused before they go on; told of
twice and out of order. Files that are deleted or expired stay in the list. The project's service
tier, which requests have that name none, is the fast one."""
SECONDS = ("slow_retry_after",)
KNOWN = SHARES + COUNTS + FLAGS + SECONDS


def parse(option: str) -> tuple[str, float]:
    """`name=value` of the command line; ValueError says what is wrong with it."""
    name, equals, value = option.partition("=")
    if name not in KNOWN:
        raise ValueError(f"unknown fault {name!r}; the known ones are {', '.join(KNOWN)}")
    if not equals:
        raise ValueError(f"fault {name} needs a value: {name}=VALUE")
    try:
        return name, float(value)
    except ValueError:
        raise ValueError(f"the value of fault {name} must be a number, not {value!r}") from None


def check(faults: Mapping[str, float]) -> None:
    """ValueError when a fault is unknown, a value makes no sense, or shares are more than all."""
    for name, value in faults.items():
        parse(f"{name}={value}")
        if name in SHARES and not 0 <= value <= 1:
            raise ValueError(f"fault {name} is a share from 0 to 1, not {value}")
        if name in FLAGS and value not in (0, 1):
            raise ValueError(f"fault {name} is 1 or 0, not {value}")
        if name in COUNTS and (value < 0 or value != int(value)):
            raise ValueError(f"fault {name} is a number of lines, not {value}")
        if value < 0:
            raise ValueError(f"fault {name} cannot be negative")
    if sum(faults.get(name, 0) for name in BEFORE_WORK + OF_ANSWERS + AFTER_WORK) > 1 + 1e-9:
        raise ValueError("the shares of all faults together are more than 1")


class Faults:
    """Hands out the faults."""

    def __init__(self, random_seed: int, faults: Mapping[str, float]) -> None:
        check(faults)
        self._seed = random_seed
        self._faults = faults

    def value(self, name: str) -> float:
        """What the fault was set to; 0 when it was not."""
        return self._faults.get(name, 0)

    def of_request(self, number: int) -> str | None:
        """The fault of the number-th request."""
        return self._draw("request", number, BEFORE_WORK + OF_ANSWERS + AFTER_WORK)

    def of_line(self, number: int) -> str | None:
        """The fault of the number-th line of all batches."""
        return self._draw("line", number, OF_LINES + OF_ANSWERS)

    def _draw(self, stream: str, number: int, names: Sequence[str]) -> str | None:
        if not self._faults:
            return None
        digest = blake2b(f"{self._seed} {stream} {number}".encode(), digest_size=8).digest()
        left = int.from_bytes(digest) / 2**64
        for name in names:
            left -= self._faults.get(name, 0)
            if left < 0:
                return name
        return None
