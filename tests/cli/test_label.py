"""`distill label`: a person at a terminal, a pipe, and a spreadsheet."""

import csv
import json
import os
import re
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from distill.cli import cli
from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.task.labelling.answers import value_of
from distill.task.labelling.pool import read_pool
from distill.task.loading import load_task
from tests.conftest import WriteTask, jsonl, write_files, write_pets
from tests.support.terminal import at_terminal

TEXTS = tuple(f"customer number {n} writes about an animal" for n in range(40))
Rows = list[dict[str, object]]


def rows_of(path: Path) -> Rows:
    """The rows of a JSON-lines file; [] without a file."""
    text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    return [json.loads(line) for line in text.split("\n") if line]


def drawn(workspace: Workspace, task: str = "pets") -> Rows:
    """The gold rows that were labelled, without the day."""
    rows = rows_of(workspace.prompts / task / "gold.jsonl")
    return [{key: row[key] for key in row if key != "drawn"} for row in rows if "drawn" in row]


def order(workspace: Workspace, task: str = "pets") -> list[str]:
    """The texts that nobody labelled, in the order in which they are shown."""
    return list(read_pool(workspace.prompts, task).waiting)


@pytest.fixture
def inputs(workspace: Workspace) -> Workspace:
    """The task `pets` with 40 texts from production."""
    write_pets(workspace.prompts, inputs_jsonl=jsonl([{"input": text} for text in TEXTS]))
    return workspace


def folders(workspace: Workspace) -> list[str]:
    return ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]


def piped(workspace: Workspace, lines: str, *options: str, task: str = "pets") -> Result:
    """The result of the command with lines on standard input."""
    words = [*folders(workspace), "label", task, *options]
    return CliRunner().invoke(cli, words, input=lines)


def test_a_line_is_an_answer_and_the_order_is_random_but_fixed(inputs: Workspace) -> None:
    expected = order(inputs)
    assert sorted(expected) == sorted(TEXTS) and expected != sorted(TEXTS)
    first = piped(inputs, "1\n")
    assert first.exit_code == 0, first.output
    second = piped(inputs, "dogs\nbir\ns\n")
    assert second.exit_code == 0, second.output
    assert drawn(inputs) == [
        {"input": text, "label": label}
        for text, label in zip(expected[:3], ("cats", "dogs", "birds"), strict=True)
    ]
    assert order(inputs) == expected[4:]
    assert "2 rows labelled now; 3 in all, 1 skipped, 36 left." in second.stdout
    assert "distill run pets asks it" in second.stdout.splitlines()[-1]


def test_more_inputs_do_not_change_the_order_of_the_others(inputs: Workspace) -> None:
    before = order(inputs)
    path = inputs.prompts / "pets" / "inputs.jsonl"
    path.write_text(path.read_text() + jsonl([{"input": f"more {n}"} for n in range(9)]))
    assert [text for text in order(inputs) if not text.startswith("more")] == before


def test_labelled_rows_are_gold_and_no_input_any_more(inputs: Workspace) -> None:
    expected = order(inputs)
    piped(inputs, "1\n2\n")
    task = load_task(inputs.prompts, "pets")
    assert [(row.input, row.answer) for row in task.gold[-2:]] == [
        (expected[0], "cats"),
        (expected[1], "dogs"),
    ]
    assert {text for _, text in task.unlabelled} == set(TEXTS) - set(expected[:2])
    assert dict(task.unlabelled) == {
        n: text for n, text in enumerate(TEXTS, start=1) if text not in expected[:2]
    }
    assert "labelling.jsonl" not in str(task.parts)


