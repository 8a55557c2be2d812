"""Commands that serve a student, or ask it."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from distill.cli.group import cli, json_option, task_argument, workspace_of
from distill.cli.output import printable, say, show_json
from distill.cli.streams import typed

run_option = click.option(
    "--run", "run_id", help="Run whose student to use; by default the newest with one."
)


@cli.command()
@task_argument
@run_option
@click.option("--port", type=click.IntRange(1, 65535), help="By default a free port.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Any other address needs a key in VLLM_API_KEY.",
)
@click.pass_context
def serve(
    context: click.Context, task: str, run_id: str | None, port: int | None, host: str
) -> None:
    """Serve a student of TASK until Ctrl-C, and print a curl command to try it."""
    from distill.llm.student_endpoint import chosen_student, curl_line, serving, started_line, wait
    from distill.task.loading import load_task

    workspace = workspace_of(context)
    spec = load_task(workspace.prompts, task)
    student = chosen_student(workspace, spec, run_id)
    say(f"starting student@{student.id} …")
    log = workspace.task_folder(task) / "serve.log"
    with serving(spec, student, log, port, host) as endpoint:
        click.echo(f"url    {endpoint.url}\nmodel  {endpoint.model.name}")
        click.echo(started_line(endpoint) + "\n")
        click.echo(curl_line(spec, endpoint) + "\n\nPress Ctrl-C to stop.")
        wait(endpoint)


@cli.command()
@task_argument
@click.argument("text", required=False)
@click.option(
    "--messages",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Ask for the answer to a conversation: a JSON file with its messages.",
)
@run_option
@json_option
@click.pass_context
def ask(
    context: click.Context, /, task: str, run_id: str | None, *, as_json: bool, **given: Any
) -> None:
    """Ask the newest student of TASK for its answer to TEXT, with confidence and time. TEXT may be
    - for standard input."""
    from distill.llm.ask_student import ask_student
    from distill.llm.student_endpoint import chosen_student, serving
    from distill.task.loading import load_task

    asked = _input(**given)
    workspace = workspace_of(context)
    spec = load_task(workspace.prompts, task)
    student = chosen_student(workspace, spec, run_id)
    say(f"starting student@{student.id} …")
    with serving(spec, student, workspace.task_folder(task) / "ask.log", None) as endpoint:
        found = ask_student(spec, endpoint, asked)
    if as_json:
        show_json("answer", [{"task": task, "student": student.id, **asdict(found)}])
        return
    click.echo(printable(found.answer, lines=True))
    sure = "" if found.confidence is None else f"confidence {found.confidence:.1%}, "
    say(f"{sure}{found.seconds:.2f} s")
    if not found.valid:
        click.echo("the answer does not have the task's form", err=True)


def _input(text: str | None, messages: Path | None) -> str:
    """Return the input to ask about, of an argument, standard input or a file of messages."""
    from distill.task.files import read_messages
    from distill.task.input_rows import text_input

    if (text is None) == (messages is None):
        raise click.UsageError("give TEXT or --messages FILE")
    if messages is not None:
        return read_messages(messages)
    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
    return text_input(typed(text or ""))
