"""Builders of a task's requests from its prompts."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from heapq import nlargest

from distill.core.dataset import Candidate, LabelledExample
from distill.core.requests import MODEL_TOKENS, Message, Model, Request, Sampling
from distill.core.text import fold, stable_hash
from distill.task import Task
from distill.task.kinds.generate import Text
from distill.text.embeddings import nearest

MOST_MEASURED = 100_000  # max texts in the cache
ANSWER_TOKENS = 16
# JSON needs more tokens than the bare label, and a provider's tokens may be shorter than ours.
JSON_ANSWER_TOKENS, JSON_TOKENS = 96, 24
RATIONALE_TOKENS = 200
# The question to a decision model. It is part of each request's id, so it must never change.
DECISION = "Choose the one label that fits the input."
TEXT_TOKENS = 64
# After an empty line, a completion model would begin another example.
TEXT_ENDS = ("\n\n",)
RUBRICS = {
    "classify": {
        "5": "reads like a real one, and the label is plainly the right one",
        "4": "the label is right, something about the input is a little unnatural",
        "3": "another label would be about as right",
        "2": "another label would be better",
        "1": "the label is wrong, or the input makes no sense",
    },
    "extract": {
        "5": "reads like a real one, every field is right and none is missing",
        "4": "every field is right, something about the input is a little unnatural",
        "3": "the input leaves it open what one of the fields should be",
        "2": "a field is missing, is too much or is not quite right",
        "1": "a field is plainly wrong, or the input makes no sense",
    },
    "generate": {
        "5": "reads like a real one, and the answer is what a careful person would have written",
        "4": "the answer is right, something about it or the input is a little unnatural",
        "3": "the answer is not wrong, but leaves out or adds something that matters",
        "2": "a part of the answer is wrong, or it is in another manner than the job asks for",
        "1": "the answer is wrong or no answer, or the input makes no sense",
    },
}
VERDICTS = {"A": 1.0, "same": 0.5, "B": 0.0}  # score of answer A by a judge's verdict

# (task, inputs, examples of a prompt, vote) → the examples of each input's prompt, from the seeds.
Examples = Callable[[Task, Sequence[str], int, int], Sequence[Sequence[LabelledExample]]]


def nearest_seeds(
    task: Task, inputs: Sequence[str], shots: int, vote: int
) -> list[list[LabelledExample]]:
    """Return the `shots` nearest seeds of each input, the nearest last.

    For a vote above 0, the seeds are drawn at random from twice as many neighbours.
    """
    seeds = task.seeds
    if not shots or not seeds:
        return [[] for _ in inputs]
    wanted = shots if vote == 0 else 2 * shots
    neighbours = nearest(inputs, [seed.input for seed in seeds], wanted, task.spec.embedding_model)
    return [
        [seeds[place] for place in _shown(found, shots, vote, text)]
        for text, found in zip(inputs, neighbours, strict=True)
    ]


def random_seeds(
    task: Task, inputs: Sequence[str], shots: int, vote: int
) -> list[list[LabelledExample]]:
    """Return `shots` random seeds for each input: as long as the nearest ones, on average.

    An input gets the same seeds in every call. Copies of the input are left out.
    """
    found = []
    for text in inputs:
        draw = random.Random(stable_hash([text, vote]))
        drawn = draw.sample(task.seeds, min(shots + 1, len(task.seeds)))
        found.append([seed for seed in drawn if seed.input != text][:shots])
    return found


def longest_seeds(
    task: Task, inputs: Sequence[str], shots: int, vote: int
) -> list[list[LabelledExample]]:
    """Return for each input examples that no `shots` seeds exceed in length."""
    return [longest(task.seeds, shots) for _ in inputs]


def longest(rows: Sequence[LabelledExample], count: int) -> list[LabelledExample]:
    """Return `count` rows made of the longest inputs and the longest answers of all rows."""
    inputs = nlargest(count, (row.input for row in rows), key=_json_bytes)
    answers = nlargest(count, (row.answer for row in rows), key=_json_bytes)
    return [
        replace(row, input=text, answer=answer)
        for row, text, answer in zip(rows[:count], inputs, answers, strict=True)
    ]


@lru_cache(maxsize=MOST_MEASURED)
def _json_bytes(text: str) -> int:
    """Return the length of a text in the JSON of a request."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def answer_requests(
    task: Task, model: Model, inputs: Sequence[str], *, shots: int, vote: int = 0
) -> list[Request]:
    """Build a request for the answer to each input, with the `shots` nearest seeds as examples."""
    shown = nearest_seeds(task, inputs, 0 if model.decides else shots, vote)
    return requests_with(task, model, inputs, shown, vote)


