"""The docs: keys with a meaning, and figures of recorded runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from benchmarks.results_table import results
from distill.curate.registry import CHECKS, KEYS
from distill.task.key_table import field_of, tables
from distill.task.spec import CurateSpec, LeaksSpec, PriceSpec, TaskSpec

ROOT = Path(__file__).parents[1]


def sections() -> Iterator[tuple[str, type[BaseModel]]]:
    yield "task.toml", TaskSpec
    yield "prices", PriceSpec
    for name, field in TaskSpec.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name, field.annotation


def test_every_key_has_a_meaning_of_few_words() -> None:
    parts = {form for _, form in sections()}
    found = {
        f"{name}.{key}": field.description or ""
        for name, form in sections()
        for key, field in form.model_fields.items()
        if field.annotation not in parts
    }
    assert len(found) == 98
    assert [key for key, said in found.items() if not 3 <= len(said.split()) <= 20] == []


def test_the_tables_have_types_limits_and_defaults() -> None:
    rows = tables().splitlines()
    assert "| `votes` | whole number, from 1, up to 15 | `1` |" in "\n".join(rows)
    assert any(row.startswith('| `mode` | `auto`, `online`, `batch` | `"auto"` |') for row in rows)
    assert any(row.startswith("| `epochs` | number, above 0, up to 1,000 |  |") for row in rows)
    labels = "| `labels` | name → text or table, see below |  |"
    assert any(row.startswith(labels) for row in rows)


def test_each_key_of_curation_belongs_to_one_check() -> None:
    keys = [key for found in KEYS.values() for key in found]
    curate = {f"curate.{name}" for name in CurateSpec.model_fields}
    leaks = {f"leaks.{name}" for name in LeaksSpec.model_fields}
    assert sorted(keys) == sorted({*curate, *leaks, "student.context_tokens"})
    assert list(KEYS) == [name for name in CHECKS if name != "review"]
    assert field_of("curate.judge").default == 0 and field_of("name").is_required()


def test_the_readme_has_the_figures_of_the_bundled_runs() -> None:
    page = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    found = bundled("classify")
    right = {name: f"{share:.0f} %" for name, share in found["systems"].items()}
    assert f"the student is right on {right['student']}" in page
    assert f"its small teacher on {right['teacher']}" in page
    assert f"a simple classifier on {right['embeddings_seeds']}" in page
    assert f"takes {found['minutes']} minutes on two cores" in page
    right = {name: f"{share:.0f} %" for name, share in bundled("extract")["systems"].items()}
    assert f"the student finds {right['student']} of the fields" in page
    assert f"its small teacher {right['teacher']}" in page
    assert f"the best free model {right['linear_seeds']}" in page


def bundled(task: str) -> dict[str, Any]:
    """The latest result of a bundled task's run."""
    of_task = [row for path, row in results() if path.parent.name == f"bundled-{task}"]
    return max(of_task, key=lambda row: row["date"])


def test_each_result_says_what_was_claimed_and_where() -> None:
    keys = {"date", "command", "machine", "commit", "claims"}
    for path, found in results():
        assert keys <= set(found) <= {*keys, "note", "lost", "output", "systems", "minutes"}, path
        assert path.stem == found["date"]
        for claim in found["claims"]:
            assert set(claim) == {"claim", "figure", "target", "met"}, path
            assert (claim["target"] is None) == (claim["met"] is None), path
