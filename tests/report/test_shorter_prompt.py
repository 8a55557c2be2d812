"""What the shorter prompt saves: the figures of a rehearsal of `policy`, and their sentence."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from distill.core.requests import MODEL_TOKENS, Completion, Usage
from distill.core.workspace import Workspace
from distill.evaluate.statistics import percentile
from distill.llm.prompt_length import prompted_tokens
from distill.pricing.token_prices import token_price
from distill.rehearsal.rehearse import RehearsalOptions, rehearse
from distill.report.shorter_prompt import shorter_prompt_figures
from distill.serve import SERVERS
from distill.serve.embedded_models import STUDENT, embedded
from distill.task.loading import load_task
from distill.task.prompts import student_messages
from tests.conftest import jsonl
from tests.support.figures import figures
from tests.support.standin import StandIn

BUNDLED = Path(__file__).parents[2] / "prompts" / "policy"
MODEL = "gpt-6-luna"
OF_GOLD = """
    SELECT c.prompt_tokens, c.completion_tokens, c.cached_tokens, c.cache_written_tokens,
           c.latency_s
    FROM ask a JOIN completion c USING (request_id)
    WHERE a.purpose = ?"""
Rows = Sequence[tuple[Any, ...]]


def few_rows(prompts: Path) -> None:
    """The bundled task with three gold rows a label, few inputs and no synthesis."""
    folder = prompts / "policy"
    shutil.copytree(BUNDLED, folder)
    task = load_task(BUNDLED.parent, "policy")
    gold = [row for label in task.form.choices for row in task.gold if row.answer == label]
    few = [{"input": row.input, "label": row.answer} for row in gold if gold.index(row) % 20 < 3]
    (folder / "gold.jsonl").write_text(jsonl(few), encoding="utf-8")
    (folder / "inputs.jsonl").write_text(
        jsonl([{"input": text} for text in task.inputs[:20]]), encoding="utf-8"
    )
    toml = (folder / "task.toml").read_text(encoding="utf-8")
    toml = toml.replace("requests = 140", 'requests = 0\nsources = ["inputs"]')
    (folder / "task.toml").write_text(toml, encoding="utf-8")


@pytest.mark.slow("a whole run with prompts of 3,000 tokens")
def test_a_rehearsal_of_policy_ends_in_a_page_with_the_saving(
    workspace: Workspace, scripted_backends: StandIn
) -> None:
    few_rows(workspace.prompts)
    done = rehearse(workspace, "policy", RehearsalOptions(f"openai:{MODEL}", "online"))
    context = done.outcome.context
    found: Any = figures(context.folder)
    said = found["shorter_prompt"]
    with context.store() as store:
        teacher, student = (
            store.rows(OF_GOLD, f"evaluate:{name}") for name in ("teacher", "student")
        )
    assert len(teacher) == len(student) == 21
    expects_teacher(said["teacher"], teacher, context.task.rates)
    assert said["student"]["prompt_tokens"] == pytest.approx(mean([row[0] for row in student]))
    assert said["teacher"]["prompt_tokens"] > 2800 > 60 > said["student"]["prompt_tokens"]
    assert "cached_share" not in said["student"]
    before, after = (said[name]["prompt_tokens"] for name in ("teacher", "student"))
    assert said["share"] == pytest.approx(1 - after / before)
    for name in ("report.md", "report.full.md", "report.html"):
        text = (context.folder / name).read_text(encoding="utf-8")
        assert f"REHEARSAL {said['sentence']}" in text.replace("&#39;", "'"), name
    assert len((context.folder / "report.md").read_text(encoding="utf-8").splitlines()) <= 25
    room = {name: settings.model_tokens for name, settings in vars(SERVERS["vllm"])["starts"]}
    assert min(room.values()) == MODEL_TOKENS, "the student's prompt is short"
    assert room[embedded(STUDENT)[0]] == prompted_tokens(context.task) > 3000
    handbook = context.task.render("answer.system.md")
    assert handbook not in str(student_messages(context.task, "x"))
    trained = next(context.folder.rglob("rows.json")).read_text(encoding="utf-8")
    assert "EXPENSE HANDBOOK" not in trained and "Decision on this expense claim?" in trained


def expects_teacher(side: dict[str, Any], rows: Rows, rates: Any) -> None:
    """The teacher's figures, computed from its answers on gold and the list price."""
    usages = [Usage(prompt, made, cached, written) for prompt, made, cached, written, _ in rows]
    price = token_price("openai", MODEL, rates)
    read = sum(usage.cached for usage in usages)
    assert read > 0.8 * sum(usage.prompt for usage in usages), "the handbook is cached"
    assert side["cached_share"] == pytest.approx(read / sum(usage.prompt for usage in usages))
    assert side["prompt_tokens"] == pytest.approx(mean([usage.prompt for usage in usages]))
    paid = 1000 * sum(price.usd(usage, 0.0) for usage in usages) / len(usages)
    assert Decimal(side["usd_per_1k_requests"]) == pytest.approx(paid, rel=Decimal("1e-4"))
    uncached = [replace(usage, cached=0, cache_written=0) for usage in usages]
    whole = 1000 * sum(price.usd(usage, 0.0) for usage in uncached) / len(usages)
    assert Decimal(side["usd_per_1k_without_cache"]) == pytest.approx(whole, rel=Decimal("1e-4"))
    assert whole > 2 * paid, "a price without the cache would flatter the student"
    latencies = [row[-1] for row in rows]
    assert side["latency_p50_s"] == pytest.approx(percentile(latencies, 50))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def system(name: str, tokens: float, seconds: float, usd: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "prompt_tokens_mean": tokens,
        "latency_p50_s": seconds,
        "latency_p95_s": 2 * seconds,
        "at_traffic": {"usd_per_1k_requests": usd},
        **more,
    }