def test_texts_that_people_labelled_elsewhere_are_not_drawn(workspace: Workspace) -> None:
    texts = ("A known seed", "a  KNOWN example", "known gold", "a new text", "A NEW text", "")
    row = '{{"input": "{}", "label": "cats"}}\n'
    write_pets(workspace.prompts, inputs_jsonl=jsonl([{"input": text} for text in texts]))
    folder = workspace.prompts / "pets"
    for name, text in (("seeds", texts[0]), ("examples", "A known example"), ("gold", texts[2])):
        with (folder / f"{name}.jsonl").open("a") as file:
            file.write(row.format(text))
    assert order(workspace) == ["a new text"]


def test_a_wrong_line_of_a_pipe_stops_before_the_next_is_taken_for_its_text(
    inputs: Workspace,
) -> None:
    shown = piped(inputs, "1\nhorses\n2\n")
    assert isinstance(shown.exception, InputError)
    assert str(shown.exception) == (
        "standard input:2: 'horses' is no label; known: cats, dogs, birds"
    )
    assert [row["label"] for row in drawn(inputs)] == ["cats"]


def test_undo_takes_back_answers_and_skips_and_shows_the_text_again(inputs: Workspace) -> None:
    before = (inputs.prompts / "pets" / "gold.jsonl").read_bytes()
    expected = order(inputs)
    shown = piped(inputs, "u\n1\ns\nu\nu\nu\n3\n")
    assert shown.exit_code == 0, shown.output
    assert shown.stderr.count("nothing to undo") == 2
    assert drawn(inputs) == [{"input": expected[0], "label": "birds"}]
    assert (inputs.prompts / "pets" / "gold.jsonl").read_bytes().startswith(before)
    assert rows_of(inputs.prompts / "pets" / "labelling.jsonl") == []


def test_undo_leaves_a_file_alone_that_was_edited_since(
    inputs: Workspace,
) -> None:
    from distill.task.labelling.session import Session

    session = Session(read_pool(inputs.prompts, "pets"), 0)
    shown = session.next()
    assert shown is not None
    session.save(shown, "cats")
    with (inputs.prompts / "pets" / "gold.jsonl").open("a") as file:
        file.write("\n")
    with pytest.raises(InputError, match=r"gold\.jsonl was edited since"):
        session.undo()
    assert [row["label"] for row in drawn(inputs)] == ["cats"]


def test_rows_come_twice_and_the_agreement_has_an_interval(inputs: Workspace) -> None:
    """After 15 rows the first text comes again, then one every 5 rows, at least 10 rows later."""
    lines = [*["1"] * 15, "1", *["1"] * 5, "2", "2", *["1"] * 5, "2", "1"]
    shown = piped(inputs, "\n".join(lines) + "\n", "--repeat", "3")
    assert shown.exit_code == 0, shown.output
    texts = [row["input"] for row in drawn(inputs)]
    assert len(texts) == len(set(texts)) == 25
    log = rows_of(inputs.prompts / "pets" / "labelling.jsonl")
    assert [row["same"] for row in log] == [True, False, False]
    assert [row.get("right") for row in log] == [None, "dogs", "cats"]
    for row, labelled in zip(log, (15, 20, 25), strict=True):
        assert texts.index(row["input"]) < labelled - 10
    labels = {row["input"]: row["label"] for row in drawn(inputs)}
    assert labels[log[1]["input"]] == "dogs" and labels[log[2]["input"]] == "cats"
    assert "Of 3 rows shown twice 33% (6% to 79%, 95 % interval) got the same answer." in (
        shown.stdout
    )


def test_undo_of_a_second_answer_gives_gold_its_first_one_back(inputs: Workspace) -> None:
    lines = [*["1"] * 15, "2", "2"]
    piped(inputs, "\n".join([*lines, "u", "1", ""]), "--repeat", "1")
    assert {row["label"] for row in drawn(inputs)} == {"cats"}
    log = rows_of(inputs.prompts / "pets" / "labelling.jsonl")
    assert [row["same"] for row in log] == [True]