def requests_with(
    task: Task,
    model: Model,
    inputs: Sequence[str],
    examples: Sequence[Sequence[LabelledExample]],
    vote: int = 0,
) -> list[Request]:
    """Build a request for the answer to each input, with its examples.

    A served model gets no system message, so answer.md may show it the `instructions`. A decision
    model gets neither prompts nor examples.
    """
    if model.decides:
        return [decision_request(task, model, text, vote) for text in inputs]
    first = instructions(task, model, "answer.system.md")
    told = "" if first else task.render("answer.system.md")
    requests = []
    for text, shown in zip(inputs, examples, strict=True):
        content = task.render("answer.md", input=text, seeds=shown, instructions=told)
        turns = (*first, Message("user", content))
        requests.append(
            _with_rationale(constrained_request(task, model, turns, seed=vote), task, model)
        )
    return requests


def decision_request(task: Task, model: Model, text: str, vote: int = 0) -> Request:
    """Build a question to a decision model: which label of a classify task fits an input?

    The choices are the labels with their meanings. The question shows no seeds. `vote`: 0, or the
    number of a repetition of the same question.
    """
    meanings = task.spec.meanings
    question = f"{task.spec.description}\n{DECISION}".strip()
    sampling = Sampling(0, seed=vote, choices=tuple(meanings), meanings=tuple(meanings.values()))
    turns = (Message("system", question), Message("user", task.shown(text)))
    return Request(model.name, turns, sampling)


def seed_requests(
    task: Task,
    model: Model,
    seeds: Sequence[LabelledExample],
    examples: Examples = nearest_seeds,
) -> list[Request]:
    """Build a request for the teacher's answer to each seed, with other seeds as examples.

    Seeds with the same input, up to case and white space, are never used as examples.
    """
    shots, requests = 0 if model.decides else task.spec.teacher.few_shot, []
    for seed in seeds:
        own = fold(seed.input)
        others = replace(task, seeds=tuple(row for row in task.seeds if fold(row.input) != own))
        shown = examples(others, [seed.input], shots, 0)
        requests += requests_with(others, model, [seed.input], shown)
    return requests


def _with_rationale(request: Request, task: Task, model: Model) -> Request:
    """Return the request with a rationale before the answer, if the task asks for one.

    Only API teachers write a rationale.
    """
    if model.is_local or not task.spec.teacher.rationale:
        return request
    sampling = request.sampling
    room = sampling.max_tokens + RATIONALE_TOKENS
    return replace(request, sampling=replace(sampling, max_tokens=room, rationale=True))


def instructions(task: Task, model: Model, prompt: str) -> tuple[Message, ...]:
    """Return the system message for an API model; () for a model that the tool serves.

    The message is the same in every request, so that the provider can cache it. Served models are
    small, and answer better without a system message.
    """
    return () if model.is_local else (Message("system", task.render(prompt)),)


def _shown(found: Sequence[int], shots: int, vote: int, text: str) -> list[int]:
    if vote == 0:
        return list(reversed(found))
    draw = random.Random(stable_hash([text, vote]))
    return draw.sample(found, min(shots, len(found)))


def student_messages(task: Task, text: str) -> tuple[Message, ...]:
    """Return the student's prompt in training and production: an instruction and the input.

    A conversation keeps its turns. Its system turn follows the instruction in the same message,
    since many chat templates take one system message.
    """
    turns, told = task.turns(text), [task.render("student.md")]
    if turns[0].role == "system":
        told.append(turns[0].content)
        turns = turns[1:]
    return (Message("system", "\n\n".join(told)), *turns)


def student_chat(task: Task, text: str, answer: str) -> list[dict[str, str]]:
    """Return a row of the training file: the messages to the student and the answer."""
    turns = [asdict(turn) for turn in student_messages(task, text)]
    return [*turns, {"role": "assistant", "content": answer}]


