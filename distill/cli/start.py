"""The command that makes a new task from people's data."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from distill.cli.group import cli, json_option, workspace_of
from distill.cli.output import message, next_step, show_json

if TYPE_CHECKING:
    from distill.task.new import MadeTask, NewTaskOptions


@cli.command()
@click.pass_context
@click.argument("name")
@click.option(
    "--from",
    "source",
    default="",
    metavar="SOURCE",
    help="CSV, TSV, JSON, JSON lines, Parquet, Excel, a folder of texts, a database, or a data set "
    "of the Hugging Face hub.",
)
@click.option("--input", "input_", default="", metavar="COLUMN", help="Column of the texts.")
@click.option(
    "--label",
    "answers",
    multiple=True,
    metavar="COLUMN",
    help="Column of the answers. Several columns become the fields of an extract task.",
)
@click.option(
    "--kind", type=click.Choice(["classify", "extract", "generate"]), help="Kind of task."
)
@click.option(
    "--describe", "description", default="", metavar="TEXT", help="The job in a sentence."
)
@click.option("--group", default="", metavar="COLUMN", help="Rows with one value stay together.")
@click.option("--time", default="", metavar="COLUMN", help="The newest rows become the test.")
@click.option("--test", type=click.IntRange(min=1), help="Number of test rows.")
@click.option("--merge-rare", default="", metavar="LABEL", help="Label for labels with few rows.")
@click.option("--drop-rare", is_flag=True, help="Leave out labels with few rows.")
@click.option("--train-on-labels", is_flag=True, help="Train on people's rows alone.")
@click.option("--like", default="", metavar="TASK", help="Copy a bundled task instead.")
@click.option("--query", default="", metavar="SQL", help="SELECT for a database.")
@click.option("--encoding", default="", help="Encoding of a text file, if it is not UTF-8.")
@json_option
def new(
    context: click.Context,
    /,
    name: str,
    as_json: bool,
    like: str,
    train_on_labels: bool,
    **given: Any,
) -> None:
    """Make the task NAME from labelled rows: test rows first, then seeds and examples.

    Without a terminal nothing is asked: what cannot be guessed must be given as an option.
    """
    from distill.task.bundled import copy_bundled
    from distill.task.new import NewTaskOptions, check_name, new_task

    prompts = workspace_of(context).prompts
    if bool(like) == bool(given["source"]):
        raise click.UsageError(
            "give either --from FILE with your rows, or --like classify for a bundled task"
        )
    check_name(prompts, name)
    if like:
        folder = copy_bundled(prompts, name, like)
        if as_json:
            show_json("new_task", [{"folder": str(folder), "like": like}])
        else:
            click.echo(f"{folder}/")
        next_step(f"distill check {name}")
        return
    if sys.stdin.isatty() and not given["description"]:
        given["description"] = click.prompt(
            "The job, in a sentence", default="", show_default=False
        )
    options = NewTaskOptions(
        input=given.pop("input_"),
        kind=given.pop("kind") or "",
        no_teacher=train_on_labels,
        **given,
    )
    made = _asking(lambda chosen: new_task(prompts, name, chosen), options)
    if as_json:
        show_json("new_task", [_figures(made)])
    else:
        _show(made)
    next_step(f"distill check {name}")


def _asking(make: "Callable[[NewTaskOptions], MadeTask]", options: "NewTaskOptions") -> "MadeTask":
    """Make the task; on a terminal, ask which column is meant if several could be."""
    from distill.task.new.columns import UnclearColumns

    try:
        return make(options)
    except UnclearColumns as unclear:
        if not sys.stdin.isatty():
            raise
        click.echo(message(str(replace(unclear.problems[0], fix=""))), err=True)
        name = click.prompt("Which one", type=click.Choice(unclear.names), err=True)
        is_input = unclear.option == "--input"
    chosen = replace(options, input=name) if is_input else replace(options, answers=(name,))
    return _asking(make, chosen)


def _figures(made: "MadeTask") -> dict[str, Any]:
    task, columns = made.task, made.columns
    return {
        "folder": str(made.folder),
        "kind": task.kind,
        "input": columns.input,
        "answers": list(columns.answers),
        "labels": list(task.labels),
        "gold": len(task.parts.gold),
        "seeds": len(task.parts.seeds),
        "examples": len(task.parts.examples),
        "inputs": len(task.inputs),
        "margin": task.margin,
        "notes": list(made.notes),
    }


def _show(made: "MadeTask") -> None:
    task, columns = made.task, made.columns
    click.echo(f"{made.folder}/  a {task.kind} task from {task.source}")
    click.echo(f"  input     {columns.input}")
    click.echo(f"  answer    {', '.join(columns.answers)}{_answers(made)}")
    rows = (
        (len(task.parts.gold), "gold.jsonl", "only ever tested on"),
        (len(task.parts.seeds), "seeds.jsonl", "shown to the teacher, and learnt"),
        (len(task.parts.examples), "examples.jsonl", "learnt as people labelled them"),
        (len(task.inputs), "inputs.jsonl", "answered by the teacher"),
    )
    for count, file, use in rows:
        if count:
            click.echo(f"  {count:>7,}   {file}: {use}")
    click.echo(f"{made.proves}. The margin is set to that.")
    for note in made.notes:
        click.echo(f"note: {note}")
    if task.labels:
        click.echo(f"Now say in {made.folder / 'task.toml'} what belongs to each label.")


def _answers(made: "MadeTask") -> str:
    """Return the number of labels, or the names of the fields."""
    if made.task.labels:
        return f" ({len(made.task.labels)} labels)"
    return f" ({', '.join(made.task.schema['properties'])})" if made.task.schema else ""
