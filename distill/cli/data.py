"""Commands on files and stores: reviews, chat example files, queries and exports."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from distill.cli.group import (
    cli,
    export_option,
    import_option,
    json_option,
    task_argument,
    workspace_of,
)
from distill.cli.output import one_line, show_json, show_rows
from distill.cli.streams import typed
from distill.cli.tables import show_table

if TYPE_CHECKING:
    from distill.store.readonly import Format


@cli.command()
@task_argument
@export_option
@import_option("CSV file with decisions: accept, reject, or correct with a label.")
@json_option
@click.pass_context
def review(
    context: click.Context, task: str, to: Path | None, of: Path | None, as_json: bool
) -> None:
    """Review the examples of TASK in a spreadsheet. A person's decision overrides every check."""
    from distill.curate.review_csv import export_rows, import_rows

    if (to is None) == (of is None):
        raise click.UsageError("give --export FILE or --import FILE")
    workspace = workspace_of(context)
    if to is not None:
        row = {"task": task, "rows": export_rows(workspace, task, to), "file": str(to)}
        show_rows("review_export", [row], as_json=as_json)
    elif of is not None:
        show_rows("review_import", [asdict(import_rows(workspace, task, of))], as_json=as_json)


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--context-tokens",
    type=click.IntRange(min=1),
    default=1024,
    show_default=True,
    help="Warn about rows with more tokens than this.",
)
@json_option
def validate(file: Path, context_tokens: int, as_json: bool) -> None:
    """Check the chat example file FILE: errors, warnings, counts, and the price of training."""
    from distill.train.chat_file import figures, read, refuse, words

    checked = read(file, context_tokens)
    if as_json:
        show_json("validation", [figures(checked)])
    refuse(checked)
    if not as_json:
        click.echo("\n".join(words(checked)))


@cli.command()
@task_argument
@click.argument("query")
@json_option
@click.pass_context
def sql(context: click.Context, task: str, query: str, as_json: bool) -> None:
    """Run QUERY, in DuckDB's SQL, on the store of TASK, without changing it."""
    from distill.store.readonly import query as ask

    columns, rows = ask(workspace_of(context).database(task), typed(query))
    if as_json:
        show_json("sql", [dict(zip(columns, row, strict=True)) for row in rows])
    else:
        show_table(columns, [[one_line(str(value)) for value in row] for row in rows])


@cli.command()
@task_argument
@click.option(
    "--to",
    "form",
    type=click.Choice(["parquet", "csv"]),
    default="parquet",
    show_default=True,
    help="Format of the files.",
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@json_option
@click.pass_context
def export(context: click.Context, task: str, form: "Format", folder: Path, as_json: bool) -> None:
    """Write every table of TASK's store into FOLDER, for use with other tools."""
    from distill.store.readonly import export as write

    counts = write(workspace_of(context).database(task), folder, form)
    rows = [{"table": name, "rows": count} for name, count in counts.items()]
    show_rows("export", rows, as_json=as_json)
