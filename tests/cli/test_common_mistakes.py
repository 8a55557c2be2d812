"""The commonest mistakes of a new user: each is one message with its place and its remedy."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from distill.cli.trouble import PAGE, entries, link_of
from distill.core.errors import DistillError
from distill.core.workspace import Workspace
from tests.conftest import PETS, WriteTask, jsonl, pet_rows
from tests.support.command import invoke
from tests.support.standin import StandIn

HEAD = 'name = "pets"\nkind = "classify"\n'
LABELS = "[labels]\n" + "".join(f'{label} = "{meaning}"\n' for label, meaning in PETS.items())
TOML = HEAD + LABELS  # the next line is 7
GOLD = pet_rows("gold", 5)
ROWS = jsonl(GOLD)
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
EXTRACT = {
    "task.toml": 'name = "pets"\nkind = "extract"\n',
    "schema.json": json.dumps(SCHEMA),
    "seeds.jsonl": jsonl([{"input": "I am Al", "answer": {"name": "Al"}}]),
    "gold.jsonl": jsonl([{"input": "I am Bo", "answer": {"name": "Bo"}}]),
}


@dataclass(frozen=True)
class Mistake:
    """Files of a task with a mistake, None for a missing one, and the parts of the message."""

    parts: tuple[str, ...]
    files: dict[str, str | bytes | None] = field(default_factory=dict)
    command: tuple[str, ...] = ("run", "pets")
    exit_code: int = 2


def toml(text: str, *parts: str) -> Mistake:
    return Mistake(parts, {"task.toml": text})


def gold(text: str | bytes, *parts: str) -> Mistake:
    return Mistake(("gold.jsonl:1", *parts), {"gold.jsonl": text})


def answer(value: object, *parts: str) -> Mistake:
    row = jsonl([{"input": "I am Bo", "answer": value}])
    return Mistake(("gold.jsonl:1: answer", *parts), {**EXTRACT, "gold.jsonl": row})


MISTAKES = {
    # rows
    "text instead of input": gold(
        ROWS.replace('"input"', '"text"'),
        'rename "text" to "input" (also in lines 2, 3, 4, 5, 6 and 9 more)',
    ),
    "category instead of label": gold(
        ROWS.replace('"label"', '"category"'), 'rename "category" to "label"'
    ),
    "label in another case": gold(
        ROWS.replace('"cats"', '"Cats"'), "unknown label 'Cats'", "did you mean cats?"
    ),
    "label with a space": gold(ROWS.replace('"cats"', '"cats "'), "did you mean cats?"),
    "a number as label": gold(
        '{"input": "a cat", "label": 1}', "known: cats, dogs, birds", "put it in quotes"
    ),
    "no input": gold('{"input": " ", "label": "cats"}', '"input"', "not empty"),
    "CSV": gold(
        "input,label\na cat,cats\n", "looks like CSV", "one JSON object on each line", "distill new"
    ),
    "CSV beside": Mistake(
        ("gold.jsonl is missing", "there is gold.csv", "one JSON object on each line"),
        {"gold.jsonl": None, "gold.csv": "input,label\na cat,cats\n"},
    ),
    "JSON array": gold(
        json.dumps(GOLD, indent=1), "looks like a JSON array", "one JSON object on each line"
    ),
    "a row over several lines": gold(
        "".join(json.dumps(row, indent=1) for row in GOLD), "row over several lines"
    ),
    "a comma after each row": gold(
        ROWS.replace("}\n", "},\n"), "not valid JSON", "with nothing after it"
    ),
    "single quotes": gold(ROWS.replace('"', "'"), "not valid JSON", "in double quotes"),
    "plain text": Mistake(
        ("inputs.jsonl:1", "looks like plain text", "one JSON object on each line"),
        {"inputs.jsonl": "a cat sleeps\na dog barks\n"},
    ),
    "chat rows": gold(
        json.dumps({"messages": [], "label": "cats"}), "must be a list of turns", '"role": "user"'
    ),
    "not UTF-8": gold(ROWS.encode("utf-16"), "not UTF-8", "save it as UTF-8"),
    "gold is empty": Mistake(("gold.jsonl is empty", "add rows"), {"gold.jsonl": ""}),
    "gold is the seeds": Mistake(
        ("gold.jsonl:1 equals seeds.jsonl:1", "15 of 15 gold rows", "remove one of them"),
        {"seeds.jsonl": ROWS},
    ),
    "two answers to one input": Mistake(
        ("gold.jsonl:16 has the same input as gold.jsonl:1", "correct or remove"),
        {"gold.jsonl": ROWS + jsonl([{**GOLD[0], "label": "dogs"}])},
    ),
    "a label without a seed": Mistake(
        ("task.toml:5: no seed for dogs", "at least one seed for each label to seeds.jsonl"),
        {"seeds.jsonl": jsonl([row for row in pet_rows("seed", 2) if row["label"] != "dogs"])},
    ),
    # extract
    "a string instead of an object": answer(
        "Bo", "not 'Bo'", 'without quotes around it, like {"name": …}'
    ),
    "another field": answer({"nam": "Bo"}, "'name' is a required property"),
    "label instead of answer": Mistake(
        ("gold.jsonl:1", 'rename "label" to "answer"'),
        {**EXTRACT, "gold.jsonl": jsonl([{"input": "I am Bo", "label": {"name": "Bo"}}])},
    ),
    "no schema": Mistake(
        ("schema.json is missing", "write the JSON Schema"), {**EXTRACT, "schema.json": None}
    ),
    "an example as schema": Mistake(
        ("schema.json", 'must be a JSON Schema of an object, with "properties"'),
        {**EXTRACT, "schema.json": '{"name": "Bo"}'},
    ),
    # task.toml
    "a text without quotes": toml(
        TOML.replace('"classify"', "classify"), "task.toml:2", "in straight double quotes"
    ),
    "curly quotes": toml(
        TOML.replace('"classify"', "\u201cclassify\u201d"), "task.toml:2", "the curly quotes"
    ),
    "a colon": toml(TOML.replace("kind =", "kind:"), "task.toml:2", "with an equals sign"),
    "a key twice": toml(HEAD + 'kind = "classify"\n' + LABELS, "task.toml:3", "is there twice"),
    "a section twice": toml(
        TOML + "[teacher]\nvotes = 1\n[teacher]\nfew_shot = 3\n", "task.toml:9", "is there twice"
    ),
    "a comma in a number": toml(
        TOML + "[generate]\nrequests = 1,000\n", "task.toml:8", "without commas"
    ),
    "a label with a space without quotes": toml(
        TOML + 'big dogs = "x"\n', "task.toml:7", '"big dogs" = "…"'
    ),
    "a label with a dot": toml(TOML + 'a.b = "x"\n', "task.toml:7", '"a.b" = "…"'),
    "a misspelt key": toml(
        TOML + "[teacher]\nfewshot = 3\n",
        *("task.toml:8", "unknown key 'teacher.fewshot'", "did you mean few_shot?"),
    ),
    "a key in another section": toml(
        TOML + "[generate]\nvotes = 3\n", "task.toml:8", "votes is a key of [teacher]"
    ),
    "a key above its section": toml(
        HEAD + "margin = 0.1\n" + LABELS, "task.toml:3", "margin is a key of [evaluate]"
    ),
    "a section as a text": toml(
        HEAD + 'teacher = "openai:gpt-6.1-terra"\n' + LABELS, "task.toml:3", "write [teacher] on a"
    ),
    "labels as a list": toml(HEAD + 'labels = ["cats"]\n', "task.toml:3", "write [labels] on a"),
    "one label": toml(HEAD + '[labels]\ncats = "x"\n', "task.toml:3", "at least two"),
    "the description among the labels": toml(
        TOML + 'description = "Sort."\n', "no seed for description", "move it above [labels]"
    ),
    "another kind": toml(
        TOML.replace('"classify"', '"classification"'),
        "task.toml:2: kind",
        "did you mean classify?",
    ),
    "another name": toml(
        TOML.replace('"pets"', '"my pets"'), "task.toml:1: name", "small letters, digits"
    ),
    "the name of another folder": toml(
        TOML.replace('"pets"', '"dogs"'), "task.toml:1", "the folder is 'pets'", "rename one"
    ),
    "a percentage": toml(
        TOML + "[evaluate]\nmargin = 5\n", "task.toml:8: evaluate.margin", "0.05 is 5 %"
    ),
    "an amount with its sign": toml(
        TOML + '[budget]\nusd = "$5"\n', "task.toml:8: budget.usd", "write a number, like 5.00"
    ),
    "a model without its provider": toml(
        TOML + '[teacher]\nmodel = "gpt-6.1-terra"\n',
        *("task.toml:8: teacher.model", "did you mean openai:gpt-6.1-terra?"),
    ),
    "another name of the provider": toml(
        TOML + '[teacher]\nmodel = "open-ai:gpt-6.1-terra"\n',
        *("task.toml:8: teacher.model", "did you mean openai:gpt-6.1-terra?"),
    ),
    # prompts
    "no place for the input": Mistake(
        ("answer.md does not show the input", "add {{ input }} to it"), {"answer.md": "Which?"}
    ),
    "one brace": Mistake(
        ("answer.md does not show the input", "add {{ input }} to it"), {"answer.md": "{input}"}
    ),
    "a misspelt placeholder": Mistake(
        ("answer.md:1: 'inptu' is undefined", "did you mean input?"), {"answer.md": "{{ inptu }}"}
    ),
    "another placeholder": Mistake(
        ("answer.md:1: 'text' is undefined", "known: description, input"),
        {"answer.md": "{{ text }}"},
    ),
    "no prompt": Mistake(
        ("answer.md is missing", "copy it from a bundled task"), {"answer.md": None}
    ),
    # commands
    "another task": Mistake(("no task 'pet'", "did you mean pets?"), command=("run", "pet")),
    "a path instead of a name": Mistake(
        ("no task 'prompts/pets'", "did you mean pets?"), command=("run", "prompts/pets")
    ),
    "no task.toml": Mistake(("pets has no task.toml",), {"task.toml": None}),
    "another stage": Mistake(
        ("Did you mean train?",), command=("run", "pets", "--until", "training")
    ),
    "no key": Mistake(
        ("openai:gpt-6.1-terra needs a key", "set OPENAI_API_KEY in the environment"),
        {"task.toml": TOML + '[teacher]\nmodel = "openai:gpt-6.1-terra"\n'},
        ("run", "pets", "--yes"),
        exit_code=4,
    ),
    "an unknown price": Mistake(
        ("the price of gpt-quite-new (openai) is not known", "Add it to task.toml"),
        {"task.toml": TOML + '[teacher]\nmodel = "openai:gpt-quite-new"\n'},
    ),
    "no run yet": Mistake(("has no run yet", "distill run pets"), command=("report", "pets")),
}


# Entry of docs/trouble.md → a mistake for each of its messages, in order.
ENTRIES = {
    "missing-key": (
        "text instead of input",
        "category instead of label",
        "label instead of answer",
    ),
    "unknown-label": ("label in another case",),
    "no-json-lines": ("CSV", "plain text"),
    "one-row-a-line": ("JSON array", "a row over several lines"),
    "not-json": ("single quotes",),
    "not-utf-8": ("not UTF-8",),
    "empty-file": ("gold is empty",),
    "gold-is-a-seed": ("gold is the seeds",),
    "two-answers": ("two answers to one input",),
    "no-seed": ("a label without a seed",),
    "answer-is-no-object": ("a string instead of an object",),
    "no-schema": ("no schema", "an example as schema"),
    "not-toml": ("curly quotes",),
    "unknown-key": ("a misspelt key",),
    "not-a-section": ("a section as a text",),
    "one-label": ("one label",),
    "another-name": ("the name of another folder",),
    "give-a-share": ("a percentage",),
    "no-such-model": ("a model without its provider",),
    "no-input-shown": ("one brace",),
    "undefined": ("a misspelt placeholder",),
    "no-prompt": ("no prompt",),
    "needs-a-key": ("no key",),
    "unknown-price": ("an unknown price",),
}
WITHOUT_ENTRY = ("no input", "another field", "another kind", "another task", "no run yet")


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_message_with_place_and_remedy(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, name: str
) -> None:
    mistake = MISTAKES[name]
    folder: Path = pets().folder
    for file, content in mistake.files.items():
        path = folder / file
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    told = invoke(workspace, *mistake.command)
    if isinstance(told.exception, DistillError):
        code, [said] = told.exception.exit_code, told.exception.lines
    else:
        code, said = told.exit_code, told.stderr
    assert code == mistake.exit_code
    assert [part for part in mistake.parts if part not in said] == [], said
    assert not workspace.database("pets").exists(), "nothing was begun"
    for entry in entries():
        if name in (of := ENTRIES.get(entry.id, ())):
            assert link_of(said) == f"{PAGE}#{entry.id}"
            assert replace(entry, messages=(entry.messages[of.index(name)],)).is_of(said)
    assert name not in WITHOUT_ENTRY or link_of(said) is None


def test_a_byte_order_mark_is_no_mistake(workspace: Workspace, pets: WriteTask) -> None:
    folder = pets().folder
    for path in folder.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert invoke(workspace, "check", "pets").exit_code == 0
