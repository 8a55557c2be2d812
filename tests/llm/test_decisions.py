"""Decision models: what they are asked, and what becomes of their answers, bills and failures."""

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from math import exp
from pathlib import Path
from typing import Any

import openai
import pytest

from distill.core.errors import DistillError, InputError, KeyMissing
from distill.core.requests import Completion, Message, Model, Request, Sampling
from distill.llm.client import complete_all
from distill.llm.models import automatic, choose, price_of
from distill.llm.providers.decisions import body
from distill.pricing.listing import rows_of
from distill.pricing.terms import StudentKind, terms_of_teacher
from distill.pricing.token_prices import Rates
from distill.rehearsal.provider import Settings
from distill.rehearsal.provider import StandIn as Provider
from distill.serve import ServerSettings
from distill.store import open_store
from tests.conftest import PETS, jsonl, pet_rows, point_to
from tests.support import forked
from tests.support.books import Books
from tests.support.odd_server import Answer, always, in_turn, odd_server
from tests.support.provider import running, wait_for_bill
from tests.support.spending import PURPOSE, RUN, spend

LUNA = "decisions:gpt-6-luna"
BUDGET = Decimal(1)
TEXT = "the seed dog number 2 of ours is hungry"
SAMPLING = Sampling(0, choices=tuple(PETS), meanings=tuple(PETS.values()))
USAGE = {"input_tokens": 40, "output_tokens": 0, "total_tokens": 40}
SURE = {"cats": 0.1, "dogs": 0.85, "birds": 0.05}


def question(model: Model, text: str = TEXT) -> Request:
    turns = (Message("system", "Which pet?"), Message("user", text))
    return Request(model.name, turns, SAMPLING)


def decision(found: Any, usage: Any = USAGE) -> dict[str, Any]:
    return {"model": "gpt-6-luna", "answers": [found], "usage": usage}


def chosen(choice: object = "dogs", shares: Any = SURE, **changes: Any) -> dict[str, Any]:
    listed = [{"value": name, "probability": share} for name, share in shares.items()]
    kept = {"type": "choice", "choice": choice, "confidence": 0.775, "probabilities": listed}
    return kept | changes


def system_one(found: Any) -> dict[str, Any]:
    usage = {"input_tokens": 40, "output_tokens": 1}
    return {"model": "jev-1.14.0", "answers": {"label": found}, "usage": usage}


@pytest.fixture
def settings(tmp_path: Path) -> ServerSettings:
    return ServerSettings(4, Decimal(1), tmp_path / "log")


def ask_at(name: str, settings: ServerSettings, count: int = 1) -> Books:
    """Ask a model at a URL."""
    teacher = choose(name)
    books = Books([question(teacher.model, f"{TEXT} {n}") for n in range(count)])
    with teacher.serve(settings) as endpoint:
        complete_all(endpoint, books)
    return books


def answer_of(answer: Answer, settings: ServerSettings) -> Completion:
    """The completion of one question to a System One server that answers so."""
    with odd_server(answer) as server:
        (found,) = ask_at(f"{server.url}#systemone", settings).completions
    return found


def test_a_question_is_what_the_official_client_would_send() -> None:
    model = choose(LUNA).model
    sent = body(question(model))
    with odd_server(always(decision(chosen()))) as server:
        with openai.OpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
            client.decisions.create(**sent)
        assert server.paths == ["/v1/decisions"]
        assert server.asked == [sent]
    (asked,) = sent["questions"]
    assert sent["model"] == "gpt-6-luna" and asked["instructions"] == "Which pet?"
    assert {row["value"]: row["description"] for row in asked["choices"]} == PETS
    assert sent["input"] == [{"type": "message", "role": "user", "content": TEXT}]


def test_the_chat_model_of_the_same_id_is_another_model() -> None:
    chat = choose("openai:gpt-6-luna").model
    ours = choose(LUNA).model
    assert question(chat).id != question(ours).id
    plain = Request("m", (), Sampling(5, choices=("a",)))
    assert "meanings" not in plain.sampling.hashed, "ids of other requests stay"


