"""The command that makes a new task from people's data."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from distill.cli.group import (
    cli,
    interactive,
    json_option,
    max_usd_option,
    workspace_of,
    yes_option,
)
from distill.cli.output import message, next_step, show_json
from distill.core.numbers import exact_dollars

if TYPE_CHECKING:
    from decimal import Decimal

    from distill.core.workspace import Workspace
    from distill.task.new import MadeTask, NewTaskOptions
    from distill.task.new.adding import AddedRows

Made = TypeVar("Made", "MadeTask", "AddedRows")
USES = {
    "gold.jsonl": "only ever tested on",
    "seeds.jsonl": "shown to the teacher, and learnt",
    "examples.jsonl": "learnt as people labelled them",
    "inputs.jsonl": "answered by the teacher",
}


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
@click.option("--other", default="", metavar="LABEL", help="Label of what belongs to no other one.")
@click.option("--train-on-labels", is_flag=True, help="Train on people's rows alone.")
@click.option("--like", default="", metavar="TASK", help="Copy a bundled task instead.")
@click.option("--add", is_flag=True, help="Add rows to the task NAME; its own stay.")
@click.option("--new-labels", is_flag=True, help="With --add: add labels that task.toml lacks.")
@click.option(
    "--draft-meanings", is_flag=True, help="Let the teacher draft the meaning of each label (paid)."
)
@yes_option
@max_usd_option
@click.option("--query", default="", metavar="SQL", help="SELECT for a database.")
@click.option("--encoding", default="", help="Encoding of a text file, if it is not UTF-8.")
@json_option
def new(context: click.Context, /, name: str, *, as_json: bool, **given: Any) -> None:
    """Make the task NAME from labelled rows: test rows first, then seeds and examples.

    Without a terminal nothing is asked: what cannot be guessed must be given as an option.
    """
    workspace = workspace_of(context)
    like, add, new_labels = (given.pop(option) for option in ("like", "add", "new_labels"))
    draft, yes, most = (given.pop(option) for option in ("draft_meanings", "yes", "max_usd"))
    if draft and not (yes or most is not None or interactive()):
        raise click.UsageError("--draft-meanings is paid: add --yes, or --max-usd N")
    is_made = not (draft and (workspace.prompts / name).exists() and not given["source"])
    if is_made:
        _check_options(given, like=like, add=add, new_labels=new_labels)
    if add:
        _add(workspace, name, _options(given), new_labels=new_labels, as_json=as_json)
    elif is_made:
        from distill.task.new import check_name

        check_name(workspace.prompts, name)
        if like:
            _copy(workspace, name, like, as_json=as_json)
        else:
            _make(workspace, name, _options(given, ask=True), as_json=as_json)
    if draft or (not like and interactive()):
        _draft(workspace, name, max_usd=most, is_agreed=yes or most is not None, is_asked=draft)
    next_step(f"distill check {name}")


def _draft(
    workspace: "Workspace",
    name: str,
    *,
    max_usd: "Decimal | None",
    is_agreed: bool,
    is_asked: bool,
) -> None:
    """Let the teacher draft what labels mean, if the user agrees to the cost."""
    from distill.estimate.meanings import draft_meanings, plan_drafts

    if not is_agreed:
        plan = plan_drafts(workspace, name)
        if plan is None and not is_asked:
            return
        if plan is not None and not click.confirm(plan.question, default=False, err=True):
            return
        max_usd = plan.worst_usd if plan is not None else None
    done = draft_meanings(workspace, name, max_usd)
    click.echo(
        f"{done.teacher} drafted {len(done.meanings)} meanings for "
        f"{exact_dollars(done.billed_usd)}: correct them in "
        f"{workspace.prompts / name / 'task.toml'}",
        err=True,
    )
    if done.unusable:
        click.echo(f"note: no usable draft for {', '.join(done.unusable)}", err=True)


def _check_options(given: dict[str, Any], *, like: str, add: bool, new_labels: bool) -> None:
    """Raise UsageError for options that exclude each other."""
    if bool(like) == bool(given["source"]):
        raise click.UsageError(
            "give either --from FILE with your rows, or --like classify for a bundled task"
        )
    if new_labels and not add:
        raise click.UsageError("--new-labels is for --add")
    if add and (like or given["train_on_labels"] or given["description"]):
        raise click.UsageError("--add takes no --like, --train-on-labels or --describe")


def _options(given: dict[str, Any], *, ask: bool = False) -> "NewTaskOptions":
    """Return the options of a new task. `ask`: ask for the job in a sentence on a terminal."""
    from distill.task.new import NewTaskOptions

    if ask and sys.stdin.isatty() and not given["description"]:
        given["description"] = click.prompt(
            "The job, in a sentence", default="", show_default=False
        )
    return NewTaskOptions(
        input=given.pop("input_"),
        kind=given.pop("kind") or "",
        no_teacher=given.pop("train_on_labels"),
        **given,
    )


def _copy(workspace: "Workspace", name: str, like: str, *, as_json: bool) -> None:
    from distill.task.bundled import copy_bundled

    folder = copy_bundled(workspace.prompts, name, like)
    if as_json:
        show_json("new_task", [{"folder": str(folder), "like": like}])
    else:
        click.echo(f"{folder}/")


def _make(workspace: "Workspace", name: str, options: "NewTaskOptions", *, as_json: bool) -> None:
    from distill.task.new import new_task

    made = _asking(lambda chosen: new_task(workspace.prompts, name, chosen), options)
    if as_json:
        show_json("new_task", [_figures(made)])
    else:
        _show(made)


def _add(
    workspace: "Workspace",
    name: str,
    options: "NewTaskOptions",
    *,
    new_labels: bool,
    as_json: bool,
) -> None:
    from distill.task.new.adding import add_to_task

    added = _asking(
        lambda chosen: add_to_task(workspace, name, chosen, new_labels=new_labels), options
    )
    if as_json:
        show_json("added_rows", [_figures_of_added(added)])
    else:
        _show_added(added)


def _asking(make: "Callable[[NewTaskOptions], Made]", options: "NewTaskOptions") -> "Made":
    """Make a task or add rows; on a terminal, ask which column is meant if several could be."""
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
    article = "an" if task.kind == "extract" else "a"
    click.echo(f"{made.folder}/  {article} {task.kind} task from {task.source}")
    click.echo(f"  input     {columns.input}")
    click.echo(f"  answer    {', '.join(columns.answers)}{_answers(made)}")
    parts = task.parts
    _show_counts(len(parts.gold), len(parts.seeds), len(parts.examples), len(task.inputs))
    click.echo(f"{made.proves}. The margin is set to that.")
    for note in made.notes:
        click.echo(f"note: {note}")
    if task.labels:
        click.echo(f"Now say in {made.folder / 'task.toml'} what belongs to each label.")


def _show_counts(*counts: int) -> None:
    """Show the rows of gold, seeds, examples and inputs."""
    for count, (file, use) in zip(counts, USES.items(), strict=True):
        if count:
            click.echo(f"  {count:>7,}   {file}: {use}")


def _answers(made: "MadeTask") -> str:
    """Return the number of labels, or the names of the fields."""
    if made.task.labels:
        return f" ({len(made.task.labels)} labels)"
    return f" ({', '.join(made.task.schema['properties'])})" if made.task.schema else ""


def _figures_of_added(added: "AddedRows") -> dict[str, Any]:
    return {
        "folder": str(added.folder),
        "input": added.columns.input,
        "answers": list(added.columns.answers),
        "new_labels": list(added.labels),
        "gold": len(added.gold),
        "seeds": len(added.seeds),
        "examples": len(added.examples),
        "inputs": len(added.inputs),
        "known": added.known,
        "answered_inputs": added.answered,
        "tested": added.tested,
        "proves": added.proves,
        "margin": added.margin,
        "notes": list(added.notes),
    }


def _show_added(added: "AddedRows") -> None:
    if added.is_empty:
        click.echo(f"{added.folder}/  {added.source} has no row to add")
    else:
        click.echo(f"{added.folder}/  rows added from {added.source}")
    _show_counts(len(added.gold), len(added.seeds), len(added.examples), len(added.inputs))
    if added.known:
        click.echo(f"  {added.known:>7,}   left out: in the task already")
    if added.answered:
        click.echo(f"  {added.answered:>7,}   of inputs.jsonl taken out: people answered them")
    click.echo(
        f"{added.tested:,} test rows can prove a loss under {100 * added.proves:g} points; "
        f"evaluate.margin is {added.margin:g}."
    )
    for note in added.notes:
        click.echo(f"note: {note}")
    if added.labels:
        click.echo(
            f"Now say in {added.folder / 'task.toml'} what belongs to {', '.join(added.labels)}."
        )
