"""The endpoint of a student, served in the foreground for a trial."""

import json
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distill.core.errors import DistillError, InputError
from distill.core.hosts import is_loopback
from distill.core.processes import memory_mib
from distill.core.requests import Endpoint, Model
from distill.core.students import Student
from distill.core.workspace import Workspace
from distill.serve import KEY_VARIABLE, LOOPBACK, SERVERS, ServerSettings
from distill.store import open_store
from distill.task import Task
from distill.task.prompts import answer_tokens, served_tokens, student_messages


def chosen_student(workspace: Workspace, task: Task, run_id: str | None = None) -> Student:
    """Return the student of a run, or of the task's newest run that has one.

    Raises InputError if there is no student.
    """
    if workspace.database(task.name).exists():
        with open_store(workspace.database(task.name)) as store:
            ids = [run.id for run in store.runs()]
            if run_id and run_id not in ids:
                raise InputError(
                    f"no run {run_id!r} of task {task.name}; `distill runs` lists them"
                )
            for id_ in [run_id] if run_id else reversed(ids):
                if student := store.student(id_):
                    return student
    if run_id:
        raise InputError(
            f"run {run_id} of task {task.name} has no student: choose another run, as listed by "
            "`distill runs`"
        )
    raise InputError(f"task {task.name} has no student yet; run `distill run {task.name}` first")


@contextmanager
def serving(
    task: Task, student: Student, log: Path, port: int | None, host: str = LOOPBACK
) -> Iterator[Endpoint]:
    """Serve the student, and yield its endpoint. The store stays closed meanwhile.

    Raises InputError if other machines can reach the address and no key is set in the environment.
    Raises InputError if the student is served by its provider.
    """
    if not is_loopback(host) and not os.environ.get(KEY_VARIABLE):
        raise InputError(
            f"--host {host} can be reached from other machines: set {KEY_VARIABLE} to a secret of "
            "your own, which every request must then contain"
        )
    if not student.is_local:
        raise InputError(
            f"{student.model} was trained by its provider and is served only there: send requests "
            f"to the provider, with this model name and {task.folder / 'student.md'} as the system "
            "message"
        )
    model = Model(f"student@{student.id}", student.weights, "chat")
    spec = task.spec
    settings = ServerSettings(
        in_flight=spec.evaluate.in_flight,
        usd_per_hour=spec.machine.usd_per_hour,
        log=log,
        port=port,
        host=host,
        model_tokens=served_tokens(task),
    )
    with SERVERS[student.server].serve(model, settings) as endpoint:
        yield endpoint


def curl_line(task: Task, endpoint: Endpoint) -> str:
    """Return a curl command that sends the first gold message to the student."""
    turns = student_messages(task, task.gold[0].input)
    body = {
        "model": endpoint.model.name,
        "messages": [{"role": turn.role, "content": turn.content} for turn in turns],
        "max_tokens": answer_tokens(task),
        "temperature": 0,
        **_constraint(task),
    }
    quoted = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    key = f' -H "Authorization: Bearer ${endpoint.key_variable}"' if endpoint.key_variable else ""
    json_type = "-H 'Content-Type: application/json'"
    return f"curl {endpoint.url}/chat/completions {json_type}{key} -d '{quoted}'"


def _constraint(task: Task) -> dict[str, object]:
    if task.form.choices:
        return {"structured_outputs": {"choice": list(task.form.choices)}}
    if not task.form.schema_text:
        return {}
    return {"structured_outputs": {"json": json.loads(task.form.schema_text)}}


def started_line(endpoint: Endpoint) -> str:
    """Return a line with the start-up time and the memory of the server."""
    assert endpoint.server is not None, "it was started here"
    memory = memory_mib(endpoint.server.process)
    return f"up     after {endpoint.server.seconds:.0f} s, with {memory:,.0f} MiB of memory"


def wait(endpoint: Endpoint) -> None:
    """Wait until Ctrl-C. Raises DistillError if the server ends by itself."""
    assert endpoint.server is not None, "it was started here"
    select.select([os.pidfd_open(endpoint.server.process)], [], [])
    raise DistillError("the server has ended")