def test_its_price_is_that_of_decisions() -> None:
    price = price_of(LUNA, {})
    assert price is not None
    assert (price.first.input, price.first.output) == (Decimal("0.1"), Decimal(0))
    assert price.tiers[1][1].input == Decimal("0.2"), "above 272K tokens"
    rows = rows_of(LUNA, date(2026, 11, 29), {})
    assert {(row["model"], row["mode"]) for row in rows} == {(LUNA, "at once")}, "no batches"
    assert all(f'[prices."{LUNA}"]' in row["assumed"] for row in rows)
    jev = price_of("https://api.typesafe.ai/v1#systemone:jev-1.14.0", {})
    assert jev is not None and jev.first.input == Decimal("0.042") and jev.first.output == 0
    routed = price_of("https://openrouter.ai/api/v1#systemone:typesafe/jev-1.14", {})
    assert routed is not None and routed.first.input == Decimal("0.042")
    assert price_of("http://127.0.0.1:8000/v1#systemone", {}) is None
    own = Rates(Decimal(1), Decimal(0), Decimal(1), Decimal(1), source="task.toml")
    for named in ("jev-1.14.0", "systemone:jev-1.14.0"):
        paid = price_of("https://api.typesafe.ai/v1#systemone:jev-1.14.0", {named: own})
        assert paid is not None and paid.first.input == 1
    paid = price_of(LUNA, {"gpt-6-luna": own, LUNA: replace(own, input=Decimal(3))})
    assert paid is not None and paid.first.input == 3, "not the price of the chat model"
    with pytest.raises(InputError, match=r'\[prices\."systemone"\]'):
        price_of("https://example.com/v1#systemone", {})
    with pytest.raises(InputError, match=r"did you mean openai:gpt-6\.1-terra"):
        price_of("decisions:gpt-6.1-terra", {})


@pytest.mark.parametrize(
    ("model", "training", "stops"),
    [
        (LUNA, "ask", True),
        ("https://api.typesafe.ai/v1#systemone:jev-1.14.0", "forbidden", True),
        ("http://127.0.0.1:8000/v1#systemone:jev-1.14.0", "forbidden", True),
        ("https://openrouter.ai/api/v1#systemone:openai/gpt-6-luna-decisions", "ask", True),
        ("https://example.com/v1#systemone", "ask", True),
        ("http://127.0.0.1:8000/v1#systemone", "ask", False),
    ],
)
def test_training_on_its_answers_wants_a_permission(model: str, training: str, stops: bool) -> None:
    terms = terms_of_teacher(model, StudentKind("classify", "unsloth"))
    assert (terms.training, terms.stops) == (training, stops)


def test_auto_never_takes_it_and_a_key_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    name, why = automatic({"OPENAI_API_KEY": "k"}, StudentKind("classify", "unsloth"))
    assert (name, why) == ("openai:gpt-6.1-terra", "OPENAI_API_KEY is set")
    _, why = automatic({}, StudentKind("classify", "unsloth"))
    assert why == "neither OPENAI_API_KEY nor ANTHROPIC_API_KEY is set"
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    settings = ServerSettings(1, Decimal(1), Path("log"))
    with (
        pytest.raises(KeyMissing, match=f"{LUNA} needs a key: set OPENAI_API_KEY"),
        choose(LUNA).serve(settings),
    ):
        pass


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    path = tmp_path / "provider.jsonl"
    path.write_text(jsonl(pet_rows("seed", 4)), encoding="utf-8")
    return path


