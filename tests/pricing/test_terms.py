"""Terms: whose outputs may be trained on, what a run does about it, and where that is shown."""

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result
from pydantic import ValidationError

from distill import pipeline
from distill.cli import cli
from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.estimate.probe import probe_run
from distill.estimate.run_start import RunOptions
from distill.llm.models import automatic
from distill.pipeline import report_now
from distill.pricing.term_table import TeacherRow, term_table
from distill.pricing.terms import StudentKind, terms_of_base, terms_of_teacher
from distill.rehearsal.provider import StandIn as Provider
from distill.rehearsal.rehearse import RehearsalOptions, rehearse
from distill.store import open_store
from distill.train.permission import lines
from tests.conftest import PERMISSION, PETS, WriteTask, jsonl
from tests.support.command import json_rows
from tests.support.figures import figures
from tests.support.paying import paid_run
from tests.support.standin import StandIn

LABELS, TEXTS = StudentKind("classify", "unsloth"), StudentKind("generate", "unsloth")
OPENAI, ANTHROPIC = "openai:gpt-6-luna", "anthropic:claude-haiku-5-5"
ROUTER = "https://openrouter.ai/api/v1#"
HEAD = 'name = "pets"\nkind = "classify"\n[labels]\n'
HEAD += "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
HEAD += "[generate]\nrequests = 30\n"
EVALUATE = "[evaluate]\nspeed_requests = 0\nside_effects = false\nteacher_twice = false\n"
UNCONFIRMED = "[terms]\n"  # keeps the shared permission away
REASON = "Contract 17/2026, clause 4, signed by Anthropic"
CONFIRMED = f'[terms]\nconfirmed = "{REASON}"\n'


def toml(teacher: str, more: str = UNCONFIRMED) -> str:
    return f'{HEAD}[teacher]\nmodel = "{teacher}"\nfew_shot = 3\n{EVALUATE}{more}'


def invoke(workspace: Workspace, *arguments: str) -> Result:
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    return CliRunner().invoke(cli, [*folders, *arguments])


@pytest.mark.parametrize(
    ("model", "labels", "texts"),
    [
        (OPENAI, "own_use", "ask"),
        (f"{ROUTER}openai/gpt-6-luna", "own_use", "ask"),
        (ANTHROPIC, "forbidden", "forbidden"),
        (f"{ROUTER}anthropic/claude-sonnet-5-5", "forbidden", "forbidden"),
        ("http://127.0.0.1:4000/v1#claude-sonnet-5-5", "forbidden", "forbidden"),
        ("https://api.typesafe.ai/v1#jev-1.14.0", "forbidden", "forbidden"),
        ("https://generativelanguage.googleapis.com/v1beta/openai#gemini-3", "ask", "ask"),
        ("https://api.z.ai/api/paas/v4#glm-5", "forbidden", "forbidden"),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1#qwen3-max", "ask", "ask"),
        ("https://api.moonshot.ai/v1#kimi-k3", "ask", "ask"),
        ("https://api.deepseek.com/v1#deepseek-chat", "allowed", "allowed"),
        (f"{ROUTER}deepseek/deepseek-v4", "allowed", "allowed"),
        (f"{ROUTER}somebody/something", "ask", "ask"),
        (f"{ROUTER}openai/gpt-oss-120b", "allowed", "allowed"),
        ("vllm:Qwen/Qwen3.6-27B", "allowed", "allowed"),
        ("http://127.0.0.1:11434/v1#qwen3:8b", "allowed", "allowed"),
        ("vllm:meta-llama/Llama-4-Scout-17B-16E-Instruct", "allowed", "allowed"),
        ("vllm:meta-llama/Meta-Llama-3-8B-Instruct", "ask", "ask"),
        ("embedded", "allowed", "allowed"),
        ("https://notopenai.com/v1#m", "ask", "ask"),
        ("https://api.openai.com.example/v1#m", "ask", "ask"),
    ],
)
def test_every_provider_has_its_terms(model: str, labels: str, texts: str) -> None:
    assert terms_of_teacher(model, LABELS).training == labels
    assert terms_of_teacher(model, TEXTS).training == texts


def test_openais_own_models_may_be_tuned_on_its_outputs_alone() -> None:
    texts = StudentKind("generate", "openai")
    assert terms_of_teacher(OPENAI, texts).training == "allowed"
    assert terms_of_teacher(ANTHROPIC, texts).training == "forbidden"


