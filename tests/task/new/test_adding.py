"""More rows for a task: none doubled, no test row moved, all files written or none."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distill.core.errors import InputError, InvalidInput
from distill.core.workspace import Workspace
from distill.task import Task
from distill.task.loading import load_task
from distill.task.new import NewTaskOptions, new_task
from distill.task.new.adding import AddedRows, add_to_task
from distill.task.whole_files import changed_folder, restore_folder
from tests.task.new.test_new import Pair, as_csv, labelled, objects

ROWS = labelled(260)
KINDS = ("red", "dry", "old", "new", "warm", "big", "deep", "rich", "thin", "pale", "raw", "odd")
WINE = [(f"We want {kind} wine number {n * n}", "wine") for n, kind in enumerate(KINDS)]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with the task `tickets` of the first 180 rows."""
    (tmp_path / "first.csv").write_text(as_csv(ROWS[:180]), encoding="utf-8")
    new_task(tmp_path / "prompts", "tickets", NewTaskOptions(str(tmp_path / "first.csv")))
    return Workspace(tmp_path / "prompts", tmp_path / "runs")


def add(workspace: Workspace, content: str, *, new_labels: bool = False, **given: Any) -> AddedRows:
    path = workspace.prompts.parent / given.pop("name", "more.csv")
    path.write_text(content, encoding="utf-8")
    options = NewTaskOptions(str(path), **given)
    return add_to_task(workspace, "tickets", options, new_labels=new_labels)


def task_of(workspace: Workspace) -> Task:
    return load_task(workspace.prompts, "tickets")


def contents(workspace: Workspace) -> dict[str, bytes]:
    """Each file below the folder of tasks, hidden ones too, with its bytes."""
    files = (path for path in workspace.prompts.rglob("*") if path.is_file())
    return {str(path.relative_to(workspace.prompts)): path.read_bytes() for path in files}


def all_rows(task: Task) -> Iterator[Pair]:
    return ((row.input, row.answer) for row in (*task.gold, *task.seeds, *task.examples))


def test_no_row_is_doubled_and_no_test_row_moves(workspace: Workspace) -> None:
    before = task_of(workspace)
    added = add(workspace, as_csv(ROWS[100:]))
    after = task_of(workspace)
    assert Counter(all_rows(after)) == Counter(ROWS)
    assert after.gold[: len(before.gold)] == before.gold and after.seeds == before.seeds
    assert (added.known, len(added.gold) + len(added.examples)) == (80, 80)
    assert added.tested == len(after.gold) == len(before.gold) + len(added.gold)


def test_each_label_keeps_its_share_of_the_test(workspace: Workspace) -> None:
    add(workspace, as_csv(ROWS))
    counts = Counter(row.answer for row in task_of(workspace).gold)
    labels = Counter(label for _, label in ROWS)
    assert {label: round(0.4 * count) for label, count in labels.items()} == counts


def test_the_same_file_again_changes_nothing(workspace: Workspace) -> None:
    add(workspace, as_csv(ROWS[180:]))
    before = contents(workspace)
    added = add(workspace, as_csv(ROWS[180:]))
    assert added.is_empty and added.known == 80
    assert contents(workspace) == before


def test_near_copies_go_where_the_first_one_is(workspace: Workspace) -> None:
    task = task_of(workspace)
    gold = {row.input for row in task.gold}
    add(workspace, as_csv([(f"{text}!!", label) for text, label in ROWS[:60]]))
    after = {row.input for row in task_of(workspace).gold}
    assert all((text in gold) == (f"{text}!!" in after) for text, _ in ROWS[:60])


def test_new_labels_are_refused_without_their_flag(workspace: Workspace) -> None:
    before = contents(workspace)
    with pytest.raises(
        InvalidInput, match=r"more\.csv:2: .*wine \(12 rows\): add them with --new-labels"
    ):
        add(workspace, as_csv(WINE))
    with pytest.raises(InvalidInput, match=r"fewer than 6 rows: wine \(4 rows\): .*--drop-rare"):
        add(workspace, as_csv(WINE[:4]), new_labels=True)
    assert contents(workspace) == before


def test_a_new_label_is_tested_shown_and_named(workspace: Workspace) -> None:
    added = add(workspace, as_csv([*ROWS[:180], *WINE]), new_labels=True)
    task = task_of(workspace)
    assert added.labels == ("wine",) and task.spec.labels["wine"] == "wine"
    assert task.spec.description == "Sort a text into one of 4 labels."
    sides = {
        name: sum(row.answer == "wine" for row in rows)
        for name, rows in (("gold", task.gold), ("seeds", task.seeds), ("rest", task.examples))
    }
    assert sides == {"gold": 5, "seeds": 7, "rest": 0}
    toml = (task.folder / "task.toml").read_text(encoding="utf-8")
    assert "# Say in a sentence for each label what belongs there." in toml


def test_rare_new_labels_can_be_merged_or_left_out(workspace: Workspace) -> None:
    some = [*WINE[:4], *((text, "beer") for text, _ in WINE[4:8])]
    left = add(workspace, as_csv(some), new_labels=True, drop_rare=True)
    assert left.is_empty and left.notes == ["left out the labels beer, wine: too few rows"]
    merged = add(workspace, as_csv(some), new_labels=True, merge_rare="drinks")
    assert merged.labels == ("drinks",)
    assert Counter(label for _, label in all_rows(task_of(workspace)))["drinks"] == 8