def test_a_changed_answer_leaves_the_other_rows_of_gold_as_they_are(inputs: Workspace) -> None:
    path = inputs.prompts / "pets" / "gold.jsonl"
    old = b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n").rstrip()
    path.write_bytes(old)
    shown = piped(inputs, "\n".join([*["1"] * 15, "2", "2", "3", ""]), "--repeat", "1")
    assert shown.exit_code == 0, shown.output
    assert path.read_bytes().startswith(old + b"\n")
    labels = [row["label"] for row in drawn(inputs)]
    assert (labels.count("dogs"), labels[-1], len(labels)) == (1, "birds", 16)


def test_the_next_call_continues_the_repeats(inputs: Workspace) -> None:
    piped(inputs, "1\n" * 15, "--repeat", "2")
    piped(inputs, "1\n" * 6, "--repeat", "2")
    assert len(drawn(inputs)) == 20
    assert len(rows_of(inputs.prompts / "pets" / "labelling.jsonl")) == 1


def test_all_texts_labelled_is_an_end_and_no_error(workspace: Workspace) -> None:
    write_pets(workspace.prompts, inputs_jsonl=jsonl([{"input": "one text"}]))
    shown = piped(workspace, "1\n2\n")
    assert shown.exit_code == 0 and "Every text of inputs.jsonl is labelled" in shown.stderr
    assert piped(workspace, "").exit_code == 0


def test_a_task_without_inputs_says_where_to_write_them(
    pets: WriteTask, workspace: Workspace
) -> None:
    pets()
    shown = piped(workspace, "1\n")
    assert isinstance(shown.exception, InputError) and shown.exception.exit_code == 2
    assert "inputs.jsonl has no texts to label: write texts from production" in str(shown.exception)


def test_a_task_needs_neither_gold_nor_seeds_to_begin_with(workspace: Workspace) -> None:
    write_files(
        workspace.prompts / "new",
        {
            "task_toml": 'name = "new"\nkind = "classify"\n[labels]\ngood = ""\nbad = "poor"\n',
            "inputs_jsonl": jsonl([{"input": "It works."}]),
        },
    )
    assert piped(workspace, "2\n", task="new").exit_code == 0
    assert drawn(workspace, "new") == [{"input": "It works.", "label": "bad"}]


def test_labels_that_are_keys_have_their_own_key(workspace: Workspace) -> None:
    toml = 'name = "stars"\nkind = "classify"\n[labels]\n3 = "so so"\n1 = "bad"\ns = "spam"\n'
    write_files(
        workspace.prompts / "stars",
        {"task_toml": toml, "inputs_jsonl": jsonl([{"input": f"text {n}"} for n in range(4)])},
    )
    shown = piped(workspace, "1\ns\n2\n:s\n", task="stars")
    assert shown.exit_code == 0, shown.output
    assert [row["label"] for row in drawn(workspace, "stars")] == ["1", "s", "s"]
    assert "1 skipped" in shown.stdout


def test_many_labels_are_typed_by_their_first_letters(workspace: Workspace) -> None:
    labels = [f"label {n:02}" for n in range(36)] + ["other"]
    toml = 'name = "many"\nkind = "classify"\n[labels]\n'
    toml += "".join(f'"{name}" = ""\n' for name in labels)
    texts = jsonl([{"input": f"text {n}"} for n in range(3)])
    write_files(workspace.prompts / "many", {"task_toml": toml, "inputs_jsonl": texts})
    shown = piped(workspace, "LABEL 07\no\nlabel 1\n", task="many")
    assert "'label 1' may be label 10, label 11, label 12" in str(shown.exception)
    assert [row["label"] for row in drawn(workspace, "many")] == ["label 07", "other"]


SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "order": {"type": "string", "x-verbatim": True, "description": "its number"},
            "count": {"type": "integer"},
            "urgent": {"type": "boolean"},
            "colours": {"type": "array", "items": {"type": "string", "enum": ["red", "blue"]}},
        },
    }
)


