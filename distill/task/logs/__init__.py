"""Calls of production logs: OpenAI, chat JSON lines, LiteLLM, Langfuse, Helicone, OpenTelemetry.

- `rows`: reads a file as rows, whatever its name is.
- `chat`: reads requests and answers in the providers' formats.
- `shapes`: recognises the tool that wrote a row, and turns the row into calls.
- `models`: names the model of a call as `teacher.model` does.
- `reading`: reads whole logs, with broken lines counted.

A call that cannot be used for sure is counted with its reason, and never repaired.
"""

from dataclasses import dataclass
from decimal import Decimal

FAILED = "failed"
NO_INPUT = "no text of the request in the log"
NOT_TEXT = "images, sound or files in the request"
SEVERAL_TURNS = "several turns"
TOOL_CALL = "tool call"
STREAMED = "streamed, without the text"
NO_ANSWER = "no text in the answer"
SEVERAL_ANSWERS = "several answers to one request"
CUT_OFF = "cut off"
REFUSED = "refused or filtered"
CACHED = "answered from a cache"
NO_CALL = "no call of a model"


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A logged call of a model: one input in, one text out.

    `model`: the model, named as in `teacher.model` if its provider is known.
    `system`: the system prompt; "" without one.
    `usd`: the price that the log gives; None without one, like the tokens.
    `at`: seconds since 1970; None without a time.
    `place`: the file and line.
    `turns`: the number of messages in the input. `tool`: the tool that the answer calls; "" for a
    text.
    """

    input: str
    answer: str
    model: str
    system: str
    prompt_tokens: int | None
    completion_tokens: int | None
    usd: Decimal | None
    at: float | None
    place: str
    turns: int = 1
    tool: str = ""


@dataclass(frozen=True, slots=True)
class UnusableCall:
    """A row of a log without a call to use, with the reason and the file and line."""

    reason: str
    place: str


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that cannot be read, with the file, the line and the problem in `message`."""

    message: str
