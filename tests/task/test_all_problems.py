"""All problems of a task's files are said at once, each with its place and remedy."""

from pathlib import Path

import pytest

from distill.core.errors import InvalidInput, KeyMissing, Problem
from distill.core.model_ref import check_key
from distill.core.workspace import Workspace
from distill.task.loading import load_task
from distill.task.spec_file import project_rates
from distill.task.toml_places import line_of
from tests.conftest import PETS, WriteTask, jsonl, pet_rows
from tests.support.command import invoke

HEAD = 'name = "pets"\nkind = "classify"\n'
LABELS = "[labels]\n" + "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())


def lines(pets: WriteTask, **changes: str) -> list[str]:
    """What is said of an invalid task, without the folder."""
    with pytest.raises(InvalidInput) as told:
        pets(**changes)
    return [line.partition("/pets/")[2] for line in told.value.lines]


def test_every_problem_of_a_task_file(pets: WriteTask) -> None:
    toml = f'{HEAD}{LABELS}[teacher]\nmodell = "auto"\nvotes = "many"\n[evaluate]\nmargin = 2\n'
    assert lines(pets, task_toml=toml) == [
        "task.toml:8: unknown key 'teacher.modell'; known here: model, mode, few_shot, votes, "
        "rationale, in_flight; did you mean model?",
        "task.toml:9: teacher.votes: Input should be a valid integer, unable to parse string as an "
        "integer (got 'many'): write a whole number, like 5",
        "task.toml:11: evaluate.margin: Input should be less than 1 (got 2): give a share: 0.02 is "
        "2 %",
    ]


def test_name_prices_and_models_at_once(pets: WriteTask) -> None:
    toml = f'name = "dogs"\nkind = "classify"\n{LABELS}[teacher]\nmodel = "gpt-6.1-terra"\n'
    toml += '[prices."gpt-6-luna"]\ninput = 5000\noutput = 1\n[machine]\nusd_per_hour = 90000\n'
    found = lines(pets, task_toml=toml)
    assert [line.split(":")[1] for line in found] == ["10", "13", "1", "8"]
    assert 'prices."gpt-6-luna".input: $5000' in found[0]
    assert "machine.usd_per_hour" in found[1]
    assert "name is 'dogs' but the folder is 'pets': rename one" in found[2]
    assert found[3].endswith("did you mean openai:gpt-6.1-terra?")


def test_every_row_of_every_file(pets: WriteTask) -> None:
    seeds = [
        *pet_rows("seed", 4),
        {"input": "glub", "label": "fish"},
        {"text": "a", "label": "cat"},
    ]
    gold = jsonl([{"input": "", "label": "cats"}, {"input": "a dog"}]) + "no JSON\n"
    inputs = jsonl([{"input": 3}, {"Input": "a cat"}])
    assert lines(pets, seeds_jsonl=jsonl(seeds), gold_jsonl=gold, inputs_jsonl=inputs) == [
        'gold.jsonl:1: "input" must be a string that is not empty',
        'gold.jsonl:2: "label" is missing: add it, like "label": …',
        "gold.jsonl:3: not valid JSON: Expecting value: write each text in double quotes",
        "seeds.jsonl:13: unknown label 'fish'; known: cats, dogs, birds",
        'seeds.jsonl:14: "input" is missing: rename "text" to "input"',
        "seeds.jsonl:14: unknown label 'cat'; did you mean cats?",
        'inputs.jsonl:1: "input" must be a string',
        'inputs.jsonl:2: "input" is missing: rename "Input" to "input"',
    ]


def test_equal_problems_share_a_line(pets: WriteTask) -> None:
    rows = [{"text": row["input"], "label": row["label"]} for row in pet_rows("seed", 4)]
    assert lines(pets, seeds_jsonl=jsonl(rows)) == [
        'seeds.jsonl:1: "input" is missing: rename "text" to "input" (also in lines 2, 3, 4, 5, 6 '
        "and 6 more)"
    ]
    rows = [*pet_rows("seed", 4), *({"text": str(n), "label": "cats"} for n in range(2))]
    [said] = lines(pets, seeds_jsonl=jsonl(rows))
    assert said.endswith("(also in line 14)")


