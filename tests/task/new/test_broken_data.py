"""Data that no task can be made of: one message with place and cure, and nothing written."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.task.new import NewTaskOptions, new_task
from tests.task.new.test_new import as_csv, labelled, objects

ROWS = as_csv(labelled())
DISTILL = [sys.executable, "-c", "from distill.cli import main; main()"]
OPTIONS: dict[str, Callable[[Any], list[str]]] = {
    "answers": lambda columns: ["--label", *columns],
    "time": lambda column: ["--time", column],
}
LONG = "The quick brown fox jumps over the lazy dog while seven wizards brew ale for kings"


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def chat(*contents: tuple[str, Any]) -> str:
    return lines([{"messages": [{"role": role, "content": text} for role, text in contents]}])


def calling(tool: str) -> str:
    """A row of a chat file whose answer calls a tool."""
    call = {"type": "function", "function": {"name": tool, "arguments": '{"what": "a lamp"}'}}
    asked = {"role": "user", "content": f"{tool} a lamp"}
    answer = {"role": "assistant", "content": None, "tool_calls": [call]}
    return lines([{"messages": [asked, answer]}])


BROKEN: dict[str, tuple[str, str | bytes, dict[str, Any], str]] = {
    "empty": ("a.csv", "", {}, "a.csv is empty"),
    "only a header": ("a.csv", "text,label\n", {}, "no column with texts"),
    "only a mark": ("a.csv", b"\xef\xbb\xbf", {}, r"a\.csv:1: must name the columns"),
    "header without names": ("a.csv", ",,\na,b,c\n", {}, r"a\.csv:1: must name the columns"),
    "two columns of one name": ("a.csv", "text,text\na,b\n", {}, "two columns are named 'text'"),
    "quote never closes": ("a.csv", ROWS + '"no end', {}, r"a\.csv:122: a quote that opens here"),
    "quote inside a text": ("a.csv", ROWS + '"a" b,c\n', {}, r"a\.csv:122: .*must be doubled"),
    "more cells than columns": ("a.csv", ROWS + "a,b,c\n", {}, r"a\.csv:122: 3 cells.*2 columns"),
    "NUL bytes": ("a.csv", ROWS + "a\0b,billing\n", {}, r"a\.csv:122: contains a NUL"),
    "UTF-16 without a mark": ("a.csv", ROWS.encode("utf-16-le"), {}, "--encoding utf-16-le"),
    "not UTF-8": (
        "a.csv",
        ROWS.encode() + b"\xe9,billing\n",
        {},
        r"a\.csv:122: not UTF-8: .*--encoding cp1252",
    ),
    "unknown encoding": ("a.csv", ROWS, {"encoding": "utf-9"}, "--encoding utf-9: unknown"),
    "unknown kind of file": ("a.docx", "x", {}, r"unknown kind of file: give one of \.csv"),
    "not a Parquet file": ("a.parquet", "x", {}, "not a Parquet file"),
    "not an Excel file": ("a.xlsx", "x", {}, r"not a readable \.xlsx"),
    "not JSON": ("a.json", "{", {}, r"a\.json:1: not valid JSON"),
    "JSON of one object": ("a.json", '{"a": 1}', {}, "must be a list of objects"),
    "JSON of numbers": ("a.json", "[1, 2]", {}, "a.json, object 1 is not a JSON object"),
    "a bad line of JSON": ("a.jsonl", lines([{"a": 1}]) + "{\n", {}, r"a\.jsonl:2: not valid JSON"),
    "a line that is a list": ("a.jsonl", "[1]\n", {}, r"a\.jsonl:1: a row must be a JSON object"),
    "a conversation without its end": (
        "a.jsonl",
        chat(("user", "a"), ("assistant", "b"), ("assistant", "d")),
        {},
        r"a\.jsonl:1: the last turn is the assistant's, but a user's turn is answered",
    ),
    "a message without a text": (
        "a.jsonl",
        chat(("user", None), ("assistant", "b")),
        {},
        r"a\.jsonl:1: messages\[0\]: the content is empty",
    ),
    "a result of a tool": (
        "a.jsonl",
        chat(("user", "a"), ("tool", "4"), ("assistant", "b")),
        {},
        r"a\.jsonl:1: messages\[1\]: calls and results of tools within a conversation are not",
    ),
    "calls of two tools": (
        "a.jsonl",
        calling("find") + calling("book"),
        {},
        r"a\.jsonl:2: the answer calls book, but that of a\.jsonl:1 calls find: .* one tool",
    ),
    "a call and a text": (
        "a.jsonl",
        calling("find") + chat(("user", "a"), ("assistant", "b")),
        {},
        r"a\.jsonl:2: the answer is a text, but that of a\.jsonl:1 calls find",
    ),
    "no such column": ("a.csv", ROWS, {"answers": ("labels",)}, "no column 'labels'.*did you mean"),
    "no such input": ("a.csv", ROWS, {"input": "body"}, "a.csv has no column 'body'"),
    "two columns could be the label": (
        "a.csv",
        "text,team,queue\n" + "".join(f"{text},{label},{label}\n" for text, label in labelled()),
        {},
        "several columns could be the label: .*--label",
    ),
    "no answers at all": ("a.csv", "text,label\n" + "a,\n" * 40, {}, "no column with answers"),
    "a column of ids": (
        "a.csv",
        as_csv([(text, f"id{number}") for number, (text, _) in enumerate(labelled())]),
        {},
        "120 different values in 120 rows, like a column of ids",
    ),
    "one label": ("a.csv", as_csv([(t, "x") for t, _ in labelled()]), {}, "only label is 'x'"),
    "too many labels": (
        "a.csv",
        as_csv([(f"{t} {n}", f"label {n}") for n in range(201) for t, _ in labelled(3)]),
        {"kind": "classify"},
        "201 different labels, and at most 200",
    ),
    "a label with two rows": (
        "a.csv",
        as_csv([*labelled(), ("One", "rare"), ("Two", "rare")]),
        {},
        r"fewer than 6 rows: rare \(2\).*--merge-rare",
    ),
    "too few rows": ("a.csv", as_csv(labelled(60)), {}, "60 labelled rows leave 24 for the test"),
    "too few test rows": ("a.csv", ROWS, {"test": 10}, "leave 10 for the test"),
    "nothing left to learn": ("a.csv", ROWS, {"test": 120}, "--test 120: only 120 rows"),
    "copies of one text": (
        "a.csv",
        as_csv([*labelled(), *((f"{LONG} {n}", "new") for n in range(8))]),
        {},
        "rows of label 'new' are near copies of each other",
    ),
    "a text over the context": (
        "a.csv",
        as_csv([*labelled(), ("word " * 6000, "billing")]),
        {},
        r"a\.csv:122: the text has 29,999 characters",
    ),
    "not a time": (
        "a.csv",
        "text,label,day\n" + "".join(f"{text},{label},soon\n" for text, label in labelled()),
        {"time": "day"},
        r"a\.csv:2: 'soon' in the column day is not a time",
    ),
    "mixed types": (
        "a.jsonl",
        lines([*objects(), {"input": "x", "answer": {"name": 7}}]),
        {},
        r"field name has values of different types \(integer, string\)",
    ),
    "a field with a comma": (
        "a.jsonl",
        lines([{"input": str(n), "answer": {"a,b": "x"}} for n in range(100)]),
        {},
        "the field 'a,b' cannot be used",
    ),
    "empty objects": (
        "a.jsonl",
        lines([{"input": str(n), "answer": {}} for n in range(100)]),
        {},
        "no row has a field",
    ),
    "objects and texts": (
        "a.jsonl",
        lines([*objects(), {"input": "x", "answer": "y"}]),
        {"kind": "extract"},
        r"a\.jsonl:101: the answer 'y' is not an object",
    ),
    "a query for a file": ("a.csv", ROWS, {"query": "SELECT 1"}, "--query is for databases"),
    "a database without a query": ("a.sqlite", b"SQLite format 3\0", {}, 'add --query "SELECT'),
    "a bad query": ("a.sqlite", b"SQLite format 3\0", {"query": "SELECT x"}, "--query failed"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_data_is_one_message_and_nothing_is_written(case: str, tmp_path: Path) -> None:
    name, content, options, says = BROKEN[case]
    path, prompts = tmp_path / name, tmp_path / "prompts"
    prompts.mkdir()
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=says) as caught:
        new_task(prompts, "tickets", NewTaskOptions(str(path), **options))
    assert "\n" not in str(caught.value)
    assert list(prompts.iterdir()) == []
    (problem,) = caught.value.problems
    assert Path(problem.file).name.startswith(name) or problem.key.startswith("--")
    line = re.match(rf"\S*{re.escape(name)}:(\d+)", str(caught.value))
    assert problem.line == (int(line[1]) if line else None)


@pytest.mark.parametrize(
    ("case", "place"),
    [
        ("more cells than columns", (122, None, "put quotes around texts that contain a comma")),
        ("no such column", (None, "--label", "did you mean label?")),
        ("two columns could be the label", (None, "--label", "choose with --label")),
        ("not a time", (2, "day", "write it like 2026-11-29")),
        ("mixed types", (None, "name", "make them alike")),
        ("a bad line of JSON", (2, None, "write one JSON object on it")),
        ("too few rows", (None, "--test", "label 75 rows or more")),
    ],
)
def test_json_has_the_place_and_the_cure(
    case: str,
    place: tuple[int | None, str | None, str | None],
    workspace: Workspace,
    tmp_path: Path,
) -> None:
    name, content, options, _ = BROKEN[case]
    assert isinstance(content, str)
    (tmp_path / name).write_text(content, encoding="utf-8")
    more = [part for option, value in options.items() for part in OPTIONS[option](value)]
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    done = subprocess.run(
        [*DISTILL, *folders, "new", "tickets", "--from", str(tmp_path / name), *more, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert (done.returncode, found["kind"]) == (2, "error"), done.stderr
    error = found["error"]
    assert (error["line"], error["key"], error["fix"]) == place
    assert name in (error["file"] or name) and error["message"] in done.stderr


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".hidden", "Tickets", "a b", "a\n"])
def test_a_name_must_be_that_of_a_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(ROWS, encoding="utf-8")
    with pytest.raises(InputError, match="is not the name of a task"):
        new_task(tmp_path, name, NewTaskOptions(str(tmp_path / "a.csv")))


def test_a_task_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "tickets").mkdir()
    with pytest.raises(InputError, match="already exists: choose another name"):
        new_task(tmp_path, "tickets", NewTaskOptions(str(tmp_path / "a.csv")))
    assert list((tmp_path / "tickets").iterdir()) == []


def test_a_source_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist: give the path"):
        new_task(tmp_path, "tickets", NewTaskOptions(str(tmp_path / "nowhere.csv")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"contains no \.txt"):
        new_task(tmp_path, "tickets", NewTaskOptions(str(tmp_path / "empty")))
