"""Misspelt commands, options, tasks, keys and models are answered with the nearest name."""

import pytest

from distill.core.errors import InputError
from distill.core.suggestions import did_you_mean, nearest
from distill.core.workspace import Workspace
from distill.estimate.probe import estimate_run
from distill.pricing.model_names import check_model_name, known_models, misspelt
from distill.pricing.token_prices import own_rates, token_price, unpriced
from distill.task.loading import load_task
from tests.conftest import WriteTask
from tests.support.command import invoke

TASK = 'name = "pets"\nkind = "classify"\n[labels]\ncats = "a"\ndogs = "b"\nbirds = "c"\n'
TASK += '[teacher]\nmodel = "{model}"\n'


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["rnu", "pets"], "run"),
        (["chekc", "pets"], "check"),
        (["run", "pets", "--until", "trian"], "Did you mean train?"),
        (["run", "pets", "--until", "eval"], "Did you mean evaluate?"),
        (["rehearse", "pets", "--mode", "batches"], "Did you mean batch?"),
        (["run", "pets", "--untli", "train"], "--until"),
    ],
)
def test_a_misspelt_command_option_or_value(
    workspace: Workspace, pets: WriteTask, arguments: list[str], meant: str
) -> None:
    pets()
    told = invoke(workspace, *arguments)
    assert told.exit_code == 2
    assert "Did you mean" in told.stderr
    assert meant in told.stderr.partition("Error: ")[2]


def test_a_value_that_is_near_nothing_has_no_suggestion(
    workspace: Workspace, pets: WriteTask
) -> None:
    pets()
    told = invoke(workspace, "run", "pets", "--until", "xyz")
    assert told.stderr.rstrip().endswith("'report'.")


@pytest.mark.parametrize("name", ["pet", "Pets", "prompts/pets", "petz"])
@pytest.mark.parametrize("command", ["run", "check", "leaks", "rehearse"])
def test_a_misspelt_task(workspace: Workspace, pets: WriteTask, command: str, name: str) -> None:
    pets()
    told = invoke(workspace, command, name)
    assert isinstance(told.exception, InputError)
    assert "known tasks: pets; did you mean pets?" in str(told.exception)


def test_a_task_that_is_near_nothing(workspace: Workspace, pets: WriteTask) -> None:
    pets()
    with pytest.raises(InputError, match=r"there is no task 'fish' in .*; known tasks: pets$"):
        load_task(workspace.prompts, "fish")


def test_a_misspelt_task_of_runs_and_status(workspace: Workspace, pets: WriteTask) -> None:
    folder = workspace.run_folder("pets", "r1")
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_text("", encoding="utf-8")
    workspace.database("pets").write_bytes(b"")
    workspace.point_latest("pets", "r1")
    for command in ("runs", "status"):
        assert "did you mean pets?" in str(invoke(workspace, command, "petz").exception)
        assert "did you mean" not in str(invoke(workspace, command, "fish").exception)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("gpt-6.1-terra", "openai:gpt-6.1-terra"),
        ("GPT-6.1-Terra", "openai:gpt-6.1-terra"),
        ("gpt-6.1-tera", "openai:gpt-6.1-terra"),
        ("openai/gpt-6.1-terra", "openai:gpt-6.1-terra"),
        ("opneai:gpt-6.1-terra", "openai:gpt-6.1-terra"),
        ("gpt-6.1-terra-2026-10-01", "openai:gpt-6.1-terra-2026-10-01"),
        ("claude-sonet-5.5", "anthropic:claude-sonnet-5-5"),
        ("embeded", "embedded"),
        ("Auto", "auto"),
    ],
)
def test_a_model_without_its_provider_or_misspelt(
    workspace: Workspace, pets: WriteTask, name: str, meant: str
) -> None:
    with pytest.raises(InputError) as told:
        pets(task_toml=TASK.format(model=name))
    said = str(told.value)
    assert f"task.toml:8: teacher.model: {name!r} does not exist" in said
    assert said.endswith(f"did you mean {meant}?")
    check_model_name("teacher.model", meant)


def test_a_model_that_is_near_nothing_has_no_suggestion() -> None:
    with pytest.raises(InputError) as told:
        check_model_name("teacher.model", "fish")
    assert "did you mean" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("openai:gpt-6.1-tera", "openai:gpt-6.1-terra"),
        ("openai:gpt-6.1_terra", "openai:gpt-6.1-terra"),
        ("openai:claude-sonnet-5-5", "anthropic:claude-sonnet-5-5"),
        ("anthropic:claude-sonet-5-5", "anthropic:claude-sonnet-5-5"),
    ],
)
def test_a_misspelt_model_of_a_provider_is_not_asked_for_its_price(
    workspace: Workspace, pets: WriteTask, name: str, meant: str
) -> None:
    pets(task_toml=TASK.format(model=name))
    with pytest.raises(InputError) as told:
        estimate_run(workspace, "pets")
    said = str(told.value)
    assert f"did you mean {meant}?" in said
    assert "[prices." not in said and "Add it to task.toml" not in said


@pytest.mark.parametrize("model", ["gpt-6.3-terra", "gpt-7", "quite-another", "gpt-6.1-luna"])
def test_a_newer_or_another_model_is_asked_for_its_price(model: str) -> None:
    assert misspelt("openai", model) == ""
    with pytest.raises(InputError, match=r"Add it to task\.toml"):
        token_price("openai", model, {})


def test_prices_of_a_misspelt_model(workspace: Workspace, pets: WriteTask) -> None:
    pets()
    told = invoke(workspace, "prices", "gpt-6.1-tera")
    assert "(openai or anthropic): did you mean openai:gpt-6.1-terra?" in str(told.exception)


def test_a_server_of_the_users_may_have_any_model() -> None:
    assert "Add it to task.toml" in unpriced("gpt-6.1-terra", "url")


def test_a_price_of_the_users_needs_no_known_name(workspace: Workspace, pets: WriteTask) -> None:
    given = '[prices."gpt-6.1-tera"]\ninput = 1\noutput = 5\n'
    pets(task_toml=TASK.format(model="openai:gpt-6.1-tera") + given)
    assert estimate_run(workspace, "pets").price is not None


def test_a_misspelt_teacher_of_a_rehearsal(workspace: Workspace, pets: WriteTask) -> None:
    pets()
    told = invoke(workspace, "rehearse", "pets", "--teacher", "gpt-6.1-terra")
    assert "--teacher: 'gpt-6.1-terra' does not exist" in str(told.exception)
    assert str(told.exception).endswith("did you mean openai:gpt-6.1-terra?")


def test_a_misspelt_key_of_a_task(pets: WriteTask) -> None:
    with pytest.raises(InputError, match=r"unknown key 'teacher.modell'; .*; did you mean model\?"):
        pets(task_toml=TASK.replace("model =", "modell =").format(model="auto"))


def test_the_known_models_answer_texts_and_have_prices() -> None:
    known = known_models()
    assert {"gpt-6.1-terra", "gpt-6.2-sol"} <= set(known["openai"])
    assert {model for _, model in own_rates() if not model.startswith("ft:")} <= set(
        known["openai"]
    )
    assert "claude-sonnet-5-5" in known["anthropic"]
    assert not {"whisper-1", "tts-1", "text-embedding-3-small"} & set(known["openai"])


def test_the_nearest_name() -> None:
    assert nearest("TRIAN", ["train", "split"]) == "train"
    assert nearest("train", []) == ""
    assert did_you_mean("xyz", ["train"]) == ""
