"""The cheap rivals of the student, which are trained, and answer gold, in this process."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

from distill.core.conversation import as_text, encode, is_conversation, turns_of, with_roles
from distill.core.dataset import SplitExample
from distill.core.errors import InputError
from distill.core.evaluation import LoadTestResult, Prediction
from distill.core.requests import Message
from distill.evaluate.statistics import percentile
from distill.task import Task
from distill.task.files import Place, Row, any_input, json_lines
from distill.task.kinds.generate import Text
from distill.text.classifiers import Classifier, fit_embeddings, fit_nearest, fit_tfidf
from distill.text.embedding_models import MINILM
from distill.text.field_tagger import fit_tagger
from distill.train.split import labelled_by_people

Fit = Callable[[Sequence[str], Sequence[str]], Classifier]
# (texts, answers, embedding model) → the rival
EMBEDDED: Mapping[str, Callable[[Sequence[str], Sequence[str], str], Classifier]] = {
    "embeddings": fit_embeddings,
    "nearest": fit_nearest,
}
Answer = Callable[[str], tuple[str, float | None]]  # a text → (answer, its probability)
Pairs = list[tuple[str, str]]  # (input, answer)


def rivals(task: Task, split: Sequence[SplitExample]) -> dict[str, tuple[Fit, Pairs]]:
    """Return name → (fit function, training rows) of each rival.

    The rows are those that people labelled, or exactly the student's training rows.
    """
    people = labelled_by_people(task, split)
    of_nearest, of_embeddings = (
        partial(fit, embedding_model=task.spec.embedding_model)
        for fit in (fit_nearest, fit_embeddings)
    )
    trained = [
        (row.example.input, row.example.answer)
        for row in split
        if row.part == "train"
        for _ in range(row.repeats)
    ]
    if isinstance(task.form, Text):
        return {"nearest": (of_nearest, trained)}
    found: dict[str, tuple[Fit, Pairs]] = {
        "linear_seeds": (fit_tfidf if task.form.choices else fit_tagger, people),
        "linear": (fit_tfidf if task.form.choices else fit_tagger, trained),
    }
    if task.form.choices:
        found["embeddings_seeds"] = (of_embeddings, people)
        found["embeddings"] = (of_embeddings, trained)
    # If the leak gate leaves rows with only one answer, no rival can be fitted.
    return {
        name: (fit, rows)
        for name, (fit, rows) in found.items()
        if len({answer for _, answer in rows}) > 1
    }


def fitted(rows: str | Path, system: str, embedding_model: str = MINILM) -> Classifier:
    """Fit a rival for use, as in `fitted("runs/…/student/train.jsonl", "linear").predict([text])`.

    `rows`: an example file of the student, to get the measured rival, or `seeds.jsonl`.
    `embedding_model`: the one that task.toml names, for embeddings and nearest.

    The rival returns the same kind of answer as the student: a label, a JSON object, or a text.
    Raises InputError if there is no such rival.
    """
    kind = system.removesuffix("_seeds")
    pairs = [_pair(Place(Path(rows), line), row) for line, row in json_lines(Path(rows))]
    texts, answers = [text for text, _ in pairs], [answer for _, answer in pairs]
    if kind in EMBEDDED:
        return EMBEDDED[kind](texts, answers, embedding_model)
    if kind != "linear":
        raise InputError(f"no rival {system!r}: choose one of linear, {', '.join(EMBEDDED)}")
    are_objects = all(answer.startswith("{") for answer in answers)
    return (fit_tagger if are_objects else fit_tfidf)(texts, answers)


def _pair(place: Place, row: Row) -> tuple[str, str]:
    """Return (text, answer) of a row of an example file or a seed file."""
    if "messages" in row and "label" not in row and "answer" not in row:
        turns = [Message(turn["role"], turn["content"]) for turn in row["messages"]]
        return read_by_rivals(encode(turns[:-1])), turns[-1].content
    answer = row.get("label", row.get("answer"))
    if not isinstance(answer, str):
        answer = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    return read_by_rivals(any_input(place, row)), answer


def read_by_rivals(text: str) -> str:
    """Return an input as the free rivals read it: a text, or the text form of its turns.

    Turns of the system are left out, since rows of an example file begin with the student's prompt.
    """
    if not is_conversation(text):
        return as_text(text)
    turns = [turn for turn in turns_of(text) if turn.role != "system"]
    return turns[0].content if len(turns) == 1 else with_roles(turns)


def answers_of(system: str, fit: Fit, rows: Pairs, task: Task) -> list[Prediction]:
    """Fit a rival, and return its answers on gold, each with its latency."""
    classifier = fit([read_by_rivals(text) for text, _ in rows], [answer for _, answer in rows])

    def answer(text: str) -> tuple[str, None]:
        return str(classifier.predict([read_by_rivals(text)])[0]), None

    return answers_on_gold(system, answer, task)


def answers_on_gold(system: str, answer: Answer, task: Task) -> list[Prediction]:
    """Return the answers on gold of a rival in this process, each with its latency."""
    answer(task.gold[0].input)
    predictions = []
    for row in task.gold:
        began = perf_counter()
        text, probability = answer(row.input)
        text = task.form.of_text(text)
        seconds = perf_counter() - began
        valid = task.form.is_valid(text)
        predictions.append(Prediction(system, row.id, text, valid, seconds, confidence=probability))
    return predictions


def speeds_of(predictions: Sequence[Prediction], others_cpu: float | None) -> list[LoadTestResult]:
    """Return the speed of each rival, for one request at a time.

    `others_cpu`: the share of CPU time that other processes used meanwhile.
    """
    latencies: dict[str, list[float]] = {}
    for row in predictions:
        latencies.setdefault(row.system, []).append(row.latency_s)
    return [
        LoadTestResult(
            *(system, 1, len(seconds), sum(seconds)),
            percentile(seconds, 50),
            percentile(seconds, 95),
            percentile(seconds, 99),
            completion_tokens=0,
            others_cpu=others_cpu,
        )
        for system, seconds in latencies.items()
    ]