def constrained_request(
    task: Task, model: Model, messages: tuple[Message, ...], *, seed: int = 0
) -> Request:
    """Build a request that only allows answers in the task's form.

    The form is one of the labels, an object that fits the schema, or a text.
    """
    if task.form.choices:
        return _choice_request(model, messages, task.form.choices, seed=seed)
    room = answer_tokens(task)
    if isinstance(task.form, Text):
        stop = TEXT_ENDS if model.api == "completions" else ()
        return Request(model.name, messages, Sampling(max_tokens=room, seed=seed, stop=stop))
    if not model.is_local:
        room = max(JSON_ANSWER_TOKENS, JSON_TOKENS + room)
    sampling = Sampling(max_tokens=room, seed=seed, schema=task.form.schema_text)
    return Request(model.name, messages, sampling)


def student_request(task: Task, model: Model, text: str) -> Request:
    """Build the request to the student in production.

    A student that a provider trained is asked without a schema, since its training answers are bare
    labels. The request asks for log probabilities, which measure confidence at no cost. A generate
    task has no confidence, since many texts can be right.
    """
    messages = student_messages(task, text)
    if isinstance(task.form, Text):
        return constrained_request(task, model, messages)
    if not model.is_local:
        room = answer_tokens(task)
        return Request(model.name, messages, Sampling(max_tokens=room, logprobs=True))
    request = constrained_request(task, model, messages)
    return replace(request, sampling=replace(request.sampling, logprobs=True))


def answer_tokens(task: Task) -> int:
    """Return the maximum tokens of an answer, including the end-of-turn token.

    A byte counts as a token, which is about four times too many.

    - classify: for the longest label
    - extract: for twice the longest answer of the seeds
    - generate: for the longest answer of the seeds
    """
    if task.form.choices:
        return _room(task.form.choices)
    if isinstance(task.form, Text):
        return max(TEXT_TOKENS, _room([seed.answer for seed in task.seeds]))
    return 2 * _room([seed.answer for seed in task.seeds])


def _room(answers: Sequence[str]) -> int:
    """Return the maximum tokens of the longest answer, with its end; a token has 1 byte or more."""
    return max(ANSWER_TOKENS, 1 + max(len(answer.encode()) for answer in answers))


def served_tokens(task: Task) -> int:
    """Return the context length, in tokens, for a server of the student or its base."""
    return max(MODEL_TOKENS, task.spec.student.context_tokens + answer_tokens(task))


def _choice_request(
    model: Model, messages: tuple[Message, ...], answers: Sequence[str], *, seed: int = 0
) -> Request:
    goes_on = model.api == "completions" and not messages[-1].content[-1:].isspace()
    choices = tuple(f" {answer}" if goes_on else answer for answer in answers)
    room = _room(choices)
    if not model.is_local:
        room = max(JSON_ANSWER_TOKENS, JSON_TOKENS + room)
    sampling = Sampling(max_tokens=room, seed=seed, choices=choices)
    return Request(model.name, messages, sampling)


def judge_request(task: Task, model: Model, row: Candidate) -> Request:
    """Build a request for the judge's score, "1" to "5", of an input with its answer.

    The order of the scores differs between inputs. A judge's preference for the first or the last
    option therefore favours no score.
    """
    rubric = list(RUBRICS[task.spec.kind].items())
    random.Random(stable_hash([row.input, row.answer])).shuffle(rubric)
    content = task.render("judge.md", input=row.input, answer=row.answer, rubric=rubric)
    return _choice_request(model, (Message("user", content),), sorted(score for score, _ in rubric))


def comparison_request(
    task: Task, model: Model, text: str, answers: tuple[str, str], reference: str
) -> Request:
    """Build a request for the judge's verdict, one of VERDICTS, on two answers to an input.

    The answers are shown in the given order. `reference`: a person's answer; "" for none.
    """
    first, second = answers
    content = task.render("compare.md", input=text, first=first, second=second, reference=reference)
    return _choice_request(model, (Message("user", content),), tuple(VERDICTS))


def annotation_requests(
    task: Task, model: Model, inputs: Sequence[str], examples: Examples = nearest_seeds
) -> Iterator[tuple[str, Request]]:
    """Yield (input, request) for each vote on each input."""
    spec = task.spec.teacher
    for vote in range(spec.votes):
        shown = examples(task, inputs, 0 if model.decides else spec.few_shot, vote)
        requests = requests_with(task, model, inputs, shown, vote)
        yield from zip(inputs, requests, strict=True)