@pytest.fixture
def orders(workspace: Workspace) -> Workspace:
    """An extract task with three texts."""
    texts = [{"input": f"order A{n}, three red and blue ones, quick"} for n in range(3)]
    toml = 'name = "orders"\nkind = "extract"\n'
    files = {"task_toml": toml, "schema_json": SCHEMA, "inputs_jsonl": jsonl(texts)}
    write_files(workspace.prompts / "orders", files)
    return workspace


def test_a_line_of_a_pipe_is_a_whole_object(orders: Workspace) -> None:
    number = order(orders, "orders")[0][6:8]
    shown = piped(
        orders, f'{{"order": "{number}", "count": 3}}\n{{"order": "Z9"}}\n', task="orders"
    )
    assert "standard input:2: order: 'Z9' is not in the text word for word" in str(shown.exception)
    assert [row["answer"] for row in drawn(orders, "orders")] == [{"order": number, "count": 3}]


def test_a_text_of_a_generate_task_is_typed(workspace: Workspace) -> None:
    toml = 'name = "reply"\nkind = "generate"\n'
    texts = jsonl([{"input": f"text {n}"} for n in range(2)])
    write_files(workspace.prompts / "reply", {"task_toml": toml, "inputs_jsonl": texts})
    shown = piped(workspace, "s\n:s\n", task="reply")
    assert [row["answer"] for row in drawn(workspace, "reply")] == ["s"]
    assert shown.stdout.splitlines()[-1].endswith("a judge says in a run: distill run reply")


def test_the_figures_are_one_object_on_standard_output(inputs: Workspace) -> None:
    printed = json.loads(piped(inputs, "1\ns\n", "--json").stdout)
    (found,) = printed["rows"]
    assert (printed["kind"], found["labelled"], found["skipped"]) == ("label", 1, 1)
    assert (found["drawn"], found["gold"], found["waiting"]) == (1, 16, 38)
    assert found["gold_needed"] == 1963 and found["today"] is None


def exported(
    workspace: Workspace, path: Path, *options: str, task: str = "pets"
) -> list[dict[str, str]]:
    shown = piped(workspace, "", "--export", str(path), *options, task=task)
    assert shown.exit_code == 0, shown.output
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def filled(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_spreadsheet_goes_out_and_comes_back(workspace: Workspace, tmp_path: Path) -> None:
    texts = ("=HYPERLINK(a cat)", "x" * 1_000_000, "שלום\u202e cat", *TEXTS)
    write_pets(workspace.prompts, inputs_jsonl=jsonl([{"input": text} for text in texts]))
    rows = exported(workspace, tmp_path / "rows.csv", "--rows", "43")
    assert len(rows) == 43
    assert not any(
        cell.startswith("=") or len(cell) > 32_767 for row in rows for cell in row.values()
    )
    for row, label in zip(rows, ("cats", " DOGS ", "", *["birds"] * 40), strict=True):
        row["label"] = label
    shown = piped(workspace, "", "--import", str(filled(tmp_path / "rows.csv", rows)))
    assert shown.exit_code == 0, shown.output
    assert "42 rows labelled now" in shown.stdout
    labelled = {row["input"]: row["label"] for row in drawn(workspace)}
    assert len(labelled) == 42 and set(labelled) <= set(texts)
    again = piped(workspace, "", "--import", str(tmp_path / "rows.csv"))
    assert again.exit_code == 0 and "0 rows labelled now" in again.stdout


def test_all_mistakes_of_a_spreadsheet_come_at_once(inputs: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = exported(inputs, path, "--rows", "30")
    for number, row in enumerate(rows):
        row["label"] = f"cat{number}"
    rows[1]["label"], rows[2]["id"], rows[2]["label"] = "dogs", "0" * 32, "dogs"
    rows[4]["label"] = rows[3]["label"]
    shown = piped(inputs, "", "--import", str(filled(path, rows)))
    lines = str(shown.exception).splitlines()
    assert lines[0] == f"{path}:2: unknown label 'cat0'; did you mean cats?"
    assert lines[1].startswith(f"{path}:4: '00000000")
    assert lines[2] == f"{path}:5: unknown label 'cat3'; did you mean cats? (also in line 6)"
    assert len(lines) == 21 and lines[20] == f"{path}: and 8 more"
    assert drawn(inputs) == []


def test_a_skipped_text_can_still_be_labelled_in_a_spreadsheet(
    inputs: Workspace, tmp_path: Path
) -> None:
    rows = exported(inputs, tmp_path / "rows.csv", "--rows", "1")
    assert "1 skipped, 39 left" in piped(inputs, "s\n").stdout
    rows[0]["label"] = "dogs"
    shown = piped(inputs, "", "--import", str(filled(tmp_path / "rows.csv", rows)))
    assert "1 rows labelled now; 1 in all, 0 skipped, 39 left." in shown.stdout


def test_a_spreadsheet_that_contradicts_a_labelled_row_is_refused(
    inputs: Workspace, tmp_path: Path
) -> None:
    rows = exported(inputs, tmp_path / "rows.csv", "--rows", "1")
    piped(inputs, "1\n")
    rows[0]["label"] = "dogs"
    shown = piped(inputs, "", "--import", str(filled(tmp_path / "rows.csv", rows)))
    assert "'dogs', but this text is already labelled 'cats': correct one" in str(shown.exception)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,input\n1,a\n", "rows.csv:1: no column label: keep the header of the export"),
        ('id,label,input\n"1,cats,a\n', "not CSV: unexpected end of data"),
    ],
)
def test_a_file_that_is_no_export_is_refused(
    inputs: Workspace, tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "rows.csv").write_text(text)
    shown = piped(inputs, "", "--import", str(tmp_path / "rows.csv"))
    assert isinstance(shown.exception, InputError) and says in str(shown.exception)


