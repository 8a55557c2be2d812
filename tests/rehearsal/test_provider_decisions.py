"""What the stand-in takes and answers as OpenAI's Decisions API, and as a System One server."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import openai
import pytest

from distill.rehearsal.provider import StandIn
from tests.rehearsal.test_provider import LABELS, QUESTION, openai_client, rehearsal

TEXT = QUESTION["content"]
CHOICES = [{"value": label} for label in LABELS]
CHOICE: dict[str, Any] = {"type": "choice", "instructions": "Which pet?", "choices": CHOICES}
DECISION: dict[str, Any] = {"model": "gpt-6-luna", "input": TEXT, "questions": [CHOICE]}
ABOUT: dict[str, str | None] = {"cats": "about a cat", "dogs": None}
ASKED: dict[str, Any] = {"type": "choice", "instructions": "Which pet?", "criteria": ABOUT}
SYSTEM_ONE: dict[str, Any] = {"model": "jev-1.14.0", "state": TEXT, "questions": {"pet": ASKED}}


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with rehearsal(tmp_path_factory.mktemp("rehearsal")) as server:
        yield server


@pytest.fixture
def client(standin: StandIn) -> Iterator[openai.OpenAI]:
    with openai_client(standin) as made:
        yield made


def decide(client: openai.OpenAI, body: dict[str, Any], path: str = "/decisions") -> Any:
    """Sends the body as it is, whatever the client thinks of it."""
    return client.post(path, cast_to=object, body=body)


def choice(**changes: Any) -> list[dict[str, Any]]:
    return [CHOICE | changes]


def test_the_official_client_gets_an_answer_of_its_own_type(
    client: openai.OpenAI, standin: StandIn
) -> None:
    before = standin.bill().usd
    found = client.decisions.create(**DECISION)
    (answer,) = found.answers
    assert answer.type == "choice" and answer.choice == "dogs"
    shares = {row.value: row.probability for row in answer.probabilities}
    assert list(shares) == LABELS and round(sum(shares.values()), 9) == 1
    assert all(round(share, 2) == share for share in shares.values())
    assert max(shares, key=lambda name: shares[name]) == "dogs"
    even = 1 / len(shares)
    assert answer.confidence == pytest.approx((shares["dogs"] - even) / (1 - even), abs=0.005)
    assert found.usage.output_tokens == 0 and found.usage.total_tokens == found.usage.input_tokens
    assert standin.bill().usd - before == found.usage.input_tokens * Decimal("0.1") / 1_000_000


def test_questions_are_answered_in_their_order_and_in_the_same_way(client: openai.OpenAI) -> None:
    yes_no = [{"value": True}, {"value": "True"}]
    body = DECISION | {"questions": [CHOICE, CHOICE | {"name": "b", "choices": yes_no}]}
    first, second = client.decisions.create(**body), client.decisions.create(**body)
    assert first.answers == second.answers
    assert [answer.name for answer in first.answers] == [None, "b"]
    last = first.answers[1]
    assert last.type == "choice" and {row.value for row in last.probabilities} == {True, "True"}


def many(count: int) -> list[dict[str, Any]]:
    return choice(choices=[{"value": f"label {n}"} for n in range(count)])


REFUSED = [
    ({"temperature": 0}, "temperature", "unknown_parameter"),
    ({"service_tier": "default"}, "service_tier", "unknown_parameter"),
    ({"stream": False}, "stream", "unknown_parameter"),
    ({"model": "gpt-6.1-terra"}, "model", "unsupported_value"),
    ({"questions": []}, "questions", "invalid_value"),
    ({"questions": choice() * 401}, "questions", "invalid_value"),
    ({"questions": many(1)}, "questions[0].choices", "invalid_value"),
    ({"questions": many(256)}, "questions[0].choices", "invalid_value"),
    ({"questions": choice(choices=CHOICES * 2)}, "questions[0].choices", "invalid_value"),
    ({"questions": choice(name="a") * 2}, "questions", "invalid_value"),
    ({"questions": choice(threshold=0.5)}, "questions[0].threshold", "unknown_parameter"),
    ({"questions": choice(type="label")}, "questions[0].type", "invalid_value"),
    (
        {"questions": choice(choices=[*CHOICES, {"value": "x", "description": None}])},
        "questions[0].choices[3].description",
        "invalid_type",
    ),
]


@pytest.mark.parametrize(("changes", "param", "code"), REFUSED, ids=range(len(REFUSED)))
def test_what_the_page_does_not_allow_is_refused_and_not_billed(
    client: openai.OpenAI, standin: StandIn, changes: Any, param: str, code: str
) -> None:
    before = standin.bill()
    with pytest.raises(openai.BadRequestError) as error:
        decide(client, DECISION | changes)
    assert (error.value.param, error.value.code) == (param, code)
    assert standin.bill().usd == before.usd


def test_as_many_choices_as_are_allowed_are_taken(client: openai.OpenAI) -> None:
    found: Any = decide(client, DECISION | {"questions": many(255)})
    shares = [row["probability"] for row in found["answers"][0]["probabilities"]]
    assert len(shares) == 255 and round(sum(shares), 9) == 1


def test_system_one_answers_by_the_names_of_questions(
    client: openai.OpenAI, standin: StandIn
) -> None:
    before = standin.bill().usd
    found: Any = decide(client, SYSTEM_ONE, "/systemone")
    answer = found["answers"]["pet"]
    assert (answer["type"], answer["choice"], found["model"]) == ("choice", "dogs", "jev-1.14.0")
    assert list(answer["probabilities"]) == ["cats", "dogs"]
    tokens = found["usage"]["input_tokens"]
    assert standin.bill().usd - before == tokens * Decimal("0.042") / 1_000_000
    without = {name: value for name, value in SYSTEM_ONE.items() if name != "model"}
    assert decide(client, without, "/systemone")["model"] == "jev-1.14.0"


REFUSED_BY_SYSTEM_ONE = [
    ({"model": "jev-9"}, 404),
    ({"temperature": 0}, 400),
    ({"questions": {}}, 400),
    ({"questions": {"pet": ASKED | {"choices": []}}}, 400),
    ({"questions": {"pet": ASKED | {"criteria": {}}}}, 400),
    ({"questions": {"pet": ASKED | {"criteria": dict.fromkeys(map(str, range(256)))}}}, 400),
    ({"state": "word " * 70_000}, 413),
]


@pytest.mark.parametrize(
    ("changes", "status"), REFUSED_BY_SYSTEM_ONE, ids=range(len(REFUSED_BY_SYSTEM_ONE))
)
def test_system_one_refuses_what_it_does_not_know(
    client: openai.OpenAI, changes: Any, status: int
) -> None:
    with pytest.raises(openai.APIStatusError) as error:
        decide(client, SYSTEM_ONE | changes, "/systemone")
    assert error.value.status_code == status


def test_system_one_wants_a_key(standin: StandIn) -> None:
    from httpx2 import Client

    with Client(trust_env=False) as bare:
        answer = bare.post(f"{standin.url}/v1/systemone", json=SYSTEM_ONE)
    assert answer.status_code == 403 and "x-typesafe-request-id" in answer.headers
