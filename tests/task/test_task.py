"""Task files: what is read, and what a user is told about what cannot be."""

import json
import os
import tomllib
from pathlib import Path
from unicodedata import normalize

import pytest

from distill.core.errors import InputError
from distill.core.requests import Usage
from distill.core.workspace import Workspace
from distill.pricing.token_prices import token_price
from distill.task import Task
from distill.task.bundled import BUNDLED, INSTALLED
from distill.task.loading import known_tasks, load_task
from distill.task.schema_file import read_schema
from tests.conftest import WriteTask, jsonl, pet_rows, write_files

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\ncats = "c"\ndogs = "d"\nbirds = "b"\n'


def problem(pets: WriteTask, **changes: str) -> str:
    with pytest.raises(InputError) as caught:
        pets(**changes)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_everything_but_name_kind_and_labels_has_a_default(pets: WriteTask) -> None:
    task = pets(task_toml=HEAD)
    assert task.form.choices == ("cats", "dogs", "birds")
    assert task.spec.evaluate.margin == 0.02
    assert (len(task.seeds), len(task.gold), task.inputs) == (12, 15, ())


def test_unknown_task_lists_the_known_ones(workspace: Workspace, pets: WriteTask) -> None:
    pets()
    with pytest.raises(InputError, match=r"no task 'fish' .*known tasks: pets"):
        load_task(workspace.prompts, "fish")
    with pytest.raises(InputError, match=r"there is no folder .*fish/ here"):
        known_tasks(workspace.prompts / "fish")


def test_unknown_key_lists_the_known_ones(pets: WriteTask) -> None:
    message = problem(pets, task_toml=HEAD + "[teacher]\nfewshot = 3\n")
    assert (
        "task.toml:8: unknown key 'teacher.fewshot'; known here: model, mode, few_shot" in message
    )


def test_unknown_section_lists_the_known_ones(pets: WriteTask) -> None:
    message = problem(pets, task_toml=HEAD + "[budgets]\nusd = 3\n")
    assert "unknown key 'budgets'; known here: machine, traffic" in message
    assert "name, kind" in message and "budget" in message


def test_bad_type_names_the_key(pets: WriteTask) -> None:
    message = problem(pets, task_toml=HEAD + '[teacher]\nfew_shot = "many"\n')
    assert "task.toml:8: teacher.few_shot: Input should be a valid integer" in message
    assert "'many'" in message


def test_a_value_out_of_range_says_what_is_allowed(pets: WriteTask) -> None:
    message = problem(pets, task_toml=HEAD + "[evaluate]\nmargin = 0\n")
    assert "evaluate.margin: Input should be greater than 0" in message


def test_no_labels(pets: WriteTask) -> None:
    text = 'name = "pets"\nkind = "classify"\n'
    assert "labels: a classify task needs at least two" in problem(pets, task_toml=text)
    assert "at least two" in problem(pets, task_toml=text + '[labels]\ncats = "c"\n')


def test_broken_toml_names_the_line(pets: WriteTask) -> None:
    assert "at line 2" in problem(pets, task_toml='name = "pets"\nkind = classify\n')


def test_name_must_be_the_folders(pets: WriteTask) -> None:
    assert "name is 'fish' but the folder is 'pets'" in problem(
        pets, task_toml=HEAD.replace('"pets"', '"fish"')
    )


@pytest.mark.parametrize("file", ["seeds_jsonl", "gold_jsonl"])
def test_unknown_label_names_file_and_line(pets: WriteTask, file: str) -> None:
    rows = jsonl([*pet_rows("other", 2), {"input": "glub", "label": "fish"}])
    message = problem(pets, **{file: rows})
    assert f"{file.replace('_', '.')}:7: unknown label 'fish'; known: cats, dogs, birds" in message


@pytest.mark.parametrize("file", ["seeds_jsonl", "gold_jsonl", "inputs_jsonl"])
def test_broken_json_names_file_and_line(pets: WriteTask, file: str) -> None:
    message = problem(pets, **{file: '{"input": "a", "label": "cats"}\n{"input": \n'})
    assert f"{file.replace('_', '.')}:2: not valid JSON" in message


@pytest.mark.parametrize("value", ["[" * 100_000, "1" * 5_000])
def test_what_python_does_not_read_is_named_too(pets: WriteTask, value: str) -> None:
    assert "inputs.jsonl:1: not valid JSON" in problem(pets, inputs_jsonl=value)
    assert "task.toml: not valid TOML" in problem(
        pets, task_toml=f"{HEAD}[teacher]\nvotes = {value}"
    )


