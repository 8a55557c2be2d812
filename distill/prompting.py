"""Task and input in, requests out: the one place where prompts become requests."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil

from distill.backends.embeddings import nearest
from distill.records import Labelled, Message, Model, Request, Sampling, content_id
from distill.task import Task

ANSWER_TOKENS = 16
# {"label": …} takes more than the label, and another provider's tokens may be shorter.
JSON_ANSWER_TOKENS = 96


def answer_requests(
    task: Task, model: Model, inputs: Sequence[str], *, shots: int, vote: int = 0
) -> list[Request]:
    """For each input a request for its label, with the `shots` nearest seeds shown, nearest last.

    Every vote after the first draws its seeds from twice as many neighbours, in another order.
    """
    pool = [seed.input for seed in task.seeds]
    wanted = shots if vote == 0 else 2 * shots
    neighbours = nearest(inputs, pool, wanted) if shots and pool else [[] for _ in inputs]
    requests = []
    for text, found in zip(inputs, neighbours, strict=True):
        shown = _shown(found, shots, vote, text)
        content = task.render("answer.md", input=text, seeds=[task.seeds[i] for i in shown])
        turns = (*instructions(task, model, "answer.system.md"), Message("user", content))
        requests.append(label_request(task, model, turns, seed=vote))
    return requests


def instructions(task: Task, model: Model, prompt: str) -> tuple[Message, ...]:
    """What a model behind an API is told first. It is the same for every request, so that the
    provider can cache it; the models that we serve are small and do better without."""
    return () if model.folder else (Message("system", task.render(prompt)),)


def _shown(found: Sequence[int], shots: int, vote: int, text: str) -> list[int]:
    if vote == 0:
        return list(reversed(found))
    draw = random.Random(content_id([text, vote]))
    return draw.sample(found, min(shots, len(found)))


def student_messages(task: Task, text: str) -> tuple[Message, ...]:
    """What the student is asked, in training and in production: the short prompt and the input."""
    return (Message("system", task.render("student.md")), Message("user", text))


def label_request(
    task: Task, model: Model, messages: tuple[Message, ...], *, seed: int = 0
) -> Request:
    """A request whose answer is one of the task's labels and nothing else.

    A base model goes on with the text: after "Team:" comes " billing", not "billing".
    """
    goes_on = model.api == "completions" and not messages[-1].content[-1:].isspace()
    choices = tuple(f" {label}" if goes_on else label for label in task.labels)
    room = ANSWER_TOKENS if model.folder else JSON_ANSWER_TOKENS
    sampling = Sampling(max_tokens=room, seed=seed, choices=choices)
    return Request(model.name, messages, sampling)


def inputs_per_request(task: Task, model: Model) -> int:
    """How many inputs a synthesis asks for: a small model goes on with a list by one line."""
    return 1 if model.folder else task.spec.generate.inputs_per_request


def synthesis_request(task: Task, model: Model, label: str, number: int) -> Request:
    """The `number`-th request for new inputs of a label, with some of its seeds shown.

    It depends on nothing but the task, the label and the number: wanting more examples later asks
    for the further numbers only.
    """
    spec = task.spec.generate
    draw = random.Random(content_id([spec.seed, label, number]))
    own: list[Labelled] = [seed for seed in task.seeds if seed.label == label]
    content = task.render(
        "synthesize.md",
        label=label,
        meaning=task.spec.labels[label],
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
    asked = f"{content.rstrip('-* ').rstrip()}\n\nWrite {count} new inputs for {label}."
    turns = (*instructions(task, model, "synthesize.system.md"), Message("user", asked))
    many = replace(sampling, max_tokens=count * spec.max_tokens, min_p=0.0, stop=(), inputs=count)
    return Request(model.name, turns, many)


def synthesis_requests(task: Task, model: Model) -> Iterator[tuple[str, Request]]:
    """(label, request) for all new inputs that the task asks for; none when it wants none."""
    spec, labels = task.spec.generate, task.labels
    wanted = spec.requests if "synthesis" in spec.sources else 0
    for index in range(ceil(wanted / inputs_per_request(task, model))):
        label = labels[index % len(labels)]
        yield label, synthesis_request(task, model, label, index // len(labels))


def annotation_requests(
    task: Task, model: Model, inputs: Sequence[str]
) -> Iterator[tuple[str, Request]]:
    """(input, request) for every vote on every input."""
    spec = task.spec.teacher
    for vote in range(spec.votes):
        requests = answer_requests(task, model, inputs, shots=spec.few_shot, vote=vote)
        yield from zip(inputs, requests, strict=True)