def test_fields_have_columns_and_an_empty_object_needs_a_mark(
    orders: Workspace, tmp_path: Path
) -> None:
    rows = exported(orders, tmp_path / "rows.csv", task="orders")
    assert list(rows[0]) == [
        *("id", "answer.order", "answer.count", "answer.urgent", "answer.colours", "done", "input")
    ]
    rows[0] |= {"answer.count": "3", "answer.urgent": "yes", "answer.colours": "red; Blue"}
    rows[1]["done"] = "x"
    shown = piped(orders, "", "--import", str(filled(tmp_path / "rows.csv", rows)), task="orders")
    assert shown.exit_code == 0, shown.output
    assert [row["answer"] for row in drawn(orders, "orders")] == [
        {"count": 3, "urgent": True, "colours": ["red", "blue"]},
        {},
    ]
    rows[2]["answer.count"] = "many"
    shown = piped(orders, "", "--import", str(filled(tmp_path / "rows.csv", rows)), task="orders")
    assert "rows.csv:4: answer.count: 'many' is not integer" in str(shown.exception)


@pytest.mark.parametrize(
    ("schema", "typed", "value"),
    [
        ({"type": "string"}, " a; b ", "a; b"),
        ({"type": "integer"}, "12", 12),
        ({"anyOf": [{"type": "null"}, {"type": "number"}]}, "1.5", 1.5),
        ({"type": ["string", "null"]}, "12", "12"),
        ({"enum": ["Red", 7]}, "red", "Red"),
        ({"enum": ["Red", 7]}, "7", 7),
        ({"type": "boolean"}, "No", False),
        ({"type": "array", "items": {"type": "integer"}}, "1; 2;", [1, 2]),
        ({"type": "array", "items": {"type": "integer"}}, "[1, 2]", [1, 2]),
        ({"oneOf": [{"type": "array", "items": {"enum": ["A"]}}]}, "a", ["A"]),
        ({"type": "object", "properties": {"n": {"type": "integer"}}}, '{"n": 1}', {"n": 1}),
    ],
)
def test_a_typed_value_has_the_type_of_its_field(
    schema: dict[str, object], typed: str, value: object
) -> None:
    found = value_of(schema, typed)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("schema", "typed", "says"),
    [
        ({"type": "integer"}, "1.5", "1.5 is not of type 'integer'"),
        ({"type": "integer"}, "[" * 9999, "is not integer"),
        ({"enum": ["red", 7]}, "blue", "'blue' is not one of"),
        ({"type": "string", "maxLength": 2}, "abc", "'abc' is too long"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    schema: dict[str, object], typed: str, says: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        value_of(schema, typed)


# At a terminal


def started(workspace: Workspace, *options: str, task: str = "pets") -> list[str]:
    return [*folders(workspace), "label", task, *options]


def test_a_key_is_a_label_and_ctrl_c_loses_nothing(inputs: Workspace) -> None:
    expected = order(inputs)
    with at_terminal(*started(inputs)) as person:
        help_ = person.until("-- 1 --")
        assert "1  cats  about a cat" in help_ and "s  skip" in help_
        assert f"| {expected[0]}" in person.until("3 birds")
        assert not person.echoes
        person.type("1")
        person.until("-- 2 --")
        person.type("x2")
        assert "'x' is no key here" in person.until("-- 3 --")
        person.type("?")
        person.until("1  cats  about a cat")
        person.type("\x1b[A")
        person.until("is no key here")
        person.type("\x03")
        assert person.end() == 130
        assert "interrupted; run the same command to continue" in person.shown
        assert person.echoes
    assert [row["label"] for row in drawn(inputs)] == ["cats", "dogs"]
    with at_terminal(*started(inputs)) as person:
        assert f"| {expected[2]}" in person.until("3 birds")
        person.type("u3uq")
        assert person.end() == 0
        assert "nothing to undo" in person.shown and "undone" in person.shown
    assert [row["label"] for row in drawn(inputs)] == ["cats", "dogs"]


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGHUP])
def test_a_closed_terminal_loses_nothing(inputs: Workspace, sign: signal.Signals) -> None:
    with at_terminal(*started(inputs)) as person:
        person.until("-- 1 --")
        person.type("12")
        person.until("-- 3 --")
        os.kill(person.pid, sign)
        assert person.end() == -sign
    assert [row["label"] for row in drawn(inputs)] == ["cats", "dogs"]
    assert piped(inputs, "3\n").exit_code == 0
    assert len(drawn(inputs)) == 3