def test_a_row_must_be_an_object_with_a_text(pets: WriteTask) -> None:
    assert "seeds.jsonl:1: a row must be a JSON object" in problem(pets, seeds_jsonl="[1]\n")
    assert 'seeds.jsonl:1: "input" must be a string' in problem(
        pets, seeds_jsonl='{"input": " ", "label": "cats"}\n'
    )


def test_a_texts_own_line_separators_end_no_row(pets: WriteTask) -> None:
    rows = [{"input": "one\u2028two\x85three"}, {"input": "with\r\nends"}]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    task = pets(inputs_jsonl="\r\n".join(lines) + "\r\n")
    assert task.inputs == ("one\u2028two\x85three", "with\r\nends")


def test_the_header_line_is_not_a_row(pets: WriteTask) -> None:
    header = json.dumps({"about": "written by us"}) + "\n"
    task = pets(gold_jsonl=header + jsonl(pet_rows("gold", 1)))
    assert [row.line for row in task.gold] == [2, 3, 4]


def test_empty_gold(pets: WriteTask) -> None:
    assert "gold.jsonl is empty" in problem(pets, gold_jsonl="")


def test_a_label_without_a_seed(pets: WriteTask) -> None:
    rows = jsonl([row for row in pet_rows("seed", 2) if row["label"] != "dogs"])
    assert "task.toml:5: no seed for dogs" in problem(pets, seeds_jsonl=rows)


def test_gold_among_the_seeds_names_both_rows(pets: WriteTask) -> None:
    seeds = jsonl([*pet_rows("seed", 1), {"input": "My  CAT sleeps", "label": "cats"}])
    gold = jsonl([{"input": "my cat sleeps", "label": "cats"}])
    message = problem(pets, seeds_jsonl=seeds, gold_jsonl=gold)
    assert "gold.jsonl:1 equals seeds.jsonl:4" in message


def test_a_missing_file_is_named(workspace: Workspace, pets: WriteTask) -> None:
    (pets().folder / "answer.md").unlink()
    with pytest.raises(InputError, match=r"answer\.md is missing"):
        load_task(workspace.prompts, "pets")


@pytest.mark.parametrize(
    "template",
    [
        *("{{ nonsense }}", "{% if %}", "{{ ''.__class__.mro() }}"),
        *("{{ description.index('zzz') }}", "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}"),
    ],
)
def test_a_bad_template_names_its_file(pets: WriteTask, template: str) -> None:
    with pytest.raises(InputError, match=r"student\.md"):
        pets(student_md=template)


def test_a_template_that_wants_all_memory_is_told(pets: WriteTask) -> None:
    with pytest.raises(InputError, match=r"student\.md: \w+"):
        pets(student_md="{{ 'a' * 10**18 }}")


def test_an_answer_prompt_without_the_input(pets: WriteTask) -> None:
    with pytest.raises(InputError, match=r"answer\.md does not show the input: add \{\{ input"):
        pets(answer_md="Which pet?")


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('[curate]\nphone_region = "UK"', r"curate\.phone_region.*the United Kingdom is GB"),
        ('[curate]\nprivate_names = [" "]', r"curate\.private_names"),
        ("[student]\nepochs = inf", r"student\.epochs"),
        ("[generate]\nrequests = 99999999999999", r"generate\.requests"),
    ],
)
def test_values_that_would_do_harm(pets: WriteTask, toml: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        pets(task_toml=HEAD + toml)


@pytest.mark.parametrize("label", ["", " ", "cats ", "a\\nb"])
def test_a_label_that_no_answer_can_be(pets: WriteTask, label: str) -> None:
    with pytest.raises(InputError, match="a label must be one printable line"):
        pets(task_toml=f'name = "pets"\nkind = "classify"\n[labels]\n"{label}" = "x"\ndogs = "y"\n')


def test_a_review_needs_its_answer(pets: WriteTask) -> None:
    with pytest.raises(InputError, match=r'reviews\.jsonl:1: "answer" is missing: add it, or null'):
        pets(reviews_jsonl='{"input": "It purrs.", "label": "cats"}\n')


def test_a_byte_order_mark_is_no_part_of_a_file(pets: WriteTask) -> None:
    assert (
        pets(task_toml=f"\ufeff{HEAD}", answer_md="\ufeff{{ input }}").prompts["answer.md"][0]
        == "{"
    )


def test_the_teachers_name_is_a_name_for_its_price(pets: WriteTask) -> None:
    task = pets(
        task_toml=f'{HEAD}[prices."openai:gpt-6-luna"]\ninput = 7\noutput = 8\nsure = true\n'
    )
    assert token_price("openai", "gpt-6-luna", task.rates).usd(Usage(1_000_000, 0), 0.0) == 7


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"student_md": "other"}, "student.md"),
        ({"gold_jsonl": jsonl(pet_rows("other", 1))}, "gold.jsonl"),
        ({"inputs_jsonl": '{"input": "new"}\n'}, "inputs.jsonl"),
    ],
)
def test_every_file_is_part_of_the_hash(pets: WriteTask, change: dict[str, str], part: str) -> None:
    before, after = pets(), pets(**change)
    assert before.hash != after.hash
    assert [name for name in after.parts if before.parts[name] != after.parts[name]] == [part]


