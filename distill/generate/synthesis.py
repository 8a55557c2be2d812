"""Groups (labels, or sets of fields) in, requests for new inputs out.

A strong teacher is asked for several at a time, each along drawn values of the task's axes, and in
rounds: every round shows it some of what those before brought, so that the thousandth input is not
a copy of the tenth. A small one, which goes on with a list, is asked for one at a time.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from math import ceil

from distill.core.requests import Message, Model, Request, Sampling
from distill.core.text import stable_hash
from distill.task import Task
from distill.task.prompts import instructions

FIRST_ROUND = 4  # requests of a label; each further round has three times those before it
COVERED_SHOWN = 20
COVERED_WORDS = 15

Place = tuple[str, int]  # a group, and the number of the request among that group's
Counts = Mapping[str, int]  # group → how many requests
NOTHING: Counts = {}


def inputs_per_request(task: Task, model: Model) -> int:
    """How many inputs a synthesis asks for: a small model goes on with a list by one line."""
    return 1 if model.folder else task.spec.generate.inputs_per_request


def synthesis_rounds(
    counts: Counts, model: Model, asked: Counts = NOTHING
) -> Iterator[list[Place]]:
    """Which requests each round makes, for `counts` of each group without those `asked` already."""
    places = [
        (group, number)
        for group, count in counts.items()
        for number in range(asked.get(group, 0), count)
    ]
    places.sort(key=lambda place: place[1])  # stable: the groups stay in their order
    for _, group in groupby(places, lambda place: 0 if model.folder else _round_of(place[1])):
        yield list(group)


def counts_for(task: Task, model: Model, inputs: int) -> dict[str, int]:
    """Group → requests, for so many new inputs in all, evenly; none where the task synthesises
    nothing."""
    if "synthesis" not in task.spec.generate.sources:
        return {}
    groups, count = task.groups, ceil(inputs / inputs_per_request(task, model))
    return {group: len(range(index, count, len(groups))) for index, group in enumerate(groups)}


def _round_of(number: int) -> int:
    """It depends on the number alone: wanting more later leaves what was asked as it was."""
    round_, end = 0, FIRST_ROUND
    while number >= end:
        round_, end = round_ + 1, 4 * end
    return round_


def synthesis_request(
    task: Task, model: Model, place: Place, covered: Sequence[str] = ()
) -> Request:
    """A request for new inputs of a group, with some of its seeds shown.

    It depends on nothing but the task, its place and, behind an API, the inputs that earlier rounds
    made (`covered`): wanting more later asks for the further numbers only.
    """
    group, number = place
    spec = task.spec.generate
    draw = random.Random(stable_hash([spec.seed, group, number]))
    own, values = task.seeds_of(group), task.form.group_values(group)
    content = task.render(
        "synthesize.md",
        **values,
        seeds=draw.sample(own, min(spec.seeds_shown, len(own))),
    )
    sampling = Sampling(
        max_tokens=spec.max_tokens,
        temperature=spec.temperature,
        min_p=spec.min_p,
        seed=draw.randrange(2**31),
        stop=("\n",),
    )
    if model.folder:
        return Request(model.name, (Message("user", content),), sampling)
    count = spec.inputs_per_request
    ask = task.render(
        "synthesize.ask.md",
        **values,
        count=count,
        covered=_shortened(covered, draw),
        wanted=[_drawn(spec.axes, draw) for _ in range(count)] if spec.axes else [],
    )
    asked = f"{content.rstrip('-* ').rstrip()}\n\n{ask}"
    turns = (*instructions(task, model, "synthesize.system.md"), Message("user", asked))
    many = replace(sampling, max_tokens=count * spec.max_tokens, min_p=0.0, stop=(), inputs=count)
    return Request(model.name, turns, many)


def _shortened(covered: Sequence[str], draw: random.Random) -> list[str]:
    """Some of what is covered, by its first words."""
    some = draw.sample(covered, min(COVERED_SHOWN, len(covered)))
    return [" ".join(text.split()[:COVERED_WORDS]) for text in some]


def _drawn(axes: Mapping[str, Sequence[str]], draw: random.Random) -> str:
    return "; ".join(f"{axis}: {draw.choice(values)}" for axis, values in axes.items())
