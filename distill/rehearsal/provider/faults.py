"""The faults that a stand-in can produce, and their distribution over requests.

A fault with a share affects that share of the requests, or of a batch's lines. They are drawn by
the random seed and the request's number. A request has at most one fault.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

BEFORE_WORK = ("429", "500", "529", "html", "hang", "cut_before")
"""Requests without an answer, which are not billed."""
OF_ANSWERS = ("refuse", "content_filter", "length", "nonsense", "priority")
"""Unusual answers, which are billed.

`priority`: an answer in another service tier, by OpenAI's reasoning models.
"""
AFTER_WORK = ("cut", "broken_json")
"""Answers that are billed but do not reach the client whole."""
OF_LINES = ("expire", "batch_error", "no_status", "broken_line", "empty_line")
"""Faults of a batch's lines.

`expire`, `batch_error`, `no_status`: a line without an answer, which is not billed.
`broken_line`: a billed line that is cut in the middle.
`empty_line`: a billed line with neither a response nor an error.
"""

SHARES = BEFORE_WORK + OF_ANSWERS + AFTER_WORK + OF_LINES
COUNTS = ("unknown_id", "twice", "queue", "late_files")
"""Faults whose value is a number.

`unknown_id`: the number of lines with unknown ids.
`twice`: the number of duplicate lines.
`queue`: the maximum number of lines in unfinished batches.
`late_files`: the number of times that a completed batch is read before it lists its files.
"""
FLAGS = (
    "training_not_available",
    "no_credit",
    "training_fails",
    "training_pauses",
    "events_twice",
    "files_linger",
    "fast_project",
)
"""Faults that are on (1) or off (0).

`training_not_available`: the account has no access to fine-tuning.
`no_credit`: requests that cost money are refused.
`training_fails`: fine-tuning jobs end without a model.
`training_pauses`: fine-tuning jobs pause before they continue.
`events_twice`: the events of a fine-tuning job are listed twice and out of order.
`files_linger`: deleted files remain in the list.
`fast_project`: requests that name no service tier are answered in the fast tier.
"""
SECONDS = ("slow_retry_after",)
KNOWN = SHARES + COUNTS + FLAGS + SECONDS


def parse(option: str) -> tuple[str, float]:
    """Parse a `name=value` argument of the command line into (name, value).

    Raises ValueError, with the reason, for an unknown fault or a value that is not a number.
    """
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
    """Check the names and values of faults.

    Raises ValueError, with the reason, for an unknown name or an invalid value. Raises ValueError
    if the shares add up to more than 1.
    """
    for name, value in faults.items():
        parse(f"{name}={value}")
        if name in SHARES and not 0 <= value <= 1:
            raise ValueError(f"fault {name} must be a share from 0 to 1, not {value}")
        if name in FLAGS and value not in (0, 1):
            raise ValueError(f"fault {name} must be 1 or 0, not {value}")
        if name in COUNTS and (value < 0 or value != int(value)):
            raise ValueError(f"fault {name} must be a whole number from 0, not {value}")
        if value < 0:
            raise ValueError(f"fault {name} must not be negative")
    if sum(faults.get(name, 0) for name in BEFORE_WORK + OF_ANSWERS + AFTER_WORK) > 1 + 1e-9:
        raise ValueError("the shares of all faults must not add up to more than 1")


class Faults:
    """The distribution of faults over requests."""

    def __init__(self, random_seed: int, faults: Mapping[str, float]) -> None:
        check(faults)
        self._seed = random_seed
        self._faults = faults

    def value(self, name: str) -> float:
        """Return the value of a fault; 0 if it is not set."""
        return self._faults.get(name, 0)

    def of_request(self, number: int) -> str | None:
        """Return the fault of a request, by its number; None if it has none."""
        return self._draw("request", number, BEFORE_WORK + OF_ANSWERS + AFTER_WORK)

    def of_line(self, number: int) -> str | None:
        """Return the fault of a line, by its number among all batches' lines; None if none."""
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