def test_a_comment_in_the_task_changes_nothing(pets: WriteTask) -> None:
    assert pets(task_toml=HEAD).hash == pets(task_toml=HEAD + "# a comment\n").hash


@pytest.fixture
def bundled() -> Task:
    return load_task(Path(__file__).parents[2] / "prompts", "classify")


def test_the_bundled_task_has_what_its_header_says(bundled: Task) -> None:
    assert len(bundled.form.choices) == 8
    for rows, count in ((bundled.seeds, 12), (bundled.gold, 30)):
        assert {sum(row.answer == label for row in rows) for label in bundled.form.choices} == {
            count
        }
    header = (bundled.folder / "gold.jsonl").read_text(encoding="utf-8").splitlines()[0]
    assert "written by this project" in json.loads(header)["about"]


def test_every_bundled_task_is_in_the_wheel(bundled: Task) -> None:
    root = bundled.folder.parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    packed = project["tool"]["setuptools"]["data-files"]
    assert packed == {str(INSTALLED / name): [f"prompts/{name}/*"] for name in BUNDLED}
    assert known_tasks(bundled.folder.parent) == sorted(BUNDLED)


def test_the_bundled_extraction_finds_every_field_in_most_ways(bundled: Task) -> None:
    task = load_task(bundled.folder.parent, "extract")
    assert (len(task.seeds), len(task.gold), len(task.inputs)) == (150, 240, 60)
    assert {task.form.group(row.answer) for row in task.gold} == set(task.groups)
    assert min(len(task.seeds_of(group)) for group in task.groups) >= 3
    for name in ("seeds.jsonl", "gold.jsonl", "inputs.jsonl"):
        header = (task.folder / name).read_text(encoding="utf-8").splitlines()[0]
        assert "by this project" in json.loads(header)["about"]


@pytest.mark.parametrize("name", BUNDLED)
def test_no_bundled_gold_message_is_close_to_a_seed_or_an_input(bundled: Task, name: str) -> None:
    from rapidfuzz import fuzz, process

    bundled = load_task(bundled.folder.parent, name)
    shown = [row.input.casefold() for row in bundled.seeds] + [
        text.casefold() for text in bundled.inputs
    ]
    tested = [row.input.casefold() for row in bundled.gold]
    assert process.cdist(tested, shown, scorer=fuzz.token_sort_ratio).max() < 80


def test_an_unknown_language_is_named_before_anything_is_asked(pets: WriteTask) -> None:
    with pytest.raises(
        InputError, match=r"task.toml:\d+: curate.language: unknown 'xx'; known: .*\ben\b"
    ):
        pets(task_toml=HEAD + '[curate]\nlanguage = "xx"\n')
    with pytest.raises(InputError, match=r"task.toml:\d+: language: unknown 'xx'; known: "):
        pets(task_toml='language = "xx"\n' + HEAD)


def test_lone_surrogates_become_what_can_be_stored(pets: WriteTask) -> None:
    rows = [{"input": "a cat \ud800 and"}, {"input": "\ud83d\ude00 the dog"}]
    task = pets(inputs_jsonl=jsonl(rows))
    assert task.inputs == ("a cat \ufffd and", "\U0001f600 the dog")