def test_a_terminated_command_leaves_the_terminal_as_it_was(inputs: Workspace) -> None:
    with at_terminal(*started(inputs)) as person:
        person.until("-- 1 --")
        person.type("1")
        person.until("-- 2 --")
        assert not person.echoes
        os.kill(person.pid, signal.SIGTERM)
        assert person.end() == 128 + signal.SIGTERM
        assert person.echoes
    assert [row["label"] for row in drawn(inputs)] == ["cats"]


def test_keys_typed_ahead_are_all_taken_and_ctrl_d_stops(inputs: Workspace) -> None:
    with at_terminal(*started(inputs)) as person:
        person.until("-- 1 --")
        person.type("123" * 4 + "\x04")
        assert person.end() == 0
    assert [row["label"] for row in drawn(inputs)] == ["cats", "dogs", "birds"] * 4


def test_two_people_do_not_label_one_task_at_once(inputs: Workspace) -> None:
    with at_terminal(*started(inputs)) as person:
        person.until("-- 1 --")
        shown = piped(inputs, "1\n")
        assert "another `distill label` is at work on this task" in str(shown.exception)


def test_texts_are_shown_without_control_signs_and_stored_whole(workspace: Workspace) -> None:
    text = "red \x1b[31m\u202e " + "שלום " * 3 + "\nx" + "y" * 1_000_000
    write_pets(workspace.prompts, inputs_jsonl=jsonl([{"input": text}]))
    with at_terminal(*started(workspace), columns=20) as person:
        shown = person.until("characters; > shows more)")
        assert "\x1b[31m" not in shown and "\u202e" not in shown and "שלום" in shown
        assert len(shown) < 4000 and "(2,000 of 1,000," in shown
        assert max(map(len, shown.splitlines())) <= 45  # the line of the count is the longest
        assert all(len(line) <= 20 for line in shown.splitlines() if line.startswith("|"))
        person.type(">")
        person.until("(4,000 of 1,000,")
        person.type("3")
        assert person.end() == 0
    assert drawn(workspace) == [{"input": text, "label": "birds"}]
    assert load_task(workspace.prompts, "pets").gold[-1].answer == "birds"


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_letters_of_any_script_are_shown_in_the_locale_c(workspace: Workspace, locale: str) -> None:
    toml = 'name = "pets"\nkind = "classify"\n[labels]\n"große Tiere" = "ö"\n"小动物" = ""\n'
    texts = jsonl([{"input": f"動物 {n}"} for n in range(2)])
    write_files(workspace.prompts / "pets", {"task_toml": toml, "inputs_jsonl": texts})
    environment = {"LANG": locale, "LC_ALL": locale}
    with at_terminal(*started(workspace), environment=environment) as person:
        assert "große Tiere" in person.until("-- 1 --")
        person.type("21")
        assert person.end() == 0
    assert [row["label"] for row in drawn(workspace)] == ["小动物", "große Tiere"]


