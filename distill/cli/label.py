"""The command that lets people label test rows: `distill label`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from distill.cli.group import (
    cli,
    export_option,
    import_option,
    json_option,
    task_argument,
    workspace_of,
)
from distill.cli.output import message, printable, show_json, show_rows
from distill.core.errors import InputError

if TYPE_CHECKING:
    from distill.core.workspace import Workspace
    from distill.evaluate.production import ModelRate
    from distill.evaluate.statistics import Interval
    from distill.task.labelling.pool import Pool

REPEATS = 20


@cli.command()
@task_argument
@click.option(
    "--repeat",
    type=click.IntRange(min=0),
    help=f"Rows that come twice, over all sessions: {REPEATS} at a terminal, else 0.",
)
@export_option
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Rows in the exported file.",
)
@import_option("CSV file of --export, with answers.")
@json_option
@click.pass_context
def label(
    context: click.Context, /, task: str, repeat: int | None, as_json: bool, **sheet: Any
) -> None:
    """Label test rows of TASK, which are drawn at random from its inputs.

    No model's answer is shown. Each answer is written at once to gold.jsonl. Without a terminal, a
    line of standard input is an answer.
    """
    from distill.task.labelling.pool import labelling_alone, read_pool
    from distill.task.labelling.spreadsheet import export_texts, import_answers

    to, of = sheet["to"], sheet["of"]
    if to is not None and of is not None:
        raise click.UsageError("give --export FILE or --import FILE")
    workspace = workspace_of(context)
    pool = read_pool(workspace.prompts, task)
    if to is not None:
        count = export_texts(pool, to, sheet["rows"])
        row = {"task": task, "rows": count, "file": str(to)}
        show_rows("label_export", [row], as_json=as_json)
        return
    with labelling_alone(pool.folder):
        pool = read_pool(workspace.prompts, task)  # what another process wrote before
        if of is not None:
            new, skipped = import_answers(pool, of), 0
        else:
            new, skipped = _session(pool, repeat)
    result = {"labelled": new, "skipped": skipped}
    _show_result(workspace, read_pool(workspace.prompts, task), result, as_json=as_json)


def _session(pool: "Pool", repeat: int | None) -> tuple[int, int]:
    """Ask for answers until the person stops; return the numbers of labelled and skipped rows."""
    from distill.cli.label_questions import asking
    from distill.task.labelling.session import Session

    default = REPEATS if sys.stdin.isatty() else 0
    session = Session(pool, default if repeat is None else repeat)
    with asking(session) as questions:
        questions.run()
    return session.new, session.skipped


def _show_result(
    workspace: "Workspace", pool: "Pool", counts: dict[str, int], *, as_json: bool
) -> None:
    """Print what was labelled, and in the last line how good today's model is on these rows."""
    from distill.evaluate.production import rate_of_today, self_agreement

    again = self_agreement(pool)
    try:
        rate, unknown = rate_of_today(workspace, pool), ""
    except InputError as error:
        rate, unknown = None, str(error)
    if as_json:
        row = {
            "task": pool.spec.name,
            **counts,
            **{"drawn": len(pool.drawn), "skipped_in_all": len(pool.skipped)},
            **{"waiting": len(pool.waiting), "gold": len(pool.gold)},
            "gold_needed": pool.gold_needed,
            "agreement": again and {"rows": again[0], **again[1].figures},
            "today": rate and _figures(rate),
        }
        show_json("label", [row])
        return
    click.echo(
        f"{counts['labelled']:,} rows labelled now; {len(pool.drawn):,} in all, "
        f"{len(pool.skipped):,} skipped, {len(pool.waiting):,} left."
    )
    click.echo(pool.proof)
    if again is not None:
        click.echo(
            f"Of {again[0]:,} rows shown twice {_share(again[1], pool)} got the same answer."
        )
    click.echo(message(_today(pool, rate, unknown)))


def _figures(rate: "ModelRate") -> dict[str, Any]:
    return {"model": rate.model, "run": rate.run_id, "rows": rate.rows, **rate.share.figures}


def _today(pool: "Pool", rate: "ModelRate | None", unknown: str) -> str:
    """Return the sentence on today's model; `unknown` is the reason why its rate cannot be read."""
    name, count = pool.spec.name, len(pool.drawn)
    if rate is not None:
        some = "" if rate.rows == count else f" that it answered, of {count:,} labelled"
        return (
            f"Today's model, {printable(rate.model)}, is right on {_share(rate.share, pool)} of "
            f"{rate.rows:,} rows drawn from production{some} (run {rate.run_id})."
        )
    if unknown:
        return f"How good today's model is cannot be read now: {unknown}"
    if pool.spec.kind == "generate":
        return f"How good today's model is, a judge says in a run: distill run {name}"
    today = pool.spec.today.model
    add = f"add {today} to evaluate.baselines, then " if today else ""
    return (
        f"No run has today's model's answers to these rows: {add}distill run {name} asks it, then "
        f"distill label {name} says how good it is."
    )


def _share(share: "Interval", pool: "Pool") -> str:
    """Return a share with its interval."""
    confidence = 100 * pool.spec.evaluate.confidence
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%}, {confidence:g} % interval)"
