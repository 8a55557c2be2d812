"""What a failure means: may it have been billed, is it worth another try, what is said."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from distill.core.requests import Endpoint, Model
from distill.llm.failures import explain, unreadable
from distill.pricing.token_prices import MachinePrice

ENDPOINT = Endpoint(
    None, Model("gpt-x", None, "openai"), 4, MachinePrice(Decimal(1), 4), "OPENAI_API_KEY"
)


class Status(Exception):
    """An answer of the official clients' error classes."""

    def __init__(self, status: int, message: str = "no", **headers: str) -> None:
        super().__init__(message)
        self.status_code, self.message = status, message
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.response: Any = SimpleNamespace(headers=named)


@pytest.mark.parametrize(
    ("status", "retry", "limited", "maybe_billed"),
    [
        (400, False, False, False),
        (401, False, False, False),
        (403, False, False, False),
        (404, False, False, False),
        (408, True, False, True),
        (409, True, False, False),
        (429, True, True, False),
        (500, True, False, False),
        (502, True, False, True),
        (503, True, True, False),
        (504, True, False, True),
        (529, True, True, False),
    ],
)
def test_every_status(status: int, retry: bool, limited: bool, maybe_billed: bool) -> None:
    found = explain(Status(status), ENDPOINT)
    assert (found.retry, found.limited, found.maybe_billed) == (retry, limited, maybe_billed)


def test_a_request_that_never_left_is_not_billed_and_one_that_was_cut_may_be() -> None:
    class ConnectError(Exception):
        pass

    class ReadError(Exception):
        pass

    for cause, billed in ((ConnectError(), False), (ReadError(), True)):
        error = Exception("Connection error.")
        error.__cause__ = cause
        assert explain(error, ENDPOINT).maybe_billed is billed


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after_ms": "250", "retry_after": "1"}, 0.25),
        ({"retry_after": "86400"}, 120.0),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"retry_after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 120.0),
        ({"retry_after": "Wed, 21 Oct 2026"}, None),
        ({"retry_after": "-5"}, 0.0),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after_ms": "nan", "retry_after": "7"}, 7.0),
        ({}, None),
    ],
)
def test_retry_after_is_heeded_up_to_a_cap(headers: dict[str, str], seconds: float | None) -> None:
    assert explain(Status(429, **headers), ENDPOINT).wait_s == seconds


def test_no_credit_is_not_tried_again() -> None:
    error = Status(429, "You exceeded your current quota, check your plan. insufficient_quota")
    found = explain(error, ENDPOINT)
    assert not found.retry and "no credit left" in found.message


def test_a_message_never_shows_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-very-secret-thing")
    said = "Incorrect API key provided: a-very-secret-thing, or sk-proj-abc***xyz"
    for message in (
        explain(Status(401, said), ENDPOINT).message,
        unreadable(said, ENDPOINT).message,
    ):
        assert "secret" not in message and "sk-" not in message
        assert "[key]" in message
    assert "the key in OPENAI_API_KEY is not accepted" in explain(Status(401), ENDPOINT).message


def test_a_page_of_a_proxy_is_no_answer() -> None:
    found = unreadable("<html>\n<b>Bad gateway</b>", ENDPOINT)
    assert found.retry and found.maybe_billed
    assert "<html> <b>Bad gateway</b>" in found.message
