"""The stand-in provider as a process: how it starts and ends, its faults, limits and bill."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from distill.core.errors import DistillError
from distill.rehearsal.provider import Settings, StandIn, faults, limits, tokens
from distill.rehearsal.provider import running as running_alone
from distill.rehearsal.provider.billing import body_hash
from distill.rehearsal.provider.faults import KNOWN
from tests.conftest import jsonl, pet_rows
from tests.support.provider import running

LABELS = ["cats", "dogs", "birds"]
QUESTION = {"role": "user", "content": "the seed dog number 2 of ours is hungry"}
SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": LABELS}},
    "required": ["label"],
    "additionalProperties": False,
}
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
}
CHAT: dict[str, Any] = {
    "model": "gpt-6-luna",
    "messages": [QUESTION],
    "reasoning_effort": "none",
    "max_completion_tokens": 50,
    "response_format": FORMAT,
}
MESSAGE: dict[str, Any] = {
    "model": "claude-haiku-5-5",
    "messages": [QUESTION],
    "max_tokens": 500,
    "thinking": {"type": "disabled"},
    "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
}


@contextmanager
def rehearsal(folder: Path, **settings: Any) -> Iterator[StandIn]:
    """A stand-in that knows the pets."""
    seeds = folder / "seeds.jsonl"
    seeds.write_text('{"about": "pets"}\n' + jsonl(pet_rows("seed", 4)), encoding="utf-8")
    with running(Settings(seeds, **settings)) as standin:
        yield standin


@contextmanager
def openai_client(standin: StandIn) -> Iterator[openai.OpenAI]:
    """OpenAI's own client, asking the stand-in."""
    # Reading the certificates takes longer than most tests; loopback has no use for them.
    http = openai.DefaultHttpxClient(verify=False)
    url = standin.url + "/v1"
    with openai.OpenAI(base_url=url, api_key="test", max_retries=0, http_client=http) as client:
        yield client


@contextmanager
def anthropic_client(standin: StandIn) -> Iterator[anthropic.Anthropic]:
    """Anthropic's own client, asking the stand-in."""
    http = anthropic.DefaultHttpxClient(verify=False)
    url = standin.url
    with anthropic.Anthropic(base_url=url, api_key="test", max_retries=0, http_client=http) as made:
        yield made


def ask_openai(standin: StandIn, **changes: Any) -> Any:
    """One completion."""
    with openai_client(standin) as client:
        return client.chat.completions.create(**CHAT | changes)


def ask_anthropic(standin: StandIn, **changes: Any) -> Any:
    """One message."""
    with anthropic_client(standin) as client:
        return client.messages.create(**MESSAGE | changes)


def start(*options: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "distill.rehearsal.provider", *options]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)


@pytest.mark.parametrize("ending", ["SIGTERM", "SIGINT", "closed"])
def test_it_says_where_it_is_and_ends_when_told(tmp_path: Path, ending: str) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text(jsonl(pet_rows("seed", 1)), encoding="utf-8")
    with start("--seeds", str(seeds)) as child:
        assert child.stdin is not None and child.stdout is not None and child.stderr is not None
        assert json.loads(child.stdout.readline())["url"].startswith("http://127.0.0.1:")
        if ending == "closed":
            child.stdin.close()
        else:
            child.send_signal(signal.Signals[ending])
        assert child.wait(timeout=10) == 0
        assert (child.stdout.read(), child.stderr.read()) == (b"", b"")


