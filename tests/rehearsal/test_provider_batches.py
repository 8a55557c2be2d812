"""Files, batches of both providers, and trainings of the stand-in."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from hashlib import sha256
from typing import Any

import anthropic
import openai
import pytest

from distill.rehearsal.provider import StandIn
from distill.rehearsal.provider.billing import body_hash
from tests.conftest import pet_rows
from tests.rehearsal.test_provider import (
    CHAT,
    LABELS,
    MESSAGE,
    anthropic_client,
    openai_client,
    rehearsal,
)

SECONDS = 0.2
BASE = "gpt-4o-mini-2024-07-18"


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with rehearsal(tmp_path_factory.mktemp("rehearsal"), batch_seconds=SECONDS) as server:
        yield server


@pytest.fixture
def client(standin: StandIn) -> Iterator[openai.OpenAI]:
    with openai_client(standin) as made:
        yield made


@pytest.fixture
def ours(standin: StandIn) -> Iterator[anthropic.Anthropic]:
    with anthropic_client(standin) as made:
        yield made


def jsonl(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def body(number: int) -> dict[str, Any]:
    pet = ["cat", "dog", "bird"][number % 3]
    return CHAT | {"messages": [{"role": "user", "content": f"feed {pet} {number}"}]}


def lines(count: int, **changes: Any) -> list[dict[str, Any]]:
    fixed = {"method": "POST", "url": "/v1/chat/completions"}
    return [{"custom_id": f"r{n}", "body": body(n)} | fixed | changes for n in range(count)]


def upload(client: openai.OpenAI, rows: list[Any], purpose: Any = "batch") -> str:
    return client.files.create(file=("rows.jsonl", jsonl(rows)), purpose=purpose).id


def batch(client: openai.OpenAI, rows: list[Any], key: str | None = None) -> Any:
    """A batch that has just been made."""
    metadata: Any = openai.omit if key is None else {"distill": key}
    return client.batches.create(
        input_file_id=upload(client, rows),
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata=metadata,
    )


def until(look: Callable[[], Any], over: Callable[[Any], bool]) -> list[Any]:
    """Everything that was seen until it was over."""
    seen = [look()]
    while not over(seen[-1]):
        assert len(seen) < 20_000
        seen.append(look())
    return seen


def ended(client: openai.OpenAI, made: Any) -> Any:
    """The batch when it has ended."""
    final = ("completed", "failed", "expired", "cancelled")
    return until(lambda: client.batches.retrieve(made.id), lambda it: it.status in final)[-1]


def rows_of(client: openai.OpenAI, file_id: str | None) -> list[Any]:
    if file_id is None:
        return []
    return [json.loads(line) for line in client.files.content(file_id).text.splitlines()]


def test_files_are_kept_listed_and_deleted(client: openai.OpenAI, standin: StandIn) -> None:
    before = standin.bill()
    content = jsonl(lines(2))
    made = client.files.create(file=("a.jsonl", content), purpose="batch")
    other = client.files.create(file=("b.jsonl", content), purpose="fine-tune")
    assert (made.bytes, made.filename, made.purpose) == (len(content), "a.jsonl", "batch")
    assert client.files.content(made.id).content == content
    assert [file.id for file in client.files.list(limit=1, purpose="fine-tune")][:1] == [other.id]
    assert [file.id for file in client.files.list()][:2] == [other.id, made.id]
    assert client.files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.content(made.id)
    after = standin.bill()
    assert after.files == before.files + 2
    assert after.uploads_by_content[sha256(content).hexdigest()] == 2


BAD_FILES = [
    ("a.jsonl", b"", "batch", None),
    ("a.jsonl", b"{}\nnot json\n", "batch", None),
    ("a.jsonl", b"[]\n", "fine-tune", None),
    ("a.txt", b"{}\n", "batch", None),
    ("a.jsonl", b"{}\n", "vision", None),
    ("a.jsonl", b"{}\n", "batch", {"anchor": "created_at", "seconds": 5}),
]


@pytest.mark.parametrize(("name", "content", "purpose", "expiry"), BAD_FILES)
def test_a_file_that_cannot_be_used_is_refused(
    client: openai.OpenAI, name: str, content: bytes, purpose: Any, expiry: Any
) -> None:
    with pytest.raises(openai.BadRequestError):
        client.files.create(
            file=(name, content), purpose=purpose, expires_after=expiry or openai.omit
        )


def test_a_batch_answers_every_line_at_half_the_price(
    client: openai.OpenAI, standin: StandIn
) -> None:
    before = standin.bill()
    made = batch(client, lines(30), "key 1")
    assert (made.status, made.metadata) == ("validating", {"distill": "key 1"})
    seen = until(lambda: client.batches.retrieve(made.id), lambda it: it.status == "completed")
    order = ["validating", "in_progress", "finalizing", "completed"]
    told = list(dict.fromkeys(it.status for it in seen))
    assert told == [status for status in order if status in told]
    done = seen[-1]
    assert done.in_progress_at <= done.finalizing_at <= done.completed_at
    assert (done.request_counts.total, done.request_counts.completed) == (30, 30)
    assert done.error_file_id is None
    found = rows_of(client, done.output_file_id)
    names = [row["custom_id"] for row in found]
    assert names != sorted(names) and set(names) == {f"r{n}" for n in range(30)}
    usd = Decimal(0)
    for row in found:
        answer, number = row["response"]["body"], int(row["custom_id"][1:])
        label = LABELS[number % 3]
        assert row["response"]["status_code"] == 200 and row["error"] is None
        assert json.loads(answer["choices"][0]["message"]["content"]) == {"label": label}
        usage = answer["usage"]
        usd += usage["prompt_tokens"] * Decimal("0.05")
        usd += usage["completion_tokens"] * Decimal("0.25")
    after = standin.bill()
    assert after.usd - before.usd == usd / 1_000_000
    assert (after.batches, after.requests) == (before.batches + 1, before.requests + 30)
    assert after.batches_by_key["key 1"] == 1
    assert after.asked[body_hash(body(0))] == 1


def test_a_wrong_line_is_in_the_error_file(client: openai.OpenAI) -> None:
    rows = lines(3)
    rows[1]["body"] = rows[1]["body"] | {"nonsense": 1}
    done = ended(client, batch(client, rows))
    (wrong,) = rows_of(client, done.error_file_id)
    assert (wrong["custom_id"], wrong["response"]["status_code"]) == ("r1", 400)
    assert wrong["response"]["body"]["error"]["code"] == "unknown_parameter"
    assert {row["custom_id"] for row in rows_of(client, done.output_file_id)} == {"r0", "r2"}
    assert (done.status, done.request_counts.failed) == ("completed", 1)


BAD_BATCHES = [
    ([*lines(2), lines(1)[0]], 3, "duplicate_custom_id"),
    ([*lines(1), lines(2)[1] | {"body": CHAT | {"model": "gpt-4o-mini"}}], 2, "mismatched_model"),
    (lines(1, url="/v1/responses"), 1, "mismatched_url"),
    (lines(1, method="GET"), 1, "invalid_value"),
    (lines(1, extra=1), 1, "unknown_parameter"),
]


@pytest.mark.parametrize(("rows", "line", "code"), BAD_BATCHES)
def test_a_file_with_mistakes_fails_the_batch(
    client: openai.OpenAI, rows: list[Any], line: int, code: str
) -> None:
    done = ended(client, batch(client, rows))
    assert (done.status, done.output_file_id) == ("failed", None)
    assert [(error.line, error.code) for error in done.errors.data] == [(line, code)]


def test_a_batch_of_something_else_is_refused(client: openai.OpenAI) -> None:
    wrong = upload(client, lines(1), "fine-tune")
    create: Any = client.batches.create
    good = {
        "input_file_id": upload(client, lines(1)),
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }
    changes: list[Any] = [
        {"input_file_id": wrong},
        {"input_file_id": "file-none"},
        {"endpoint": "/v1/nothing"},
        {"completion_window": "1h"},
        {"metadata": {"a": 1}},
        {"extra_body": {"nonsense": 1}},
    ]
    for change in changes:
        with pytest.raises(openai.BadRequestError):
            create(**good | change)


def test_batches_are_listed_page_by_page_the_newest_first(client: openai.OpenAI) -> None:
    made = [ended(client, batch(client, lines(1))).id for _ in range(3)]
    first = client.batches.list(limit=2)
    assert ([it.id for it in first.data], first.has_more) == ([made[2], made[1]], True)
    assert next(iter(client.batches.list(limit=1, after=made[1]))).id == made[0]
    assert {it.id for it in client.batches.list(limit=2)} >= set(made)
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("batch_none")


def test_a_cancelled_batch_keeps_what_was_answered_and_bills_no_more(tmp_path: Any) -> None:
    with (
        rehearsal(tmp_path, batch_seconds=3.0) as slow,
        openai_client(slow) as client,
    ):
        made = batch(client, lines(30))
        look = lambda: client.batches.retrieve(made.id)  # noqa: E731
        until(look, lambda it: it.request_counts.completed >= 3)
        assert client.batches.cancel(made.id).status == "cancelling"
        done = until(look, lambda it: it.status == "cancelled")[-1]
        answered = rows_of(client, done.output_file_id)
        left = rows_of(client, done.error_file_id)
        bill = slow.bill()
        with pytest.raises(openai.ConflictError):
            client.batches.cancel(made.id)
    assert 3 <= len(answered) < 30 and len(answered) + len(left) == 30
    assert {row["error"]["code"] for row in left} == {"batch_cancelled"}
    assert bill.requests == len(answered) == done.request_counts.completed


def test_lines_expire_fail_repeat_and_stray_as_told(tmp_path: Any) -> None:
    faults = {"expire": 0.3, "batch_error": 0.3, "unknown_id": 2, "twice": 1}
    with (
        rehearsal(tmp_path, batch_seconds=0, faults=faults) as bad,
        openai_client(bad) as client,
    ):
        done = ended(client, batch(client, lines(40)))
        answered = [row["custom_id"] for row in rows_of(client, done.output_file_id)]
        left = rows_of(client, done.error_file_id)
        bill = bad.bill()
    expired = [row for row in left if row["error"]]
    failed = [row for row in left if not row["error"]]
    assert done.status == "expired" and done.expired_at is not None
    assert {row["error"]["code"] for row in expired} == {"batch_expired"}
    assert {row["response"]["status_code"] for row in failed} == {500}
    known = {name for name in answered if name.startswith("r")}
    assert len(known) + len(left) == 40 and 4 <= len(expired) <= 20 and 4 <= len(failed) <= 20
    assert [name for name in answered if name not in known] == ["unknown-0", "unknown-1"]
    assert len(answered) == len(known) + 3
    assert bill.requests == len(known)


def requests(count: int) -> list[Any]:
    params = [
        MESSAGE | {"messages": [{"role": "user", "content": f"feed dog {n}"}]} for n in range(count)
    ]
    return [{"custom_id": f"r{n}", "params": one} for n, one in enumerate(params)]


def all_ended(ours: anthropic.Anthropic, made: Any) -> list[Any]:
    """Everything seen of a message batch until it ended."""
    return until(
        lambda: ours.messages.batches.retrieve(made.id), lambda it: it.processing_status == "ended"
    )


def test_a_message_batch_answers_every_request_at_half_the_price(
    ours: anthropic.Anthropic, standin: StandIn
) -> None:
    before = standin.bill()
    made = ours.messages.batches.create(requests=requests(20))
    assert (made.processing_status, made.results_url) == ("in_progress", None)
    with pytest.raises(anthropic.AnthropicError, match="results_url"):
        ours.messages.batches.results(made.id)
    seen = all_ended(ours, made)
    assert all(it.request_counts.succeeded == 0 for it in seen[:-1])
    assert (seen[-1].request_counts.succeeded, seen[-1].request_counts.processing) == (20, 0)
    found = list(ours.messages.batches.results(made.id))
    names = [row.custom_id for row in found]
    assert names != [f"r{n}" for n in range(20)] and set(names) == {f"r{n}" for n in range(20)}
    usd = Decimal(0)
    for row in found:
        assert row.result.type == "succeeded"
        usage = row.result.message.usage
        assert usage.service_tier == "batch"
        usd += usage.input_tokens * Decimal("0.05") + usage.output_tokens * Decimal("0.25")
    after = standin.bill()
    assert after.usd - before.usd == usd / 1_000_000
    assert (after.batches, after.requests) == (before.batches + 1, before.requests + 20)
    assert next(iter(ours.messages.batches.list())).id == made.id
    with pytest.raises(anthropic.NotFoundError):
        ours.messages.batches.retrieve("msgbatch_none")


def test_wrong_requests_of_a_message_batch_are_told_in_its_results(
    ours: anthropic.Anthropic,
) -> None:
    rows = requests(4)
    rows[0]["params"]["max_tokens"] = 0
    rows[1]["params"]["temperature"] = 1
    rows[2]["params"]["stream"] = False
    made = ours.messages.batches.create(requests=rows)
    counts = all_ended(ours, made)[-1].request_counts
    assert (counts.errored, counts.succeeded) == (3, 1)
    kinds = {row.custom_id: row.result for row in ours.messages.batches.results(made.id)}
    wrong: Any = kinds["r1"]
    assert wrong.error.error.type == "invalid_request_error"
    assert "temperature" in wrong.error.error.message


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [*requests(1), *requests(1)],
        [requests(1)[0] | {"custom_id": "a b"}],
        [requests(1)[0] | {"custom_id": "a" * 65}],
        [requests(1)[0] | {"method": "POST"}],
        [{"custom_id": "r0"}],
    ],
)
def test_a_message_batch_of_the_wrong_form_is_refused(
    ours: anthropic.Anthropic, rows: list[Any]
) -> None:
    with pytest.raises(anthropic.BadRequestError, match="requests"):
        ours.messages.batches.create(requests=rows)


def test_a_canceled_message_batch_bills_only_what_was_answered(tmp_path: Any) -> None:
    faults = {"expire": 0.2, "batch_error": 0.2, "twice": 1}
    with (
        rehearsal(tmp_path, batch_seconds=30, faults=faults) as slow,
        anthropic_client(slow) as ours,
    ):
        made = ours.messages.batches.create(requests=requests(600))
        until(slow.bill, lambda bill: bill.requests >= 5)
        assert ours.messages.batches.cancel(made.id).processing_status == "canceling"
        counts = all_ended(ours, made)[-1].request_counts
        found = list(ours.messages.batches.results(made.id))
        assert slow.bill().requests == counts.succeeded
    assert counts.succeeded >= 5 and counts.canceled > 500
    total = counts.succeeded + counts.canceled + counts.errored + counts.expired
    assert (total, len(found)) == (600, 601)


def examples(count: int) -> list[Any]:
    rows = (pet_rows("seed", 8) * 2)[:count]
    said = {"role": "assistant", "content": "taught"}
    return [{"messages": [{"role": "user", "content": row["input"]}, said]} for row in rows]


def job_of(client: openai.OpenAI, **options: Any) -> Any:
    """A training that has just been made."""
    create: Any = client.fine_tuning.jobs.create
    file = upload(client, examples(12), "fine-tune")
    return create(**{"model": BASE, "training_file": file} | options)


def job_over(client: openai.OpenAI, made: Any) -> Any:
    final = ("succeeded", "failed", "cancelled")
    look = lambda: client.fine_tuning.jobs.retrieve(made.id)  # noqa: E731
    return until(look, lambda it: it.status in final)[-1]


def test_a_trained_model_costs_its_tokens_and_says_what_it_was_taught(
    client: openai.OpenAI, standin: StandIn
) -> None:
    before = standin.bill()
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    made = job_of(
        client,
        method=method,
        suffix="pets",
        seed=7,
        metadata={"distill": "k"},
        validation_file=upload(client, examples(1), "fine-tune"),
    )
    assert (made.status, made.fine_tuned_model, made.seed) == ("validating_files", None, 7)
    done = job_over(client, made)
    assert done.status == "succeeded" and done.fine_tuned_model.startswith(f"ft:{BASE}:")
    assert ":pets:" in done.fine_tuned_model and done.hyperparameters.n_epochs == 2
    after = standin.bill()
    assert after.usd - before.usd == done.trained_tokens * Decimal(3) / 1_000_000 > 0
    assert (after.jobs, after.requests) == (before.jobs + 1, before.requests)
    events = [event.message for event in client.fine_tuning.jobs.list_events(made.id)]
    assert "successfully completed" in events[0] and "Created" in events[-1]
    steps = list(client.fine_tuning.jobs.checkpoints.list(made.id))
    assert [step.step_number for step in steps] == [2, 1]
    model = client.models.retrieve(done.fine_tuned_model)
    assert model.shutdown_date == "2027-01-14"
    question: Any = [{"role": "user", "content": "the seed cat number 1"}]
    answer = client.chat.completions.create(model=model.id, messages=question, temperature=0)
    assert answer.choices[0].message.content == "taught" and answer.usage is not None
    paid = answer.usage.prompt_tokens * Decimal("0.30")
    paid += answer.usage.completion_tokens * Decimal("1.20")
    assert standin.bill().usd - after.usd == paid / 1_000_000


def test_trainings_are_found_by_their_metadata(client: openai.OpenAI) -> None:
    made = job_over(client, job_of(client, metadata={"distill": "mine", "more": "x"}))
    job_over(client, job_of(client))
    found = client.fine_tuning.jobs.list(metadata={"distill": "mine"})
    assert [job.id for job in found] == [made.id]
    assert client.fine_tuning.jobs.list(metadata={"distill": "other"}).data == []
    assert len(client.fine_tuning.jobs.list(limit=1).data) == 1


BAD_TRAININGS = [
    (examples(9), "at least 10 examples"),
    ([*examples(11), {"prompt": "x"}], "Line 12"),
    ([*examples(11), {"messages": [{"role": "user", "content": "x"}]}], "from the assistant"),
    ([*examples(11), {"messages": [{"role": "robot", "content": "x"}]}], "role"),
]


@pytest.mark.parametrize(("rows", "said"), BAD_TRAININGS)
def test_a_training_on_bad_rows_fails_and_costs_nothing(
    client: openai.OpenAI, standin: StandIn, rows: list[Any], said: str
) -> None:
    before = standin.bill().usd
    done = job_over(client, job_of(client, training_file=upload(client, rows, "fine-tune")))
    assert (done.status, done.fine_tuned_model) == ("failed", None)
    assert done.error.code == "invalid_training_file" and said in done.error.message
    assert standin.bill().usd == before


def test_a_training_that_cannot_be_is_refused(client: openai.OpenAI) -> None:
    changes: list[dict[str, Any]] = [
        {"model": "gpt-6-luna"},
        {"training_file": "file-none"},
        {"training_file": upload(client, lines(1))},
        {"suffix": "x" * 65},
        {"method": {"type": "dpo"}},
        {"method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 51}}}},
        {"hyperparameters": {"n_epochs": 1}},
        {"extra_body": {"nonsense": 1}},
    ]
    for change in changes:
        with pytest.raises(openai.BadRequestError):
            job_of(client, **change)


def test_a_cancelled_training_costs_nothing(tmp_path: Any) -> None:
    with rehearsal(tmp_path, batch_seconds=60) as slow, openai_client(slow) as client:
        made = job_of(client)
        assert client.fine_tuning.jobs.cancel(made.id).status == "cancelled"
        with pytest.raises(openai.BadRequestError):
            client.fine_tuning.jobs.cancel(made.id)
        assert slow.bill().usd == Decimal(0)


def test_training_can_be_over_for_good(tmp_path: Any) -> None:
    faults = {"training_not_available": 1}
    with rehearsal(tmp_path, faults=faults) as late, openai_client(late) as client:
        with pytest.raises(openai.PermissionDeniedError) as error:
            job_of(client)
        assert error.value.code == "training_not_available"
        assert (late.bill().files, late.bill().jobs) == (1, 0)