def answer(prompt: int, cached: int) -> Completion:
    now = datetime(2026, 11, 29, tzinfo=UTC)
    return Completion("a", "x", "stop", prompt, 2, Decimal(0), 1.0, now, cached_tokens=cached)


OURS = system("student", 50.4, 0.0125, "0.24")
BILLED = system("teacher", 3104.6, 1.84, "0.5213", tariff={"without_cache": "3.14159"})
ANSWERS = {"teacher": [answer(3000, 2700), answer(1000, 900)], "student": [answer(50, 0)]}


def test_the_sentence_has_the_price_with_and_without_the_cache() -> None:
    found = shorter_prompt_figures([BILLED, OURS], ANSWERS)["shorter_prompt"]
    assert found["teacher"]["cached_share"] == 0.9
    assert found["sentence"] == (
        "Prompt tokens of a request: teacher 3,105 (90 % read from the provider's cache), student "
        "50. Half of the answers come within 12 ms instead of 1.8 s. 1,000 requests cost $0.24 "
        "instead of $0.5213 ($3.14 if nothing were cached)."
    )


def test_a_teacher_that_we_serve_has_no_cached_price() -> None:
    served = system("teacher", 3104.6, 1.84, "24")
    found = shorter_prompt_figures([served, OURS], ANSWERS)["shorter_prompt"]
    assert found["teacher"].keys() == found["student"].keys()
    assert found["sentence"].endswith("1,000 requests cost $0.24 instead of $24.00.")


def test_disturbed_times_and_prices_are_in_no_sentence() -> None:
    busy = OURS | {"timing": {"disturbed": True}}
    found = shorter_prompt_figures([BILLED, busy], ANSWERS)["shorter_prompt"]
    assert found["sentence"].endswith("student 50.")
    assert json.loads(json.dumps(found["student"]))["usd_per_1k_requests"] == "0.24"


@pytest.mark.parametrize("tokens", [None, 0])
def test_without_a_count_nothing_is_said(tokens: int | None) -> None:
    unknown = OURS | {"prompt_tokens_mean": tokens}
    assert shorter_prompt_figures([BILLED, unknown], ANSWERS) == {}
    del unknown["prompt_tokens_mean"]
    assert shorter_prompt_figures([BILLED, unknown], ANSWERS) == {}


def test_a_longer_prompt_of_the_student_is_a_negative_saving() -> None:
    long = OURS | {"prompt_tokens_mean": 2 * 3104.6}
    assert shorter_prompt_figures([BILLED, long], ANSWERS)["shorter_prompt"]["share"] == -1.0