def test_labels_in_another_form_are_named_not_edited(workspace: Workspace) -> None:
    path = workspace.prompts / "tickets" / "task.toml"
    text = path.read_text(encoding="utf-8").partition("# Say")[0]
    inline = 'labels = {billing = "a", delivery = "b", returns = "c"}\n'
    path.write_text(text + inline, encoding="utf-8")
    before = contents(workspace)
    with pytest.raises(InvalidInput, match=r'add the labels yourself: wine = "wine"'):
        add(workspace, as_csv(WINE), new_labels=True)
    assert contents(workspace) == before


def test_spellings_are_the_tasks(workspace: Workspace) -> None:
    add(workspace, as_csv([(text, f" {label.upper()} ") for text, label in ROWS[180:]]))
    assert Counter(all_rows(task_of(workspace))) == Counter(ROWS)


def test_another_answer_to_a_known_text_is_left_out(workspace: Workspace) -> None:
    text, label = ROWS[0]
    other = "returns" if label != "returns" else "billing"
    added = add(workspace, as_csv([(text, other), *ROWS[180:190]]))
    [note] = added.notes
    assert "1 rows whose text has another answer in the task, the first at more.csv:2" in note
    assert dict(all_rows(task_of(workspace)))[text] == label


def test_inputs_that_people_answered_are_no_inputs_any_more(workspace: Workspace) -> None:
    unanswered = [(text, "") for text, _ in ROWS[180:200]]
    added = add(workspace, as_csv([*ROWS[:180], *unanswered]))
    assert added.inputs == [text for text, _ in unanswered]
    added = add(workspace, as_csv(ROWS[190:]))
    assert added.answered == 10
    assert task_of(workspace).inputs == tuple(text for text, _ in ROWS[180:190])


def test_a_group_stays_together_and_the_unknown_is_told(workspace: Workspace) -> None:
    grouped = [f"{text},{label},c{n % 8}" for n, (text, label) in enumerate(ROWS[180:])]
    added = add(workspace, "\n".join(["text,label,who", *grouped]), group="who")
    gold = {row.input for row in task_of(workspace).gold}
    for group in range(8):
        sides = {text in gold for n, (text, _) in enumerate(ROWS[180:]) if n % 8 == group}
        assert len(sides) == 1
    assert "the who of rows that more.csv lacks is not known" in added.notes[0]


def test_the_newest_new_rows_are_tested(workspace: Workspace) -> None:
    before = {row.input for row in task_of(workspace).gold}
    timed = [f"{text},{label},{n}" for n, (text, label) in enumerate(ROWS[180:])]
    added = add(workspace, "\n".join(["text,label,at", *timed]), time="at")
    newest = {text for text, _ in ROWS[-len(added.gold) :]}
    assert {row.input for row in task_of(workspace).gold} == before | newest


def test_objects_must_fit_the_schema(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "prompts", tmp_path / "runs")
    rows = objects(140)
    lines = [json.dumps(row) for row in rows]
    (tmp_path / "a.jsonl").write_text("\n".join(lines[:100]), encoding="utf-8")
    new_task(workspace.prompts, "tickets", NewTaskOptions(str(tmp_path / "a.jsonl")))
    added = add(workspace, "\n".join(lines), name="b.jsonl")
    assert (added.known, len(added.gold) + len(added.examples)) == (100, 40)
    task = task_of(workspace)
    assert len(task.gold) + len(task.seeds) + len(task.examples) == 140
    for answer, says in (
        ({"name": 7}, r"c\.jsonl:1: .*name.*: correct the row or schema\.json"),
        ({"name": "Nobody"}, r"c\.jsonl:1: .*"),
        ("text", r"c\.jsonl:1: the answer 'text' is not an object"),
    ):
        row = {"input": "Table for one", "answer": answer}
        with pytest.raises(InputError, match=says):
            add(workspace, json.dumps(row), name="c.jsonl", input="input", answers=("answer",))


def test_another_kind_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match=r"--kind extract: .* of the kind classify: leave"):
        add(workspace, as_csv(ROWS), kind="extract")


def test_a_failed_write_changes_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(workspace)

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("distill.task.whole_files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        add(workspace, as_csv(ROWS))
    assert contents(workspace) == before


def test_a_folder_is_brought_back_after_a_kill(workspace: Workspace) -> None:
    before, folder = contents(workspace), workspace.prompts / "tickets"
    folder.rename(folder.with_name(".tickets.before"))
    assert add(workspace, as_csv(ROWS[:180])).is_empty
    assert contents(workspace) == before


def test_what_a_kill_left_beside_a_folder_is_removed(tmp_path: Path) -> None:
    for name in ("tickets", ".tickets.before", ".tickets.partial"):
        (tmp_path / name).mkdir()
    restore_folder(tmp_path / "tickets")
    with changed_folder(tmp_path / "tickets") as folder:
        (folder / "new").write_text("", encoding="utf-8")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == [
        "tickets",
        "tickets/new",
    ]


def test_a_link_to_a_folder_remains_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tickets").symlink_to("elsewhere")
    with changed_folder(tmp_path / "tickets") as folder:
        (folder / "new").write_text("", encoding="utf-8")
    assert (tmp_path / "tickets").is_symlink() and (tmp_path / "elsewhere" / "new").exists()
