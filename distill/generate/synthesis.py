"""Requests for new inputs of a group: a label, or a set of fields.

A strong teacher makes several inputs per request, each for randomly drawn values of the task's
axes. From the second round on, it is shown some earlier inputs, so that it does not repeat them. A
small teacher, which continues a list, makes one input per request. Inputs of the label `other` are
near misses of the other labels.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from math import ceil

from distill.core.conversation import turns_of
from distill.core.requests import Message, Model, Request, Sampling
from distill.core.text import stable_hash
from distill.generate.contrasts import NONE_CONFUSED, Confused, contrast
from distill.generate.near_misses import near_values, wanted_near_misses
from distill.task import NEAR_MISS, NEAR_MISS_ASK, Task
from distill.task.prompts import instructions

FIRST_ROUND = 4  # requests of a group; each further round has three times all earlier rounds'
COVERED_SHOWN = 20
COVERED_WORDS = 15
IN_TURNS = (
    "Each input is a conversation in the form of the examples: each turn begins on a line of its "
    'own, with "User: " or "Assistant: ", and the last turn is the user\'s.'
)

Place = tuple[str, int]  # a group, and the number of a request in that group
Counts = Mapping[str, int]  # group → number of requests
NOTHING: Counts = {}


def inputs_per_request(task: Task, model: Model) -> int:
    """Return the number of inputs per synthesis request.

    1 for a small model on our own server, which continues a list by one line.
    """
    return 1 if model.is_local else task.spec.generate.inputs_per_request


def synthesis_rounds(
    counts: Counts, model: Model, asked: Counts = NOTHING
) -> Iterator[list[Place]]:
    """Yield the requests of each round: `counts` of each group, minus the `asked` ones."""
    places = [
        (group, number)
        for group, count in counts.items()
        for number in range(asked.get(group, 0), count)
    ]
    places.sort(key=lambda place: place[1])  # a stable sort keeps the order of the groups
    for _, group in groupby(places, lambda place: 0 if model.is_local else _round_of(place[1])):
        yield list(group)


def counts_for(task: Task, model: Model, inputs: int) -> dict[str, int]:
    """Return group → number of requests, evenly shared, for a total of `inputs` new inputs.

    {} if the task has no synthesis.
    """
    if "synthesis" not in task.spec.generate.sources:
        return {}
    groups, count = task.groups, ceil(inputs / inputs_per_request(task, model))
    return {group: len(range(index, count, len(groups))) for index, group in enumerate(groups)}


def _round_of(number: int) -> int:
    """Return the round of a request, by its number in its group.

    The round stays the same if more requests are added later.
    """
    round_, end = 0, FIRST_ROUND
    while number >= end:
        round_, end = round_ + 1, 4 * end
    return round_


def synthesis_request(
    task: Task,
    model: Model,
    place: Place,
    covered: Sequence[str] = (),
    confused: Confused = NONE_CONFUSED,
) -> Request:
    """Return a request for new inputs of a group, which shows some of the group's seeds.

    The request depends only on the task, its place and, behind an API, the inputs of earlier rounds
    (`covered`). A larger total therefore adds requests without changing earlier ones.

    `confused`: the labels that are confused, for contrastive inputs of an API teacher.
    """
    group, number = place
    spec = task.spec.generate
    draw = random.Random(stable_hash([spec.seed, group, number]))
    own, values = task.seeds_of(group), task.form.group_values(group)
    is_other = group == task.spec.other_label
    near = near_values(task, number, draw) if is_other and model.is_local else {}
    content = task.render(
        NEAR_MISS if near else "synthesize.md",
        **values,
        **near,
        seeds=draw.sample(own, min(spec.seeds_shown, len(own))),
    )
    sampling = Sampling(
        max_tokens=spec.max_tokens,
        temperature=spec.temperature,
        min_p=spec.min_p,
        seed=draw.randrange(2**31),
        stop=("\n",),
    )
    if model.is_local:
        return Request(model.name, (Message("user", content),), sampling)
    count = spec.inputs_per_request
    ask = task.render(
        NEAR_MISS_ASK if is_other else "synthesize.ask.md",
        **values,
        count=count,
        covered=_shortened(covered, draw),
        wanted=_wanted(task, place, draw, confused.get(group, ())),
    )
    if task.language:  # in code, since a changed default prompt would make every task another one
        ask = f"{ask} Write them in {task.language}."
    told = (content.rstrip("-* ").rstrip(), ask, *((IN_TURNS,) * task.has_conversations))
    asked = "\n\n".join(told)
    turns = (*instructions(task, model, "synthesize.system.md"), Message("user", asked))
    many = replace(sampling, max_tokens=count * spec.max_tokens, min_p=0.0, stop=(), inputs=count)
    return Request(model.name, turns, many)


def _wanted(
    task: Task, place: Place, draw: random.Random, confused: Sequence[str]
) -> Sequence[object]:
    """Describe the new inputs of a request to an API teacher, one by one; [] if they are free.

    `confused`: the labels that are confused with the group. If there are any, every second input
    is contrastive.
    """
    group, number = place
    spec = task.spec.generate
    if group == task.spec.other_label:
        return wanted_near_misses(task, number, spec.inputs_per_request, draw)
    if not spec.axes and not confused:
        return []
    return [
        contrast(task, group, confused, draw) if confused and index % 2 else _drawn(spec.axes, draw)
        for index in range(spec.inputs_per_request)
    ]


def _shortened(covered: Sequence[str], draw: random.Random) -> list[str]:
    """Return the first words of some randomly drawn covered inputs."""
    some = draw.sample(covered, min(COVERED_SHOWN, len(covered)))
    return [first_words(text) for text in some]


def first_words(text: str) -> str:
    """Return the part of a covered input that a request shows: the user's last words."""
    return " ".join(turns_of(text)[-1].content.split()[:COVERED_WORDS])


def _drawn(axes: Mapping[str, Sequence[str]], draw: random.Random) -> str:
    drawn = "; ".join(f"{axis}: {draw.choice(values)}" for axis, values in axes.items())
    return drawn or "a new situation"