@pytest.mark.parametrize(
    ("model", "stops"),
    [
        ("vllm:/data/my-weights", False),
        ("http://127.0.0.1:8000/v1#mine", False),
        ("http://[::1]:8000/v1#mine", False),
        ("http://10.0.0.7:8000/v1#mine", False),
        ("http://gpu-box:8000/v1#mine", False),
        ("http://llm.internal/v1#mine", False),
        ("https://api.somewhere.example/v1#mine", True),
        ("https://8.8.8.8/v1#mine", True),
        (f"{ROUTER}somebody/something", True),
        ("http://127.0.0.1:4000/v1#gemini-3-pro", True),
    ],
)
def test_unknown_weights_stop_a_run_only_where_somebody_else_serves_them(
    model: str, stops: bool
) -> None:
    assert terms_of_teacher(model, LABELS).stops is stops


def test_duties_come_with_the_terms() -> None:
    [llama] = terms_of_teacher("vllm:meta-llama/Llama-4-Scout", LABELS).duties
    assert llama == 'The name of a student that you distribute begins with "Llama".'
    routed = terms_of_teacher(f"{ROUTER}deepseek/deepseek-v4", LABELS).duties
    assert routed == (
        "Mark outputs that the public sees as made by AI.",
        "openrouter.ai serves the model: its own terms hold, too.",
    )


@pytest.mark.parametrize(
    ("base", "licence", "provider"),
    [
        ("SmolLM2-135M-Instruct@0123456789ab", "apache-2.0", "Apache-2.0"),
        ("SmolLM2-135M-Instruct", "", "Apache-2.0"),
        ("Llama-3.2-1B-Instruct@0123456789ab", "llama3.2", "Llama community licence"),
        ("unsloth/Llama-3.2-1B-Instruct", "", "Llama community licence"),
        ("gemma-3-270m-it@0123456789ab", "gemma", "Gemma Terms of Use"),
        ("gpt-4.1-mini-2025-04-14", "", "OpenAI"),
        ("mine@0123456789ab", "cc-by-nc-4.0", "licence cc-by-nc-4.0"),
        ("Llama-mine", "", "weights (Llama-mine)"),
    ],
)
def test_a_base_has_the_duties_of_its_licence(base: str, licence: str, provider: str) -> None:
    found = terms_of_base(base, licence)
    assert found.provider == provider
    assert found.is_known == (not provider.startswith(("licence", "weights")))
    assert any("Llama" in duty for duty in found.duties) == (provider.startswith("Llama"))


def test_the_table_is_checked() -> None:
    assert len(term_table().teacher) > 10
    row = {"provider": "P", "source": "S", "url": "https://p.example"}
    clause = {"training": "ask", "says": "…"}
    TeacherRow.model_validate({**row, "clauses": [clause]})
    for wrong, says in (
        ({**row, "clauses": []}, "at least 1 item"),
        ({**row, "clauses": [{**clause, "kinds": ["classify"]}]}, "the last clause must fit"),
        ({**row, "clauses": [clause], "colour": 1}, "Extra inputs are not permitted"),
        ({**row, "clauses": [{**clause, "training": "maybe"}]}, "'allowed', 'own_use', 'ask'"),
        ({**row, "source": "", "clauses": [clause]}, "at least 1 character"),
    ):
        with pytest.raises(ValidationError, match=says):
            TeacherRow.model_validate(wrong)


