"""Human review through a CSV file: export of rows, import of decisions.

The export contains every candidate of the latest run except the seeds, most doubtful rows first.
The import adds decisions to the task's `reviews.jsonl`. This file is part of the task and applies
to the next run.
"""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distill.core.conversation import as_text, input_row
from distill.core.dataset import Candidate, Drop
from distill.core.errors import InvalidInput, Problem
from distill.core.suggestions import did_you_mean
from distill.core.text import fold
from distill.core.workspace import Workspace
from distill.curate.context import CheckContext
from distill.curate.drops import curated
from distill.curate.label_errors import suspects
from distill.store import open_store
from distill.task import REVIEWS, Task
from distill.task.answer_json import json_object
from distill.task.files import Place, ends_a_line
from distill.task.kinds.extract import Fields
from distill.task.loading import load_task
from distill.task.spreadsheet import ENCODING, SheetRow, cell, read_sheet

COLUMNS = ("id", "decision", "label", "input", "answer", "asked_for", "state", "reason", "against")
DECISIONS = ("accept", "reject", "correct")
# The decision, the row, and the right answer; None for a rejected row.
Decision = tuple[str, Candidate, str | None]
# Checks that doubt an answer: their drops come before the drops of other checks.
DOUBTED = ("agreement", "suspect_labels", "second_opinion", "judge")


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import: the number of rows by decision, and the file of reviews."""

    accepted: int
    rejected: int
    corrected: int
    file: Path


def export_rows(workspace: Workspace, name: str, path: Path) -> int:
    """Write the rows to review and return their number. Raises InputError without a curated run."""
    task = load_task(workspace.prompts, name)
    with curated(workspace, name) as (store, run_id):
        candidates = [row for row in store.candidates(run_id) if row.source != "seeds"]
        drops = {drop.candidate_id: drop for drop in store.drops(run_id)}
    rows = list(_sorted_rows(task, candidates, drops))
    with path.open("w", encoding=ENCODING, errors="backslashreplace", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({key: cell(value) for key, value in row.items()} for row in rows)
    return len(rows)


def _sorted_rows(
    task: Task, candidates: Sequence[Candidate], drops: Mapping[str, Drop]
) -> Iterator[dict[str, str]]:
    """Yield the most doubtful rows first.

    The order is: suspect rows, kept rows by increasing vote agreement, rows that were dropped for a
    doubtful answer, all others.
    """
    kept = [row for row in candidates if row.id not in drops]
    doubts = {kept[item.index].id: item for item in suspects(kept, CheckContext(task))}

    def rank(row: Candidate) -> tuple[int, float]:
        if row.id in doubts:
            return 0, doubts[row.id].score
        if row.id not in drops:
            return 1, row.agreement
        return (2 if drops[row.id].check in DOUBTED else 3), 0.0

    for row in sorted(candidates, key=rank):
        drop, doubt = drops.get(row.id), doubts.get(row.id)
        suspected = f"rows like it: {doubt.suggested}" if doubt else ""
        yield {
            "id": row.id,
            "decision": "",
            "label": "",
            "input": as_text(row.input),
            "answer": row.answer,
            "asked_for": row.asked_label or "",
            "state": "dropped" if drop else "suspect" if doubt else "kept",
            "reason": f"{drop.check}: {drop.reason}" if drop else "",
            "against": as_text(drop.matched or "") if drop else suspected,
        }


def import_rows(workspace: Workspace, name: str, path: Path) -> Imported:
    """Add the decisions in a CSV file to the task's reviews; skip rows without a decision.

    Raises InputError, with file and line, before anything is written.
    """
    task = load_task(workspace.prompts, name)
    with open_store(workspace.database(name)) as store:
        known: dict[str, list[Candidate]] = defaultdict(list)
        for run in store.runs():
            for row in store.candidates(run.id):
                known[row.id].append(row)
    decided = _decisions(path, task, known)
    target = task.folder / REVIEWS
    lines = [
        json.dumps(input_row(row.input) | {"answer": _in_file(answer, task)}, ensure_ascii=False)
        + "\n"
        for _, row, answer in decided
    ]
    if lines:
        unended = not ends_a_line(target)
        with target.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(["\n" * unended, *lines])
    counts = Counter(decision for decision, _, _ in decided)
    return Imported(counts["accept"], counts["reject"], counts["correct"], target)


def _in_file(answer: str | None, task: Task) -> object:
    return json.loads(answer) if answer is not None and isinstance(task.form, Fields) else answer


def _decisions(path: Path, task: Task, known: Mapping[str, Sequence[Candidate]]) -> list[Decision]:
    """Read each row with a decision. Raises InvalidInput with the problems of all rows."""
    found: list[Decision] = []
    problems: list[Problem] = []
    for number, line in read_sheet(path, ["decision", "id", "label"]):
        try:
            found += _decision(Place(path, number), line, task, known)
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(*problems)
    return found


def _decision(
    place: Place, line: SheetRow, task: Task, known: Mapping[str, Sequence[Candidate]]
) -> list[Decision]:
    """Return the decision in a line of the file; [] if there is none."""
    decision, label = ((line[column] or "").strip() for column in ("decision", "label"))
    if not decision and label:
        raise place.problem("decision", "a label without a decision", "set the decision correct")
    if not decision:
        return []
    rows = known.get((line["id"] or "").strip(), ())
    if not rows:
        said = f"{line['id']!r} is not a row of task {task.name}"
        raise place.problem("id", said, "restore the id of the export")
    row = _seen(place, decision.lower(), rows, line.get("answer"))
    return [(decision.lower(), row, _answer(place, decision.lower(), row, label, task))]


def _seen(place: Place, decision: str, rows: Sequence[Candidate], answer: str | None) -> Candidate:
    """Return the row with the answer that the person saw.

    Other runs may have other answers to the same input. If the file has no `answer` column, the
    latest row is returned.
    """
    seen = [row for row in rows if answer is None or fold(cell(row.answer)) == fold(answer)]
    if not seen and decision == "accept":
        raise place.problem(
            "answer",
            f'the decision is "accept", but no run gave the answer {answer!r}',
            'restore the answer column. To change an answer, set the decision to "correct" and '
            "write the right answer in the label column",
        )
    return (seen or rows)[-1]


def _answer(place: Place, decision: str, row: Candidate, label: str, task: Task) -> str | None:
    if decision not in DECISIONS:
        fix = did_you_mean(decision, DECISIONS) or f"must be one of {', '.join(DECISIONS)}"
        raise place.problem("decision", f"decision {decision!r}", fix)
    if decision == "reject":
        return None
    if decision == "accept" and label not in ("", row.answer):
        said = f"accept, but with the label {label!r}"
        raise place.problem("label", said, "to change a label, write correct")
    answer = label if decision == "correct" else row.answer
    try:
        return task.form.of_row(json_object(answer) if isinstance(task.form, Fields) else answer)
    except ValueError as error:
        wanted = "a label" if task.form.choices else "an answer"
        said = f"{decision} needs {wanted}, got {answer!r}"
        raise place.problem("label", said, str(error)) from error
