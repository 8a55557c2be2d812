"""The commands that the docs show: each exists, with every option."""

import re
from pathlib import Path

import pytest

from distill.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# In a code block or in back quotes, which may go on in the next line.
SHOWN = re.compile(
    r"(?:^|`)(?:\.venv/bin/)?distill ([a-z][a-z-]*)([^`#\n]*(?:\n +[^`#\n]+`)?)", re.M
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_of_a_page_exists(page: Path) -> None:
    if page.name == "cli.md":  # written from the code
        return
    unknown = []
    for name, rest in SHOWN.findall(page.read_text(encoding="utf-8")):
        command = cli.commands.get(name)
        known = {option for one in command.params for option in one.opts} if command else set()
        wanted = set(re.findall(r"--[a-z][a-z-]*", rest))
        if command is None or not wanted <= known:
            unknown.append(f"distill {name}{rest}")
    assert not unknown


def test_the_search_finds_an_unknown_option() -> None:
    text = "```\ndistill run TASK --fly\n```\nor `distill plan\n  x --probe`"
    assert [name for name, _ in SHOWN.findall(text)] == ["run", "plan"]
    assert "--fly" in SHOWN.findall(text)[0][1] and "--probe" in SHOWN.findall(text)[1][1]
