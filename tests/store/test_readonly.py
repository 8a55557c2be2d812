"""The store for other tools: a query that changes nothing, and every table as a file."""

import json
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from distill.cli import cli
from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.store import Run, open_store
from distill.store.readonly import export, query
from distill.store.tables import now
from tests.support.command import json_rows

RUNS = 3


@pytest.fixture
def database(workspace: Workspace) -> Path:
    path = workspace.database("pets")
    with open_store(path) as store:
        for number in range(RUNS):
            store.add_run(Run(f"r{number}", "h", {}, "because", now(), "embedded"), {"a": 1})
    return path


def told(workspace: Workspace, *words: str) -> Result:
    folders = ["--prompts", str(workspace.prompts), "--runs", str(workspace.runs)]
    return CliRunner().invoke(cli, [*folders, *words])


def test_a_query_is_answered(workspace: Workspace, database: Path) -> None:
    select = "SELECT id, task_hash FROM run ORDER BY id"
    shown = told(workspace, "sql", "pets", select)
    assert shown.output.splitlines() == ["id  task_hash", *(f"r{n}  h" for n in range(RUNS))]
    rows = json_rows(told(workspace, "sql", "pets", select, "--json").output, "sql")
    assert rows[0] == {"id": "r0", "task_hash": "h"}


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM run",
        "INSERT INTO run SELECT * FROM run",
        "DROP TABLE run",
        "CREATE TABLE mine (a INTEGER)",
        "COPY run TO 'stolen.csv'",
        "SELECT * FROM read_text('/etc/hostname')",
        "ATTACH 'other.duckdb'",
        "SET enable_external_access = true",
        "SELECT nothing FROM nowhere",
        "no SQL",
    ],
)
def test_a_query_that_is_wrong_or_does_more_is_an_input_error(database: Path, sql: str) -> None:
    with pytest.raises(InputError, match=database.name):
        query(database, sql)
    assert query(database, "SELECT count(*) FROM run") == (["count_star()"], [(RUNS,)])


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_every_table_is_a_file(
    workspace: Workspace, database: Path, tmp_path: Path, form: str
) -> None:
    folder = tmp_path / "out"
    result = told(workspace, "export", "pets", "--to", form, str(folder), "--json")
    assert result.exit_code == 0, result.output
    counts = {row["table"]: row["rows"] for row in json_rows(result.output, "export")}
    assert counts["run"] == RUNS and counts["completion"] == 0
    assert {path.stem for path in folder.iterdir()} == set(counts)
    select = f"SELECT id FROM '{folder}/run.{form}' ORDER BY id"
    read = duckdb.connect().execute(select).fetchall()
    assert read == [(f"r{n}",) for n in range(RUNS)]
    with pytest.raises(InputError, match="already exists"):
        export(database, folder, form)  # type: ignore[arg-type]


def test_before_there_is_a_run(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="no run yet"):
        query(workspace.database("pets"), "SELECT 1")


def test_a_value_that_python_lacks_is_said(workspace: Workspace, database: Path) -> None:
    with pytest.raises(InputError, match="cast it to VARCHAR"):
        query(database, "SELECT INTERVAL 10000000 YEARS")


def test_json_has_no_numbers_that_json_lacks(workspace: Workspace, database: Path) -> None:
    select = "SELECT 'nan'::DOUBLE AS a, 'inf'::DOUBLE AS b, [1.0, '-inf'::DOUBLE] AS c"
    shown = told(workspace, "sql", "pets", select, "--json").output

    def refuse(name: str) -> None:
        raise AssertionError(name)

    (row,) = json.loads(shown, parse_constant=refuse)["rows"]
    assert row == {"a": "nan", "b": "inf", "c": [1.0, "-inf"]}


@pytest.mark.parametrize("name", ["../outside", "..", ".", "a/b", ""])
def test_a_task_is_a_name_and_no_path(workspace: Workspace, database: Path, name: str) -> None:
    shown = told(workspace, "sql", name, "SELECT 1")
    assert isinstance(shown.exception, InputError)
    assert "is not a task name" in str(shown.exception)
