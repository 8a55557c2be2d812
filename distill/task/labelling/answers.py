"""From a key, a typed line or a cell to an answer."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from distill.core.suggestions import did_you_mean
from distill.core.text import fold
from distill.task.answer_json import json_object
from distill.task.kinds import AnswerForm
from distill.task.kinds.classify import Labels
from distill.task.kinds.extract import Fields
from distill.task.kinds.json_schema import VERBATIM, Schema, as_object

COMMANDS = "suq?>"  # skip, undo, quit, help, more of the text
KEYS = "1234567890abcdefghijklmnoprtvwxyz,.;"  # without the commands
SHOWN_CHOICES = 5
SEPARATOR = ";"  # of the items of a list


def keys_of(labels: Sequence[str]) -> dict[str, str]:
    """Return key → label; {} if there are more labels than keys.

    A label of one character that is a key gets that key.
    """
    if len(labels) > len(KEYS):
        return {}
    own = {label: label for label in labels if label in tuple(KEYS)}
    left = iter(key for key in KEYS if key not in own)
    keys = {label: own.get(label) or next(left) for label in labels}
    return {key: label for label, key in keys.items()}


def command_of(line: str, form: AnswerForm, keys: Mapping[str, str]) -> str:
    """Return the command in a typed line: one character of COMMANDS; "" for none.

    A command begins with a colon, which may be left out in tasks with `has_bare_commands`.
    """
    line = line.strip()
    if len(line) == 2 and line[0] == ":" and line[1] in COMMANDS:
        return line[1]
    bare = has_bare_commands(form, keys) and len(line) == 1 and line in COMMANDS
    return line if bare else ""


def has_bare_commands(form: AnswerForm, keys: Mapping[str, str]) -> bool:
    """True if every answer is one key, and no label is called like a command."""
    return bool(keys) and not set(form.choices) & set(COMMANDS)


def answer_of_line(line: str, form: AnswerForm, keys: Mapping[str, str]) -> str:
    """Parse a typed answer: a label, its key or its first letters, an object, or a text.

    Raises ValueError, with the problem, for anything else.
    """
    if isinstance(form, Labels):
        return _label(line.strip(), form, keys)
    if isinstance(form, Fields):
        found = json_object(line)
        if found is None:
            raise ValueError('an answer is a JSON object here, like {"date": "2 May"}')
        return form.of_row(found)
    return form.of_row(line)


def _label(line: str, form: Labels, keys: Mapping[str, str]) -> str:
    if line in form.choices:
        return line
    if line in keys:
        return keys[line]
    folded = {label: fold(label) for label in form.choices}
    equal = [label for label, name in folded.items() if name == fold(line)]
    begun = [label for label, name in folded.items() if line and name.startswith(fold(line))]
    found = equal or begun
    if len(found) == 1:
        return found[0]
    if found:
        more = ", …" if len(found) > SHOWN_CHOICES else ""
        raise ValueError(f"{line!r} may be {', '.join(found[:SHOWN_CHOICES])}{more}: type more")
    raise ValueError(f"{_short(line)} is no label; {_meant(line, form)}")


def known_label(cell: str, form: Labels) -> str:
    """Parse a label of a spreadsheet's cell. Raises ValueError for an unknown one."""
    try:
        return form.of_row(cell)
    except ValueError as error:
        equal = [label for label in form.choices if fold(label) == fold(cell)]
        if len(equal) == 1:
            return equal[0]
        raise ValueError(f"unknown label {_short(cell)}; {_meant(cell, form)}") from error


def _meant(text: str, form: Labels) -> str:
    known = ", ".join(form.choices[:SHOWN_CHOICES])
    more = f" and {len(form.choices) - SHOWN_CHOICES} more" * (len(form.choices) > SHOWN_CHOICES)
    return did_you_mean(text, form.choices) or f"known: {known}{more}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")


def value_of(part: Schema, text: str) -> Any:
    """Parse the typed value of a field, whose schema is `part`.

    Raises ValueError, with the problem, if the value does not fit the schema.
    """
    from jsonschema import Draft202012Validator

    value = _parsed(plain(part), text.strip())
    for problem in Draft202012Validator(dict(part)).iter_errors(value):
        raise ValueError(problem.message)
    return value


def _parsed(part: Schema, text: str) -> Any:
    for choice in part.get("enum", ()):
        if fold(_typed(choice)) == fold(text):
            return choice
    kinds = types_of(part)
    if "array" in kinds and not text.startswith("["):
        items = plain(as_object(part.get("items")))
        return [_parsed(items, item.strip()) for item in text.split(SEPARATOR) if item.strip()]
    if "boolean" in kinds and fold(text) in ("yes", "no"):
        return fold(text) == "yes"
    if "string" in kinds or not kinds:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{_short(text)} is not {' or '.join(sorted(kinds))}") from error


def check_verbatim(text: str, answer: str, form: AnswerForm) -> None:
    """Raise ValueError if a field that must be in the text word for word is not."""
    if isinstance(form, Fields) and (name := form.not_verbatim(text, answer)):
        value = json.loads(answer)[name]
        raise ValueError(f"{name}: {value!r} is not in the text word for word")


def plain(part: Schema) -> Schema:
    """Return the first alternative of a schema that allows more than null, or the schema itself."""
    if "type" in part or "enum" in part:
        return part
    found = (as_object(one) for key in ("anyOf", "oneOf") for one in part.get(key, ()))
    return next((one for one in found if types_of(one) != {"null"}), part)


def types_of(part: Schema) -> set[str]:
    """Return the names of the types that a schema allows; empty if it names none."""
    named = part.get("type", ())
    return {named} if isinstance(named, str) else set(named)


def hint_of(part: Schema) -> str:
    """Return a hint on a field's value: its description, its choices or its type."""
    hints = [str(part["description"])] if part.get("description") else []
    verbatim, part = part.get(VERBATIM), plain(part)
    if choices := part.get("enum"):
        hints.append(" | ".join(map(_typed, choices)))
    elif "array" in types_of(part):
        hints.append(f"a list, with {SEPARATOR} between its items")
    elif named := sorted(types_of(part) - {"string", "null"}):
        hints.append("JSON" if named == ["object"] else " or ".join(named))
    if verbatim:
        hints.append("as in the text")
    return "; ".join(hints)


def _typed(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