def test_a_run_stops_before_it_asks_a_teacher_that_forbids_training(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    pets(task_toml=toml(ANTHROPIC))
    error = invoke(workspace, "run", "pets").exception
    assert isinstance(error, InputError) and error.exit_code == 2
    for part in (
        "pets/task.toml: teacher.model: anthropic:claude-haiku-5-5",
        "training on the outputs is forbidden without authorization",
        "Anthropic Usage Policy",
        "from 2026-11-12",
        "[terms] confirmed = ",
        "docs/privacy.md",
    ):
        assert part in str(error), part
    with pytest.raises(InputError, match=r"terms\] confirmed"):
        probe_run(workspace, "pets", lambda calls, usd: None)
    assert provider.bill().requests == scripted_backends.total == 0


def test_a_reason_lets_the_run_go_on_and_stands_everywhere(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    pets(task_toml=toml(ANTHROPIC, CONFIRMED))
    outcome = paid_run(workspace, "pets")
    folder = outcome.context.folder
    assert figures(folder)["terms"]["confirmed"] == REASON
    for page in ("report.full.md", "report.html", "student/README.md", "events.jsonl"):
        assert REASON in (folder / page).read_text(encoding="utf-8"), page
    with outcome.context.store() as store:
        rows = store.rows("SELECT use, model, provider, training, confirmed, effective FROM terms")
    assert set(rows) == {
        ("teacher", ANTHROPIC, "Anthropic", "forbidden", REASON, date(2026, 11, 12)),
        (
            "base",
            "SmolLM2-135M-Instruct@0123456789ab",
            "Apache-2.0",
            "allowed",
            REASON,
            None,
        ),
    }


@pytest.mark.parametrize("reason", ["", " ", "\\t\\n", "\\u200b", "—"])
def test_a_reason_that_says_nothing_is_refused(pets: WriteTask, reason: str) -> None:
    with pytest.raises(InputError, match=r"terms\.confirmed: state who gave the permission"):
        pets(task_toml=toml(ANTHROPIC, f'[terms]\nconfirmed = "{reason}"\n'))


def test_a_reason_makes_no_other_run(pets: WriteTask) -> None:
    without, with_reason = pets(task_toml=toml(OPENAI)), pets(task_toml=toml(OPENAI, CONFIRMED))
    assert without.hash == with_reason.hash


def test_auto_never_takes_a_teacher_whose_terms_do_not_allow_it() -> None:
    key = {"ANTHROPIC_API_KEY": "set"}
    assert automatic(key, LABELS) == (
        "embedded",
        "ANTHROPIC_API_KEY is set, but Anthropic: training on the outputs is forbidden without "
        "authorization (docs/privacy.md)",
    )
    assert automatic(key | {"OPENAI_API_KEY": "set"}, LABELS)[0] == "openai:gpt-6.1-terra"
    name, why = automatic(key | {"OPENAI_API_KEY": "set"}, TEXTS)
    assert name == "embedded"
    assert why.startswith("OPENAI_API_KEY is set, but OpenAI: the terms do not say clearly")
    tuned = StudentKind("generate", "openai")
    assert automatic({"OPENAI_API_KEY": "set"}, tuned)[0] == "openai:gpt-6.1-terra"


def test_a_run_of_auto_says_why_it_takes_the_embedded_teacher(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    pets(task_toml=toml("auto", CONFIRMED))
    outcome = paid_run(workspace, "pets", RunOptions("generate"))
    assert outcome.run.teacher == "embedded"
    told = (outcome.context.folder / "events.jsonl").read_text(encoding="utf-8")
    assert "embedded (auto: ANTHROPIC_API_KEY is set, but Anthropic" in told
    assert provider.bill().requests == 0


def test_who_only_measures_is_not_learned_from(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    rivals = f'{EVALUATE}baselines = ["{ANTHROPIC}"]\n'
    pets(task_toml=toml("embedded").replace(EVALUATE, rivals))
    outcome = paid_run(workspace, "pets")
    assert provider.bill().requests > 0
    terms = figures(outcome.context.folder)["terms"]
    assert [row["use"] for row in terms["rows"]] == ["teacher", "base"]
    assert terms["stops"] is False and "confirmed" not in terms


def test_a_judge_that_chooses_training_rows_is_learned_from(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    judge = f'[curate]\njudge = 3\njudge_model = "{ANTHROPIC}"\n'
    pets(task_toml=toml("embedded", UNCONFIRMED + judge))
    with pytest.raises(InputError, match=r"curate\.judge_model: anthropic:claude-haiku-5-5: Anth"):
        paid_run(workspace, "pets")
    assert scripted_backends.total == provider.bill().requests == 0


def as_of_before(database: Path) -> None:
    """Make a store what it was before it knew of terms."""
    with duckdb.connect(str(database)) as connection:
        for what in ("VIEW label", "VIEW model_provider", "TABLE terms", "TABLE label_origin"):
            connection.execute(f"DROP {what}")
        connection.execute("DELETE FROM migration WHERE name = '016_terms.sql'")


def test_a_half_done_run_of_before_stops_and_loses_nothing(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    pets(task_toml=toml(ANTHROPIC, CONFIRMED))
    began = paid_run(workspace, "pets", RunOptions("generate"))
    as_of_before(began.context.database)
    bill = provider.bill()
    pets(task_toml=toml(ANTHROPIC))
    with pytest.raises(InputError, match="forbidden without authorization"):
        paid_run(workspace, "pets")
    assert provider.bill() == bill
    pets(task_toml=toml(ANTHROPIC, CONFIRMED))
    outcome = paid_run(workspace, "pets", RunOptions("curate"))
    assert (outcome.run.id, outcome.stages_run) == (began.run.id, ("curate",))
    assert provider.bill() == bill, "what was paid for is used"


def test_a_finished_run_still_has_its_report(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    pets(task_toml=toml(ANTHROPIC, CONFIRMED))
    done = paid_run(workspace, "pets")
    as_of_before(done.context.database)
    path = done.context.folder / "report.json"
    old = figures(done.context.folder)
    del old["terms"]
    path.write_text(json.dumps(old), encoding="utf-8")
    bill = provider.bill()
    pets(task_toml=toml(ANTHROPIC))
    assert pipeline.run(workspace, "pets").stages_run == ("report",), "the terms are others now"
    assert pipeline.run(workspace, "pets").stages_run == ()
    assert report_now(workspace, "pets").folder == done.context.folder
    terms = figures(done.context.folder)["terms"]
    assert terms["stops"] is True and "confirmed" not in terms
    page = (done.context.folder / "report.html").read_text(encoding="utf-8")
    assert "No permission to train on these outputs is confirmed" in page
    assert REASON not in page
    with pytest.raises(InputError, match="forbidden without authorization"):
        pipeline.run(workspace, "pets", RunOptions(curve=True))
    assert provider.bill() == bill


def test_a_rehearsal_needs_no_permission_and_says_so(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    pets(task_toml=toml(ANTHROPIC))
    done = rehearse(workspace, "pets", RehearsalOptions(until="generate"))
    assert done.agrees and done.outcome.run.teacher == ANTHROPIC
    told = (done.outcome.context.folder / "events.jsonl").read_text(encoding="utf-8")
    assert "a rehearsal trains on no real answers; a run stops here" in told


def test_the_provider_of_every_label_is_one_query(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    inputs = [f"the old cat number {number} sleeps over there" for number in (71, 82)]
    pets(
        task_toml=toml(OPENAI),
        inputs_jsonl=jsonl([{"input": text} for text in inputs]),
        reviews_jsonl=jsonl([{"input": inputs[0], "answer": "birds"}]),
    )
    outcome = paid_run(workspace, "pets", RunOptions("split"))
    with outcome.context.store() as store:
        rows = store.rows(
            """SELECT source, origin, model, provider, input_provider, answered IS NULL, count(*)
               FROM label JOIN split USING (run_id, example_id) GROUP BY ALL"""
        )
        examples = {row.input for row in store.examples(outcome.run.id)}
        counts = {(row.origin, row.model, row.provider) for row in store.count_labels("nobody")}
        by = {(row.origin, row.provider): row.rows for row in store.count_labels(outcome.run.id)}
    assert set(inputs) <= examples and counts == set()
    kinds = {row[:6] for row in rows}
    luna = "gpt-6-luna"
    assert kinds == {
        ("seeds", "seed", None, None, None, True),
        ("inputs", "review", None, None, None, True),
        ("inputs", "teacher", luna, "openai", None, False),
        ("synthesis", "teacher", luna, "openai", "openai", False),
    }
    assert by[("seed", "")] == 12 and by[("review", "")] == 1 and by[("teacher", "openai")] > 1


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-6-luna", "openai"),
        ("ft:gpt-4.1-mini-2025-04-14:o::x", "openai"),
        ("claude-haiku-5-5", "anthropic"),
        ("https://api.deepseek.com/v1#deepseek-chat", "api.deepseek.com"),
        ("http://127.0.0.1:8000/v1#claude-x@1", "127.0.0.1"),
        ("http://[::1]:8000/v1#m", "::1"),
        ("gemma-3-270m@0123456789ab", "self-served"),
    ],
)
def test_a_stored_model_tells_its_provider(tmp_path: Path, model: str, provider: str) -> None:
    with open_store(tmp_path / "s.duckdb") as store:
        values = [["id", model, "[]", "{}"]]
        store.insert("request", values)
        assert store.rows("SELECT model, provider FROM model_provider") == [(model, provider)]


def test_plan_and_doctor_show_the_terms(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, provider: Provider
) -> None:
    pets(task_toml=toml(ANTHROPIC))
    text = invoke(workspace, "plan", "pets").output
    assert "Terms of the teacher, anthropic:claude-haiku-5-5: Anthropic: training on the" in text
    assert "Terms of the base, SmolLM2-135M-Instruct: Apache-2.0" in text
    assert "The run stops before it pays, until the task has `terms.confirmed`." in text
    [shown] = json_rows(invoke(workspace, "plan", "pets", "--json").stdout, "plan")
    assert any("Anthropic" in line for line in shown["terms"])
    rows = json_rows(invoke(workspace, "doctor", "--json").stdout, "doctor")
    found = {row["what"]: row["found"] for row in rows if row["what"].startswith("terms of")}
    assert found == {
        "terms of openai:gpt-6.1-terra, classify": "own_use",
        "terms of openai:gpt-6.1-terra, generate": "ask",
        "terms of anthropic:claude-sonnet-5-5, classify": "forbidden",
        "terms of anthropic:claude-sonnet-5-5, generate": "forbidden",
        "terms of embedded, classify": "allowed",
        "terms of embedded, generate": "allowed",
    }


def test_old_terms_are_to_be_read_again(pets: WriteTask) -> None:
    task = pets(task_toml=toml(OPENAI))
    again = "- These terms were read over 90 days ago: read the page again."
    assert again not in list(lines(task, date(2026, 11, 28)))
    assert again in list(lines(task, date(2027, 3, 1)))


def test_the_shared_permission_is_for_stand_ins_alone(pets: WriteTask) -> None:
    """A task of these tests that says nothing of terms gets a reason from one place."""
    assert pets().spec.terms.confirmed in PERMISSION
    assert pets(task_toml=toml(OPENAI)).spec.terms.confirmed == ""