def test_it_is_gone_when_the_block_is_left(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text(jsonl(pet_rows("seed", 1)), encoding="utf-8")
    with running_alone(Settings(seeds)) as standin:
        assert standin.bill().requests == 0
    with pytest.raises(OSError, match="refused"):
        standin.bill()


def test_what_cannot_start_says_so(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "none")
    with pytest.raises(DistillError, match="did not start"), running_alone(settings):
        pass


def test_an_unknown_fault_is_a_usage_error_that_names_the_known_ones(tmp_path: Path) -> None:
    child = start("--seeds", str(tmp_path / "none"), "--fault", "nothing=1")
    _, errors = child.communicate(timeout=20)
    assert child.returncode == 2
    assert "unknown fault 'nothing'" in errors.decode()
    assert all(name in errors.decode() for name in KNOWN)


@pytest.mark.parametrize(
    "fault",
    ["429=2", "429=-1", "429", "429=x", "twice=0.5", "no_credit=3", "slow_retry_after=-1"],
)
def test_a_fault_whose_value_makes_no_sense_is_refused(fault: str) -> None:
    with pytest.raises(ValueError, match=fault.partition("=")[0]):
        faults.check(dict([faults.parse(fault)]))


def test_no_more_than_all_requests_can_have_faults() -> None:
    with pytest.raises(ValueError, match="more than 1"):
        faults.check({"429": 0.6, "cut": 0.6})


def test_importing_it_loads_no_server_and_no_client() -> None:
    code = "import distill.rehearsal.provider, sys; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert "distill.rehearsal.provider" in loaded
    assert not {"starlette", "uvicorn", "openai", "anthropic", "urllib.request"} & set(loaded)


def test_the_bill_is_exact_and_counts_each_question(tmp_path: Path) -> None:
    with rehearsal(tmp_path) as standin:
        first, second = ask_openai(standin), ask_openai(standin)
        third = ask_anthropic(standin)
        bill = standin.bill()
    assert first.choices[0].message.content == '{"label":"dogs"}' == third.content[0].text
    usages = [(first.usage.prompt_tokens, first.usage.completion_tokens)] * 2
    usages.append((third.usage.input_tokens, third.usage.output_tokens))
    exact = sum(Decimal(a) * Decimal("0.10") + Decimal(b) * Decimal("0.50") for a, b in usages)
    assert bill.usd == exact / 1_000_000 > 0
    assert second.usage == first.usage
    assert (bill.requests, bill.refused, bill.most_at_once) == (3, 0, 1)
    assert bill.asked == {body_hash(CHAT): 2, body_hash(MESSAGE): 1}


FAILURES = [
    ("429", (openai.RateLimitError, 429), (anthropic.RateLimitError, 429)),
    ("500", (openai.InternalServerError, 500), (anthropic.InternalServerError, 500)),
    ("529", (openai.InternalServerError, 503), (anthropic.OverloadedError, 529)),
    ("html", (openai.InternalServerError, 502), (anthropic.InternalServerError, 502)),
]


@pytest.mark.parametrize(("fault", "theirs", "ours"), FAILURES)
def test_failures_come_as_the_providers_send_them_and_cost_nothing(
    tmp_path: Path, fault: str, theirs: Any, ours: Any
) -> None:
    with rehearsal(tmp_path, faults={fault: 1}) as standin:
        with pytest.raises(theirs[0]) as openai_error:
            ask_openai(standin)
        with pytest.raises(ours[0]) as anthropic_error:
            ask_anthropic(standin)
        bill = standin.bill()
    assert openai_error.value.status_code == theirs[1]
    assert anthropic_error.value.status_code == ours[1]
    assert ("<html>" in openai_error.value.response.text) == (fault == "html")
    assert (bill.usd, bill.requests, bill.refused) == (Decimal(0), 0, 2)
    kinds = {"429": "rate_limit_error", "500": "api_error", "529": "overloaded_error"}
    if fault in kinds:
        assert anthropic_error.value.type == kinds[fault]
        assert ("retry-after" in anthropic_error.value.response.headers) == (fault == "429")


@pytest.mark.parametrize(("fault", "billed"), [("cut", 2), ("cut_before", 0)])
def test_a_cut_connection_is_billed_when_the_work_was_done(
    tmp_path: Path, fault: str, billed: int
) -> None:
    with rehearsal(tmp_path, faults={fault: 1}) as standin:
        with pytest.raises(openai.APIConnectionError):
            ask_openai(standin)
        with pytest.raises(anthropic.APIConnectionError):
            ask_anthropic(standin)
        bill = standin.bill()
    assert (bill.requests, bill.usd > 0, bill.refused) == (billed, bool(billed), 0)


def test_a_hanging_request_never_ends_and_costs_nothing(tmp_path: Path) -> None:
    began = time.monotonic()
    with rehearsal(tmp_path, faults={"hang": 1}) as standin:
        with openai_client(standin) as client, pytest.raises(openai.APITimeoutError):
            client.with_options(timeout=0.5).chat.completions.create(**CHAT)
        bill = standin.bill()
    assert (bill.requests, bill.usd) == (0, Decimal(0))
    assert time.monotonic() - began > 0.5


def test_a_broken_answer_comes_with_200_and_is_billed(tmp_path: Path) -> None:
    with rehearsal(tmp_path, faults={"broken_json": 1}) as standin:
        for number, ask in enumerate((ask_openai, ask_anthropic), 1):
            with pytest.raises(ValueError):
                ask(standin)
            bill = standin.bill()
            assert (bill.requests, bill.refused) == (number, 0)


SPOILT = [
    ("refuse", ("stop", None), "refusal"),
    ("length", ("length", '{"label'), "max_tokens"),
    ("nonsense", ("stop", "That depends on how one looks at it"), "end_turn"),
    ("content_filter", ("content_filter", ""), "end_turn"),
]


@pytest.mark.parametrize(("fault", "theirs", "ours"), SPOILT)
def test_spoilt_answers_are_billed(tmp_path: Path, fault: str, theirs: Any, ours: str) -> None:
    with rehearsal(tmp_path, faults={fault: 1}) as standin:
        choice = ask_openai(standin).choices[0]
        message = ask_anthropic(standin)
        assert standin.bill().requests == 2
    assert choice.finish_reason == theirs[0]
    assert (choice.message.refusal is not None) == (fault == "refuse")
    if theirs[1]:
        assert choice.message.content.startswith(theirs[1])
        with pytest.raises(ValueError):
            json.loads(choice.message.content)
    else:
        assert choice.message.content == theirs[1]
    assert message.stop_reason == ours
    assert (message.stop_details is not None) == (fault == "refuse") == (not message.content)


def test_no_credit_stops_what_costs_money_and_nothing_else(tmp_path: Path) -> None:
    with rehearsal(tmp_path, faults={"no_credit": 1}) as standin:
        with openai_client(standin) as client:
            with pytest.raises(openai.RateLimitError) as error:
                client.chat.completions.create(**CHAT)
            assert client.models.retrieve("gpt-6-luna").object == "model"
        assert error.value.code == error.value.type == "insufficient_quota"
        with pytest.raises(anthropic.BadRequestError, match="credit balance is too low"):
            ask_anthropic(standin)


def outcomes(standin: StandIn, count: int) -> list[bool]:
    """Whether each of so many questions was answered."""
    told = []
    with openai_client(standin) as client:
        for _ in range(count):
            try:
                told.append(bool(client.chat.completions.create(**CHAT)))
            except openai.InternalServerError:
                told.append(False)
    return told


def test_a_share_strikes_the_same_requests_for_the_same_seed(tmp_path: Path) -> None:
    told = []
    for seed in (1, 1, 2):
        with rehearsal(tmp_path, random_seed=seed, faults={"500": 0.3}) as standin:
            told.append(outcomes(standin, 40))
            bill = standin.bill()
            assert (bill.requests, bill.refused) == (sum(told[-1]), 40 - sum(told[-1]))
    assert told[0] == told[1] != told[2]
    assert all(20 <= sum(once) <= 36 for once in told)


def test_asking_too_fast_is_refused_and_the_limit_is_announced(tmp_path: Path) -> None:
    with rehearsal(tmp_path, requests_per_second=0.2) as standin, openai_client(standin) as client:
        raw = client.chat.completions.with_raw_response
        headers = raw.create(**CHAT).headers
        with pytest.raises(openai.RateLimitError) as error:
            raw.create(**CHAT)
        found = client.models.with_raw_response.retrieve("gpt-6-luna").headers
        assert (standin.bill().refused, standin.bill().requests) == (1, 1)
    refused = error.value.response.headers
    for told in (headers, found, refused):
        assert told["x-ratelimit-limit-requests"] == "12"
        assert told["x-ratelimit-remaining-requests"] == "0"
        assert re.fullmatch(r"\d+(\.\d+)?s", told["x-ratelimit-reset-requests"])
        assert told["x-ratelimit-limit-tokens"] == "24000"
    assert 1 <= int(refused["retry-after"]) <= 5 and "retry-after" not in headers
    assert error.value.code == "rate_limit_exceeded"


def test_who_waits_is_let_through(tmp_path: Path) -> None:
    with rehearsal(tmp_path, requests_per_second=5) as standin, openai_client(standin) as client:
        patient = client.with_options(max_retries=5)
        for _ in range(8):
            patient.chat.completions.create(**CHAT)
        assert standin.bill().requests == 8


def test_anthropic_announces_its_limit_in_its_own_headers(tmp_path: Path) -> None:
    with (
        rehearsal(tmp_path, requests_per_second=0.2) as standin,
        anthropic_client(standin) as client,
    ):
        headers = client.messages.with_raw_response.create(**MESSAGE).headers
        with pytest.raises(anthropic.RateLimitError) as error:
            client.messages.create(**MESSAGE)
    reset = datetime.fromisoformat(headers["anthropic-ratelimit-requests-reset"])
    assert -5 < (reset - datetime.now(UTC)).total_seconds() <= 5
    assert headers["anthropic-ratelimit-requests-limit"] == "12"
    assert headers["anthropic-ratelimit-requests-remaining"] == "0"
    for kind in ("tokens", "input-tokens", "output-tokens"):
        assert headers[f"anthropic-ratelimit-{kind}-limit"] == "24000"
    assert 1 <= int(error.value.response.headers["retry-after"]) <= 5
    assert error.value.type == "rate_limit_error"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.02, "20ms"), (1, "1s"), (1.5, "1.5s"), (360, "6m0s"), (3661, "1h1m1s"), (59.9999, "1m0s")],
)
def test_a_time_is_written_as_openai_does(seconds: float, text: str) -> None:
    assert limits.span(seconds) == text


