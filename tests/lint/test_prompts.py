"""Rules on prompts: errors, a forgotten input, a forgotten label."""

from dataclasses import replace
from pathlib import Path

import pytest

from distill.core.errors import InputError
from distill.task.bundled import BUNDLED, bundled_prompts
from distill.task.loading import load_task
from tests.conftest import jsonl
from tests.support.clean_task import SEEDS, TOML, clean, found, only

PAID = TOML.replace('"embedded"', '"openai:gpt-6.1-terra"')
JUDGED = TOML + "[curate]\njudge = 4\n"


@pytest.mark.parametrize(
    ("prompt", "text", "line", "said"),
    [
        ("synthesize_md", "Texts:\n{{ labl }}\n", 2, "'labl' is undefined: did you mean 'label'?"),
        ("synthesize_md", "Texts\n\n{% for %}\n", 3, "Expected"),
        ("synthesize_md", "{{ seeds[7].input }}", None, "list object has no element 7"),
    ],
)
def test_a_prompt_that_cannot_be_rendered_is_named(
    tmp_path: Path, prompt: str, text: str, line: int | None, said: str
) -> None:
    (problem,) = found(clean(tmp_path, **{prompt: text}), "prompt-broken")
    assert (Path(problem.file).name, problem.line) == ("synthesize.md", line)
    assert said.split(":")[0] in problem.message


def test_only_prompts_of_the_run_are_rendered(tmp_path: Path) -> None:
    broken = {"judge_md": "{{ input }} {{ nothing }}"}
    assert found(clean(tmp_path, **broken), "prompt-broken") == [], "without a judge"
    (problem,) = found(clean(tmp_path, task_toml=JUDGED, **broken), "prompt-broken")
    assert Path(problem.file).name == "judge.md"


def test_a_judge_that_does_not_see_the_input_is_named(tmp_path: Path) -> None:
    blind = {"judge_md": "Is {{ answer }} right? From 1 to 5:\n"}
    file, line, said = only(clean(tmp_path, task_toml=JUDGED, **blind), "input-forgotten")
    assert (file, line) == ("judge.md", 1)
    assert said == "does not show input: add {{ input }}"
    assert found(clean(tmp_path / "sound", task_toml=JUDGED), "input-forgotten") == []
    assert found(clean(tmp_path, **blind), "input-forgotten") == [], "without a judge"


def test_a_prompt_without_the_input_is_refused_by_the_loader(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"answer\.md does not show the input"):
        clean(tmp_path, answer_md="Which?")


def test_a_list_that_lacks_a_label_is_named_at_its_line(tmp_path: Path) -> None:
    listed = "You route mail.\nChoose one: luggage, Timetable.\n"
    file, line, said = only(
        clean(tmp_path, task_toml=PAID, **{"answer.system_md": listed}), "label-forgotten"
    )
    assert (file, line) == ("answer.system.md", 2)
    assert said.startswith("names 2 of the 3 labels, but not 'tickets': add them, or list all")


@pytest.mark.parametrize(
    "student",
    [
        "luggage, timetable or tickets?",
        "{% for label in labels %}{{ label }} {% endfor %}",
        "Is it about tickets?",
        "Whose matter is it, and when does the timetablet count?",
    ],
)
def test_a_whole_list_and_a_single_word_are_silent(tmp_path: Path, student: str) -> None:
    assert found(clean(tmp_path, student_md=student), "label-forgotten") == []


def test_texts_that_are_the_same_for_every_label_are_named(tmp_path: Path) -> None:
    blind = "A text:\n{% for seed in seeds %}\n- {{ seed.input }}\n{% endfor %}\n-\n"
    file, line, said = only(clean(tmp_path, synthesize_md=blind), "label-forgotten")
    assert (file, line) == ("synthesize.md", 1)
    assert said.startswith("asks for the same text whatever the label: add {{ label }}")
    without = TOML + '[generate]\nsources = ["inputs"]\n'
    task = clean(tmp_path, task_toml=without, synthesize_md=blind)
    assert found(task, "label-forgotten") == [], "no text is asked for"


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize("rule", ["prompt-broken", "input-forgotten", "label-forgotten"])
def test_the_default_prompts_are_sound(name: str, rule: str) -> None:
    prompts = bundled_prompts()
    assert prompts is not None
    task = load_task(prompts, name).with_teacher(model="anthropic:claude-sonnet-5-5")
    curate = task.spec.curate.model_copy(update={"judge": 4})
    judged = task.spec.model_copy(update={"curate": curate})
    assert found(replace(task, spec=judged), rule) == []


@pytest.mark.parametrize(
    ("model", "answer", "is_named"),
    [
        ("embedded", "{{ input }} ->", True),
        ("embedded", "{{ instructions }}\n{{ input }} ->", False),
        ("openai:gpt-6-luna", "{{ input }} ->", False),
        ("http://127.0.0.1:1/v1#m", "{{ input }} ->", False),
    ],
)
def test_instructions_that_a_served_teacher_never_sees_are_named(
    tmp_path: Path, model: str, answer: str, is_named: bool
) -> None:
    toml = TOML.replace('"embedded"', f'"{model}"')
    told = {"answer.system_md": "Luggage is lost property.\n"}
    task = clean(tmp_path, task_toml=toml, answer_md=answer, **told)
    names = [Path(one.file).name for one in found(task, "instructions-unseen")]
    assert names == ["answer.system.md"] * is_named
    without = clean(tmp_path / "without", task_toml=toml, answer_md=answer)
    assert found(without, "instructions-unseen") == [], "the default is for models behind APIs"


def test_a_broken_prompt_for_near_misses_is_named(tmp_path: Path) -> None:
    toml = TOML.replace(
        "\n[teacher]", 'none = {meaning = "no matter of ours", other = true}\n\n[teacher]', 1
    )
    seeds = jsonl([*SEEDS, {"input": "Please repair my violin", "label": "none"}])
    broken = {"task_toml": toml, "seeds_jsonl": seeds, "near_miss_md": "\n{{ nearest }}\n"}
    file, line, said = only(clean(tmp_path, **broken), "prompt-broken")
    assert (file, line) == ("near_miss.md", 2) and "'nearest' is undefined" in said
    paid = toml.replace('"embedded"', '"openai:gpt-6.1-terra"')
    asked = clean(tmp_path, **broken | {"task_toml": paid})
    assert found(asked, "prompt-broken") == [], "only a served teacher is asked by it"
