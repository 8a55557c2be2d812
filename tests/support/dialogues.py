"""A task of support dialogues: what the customer asks for in the last turn of a conversation."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.conftest import jsonl, write_files

Row = dict[str, Any]
LABELS = {
    "refunds": "wants the money back",
    "repairs": "wants the thing repaired",
    "returns": "wants to send the thing back",
}
THINGS = (
    "lamp",
    "chair",
    "kettle",
    "clock",
    "mirror",
    "carpet",
    "radio",
    "bicycle",
    "oven",
    "tent",
)
SEED = (
    "My new {thing} came on day {n}.",
    "What is wrong with the {thing}?",
    "Nothing, {want} {n}.",
)
GOLD = (
    "Hello, about the {thing} of order {n}",
    "How may we help?",
    "Could we get a {kind}, no. {n}?",
)
INPUT = (
    "The {thing} {n} is broken",
    "Oh! Since when, and what now?",
    "Since May, so a {kind}, {n}",
)
TASK = (
    'name = "dialogues"\nkind = "classify"\n[labels]\n'
    + "".join(f'{label} = "{meaning}"\n' for label, meaning in LABELS.items())
    + "[generate]\nrequests = 6\nseeds_shown = 2\n[teacher]\nfew_shot = 2\n"
)


def dialogue(texts: tuple[str, ...], **values: object) -> list[Row]:
    """The messages of a dialogue, which the customer begins."""
    roles = ("user", "assistant")
    return [
        {"role": roles[place % 2], "content": text.format(**values)}
        for place, text in enumerate(texts)
    ]


def rows(texts: tuple[str, ...], count: int, first: int = 0) -> list[Row]:
    """`count` dialogues for each label, each with the word that tells it in the last turn."""
    return [
        {
            "messages": dialogue(
                texts,
                thing=THINGS[(number + 3 * place) % len(THINGS)],
                kind=label[:-1],
                want=f"I want a {label[:-1]}",
                n=first + 10 * number + place,
            ),
            "label": label,
        }
        for place, label in enumerate(LABELS)
        for number in range(count)
    ]


def unlabelled(found: list[Row]) -> list[Row]:
    """Rows without their labels."""
    return [{"messages": row["messages"]} for row in found]


def write_dialogues(prompts: Path, more_inputs: Sequence[Row] = (), **changes: str) -> None:
    """The task `dialogues`; a change replaces a file's text, its name with _ for the dot."""
    texts: Mapping[str, str] = {
        "task_toml": TASK,
        "synthesize_md": "About {{ label }}:\n{% for seed in seeds %}\n- {{ seed.input }}\n"
        "{% endfor %}\n-\n",
        "answer_md": "{% for seed in seeds %}\n{{ seed.input }} -> {{ seed.answer }}\n"
        "{% endfor %}\n{{ input }} ->\n",
        "student_md": "What does the customer want?\n",
        "seeds_jsonl": jsonl(rows(SEED, 4)),
        "gold_jsonl": jsonl(rows(GOLD, 5, first=500)),
        "inputs_jsonl": jsonl([*unlabelled(rows(INPUT, 6, first=1000)), *more_inputs]),
    } | changes
    write_files(prompts / "dialogues", texts)


def messages_of(line: str) -> list[Row]:
    """The messages in a line of an example file."""
    found: list[Row] = json.loads(line)["messages"]
    return found