def test_fields_are_asked_one_by_one_and_shown_before_they_are_saved(orders: Workspace) -> None:
    number = order(orders, "orders")[0][6:8]
    with at_terminal(*started(orders, task="orders")) as person:
        person.until("-- 1 --")
        assert "order (its number; as in the text)" in person.until("> ")
        person.type("Z9\n")
        person.until("'Z9' is not in the text word for word")
        person.type(f"{number}\n")
        person.until("count (integer)")
        person.type("three\n")
        person.until("'three' is not integer")
        person.type("3\n")
        person.until("urgent (boolean)")
        person.type("\n")
        person.until("colours (a list")
        person.type("red;blue\n")
        person.until(f'{{"order":"{number}","count":3,"colours":["red","blue"]}}')
        person.until("Enter saves it")
        person.type("\n")
        person.until("-- 2 --")
        person.type(":q\n")
        assert person.end() == 0
    assert [row["answer"] for row in drawn(orders, "orders")] == [
        {"order": number, "count": 3, "colours": ["red", "blue"]}
    ]


def test_tab_completes_one_of_many_labels(workspace: Workspace) -> None:
    labels = [f"kind {n:02}" for n in range(40)] + ["another one"]
    toml = 'name = "many"\nkind = "classify"\n[labels]\n'
    toml += "".join(f'"{name}" = ""\n' for name in labels)
    write_files(
        workspace.prompts / "many",
        {"task_toml": toml, "inputs_jsonl": jsonl([{"input": "text"}])},
    )
    with at_terminal(*started(workspace, task="many")) as person:
        person.until("-- 1 --")
        person.until("> ")
        person.type("ano\t")
        person.until("another one")
        person.type("\n")
        assert person.end() == 0
    assert [row["label"] for row in drawn(workspace, "many")] == ["another one"]


def test_a_person_is_asked_which_of_two_answers_is_right(inputs: Workspace) -> None:
    with at_terminal(*started(inputs)) as person:
        person.until("-- 1 --")
        person.type("1" * 15)
        person.until("-- 16 --")
        person.type("2")
        person.until("Which is right?")
        person.type("x")
        person.until("'x' is not 1, 2 or s")
        person.type("2q")
        assert person.end() == 0
        assert "Of 1 rows shown twice 0% (0% to 79%, 95 % interval)" in person.shown
    assert sorted(str(row["label"]) for row in drawn(inputs)) == [*["cats"] * 14, "dogs"]
