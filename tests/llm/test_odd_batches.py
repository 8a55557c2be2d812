"""Batches whose results are odd: lines that cannot be read, late answers, refused rows."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from distill.core.errors import DistillError
from distill.llm.batches import runner
from distill.llm.batches.jobs import Job, Line
from distill.llm.providers import openai
from distill.llm.providers.openai import _line
from distill.rehearsal.provider import StandIn
from distill.store import open_store
from tests.llm.test_batches import PLENTY, batches_of, database, patch_batches, provider, quickly  # noqa: F401 fixtures
from tests.llm.test_ledger import ledger
from tests.support.spending import PURPOSE, RUN, spend_in_batches

TEACHER = "openai:gpt-6-luna"
Start = Callable[..., AbstractContextManager[StandIn]]


def unanswered(store_at: Path) -> int:
    with open_store(store_at) as store:
        return store.count_unanswered(RUN, PURPOSE)


@pytest.mark.parametrize("fault", ["broken_line", "empty_line"])
def test_a_line_that_cannot_be_read_loses_no_other(
    database: Path,  # noqa: F811
    provider: Start,  # noqa: F811
    fault: str,
) -> None:
    with provider(**{fault: 0.2}) as standin:
        notes = spend_in_batches(database, TEACHER, 40, PLENTY)
        bill = standin.bill()
    assert unanswered(database) == 0
    answered, maybe = ledger(database)
    assert answered <= bill.usd <= answered + maybe
    assert maybe > 0 and bill.batches > 1
    assert (fault == "broken_line") == any("lines cannot be read" in note for note in notes)


def spoil_first(monkeypatch: pytest.MonkeyPatch, spoilt: Callable[[Line], Line]) -> None:
    """Replace the first line of every batch's results."""
    whole = batches_of("openai").results

    def results(client: Any, job: Job) -> Iterator[Line]:
        first, *rest = whole(client, job)
        yield from (spoilt(first), *rest)

    patch_batches(monkeypatch, "openai", results=results)


def test_a_row_that_no_batch_answers_is_left_out(
    database: Path,  # noqa: F811
    provider: Start,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil_first(monkeypatch, lambda first: Line(first.custom_id))
    with provider() as standin:
        spend_in_batches(database, TEACHER, 20, PLENTY)
        bill = standin.bill()
    assert unanswered(database) == 0 and bill.batches == 5
    with open_store(database) as store:
        found = store.rows("SELECT finish_reason, count(*) FROM completion GROUP BY 1 ORDER BY 2")
    assert [tuple(row) for row in found] == [("no_answer", 1), ("stop", 19)]
    answered, maybe = ledger(database)
    assert answered <= bill.usd <= answered + maybe


def test_a_line_that_is_refused_is_left_out_where_others_are_answered(
    database: Path,  # noqa: F811
    provider: Start,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = {"response": None, "error": {"code": "odd_row", "message": "no"}}
    spoil_first(
        monkeypatch,
        lambda first: openai._line(json.dumps(refusal | {"custom_id": first.custom_id})),
    )
    with provider() as standin:
        spend_in_batches(database, TEACHER, 20, PLENTY)
        assert standin.bill().batches == 1
    with open_store(database) as store:
        found = store.rows("SELECT finish_reason, count(*) FROM completion GROUP BY 1 ORDER BY 2")
    assert [tuple(row) for row in found] == [("refused_row", 1), ("stop", 19)]


def test_lines_without_a_status_go_into_the_next_batch(
    database: Path,  # noqa: F811
    provider: Start,  # noqa: F811
) -> None:
    with provider(no_status=0.2) as standin:
        spend_in_batches(database, TEACHER, 40, PLENTY)
        bill = standin.bill()
    assert unanswered(database) == 0 and bill.batches > 1
    assert ledger(database) == (bill.usd, Decimal(0)) and set(bill.asked.values()) == {1}


def test_answers_whose_file_is_named_late_are_paid_once(
    database: Path,  # noqa: F811
    provider: Start,  # noqa: F811
) -> None:
    with provider(late_files=3) as standin:
        spend_in_batches(database, TEACHER, 20, PLENTY)
        bill = standin.bill()
    assert (bill.batches, bill.requests, unanswered(database)) == (1, 20, 0)
    assert ledger(database) == (bill.usd, Decimal(0))


def test_answers_whose_file_is_never_named_are_not_submitted_again(
    database: Path,  # noqa: F811
    provider: Start,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "LATE_SECONDS", 0.1)
    with provider(late_files=10**6) as standin:
        for _ in range(2):
            with pytest.raises(DistillError, match="lists no result file"):
                spend_in_batches(database, TEACHER, 20, PLENTY)
        assert (standin.bill().batches, standin.bill().requests) == (1, 20)


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", '{"response": null}', '{"custom_id": 5}', '{"custom_id": "a", "resp'),
        "[" * 100_000,
    ],
)
def test_a_line_without_an_id_is_one_that_cannot_be_read(text: str) -> None:
    assert _line(text).custom_id == ""


def test_a_line_with_neither_answer_nor_error_may_have_been_billed() -> None:
    found = _line('{"custom_id": "a", "response": null, "error": null}')
    assert (found.custom_id, found.payload, found.failure) == ("a", None, None)


@pytest.mark.parametrize(
    ("rest", "retry", "row"),
    [
        ('"response": {"status_code": 0, "body": {}}', True, ""),
        ('"response": {"status_code": 500, "body": "text"}', True, ""),
        ('"response": {"status_code": null}', True, ""),
        ('"error": "text"', False, ""),
        ('"error": {"code": "batch_expired"}', True, ""),
        (
            '"response": {"status_code": 400, "body": {"error": {"message": "content_filter"}}}',
            *(False, "content_filter"),
        ),
        ('"response": {"status_code": 400, "body": {"error": {"message": "no"}}}', False, ""),
    ],
)
def test_lines_of_every_shape(rest: str, retry: bool, row: str) -> None:
    found = _line(f'{{"custom_id": "a", {rest}}}')
    assert found.custom_id == "a" and found.failure is not None
    assert (found.failure.retry, found.failure.row) == (retry, row)