@pytest.fixture
def provider(seeds: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    with running(Settings(seeds)) as standin:
        point_to(monkeypatch, standin.url)
        monkeypatch.setenv("DISTILL_TEACHER_KEY", "test")
        yield standin


def test_the_ledger_is_the_bill_and_keeps_each_probability(
    tmp_path: Path, provider: Provider
) -> None:
    database = tmp_path / "spend.duckdb"
    came = spend(database, LUNA, 30, BUDGET)
    assert len(came) == 30 and {row.text for row in came} <= set(PETS)
    assert spend(database, LUNA, 30, BUDGET) == [], "nothing is asked twice"
    bill = provider.bill()
    assert set(bill.asked.values()) == {1}
    with open_store(database) as store:
        assert store.committed_usd(RUN) == bill.usd > 0
        stored = store.rows("SELECT request_id, probabilities FROM choice_probability")
        answers = {row.completion.request_id: row for row in store.answered(RUN, PURPOSE)}
    assert len(stored) == 30
    for request_id, text in stored:
        shares, answer = json.loads(text), answers[request_id].completion
        assert list(shares) == ["cats", "dogs", "birds"]
        assert answer.logprob is not None and exp(answer.logprob) == pytest.approx(
            shares[answer.text]
        )
        assert answer.completion_tokens == 0 and answer.usd == answer.prompt_tokens * Decimal(
            "0.1"
        ) / Decimal(1_000_000)


def test_a_budget_holds(tmp_path: Path, provider: Provider) -> None:
    with pytest.raises(DistillError, match="budget"):
        spend(tmp_path / "spend.duckdb", LUNA, 300, Decimal("0.0003"))
    assert 0 < provider.bill().usd <= Decimal("0.0003")


def test_a_killed_process_asks_nothing_again_that_was_answered(
    tmp_path: Path, seeds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "spend.duckdb"
    with running(Settings(seeds, latency=0.005)) as standin:
        point_to(monkeypatch, standin.url)
        arguments = [str(database), LUNA, "160", str(BUDGET)]
        child = forked.start("tests.support.spending", arguments)
        wait_for_bill(standin, lambda bill: bill.requests >= 60, child)
        child.send_signal(signal.SIGKILL)
        child.wait()
        with open_store(database) as store:
            before = {row.completion.request_id for row in store.answered(RUN, PURPOSE)}
        came = spend(database, LUNA, 160, BUDGET)
        assert before.isdisjoint(row.request_id for row in came)
        assert len(before) + len(came) == 160
        with open_store(database) as store:
            least, most = store.billed_usd(RUN), store.committed_usd(RUN)
        assert least <= standin.bill().usd <= most


@pytest.mark.parametrize("faults", [{"429": 0.2}, {"529": 0.2}, {"html": 0.2}, {"cut": 0.1}])
def test_failures_that_pass_lose_no_answer(
    tmp_path: Path, seeds: Path, monkeypatch: pytest.MonkeyPatch, faults: dict[str, float]
) -> None:
    monkeypatch.setattr("distill.llm.client.FIRST_DELAY_SECONDS", 0.01)
    with running(Settings(seeds, faults=faults, rate_headers=False)) as standin:
        point_to(monkeypatch, standin.url)
        came = spend(tmp_path / "spend.duckdb", LUNA, 40, BUDGET)
        assert len(came) == 40 and not any(row.problem for row in came)
        with open_store(tmp_path / "spend.duckdb") as store:
            assert store.billed_usd(RUN) <= standin.bill().usd <= store.committed_usd(RUN)


def test_a_refusal_is_paid_and_is_no_label(
    tmp_path: Path, seeds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Settings(seeds, faults={"refuse": 0.5})) as standin:
        point_to(monkeypatch, standin.url)
        came = spend(tmp_path / "spend.duckdb", LUNA, 40, BUDGET)
        declined = [row for row in came if row.problem]
        assert len(came) == 40 and 5 < len(declined) < 35
        assert {(row.text, row.finish_reason, row.problem) for row in declined} == {
            ("", "refusal", "refused")
        }
        assert sum(row.usd for row in came) == standin.bill().usd


def test_a_system_one_server_gets_a_key_and_is_paid(
    provider: Provider, settings: ServerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{provider.url}/v1#systemone:jev-latest"
    (answer,) = ask_at(name, settings).completions
    assert (answer.text, answer.problem) == ("dogs", "")
    assert answer.probabilities.keys() == PETS.keys()
    monkeypatch.setenv("DISTILL_TEACHER_KEY", "a-secret")
    with odd_server(always(system_one(chosen() | {"probabilities": SURE}))) as server:
        (answer,) = ask_at(f"{server.url}#systemone", settings).completions
        sent = {name.lower(): value for name, value in server.headers[0].items()}
        assert sent["authorization"] == "Bearer a-secret"
        assert server.paths == ["/v1/systemone"] and "model" not in server.asked[0]
        (asked,) = server.asked[0]["questions"].values()
        assert asked["criteria"] == PETS and server.asked[0]["state"] == f"{TEXT} 0"
    assert answer.text == "dogs" and answer.probabilities == SURE
    assert exp(answer.logprob or 0) == pytest.approx(0.85), "never the server's own confidence"


@pytest.mark.parametrize("status", [429, 529])
def test_it_waits_as_long_as_a_server_says(settings: ServerSettings, status: int) -> None:
    right = system_one(chosen() | {"probabilities": SURE})
    left = [(status, {"error": {"message": "slow"}}, {"Retry-After": "0.2"}), (200, right, {})]
    with odd_server(lambda body: left.pop(0)) as server:
        books = ask_at(f"{server.url}#systemone", settings)
        assert len(server.asked) == 2
    (answer,) = books.completions
    assert answer.text == "dogs"
    assert [row.result for row in books.outcomes] == ["not_billed", "answered"]


ODD_SHARES: list[Any] = [
    {"cats": 0.9, "dogs": 0.9, "birds": 0.9},
    {"cats": 0.1, "birds": 0.9},
    {"cats": "0.1", "dogs": 0.9},
    {"cats": -0.1, "dogs": 1.1},
    {"cats": None, "dogs": 1},
    {"cats": False, "dogs": True},
    [0.1, 0.9],
    None,
]


@pytest.mark.parametrize("shares", ODD_SHARES, ids=range(len(ODD_SHARES)))
def test_odd_probabilities_do_not_lose_the_label(settings: ServerSettings, shares: Any) -> None:
    answer = answer_of(always(system_one(chosen() | {"probabilities": shares})), settings)
    assert (answer.text, answer.logprob, answer.probabilities) == ("dogs", None, {})


def test_rounded_probabilities_are_a_distribution(settings: ServerSettings) -> None:
    shares = {"dogs": 1.0} | {f"label {n}": 0.0 for n in range(60)}
    answer = answer_of(always(system_one(chosen() | {"probabilities": shares})), settings)
    assert answer.logprob == 0 and len(answer.probabilities) == 61
    shares = {"dogs": 0.0, "cats": 0.99}
    answer = answer_of(always(system_one(chosen() | {"probabilities": shares})), settings)
    assert exp(answer.logprob or 0) == pytest.approx(0.005), "a rounded 0 is not impossible"


def test_an_unknown_label_is_an_answer_that_is_no_label(settings: ServerSettings) -> None:
    answer = answer_of(always(system_one(chosen("fish"))), settings)
    assert (answer.text, answer.problem) == ("fish", ""), "as a chat model's unknown label"


MALFORMED = [
    {"answers": {}, "usage": USAGE},
    {"answers": {"other": chosen()}, "usage": USAGE},
    {"answers": [chosen()], "usage": USAGE},
    system_one({"type": "noul", "noul": 0.5}),
    system_one(chosen(7)),
    system_one(None),
    {},
    [],
    b"<html><body>502 Bad Gateway</body></html>",
]


@pytest.mark.parametrize("found", MALFORMED, ids=range(len(MALFORMED)))
def test_what_is_no_answer_is_asked_again(settings: ServerSettings, found: Any) -> None:
    right = system_one(chosen() | {"probabilities": SURE})
    answers = in_turn([(200, found), (200, right)])
    with odd_server(answers) as server:
        books = ask_at(f"{server.url}#systemone", settings)
        assert len(server.asked) == 2
    (answer,) = books.completions
    assert answer.text == "dogs"
    assert [row.result for row in books.outcomes] == ["maybe_billed", "answered"]


def test_a_server_that_never_answers_stops_the_run_with_what_it_said(
    settings: ServerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.llm.client.FIRST_DELAY_SECONDS", 0.01)
    with (
        odd_server(always(b"<html>Bad Gateway</html>")) as server,
        pytest.raises(DistillError, match="sent something that is not an answer: '<html>Bad"),
    ):
        ask_at(f"{server.url}#systemone", settings)


@pytest.mark.parametrize(
    "said",
    ["question 'label': at most 26 options for this model", "a label has at most 64 characters"],
)
def test_a_limit_of_the_server_is_shown_as_it_names_it(settings: ServerSettings, said: str) -> None:
    with (
        odd_server(always({"error": {"message": said}}, 400)) as server,
        pytest.raises(DistillError) as error,
    ):
        ask_at(f"{server.url}#systemone", settings, 3)
    assert said in str(error.value) and "(400)" in str(error.value)


def test_a_model_that_does_not_decide_is_asked_once(settings: ServerSettings) -> None:
    said = "The model does not support the structured decision API"
    with odd_server(always({"error": {"message": said}}, 501)) as server:
        with pytest.raises(DistillError, match=said):
            ask_at(f"{server.url}#systemone", settings)
        assert len(server.asked) == 1


def test_without_token_counts_the_most_is_booked(settings: ServerSettings) -> None:
    answer = answer_of(always(system_one(chosen()) | {"usage": None}), settings)
    assert answer.prompt_tokens > 0, "an estimate, at a machine's price"
