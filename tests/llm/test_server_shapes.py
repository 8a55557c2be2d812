"""Each row of docs/servers.md: a server on loopback in that shape, asked as a teacher is."""

from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from distill.core.errors import InputError
from distill.core.requests import Endpoint, Message, Model, Request, Sampling
from distill.llm.client import complete_all
from distill.llm.models import choose
from distill.llm.providers.openai_compatible import read_chat
from distill.pricing.token_prices import Rates, TokenPrice
from distill.serve import ServerSettings
from tests.support.books import Books
from tests.support.odd_server import completion, odd_server
from tests.support.server_shapes import SHAPES, Shape, table

RATES = Rates(Decimal(2), Decimal(10), Decimal("0.2"), Decimal("2.5"))
PRICE = TokenPrice(((0, RATES),), "a test")
SAMPLING = Sampling(5, choices=("cats", "dogs"), stop=("###",))
WORKING = [shape for shape in SHAPES if not shape.no]


def by_name(shape: Shape) -> str:
    return shape.name


def model_at(shape: Shape, server: str) -> tuple[Model, str]:
    """The row's model, and its address with loopback for the host."""
    if shape.api != "compatible":
        base = server if shape.api == "anthropic" else f"{server}/v1"
        return Model(shape.model.partition(":")[2], None, shape.api), base
    parts = urlsplit(shape.model)
    model = choose(f"{server}{parts.path}#{parts.fragment}").model
    return model, model.name.partition("#")[0]


@pytest.mark.parametrize("shape", WORKING, ids=by_name)
def test_a_server_of_that_shape_is_a_teacher(shape: Shape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(shape.key, "sk-of-a-test")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")  # not asked for loopback
    notes: list[str] = []
    with odd_server(shape.answer) as server:
        model, url = model_at(shape, server.url.removesuffix("/v1"))
        turn = Message("user", "Which pet is it? " * 10)
        requests = [Request(model.name, (turn,), SAMPLING) for _ in range(3)]
        books = Books(requests, Decimal("0.01"))
        complete_all(Endpoint(url, model, 1, PRICE, shape.key), books, notes.append)

    assert [(row.text, row.finish_reason, row.problem) for row in books.completions] == [
        (shape.text, "stop", "")
    ] * 3
    prompt, made, cached = shape.tokens
    usd = ((prompt - cached) * RATES.input + cached * RATES.cached + made * RATES.output) / 10**6
    for row in books.completions:
        assert (row.prompt_tokens, row.completion_tokens, row.cached_tokens) == shape.tokens
        assert row.usd == usd
    assert {row.result for row in books.outcomes} <= {"answered", "not_billed"}

    refusals = [name for name in (*shape.refused, *shape.wanted) if name != "json_object"]
    assert len(server.asked) == 3 + len(refusals), "a refusal is remembered"
    assert len(notes) == len(refusals)
    assert shape.answer(server.asked[-1])[0] == 200
    last = server.asked[-1]
    in_prompt = "fits this schema" in str(last.get("messages"))
    assert in_prompt == ("json_schema" in shape.refused)
    assert set(server.paths) == {shape.path}
    sent = {name.lower(): value for name, value in server.headers[0].items()}
    assert "sk-of-a-test" in (sent.get("authorization", "") + sent.get("x-api-key", ""))


@pytest.mark.parametrize(
    "shape", [shape for shape in WORKING if shape.api == "compatible"], ids=by_name
)
def test_the_address_of_the_page_is_taken(shape: Shape) -> None:
    assert choose(shape.model).model.api == "compatible"


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.no], ids=by_name)
def test_an_address_that_the_page_says_no_to(shape: Shape) -> None:
    with pytest.raises(InputError, match=r"address must not have a query.*/openai/v1"):
        choose(shape.model)


def test_an_object_that_stands_where_the_thoughts_do_is_the_answer() -> None:
    """LM Studio and vLLM hold a thinking model's thoughts to the schema, and end there."""

    def asked(reasoning: str) -> str:
        message = {"role": "assistant", "content": "", "reasoning_content": reasoning}
        payload = completion(choices=[{"message": message, "finish_reason": "stop"}])
        return read_chat(payload).text

    assert asked('{"label": "cats"}') == '{"label": "cats"}'
    with pytest.raises(ValueError, match="nothing"):
        ended = {"message": {"content": "", "reasoning_content": "Hm."}, "finish_reason": ""}
        read_chat(completion(choices=[ended]))
    assert asked("A cat is named.") == ""


def test_the_page_has_the_rows() -> None:
    page = Path(__file__).parents[2] / "docs" / "servers.md"
    assert table() in page.read_text(encoding="utf-8")


def test_a_price_is_needed_where_a_bill_comes(tmp_path: Path) -> None:
    settings = ServerSettings(1, Decimal(0), tmp_path / "log")
    for shape in WORKING:
        if shape.api == "compatible" and not shape.model.startswith("http://127."):
            chosen = choose(shape.model)
            with (
                pytest.raises(InputError, match="is not known"),
                chosen.serve(settings),
            ):
                pass
