"""The student as a server."""

import click

from distill.cli.group import cli, task_argument, workspace_of


@cli.command()
@task_argument
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port on loopback; free one if left out."
)
@click.pass_context
def serve(context: click.Context, task: str, port: int | None) -> None:
    """Keep the newest student of TASK up on loopback until Ctrl-C, and print a line to try it."""
    from distill.serve import curl_line, latest_student, serving, wait
    from distill.task import load_task

    workspace = workspace_of(context)
    spec = load_task(workspace.prompts, task)
    student = latest_student(workspace, spec)
    click.echo(f"starting student@{student.id} …", err=True)
    with serving(spec, student, workspace.task_folder(task) / "serve.log", port) as endpoint:
        click.echo(f"url    {endpoint.url}\nmodel  {endpoint.model.name}\n")
        click.echo(curl_line(spec, endpoint) + "\n\nCtrl-C ends it.")
        wait()