def test_tokens_are_counted_by_a_rule_of_their_own() -> None:
    assert tokens.pieces("Hello, wonderful_world 2026!") == (
        ["Hello", ",", "wonderf", "ul", "_", "world", "202", "6", "!"]
    )
    assert len(tokens.message("user", "Hello")) == 1 + tokens.PER_MESSAGE
    assert tokens.cut("Hello, wonderful day", 3) == "Hello, wonderf"


def test_a_limit_can_be_kept_secret(tmp_path: Path) -> None:
    with rehearsal(tmp_path, requests_per_second=0.1, rate_headers=False) as standin:
        ask_openai(standin)
        with pytest.raises(openai.RateLimitError) as error:
            ask_openai(standin)
    told = set(error.value.response.headers)
    assert not [name for name in told if "ratelimit" in name or "retry" in name]


def test_it_can_ask_for_a_long_wait(tmp_path: Path) -> None:
    with (
        rehearsal(tmp_path, faults={"429": 1, "slow_retry_after": 300}) as standin,
        pytest.raises(openai.RateLimitError) as error,
    ):
        ask_openai(standin)
    assert error.value.response.headers["retry-after"] == "300"


def test_it_tells_how_many_asked_at_once_and_how_long_they_waited(tmp_path: Path) -> None:
    async def ask(url: str) -> None:
        async with openai.AsyncOpenAI(base_url=url, api_key="test", max_retries=0) as client:
            await asyncio.gather(*(client.chat.completions.create(**CHAT) for _ in range(7)))

    with rehearsal(tmp_path, latency=0.3) as standin:
        began = time.monotonic()
        asyncio.run(ask(standin.url + "/v1"))
        took = time.monotonic() - began
        assert standin.bill().most_at_once == 7
    assert 0.3 <= took < 7 * 0.3