@pytest.mark.parametrize(
    "label",
    [
        *(
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0645",
            "ශ්\u200dරී",
            "👩\u200d💻 IT",
            "返品\u3000交換",
        ),
        *("Réclamation\u00a0: retard", "क्\u200dष", "a\u202fb", "a\u2009b", "\u2764\ufe0f thanks"),
        *(
            "\u182e\u180e\u1823",
            "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        ),
    ],
)
def test_a_label_may_have_joiners_and_any_space(pets: WriteTask, label: str) -> None:
    task = pets(
        task_toml=f'name = "pets"\nkind = "classify"\n[labels]\n"{label}" = "one"\nother = "two"\n',
        seeds_jsonl=jsonl([{"input": "a b c", "label": label}, {"input": "d", "label": "other"}]),
        gold_jsonl=jsonl([{"input": "e f g", "label": label}]),
    )
    assert task.form.choices == (label, "other")


@pytest.mark.parametrize(
    "label", ["\u200dx", "x\u200c", "a\nb", "a\u202eb", " a", "", "a\u00adb", "a\u200eb", "x\u200b"]
)
def test_a_label_that_is_no_text_in_a_line_is_refused(pets: WriteTask, label: str) -> None:
    quoted = json.dumps(label)
    text = f'name = "pets"\nkind = "classify"\n[labels]\n{quoted} = "one"\nother = "two"\n'
    with pytest.raises(InputError, match="a label must be one printable line"):
        pets(task_toml=text)


def test_a_sign_that_nobody_sees_is_named(pets: WriteTask) -> None:
    text = 'name = "pets"\nkind = "classify"\n[labels]\n"a\u200eb" = "one"\nother = "two"\n'
    with pytest.raises(InputError, match=r"remove U\+200E \(LEFT-TO-RIGHT MARK\)"):
        pets(task_toml=text)


def test_accents_in_either_form_are_the_same_label(pets: WriteTask) -> None:
    composed, decomposed = (normalize(form, "réclamation") for form in ("NFC", "NFD"))
    assert composed != decomposed
    for written, given in ((composed, decomposed), (decomposed, composed)):
        labels = f'[labels]\n"{written}" = "one"\nother = "two"\n'
        task = pets(
            task_toml=f'name = "pets"\nkind = "classify"\n{labels}',
            seeds_jsonl=jsonl([{"input": "a", "label": given}, {"input": "d", "label": "other"}]),
            gold_jsonl=jsonl([{"input": "e f g", "label": given}]),
        )
        assert task.gold[0].answer == task.seeds[0].answer == written
        assert task.form.of_text(json.dumps({"label": given})) == written


@pytest.mark.parametrize("label", [1, True])
def test_a_label_that_is_no_text_is_named_with_the_way_out(pets: WriteTask, label: object) -> None:
    labels = '[labels]\n1 = "one"\ntrue = "two"\n'
    with pytest.raises(InputError, match="put it in quotes"):
        pets(
            task_toml=f'name = "pets"\nkind = "classify"\n{labels}',
            seeds_jsonl=json.dumps({"input": "a", "label": label}),
            gold_jsonl=json.dumps({"input": "b", "label": label}),
        )


def test_a_label_with_a_dot_takes_quotes(pets: WriteTask) -> None:
    with pytest.raises(InputError, match="in quotes"):
        pets(task_toml='name = "pets"\nkind = "classify"\n[labels]\na.b = "one"\nc = "two"\n')


def test_a_file_that_is_none_is_named(pets: WriteTask) -> None:
    task = pets()
    for name in ("seeds.jsonl", "answer.md", "task.toml"):
        path = task.folder / name
        text = path.read_text(encoding="utf-8")
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(InputError, match=f"{name} is not a regular file"):
            load_task(task.folder.parent, "pets")
        path.unlink()
        path.write_text(text, encoding="utf-8")


def test_a_long_value_is_cut_in_its_message(pets: WriteTask) -> None:
    head = 'name = "pets"\nkind = "classify"\n[labels]\na = "one"\nb = "two"\n'
    with pytest.raises(InputError) as raised:
        pets(task_toml=f'{head}[teacher]\nmode = "{"x" * 100_000}"\n')
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize("depth", [100, 500, 5000])
def test_depth_is_an_error_with_its_place(workspace: Workspace, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    write_files(
        workspace.prompts / "bookings",
        {
            "task_toml": 'name = "bookings"\nkind = "extract"\n',
            "schema_json": '{"type": "object", "properties": {"a": {"type": "array"}}}',
            "seeds_jsonl": f'{{"input": "x", "answer": {{"a": {deep}}}}}\n',
            "gold_jsonl": '{"input": "y", "answer": {"a": []}}\n',
        }
        | {f"{name}_md": "{{ input }}" for name in ("synthesize", "answer", "student")},
    )
    with pytest.raises(InputError, match=r"seeds.jsonl:1"):
        load_task(workspace.prompts, "bookings")
    nested = '{"type": "object", "properties": {"a": ' * depth + "{}" + "}}" * depth
    (workspace.prompts / "bookings" / "schema.json").write_text(nested, encoding="utf-8")
    with pytest.raises(InputError, match=r"schema.json:?\d* (is nested|not valid JSON)"):
        load_task(workspace.prompts, "bookings")


def test_half_a_character_in_a_schema_can_be_sent(workspace: Workspace) -> None:
    path = workspace.prompts / "schema.json"
    path.parent.mkdir(parents=True)
    text = '{"type": "object", "properties": {"a\\ud800": {"description": "\\udc00 x"}}}'
    path.write_text(text, encoding="utf-8")
    assert "\ufffd" in read_schema(path).schema_text.encode("utf-8").decode("utf-8")
