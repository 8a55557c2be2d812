"""The check of prose, `scripts/check_prose`, on pages with planted faults."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "check_prose"
TABLE = "| " + "many words in a cell " * 20 + "|"


def checked(page: Path, text: str) -> tuple[int, str]:
    """The exit code and the output of the check of a page."""
    page.write_text(text, encoding="utf-8")
    command = [sys.executable, str(SCRIPT), str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def words(count: int) -> str:
    """A sentence of so many words, on lines of ten."""
    found = ["word"] * count
    lines = (" ".join(found[place : place + 10]) for place in range(0, count, 10))
    return "\n".join(lines).capitalize() + "."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (words(41), "page.md:1: 41 words in a sentence: Word word"),
        ("# Title\n\nIt stands in the table.", 'page.md:3: has "stands": say "is, are"'),
        ("A bill of ten\nthousand million dollars.", 'page.md:2: has "thousand million"'),
        ("- one item\n- it is dearer", 'page.md:2: has "dearer": say "expensive"'),
        ("a " * 60, "page.md:1: 120 characters in a line; the maximum is 100"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    code, told = checked(tmp_path / "page.md", text)
    assert code == 1 and said in told


def test_a_sentence_over_25_words_is_counted_and_is_no_fault(tmp_path: Path) -> None:
    text = f"{words(26)} {words(25)}\n\n- {words(40)}"
    code, told = checked(tmp_path / "page.md", text)
    assert code == 0 and told.endswith("page.md: note: 2 of 3 sentences have over 25 words\n")


@pytest.mark.parametrize(
    "text",
    [
        f"```\n{words(60)} It stands there.\n```",
        TABLE,
        f"<!-- [[[cog\nx\n]]] -->\n{words(60)}\n<!-- [[[end]]] -->",
        f"# {'long title ' * 20}",
        "The stand-in and `distill stands` are fine.",
        "x" * 120,
        f"- {words(24)}\n- {words(24)}",
    ],
)
def test_code_tables_headings_and_what_is_generated_are_not_checked(
    tmp_path: Path, text: str
) -> None:
    assert checked(tmp_path / "page.md", text) == (0, "")
