"""The command that serves a student."""

import click

from distill.cli.group import cli, task_argument, workspace_of


@cli.command()
@task_argument
@click.option("--run", "run_id", help="Run whose student to serve; by default the newest with one.")
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
    click.echo(f"starting student@{student.id} …", err=True)
    log = workspace.task_folder(task) / "serve.log"
    with serving(spec, student, log, port, host) as endpoint:
        click.echo(f"url    {endpoint.url}\nmodel  {endpoint.model.name}")
        click.echo(started_line(endpoint) + "\n")
        click.echo(curl_line(spec, endpoint) + "\n\nPress Ctrl-C to stop.")
        wait(endpoint)
