"""Student → endpoint, in the foreground, for whoever wants to try it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distill.backends.servers import SERVERS, ServerSettings
from distill.errors import InputError
from distill.prompting import answer_tokens, served_tokens, student_messages
from distill.records import Endpoint, Model, Student
from distill.store import open_store
from distill.task import Task
from distill.workspace import Workspace


def latest_student(workspace: Workspace, task: Task) -> Student:
    """The student of the task's newest run that has one. Raises InputError when none has."""
    if workspace.database(task.name).exists():
        with open_store(workspace.database(task.name)) as store:
            for run in reversed(store.runs()):
                if student := store.student(run.id):
                    return student
    raise InputError(f"task {task.name} has no student yet; run `distill run {task.name}` first")


@contextmanager
def serving(task: Task, student: Student, log: Path, port: int | None) -> Iterator[Endpoint]:
    """The student behind vLLM on loopback; the store is not held meanwhile."""
    if student.model:
        raise InputError(
            f"{student.model} was trained by its provider and is served there: ask it by that name"
        )
    model = Model(f"student@{student.id}", student.folder / "merged", "chat")
    spec = task.spec
    settings = ServerSettings(
        in_flight=spec.evaluate.in_flight,
        usd_per_hour=spec.machine.usd_per_hour,
        log=log,
        port=port,
        model_tokens=served_tokens(task),
    )
    with SERVERS["vllm"].serve(model, settings) as endpoint:
        yield endpoint


def curl_line(task: Task, endpoint: Endpoint) -> str:
    """A line for a shell that asks the student about the first gold message."""
    turns = student_messages(task, task.gold[0].input)
    body = {
        "model": endpoint.model.name,
        "messages": [{"role": turn.role, "content": turn.content} for turn in turns],
        "max_tokens": answer_tokens(task.labels),
        "temperature": 0,
        "structured_outputs": {"choice": list(task.labels)},
    }
    quoted = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    return f"curl {endpoint.url}/chat/completions -H 'Content-Type: application/json' -d '{quoted}'"


def wait() -> None:
    """Until Ctrl-C."""
    threading.Event().wait()
