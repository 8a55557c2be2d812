"""The questions of `distill label`: texts and answers, on standard error."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import wrap
from typing import Any

import click

from distill.cli.keyboard import Keys, keys_of_terminal, read_line
from distill.cli.output import message, printable
from distill.core.conversation import INDENT, as_text, is_conversation
from distill.core.errors import InvalidInput, Problem
from distill.task.gold import agree
from distill.task.kinds.classify import Labels
from distill.task.kinds.extract import Fields
from distill.task.labelling.answers import (
    answer_of_line,
    check_verbatim,
    command_of,
    has_bare_commands,
    hint_of,
    keys_of,
    value_of,
)
from distill.task.labelling.session import Session, ShownText

SHOWN_CHARS = 2000  # of a text at a time
NARROWEST, WIDEST = 20, 100  # columns
HELP = {
    "s": "skip: the text does not come again, and is not counted",
    "u": "undo the last answer",
    "q": "stop; the next call continues",
    ">": "show more of a long text",
    "?": "this help",
}


@contextmanager
def asking(session: Session) -> Iterator["Questions"]:
    """Open the keyboard for a session: keys if each label has one, else lines."""
    labels = keys_of(session.pool.form.choices)
    if labels and sys.stdin.isatty():
        with keys_of_terminal(sys.stdin) as keys:
            yield Questions(session, labels, keys)
    else:
        yield Questions(session, labels, None)


class Questions:
    """The questions of a session, on standard error.

    `labels`: key → label; empty if there are no labels, or too many.
    `keys`: the keyboard; None if a person types lines.
    """

    def __init__(self, session: Session, labels: dict[str, str], keys: Keys | None) -> None:
        self.session, self.labels, self.keys = session, labels, keys
        self.form = session.pool.form
        bare = keys is not None or has_bare_commands(self.form, labels)
        self.colon = "" if bare else ":"
        self._line = self._shown_to = 0  # of standard input, of the text

    def run(self) -> None:
        """Show text after text, until the person stops or all texts are labelled."""
        self._help()
        while shown := self.session.next():
            _say(f"\n-- {self.session.steps + 1} --")
            self._show_text(shown.text, 0)
            command, answer = self._answer(shown)
            if command == "q":
                return
            if command == "s":
                self.session.skip(shown)
            elif command == "u":
                _say("undone" if self.session.undo() else "nothing to undo")
            else:
                self._save(shown, answer)
        _say("\nEvery text of inputs.jsonl is labelled or skipped.")

    def _answer(self, shown: ShownText) -> tuple[str, str]:
        """Return (command, answer): one of s, u and q, or an answer and no command."""
        ask = self._by_key if self.keys else self._by_line
        if not self.keys and self.form.schema_text and sys.stdin.isatty():
            ask = self._by_field
        while True:
            command, answer = ask(shown)
            if command == "?":
                self._help()
            elif command == ">":
                self._show_text(shown.text, self._shown_to)
            else:
                return command, answer

    def _by_key(self, shown: ShownText) -> tuple[str, str]:
        self._bar()
        while (key := self._key()) not in self.labels:
            if key in HELP:
                return key, ""
            _say(f"{printable(key)!r} is no key here; ? shows the keys")
        _say(f"{key}  {printable(self.labels[key])}")
        return "", self.labels[key]

    def _key(self) -> str:
        assert self.keys is not None
        key = self.keys.read()
        return "q" if key is None else key

    def _by_line(self, shown: ShownText) -> tuple[str, str]:
        if self.labels:
            self._bar()
        while (line := self._read(self.form.choices)) is not None:
            if command := command_of(line, self.form, self.labels):
                return command, ""
            try:
                answer = answer_of_line(line, self.form, self.labels)
                check_verbatim(shown.text, answer, self.form)
            except ValueError as error:
                self._refuse(error)
            else:
                return "", answer
        return "q", ""

    def _read(self, words: tuple[str, ...] = ()) -> str | None:
        self._line += 1
        return read_line(words=words)

    def _refuse(self, problem: object) -> None:
        """Say what is wrong with a line. Raises InvalidInput without a terminal.

        Otherwise the next line, which answers the next text, would be taken for this one's answer.
        """
        if not sys.stdin.isatty():
            said, _, fix = str(problem).partition("; ")
            raise InvalidInput(Problem(said, "standard input", self._line, fix=fix))
        _say(message(str(problem)))

    def _by_field(self, shown: ShownText) -> tuple[str, str]:
        """Ask for an object field by field, and show it before it is saved."""
        assert isinstance(self.form, Fields)
        found: dict[str, Any] = {}
        for name in self.form.names:
            command, value = self._field(shown, name)
            if command:
                return command, ""
            if value is not None:
                found[name] = value
        try:
            answer = answer_of_line(json.dumps(found), self.form, {})
        except ValueError as error:
            _say(message(f"{error}: once more"))
            return self._by_field(shown)
        _say(printable(answer))
        _say("Enter saves it; anything else asks again")
        reply = self._read()
        if reply is None:
            return "q", ""
        return ("", answer) if not reply.strip() else self._by_field(shown)

    def _field(self, shown: ShownText, name: str) -> tuple[str, Any]:
        """Return (command, value) for a field; the value is None if the field is absent."""
        assert isinstance(self.form, Fields)
        part = self.form.schema["properties"][name]
        _say(printable(f"{name} ({hint_of(part)})" if hint_of(part) else name))
        while (line := self._read()) is not None:
            if command := command_of(line, self.form, {}):
                return command, None
            if not line.strip():
                return "", None
            try:
                value = value_of(part, line)
                check_verbatim(shown.text, json.dumps({name: value}), self.form)
            except ValueError as error:
                self._refuse(error)
            else:
                return "", value
        return "q", None

    def _save(self, shown: ShownText, answer: str) -> None:
        if shown.first is None:
            self.session.save(shown, answer)
        elif agree(shown.first, answer, self.form):
            self.session.save_second(shown, answer)
        else:
            self.session.save_second(shown, answer, self._right(shown.first, answer))

    def _right(self, first: str, second: str) -> str | None:
        """Ask which of two answers to one text is right; None if the person does not say."""
        if self.keys:
            self.keys.forget()  # what was typed ahead is no answer to a question that comes now
        _say("This text came before, and got another answer. Which is right?")
        for key, answer in (("1", first), ("2", second)):
            _say(printable(f"  {key}  {answer}"))
        _say("  s  leave it as it was")
        while True:
            said = self._key() if self.keys else self._read()
            reply = "q" if said is None else said.strip()
            if reply in ("1", "2"):
                return first if reply == "1" else second
            if reply.lstrip(":") in ("s", "q"):
                return None
            self._refuse(f"{printable(reply)!r} is not 1, 2 or s")

    def _show_text(self, given: str, begin: int) -> None:
        # No wrapped row of a turn may look like the beginning of another turn.
        text, indent = as_text(given), INDENT * is_conversation(given)
        part = text[begin : begin + SHOWN_CHARS]
        for line in printable(part, lines=True).split("\n"):
            for row in wrap(line, _width() - 2, subsequent_indent=indent) or [""]:
                _say(f"| {row}")
        self._shown_to = begin + len(part)
        if self._shown_to < len(text):
            _say(f"({self._shown_to:,} of {len(text):,} characters; {self.colon}> shows more)")
        elif not part:
            _say("(that was all of it)")

    def _bar(self) -> None:
        """Show the keys of the labels in a few lines."""
        keys = [f"{key} {printable(label)}" for key, label in self.labels.items()]
        _say_wrapped([*keys, "? help"])

    def _help(self) -> None:
        """Show labels with keys and meanings, or how to type an answer, and the commands."""
        if isinstance(self.form, Labels):
            keys = {label: key for key, label in self.labels.items()}
            for name, meaning in self.form.meanings.items():
                key = f"{keys[name]}  " if keys else ""
                _say_under(f"{key}{name}  {meaning}")
            if not keys:
                _say("Type the first letters of a label; Tab completes it.")
        elif self.form.schema_text:
            _say("Type the value of each field; Enter alone if the text has none.")
        else:
            _say("Type the answer.")
        for command, says in HELP.items():
            _say_under(f"{self.colon}{command}  {says}")


def _say(text: str) -> None:
    click.echo(text, err=True)


def _say_under(text: str) -> None:
    """Show a text in as many lines as it needs, with all but the first indented."""
    for line in wrap(printable(text), _width(), subsequent_indent="   "):
        _say(line)


def _say_wrapped(words: list[str]) -> None:
    """Show words side by side, as many in a line as fit."""
    line = ""
    for word in words:
        if line and len(line) + 2 + len(word) > _width():
            _say(line)
            line = ""
        line = f"{line}  {word}" if line else _cut(word)
    _say(line)


def _cut(text: str) -> str:
    return text if len(text) <= _width() else text[: _width() - 1] + "…"


def _width() -> int:
    return max(NARROWEST, min(shutil.get_terminal_size().columns, WIDEST))