def test_twenty_problems_of_each_file_are_shown(pets: WriteTask) -> None:
    def rows(name: str, count: int) -> str:
        return jsonl([{"input": "a", "label": f"{name} {n} x"} for n in range(count)])

    found = lines(pets, seeds_jsonl=rows("9", 25), gold_jsonl=rows("8", 21))
    assert len(found) == 21 + 21
    assert found[20] == "gold.jsonl: and 1 more" and found[-1] == "seeds.jsonl: and 5 more"
    assert found[21].startswith("seeds.jsonl:1: unknown label '9 0 x'")


def test_gold_among_the_seeds_and_no_seed_are_said_at_once(pets: WriteTask) -> None:
    seeds = [row for row in pet_rows("seed", 2) if row["label"] != "dogs"]
    found = lines(pets, seeds_jsonl=jsonl(seeds), gold_jsonl=jsonl(seeds[:2]))
    assert [line.partition(" ")[0] for line in found] == [
        "task.toml:5:",
        "gold.jsonl:1",
        "gold.jsonl:2",
    ]
    assert "equals seeds.jsonl:2" in found[2]


def test_a_problem_has_all_its_parts(workspace: Workspace, pets: WriteTask) -> None:
    task = pets()
    path = task.folder / "seeds.jsonl"
    path.write_text(jsonl([{"text": "a cat", "label": "cats"}]), encoding="utf-8")
    with pytest.raises(InvalidInput) as told:
        load_task(workspace.prompts, "pets")
    assert told.value.problems == (
        Problem('"input" is missing', str(path), 1, "input", 'rename "text" to "input"'),
    )


def test_every_problem_of_the_projects_prices(tmp_path: Path) -> None:
    path = tmp_path / "distill.toml"
    path.write_text("[prices.mine]\ninput = -1\noutptu = 3\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as told:
        project_rates(path)
    assert [(problem.line, problem.key) for problem in told.value.problems] == [
        (1, "prices.mine.output"),
        (2, "prices.mine.input"),
        (3, "prices.mine.outptu"),
    ]


def test_every_line_of_a_review(workspace: Workspace, pets: WriteTask, tmp_path: Path) -> None:
    pets()
    path = tmp_path / "sheet.csv"
    path.write_text("id,decision,label\n1,accept,\n2,,cats\n", encoding="utf-8")
    error = invoke(workspace, "review", "pets", "--import", str(path)).exception
    assert isinstance(error, InvalidInput)
    assert [problem.line for problem in error.problems] == [2, 3]


def test_check_has_a_row_for_every_problem(workspace: Workspace, pets: WriteTask) -> None:
    task = pets()
    (task.folder / "gold.jsonl").write_text('{"text": "a"}\n', encoding="utf-8")
    told = invoke(workspace, "check", "pets")
    rows = [line for line in told.stdout.splitlines() if not line.startswith(" ")]
    assert (told.exit_code, len(rows)) == (2, 2)
    assert all(line.startswith("stop  task  ") for line in rows)


def test_a_missing_key_has_its_own_code() -> None:
    with pytest.raises(KeyMissing) as told:
        check_key("teacher.model", "openai:gpt-6.1-terra")
    assert told.value.exit_code == 4
    [problem] = told.value.problems
    assert (problem.key, problem.message) == ("OPENAI_API_KEY", "openai:gpt-6.1-terra needs a key")
    assert problem.fix.startswith("set OPENAI_API_KEY in the environment, or choose")


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (["name"], 1),
        (["labels"], 2),
        (["labels", "a.b"], 3),
        (["labels", "a=b"], 4),
        (["labels", "missing"], 2),
        (["prices", "x", "input"], 6),
        (["prices"], 5),
        (["prices", "x", "teacher", "model"], 8),
        (["prices", "x", "teacher", "votes", "0"], 8),
        (["nothing"], None),
    ],
)
def test_the_line_of_a_key(tmp_path: Path, key: list[str], line: int | None) -> None:
    path = tmp_path / "task.toml"
    path.write_text(
        'name = "x"\n[labels] # all\n"a.b" = "1 = 2"\n"a=b" = "c"\n[prices.x]\ninput = 1\n'
        '# model = "no"\nteacher = { model = 1, votes = 2 }\n',
        encoding="utf-8",
    )
    assert line_of(path, key) == line
