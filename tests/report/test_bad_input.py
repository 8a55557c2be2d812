"""`distill report` of what is damaged, or of another version."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distill import pipeline
from distill.core.errors import InputError
from distill.core.workspace import Workspace
from distill.report import fits
from distill.report.compare_runs import compare
from distill.report.figures import read_figures
from distill.report.runs import list_runs
from tests.conftest import WriteTask
from tests.store.test_oracle import unpacked
from tests.support.command import invoke
from tests.support.runs import finished
from tests.support.standin import StandIn


def without(*keys: str | int) -> Callable[[str], bytes]:
    """Leave out a key of report.json."""

    def changed(text: str) -> bytes:
        figures: Any = json.loads(text)
        inner = figures
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]
        return json.dumps(figures).encode()

    return changed


DAMAGES: dict[str, Callable[[str], bytes]] = {
    "half written": lambda text: text[:200].encode(),
    "empty": lambda text: b"",
    "a list": lambda text: b"[]",
    "null": lambda text: b"null",
    "no text": lambda text: b"\xff\xfe{",
    "no decision": without("decision"),
    "no tiles": without("decision", "tiles"),
    "no latency": without("decision", "options", 0, "latency"),
    "no money": without("break_even"),
    "no systems": without("systems"),
    "a newer key": lambda text: json.dumps(json.loads(text) | {"newer": 1}).encode(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_report_is_written_anew_or_refused(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    damage: Callable[[str], bytes],
) -> None:
    pets()
    outcome = finished(workspace, "pets")
    path = outcome.context.folder / "report.json"
    whole = path.read_text(encoding="utf-8")
    path.write_bytes(damage(whole))
    (row,) = list_runs(workspace, "pets")
    assert row["run"] == outcome.run.id
    if not read_figures(path):
        assert row["verdict"] == "report.json is damaged: `distill report` writes it again"
        with pytest.raises(InputError, match="has no report yet"):
            compare(workspace, "pets", [outcome.run.id])
    shown = invoke(workspace, "report", "pets")
    assert (shown.exit_code, shown.exception) == (0, None)
    assert set(read_figures(path)) == set(json.loads(whole))
    path.write_bytes(damage(whole))
    pets(student_md="Which pet is it?\n")
    with pytest.raises(InputError) as refused:
        pipeline.report_now(workspace, "pets")
    assert str(refused.value) == (
        f"{path} is damaged or of another version, and cannot be written anew: edited since "
        f"{outcome.run.id}: student.md. Take the edit back, or begin another run with "
        "`distill run pets`"
    )
    assert path.read_bytes() == damage(whole), "nothing was written over it"


@pytest.mark.parametrize("kind", ["classify", "paid"])
def test_a_run_of_an_old_version_has_a_page_or_a_reason(kind: str, tmp_path: Path) -> None:
    workspace, _ = unpacked(kind, tmp_path)
    (path,) = workspace.runs.glob("pets/2*/report.json")
    old = path.read_text(encoding="utf-8")
    assert not fits(json.loads(old))
    edited = workspace.prompts / "pets" / "student.md"
    before = edited.read_text(encoding="utf-8")
    edited.write_text("Which pet is it?\n", encoding="utf-8")
    with pytest.raises(InputError, match="is damaged or of another version"):
        pipeline.report_now(workspace, "pets")
    assert path.read_text(encoding="utf-8") == old
    edited.write_text(before, encoding="utf-8")
    assert invoke(workspace, "report", "pets").exit_code == 0
    assert fits(read_figures(path)) and path.with_name("report.html").exists()
