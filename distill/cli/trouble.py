"""The entries of docs/trouble.md: for a message its link, and for the page its tables."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

PAGE = "docs/trouble.md"
MOST_LINKS = 3
ANY = "…"  # stands for any text in a message


@dataclass(frozen=True, slots=True)
class Entry:
    """An error with its remedy. `messages`: parts of its messages, with ANY for values."""

    section: str
    id: str
    messages: tuple[str, ...]
    cure: str

    def is_of(self, message: str) -> bool:
        """True if an error's message contains one of the entry's messages."""
        plain = message.replace("`", "")
        return any(re.search(_pattern(part), plain) for part in self.messages)


@cache
def entries() -> tuple[Entry, ...]:
    """Return the entries in the order of the page."""
    text = (files("distill.cli") / "trouble.toml").read_text(encoding="utf-8")
    return tuple(
        Entry(row["section"], row["id"], tuple(row["messages"]), row["cure"])
        for row in tomllib.loads(text)["entry"]
    )


def link_of(message: str) -> str | None:
    """Return the link to the first entry of a message; None without one."""
    return next((f"{PAGE}#{entry.id}" for entry in entries() if entry.is_of(message)), None)


def more_on(messages: Iterable[str]) -> str:
    """Return the line with the first MOST_LINKS links of messages; "" without one."""
    links = dict.fromkeys(filter(None, map(link_of, messages)))
    return f"More: {', '.join([*links][:MOST_LINKS])}" if links else ""


def table(section: str) -> str:
    """Return a section's table for the page, with an anchor in each row."""
    rows = [
        f'| <a id="{entry.id}"></a>{", ".join(f"`{part}`" for part in entry.messages)} '
        f"| {entry.cure} |"
        for entry in entries()
        if entry.section == section
    ]
    return "\n".join(["| message | cure |", "| --- | --- |", *rows])


@cache
def _pattern(part: str) -> str:
    """Return the regular expression of a message; a value is on one line."""
    return ".*".join(map(re.escape, part.split(ANY)))
