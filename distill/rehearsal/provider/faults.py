"""Faults on request: the known names, and their distribution over requests.

A fault with a share strikes that share of the requests, or of a batch's lines. A draw from the
random seed and the request's number decides. No request has two faults.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

BEFORE_WORK = ("429", "500", "529", "html", "hang", "cut_before")
"""Requests that the model does not answer, not billed."""
OF_ANSWERS = ("refuse", "content_filter", "length", "nonsense", "priority")
"""Wrong answers, billed. `priority` is an answer in another service tier (OpenAI's models that
think)."""
AFTER_WORK = ("cut", "broken_json")
"""Answers that do not reach the client, billed."""
OF_LINES = ("expire", "batch_error", "no_status", "broken_line", "empty_line")
"""Faults of a batch's lines.

`expire`, `batch_error`, `no_status`: lines without an answer, not billed.
`broken_line`: an answered line, billed, that is cut in the middle.
`empty_line`: an answered line, billed, with neither a response nor an error.
"""

SHARES = BEFORE_WORK + OF_ANSWERS + AFTER_WORK + OF_LINES
COUNTS = ("unknown_id", "twice", "queue", "late_files")
"""Faults with a number.

`unknown_id`: lines under unknown ids.
`twice`: duplicate lines.
`queue`: the maximum number of lines waiting in batches.
`late_files`: reads of a completed batch before it names its file.
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

`training_not_available`: the account may not train.
`no_credit`: requests that cost money are refused.
`training_fails`: a training ends without a model.
`training_pauses`: a training pauses before it goes on.
`events_twice`: a training's events come twice and out of order.
`files_linger`: deleted files stay in the list.
`fast_project`: the project's service tier, for requests that name none, is the fast one.
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
    """Check the faults.

    Raises ValueError if a fault is unknown, a value is invalid, or the shares add up to more than
    1.
    """
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
    """The distribution of the faults."""

    def __init__(self, random_seed: int, faults: Mapping[str, float]) -> None:
        check(faults)
        self._seed = random_seed
        self._faults = faults

    def value(self, name: str) -> float:
        """Return the value of a fault; 0 if it is not set."""
        return self._faults.get(name, 0)

    def of_request(self, number: int) -> str | None:
        """Draw the fault of the number-th request; None if it has none."""
        return self._draw("request", number, BEFORE_WORK + OF_ANSWERS + AFTER_WORK)

    def of_line(self, number: int) -> str | None:
        """Draw the fault of the number-th line of all batches; None if it has none."""
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