def test_work_done_twice_after_a_cut_is_seen_in_the_bill(tmp_path: Path) -> None:
    content = b'{"messages": []}\n'
    with rehearsal(tmp_path, faults={"cut": 1}) as standin, openai_client(standin) as client:
        stubborn = client.with_options(max_retries=1)
        with pytest.raises(openai.APIConnectionError):
            stubborn.files.create(file=("rows.jsonl", content), purpose="fine-tune")
        bill = standin.bill()
    assert bill.uploads_by_content == {sha256(content).hexdigest(): 2}
    assert bill.files == 2


def test_who_has_no_key_is_not_served(tmp_path: Path) -> None:
    with rehearsal(tmp_path) as standin:
        with openai_client(standin) as client, pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(**CHAT, extra_headers={"Authorization": "Basic x"})
        with (
            anthropic_client(standin) as ours,
            pytest.raises(anthropic.AuthenticationError) as error,
        ):
            ours.messages.create(**MESSAGE, extra_headers={"Authorization": "Bearer"})
        assert error.value.type == "authentication_error"
        assert standin.bill().requests == 0


def test_what_it_does_not_offer_is_not_found(tmp_path: Path) -> None:
    with rehearsal(tmp_path) as standin:
        with (
            openai_client(standin) as client,
            pytest.raises(openai.NotFoundError, match="Invalid URL"),
        ):
            client.embeddings.create(model="text-embedding-3-small", input="x")
        with anthropic_client(standin) as ours, pytest.raises(anthropic.NotFoundError) as error:
            ours.beta.files.list()
        assert error.value.type == "not_found_error"
