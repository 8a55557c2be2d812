"""The command line: options → stage → what is shown → exit code. The only module with Click."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from distill import __version__
from distill.errors import DistillError

if TYPE_CHECKING:
    from decimal import Decimal

    from distill.plan import Plan
    from distill.workspace import Workspace

INTERRUPTED = 130
STAGES = {
    "generate": "Let the teacher make and answer inputs.",
    "curate": "Keep the completions worth learning from.",
    "split": "Place the examples behind the leak gate.",
    "train": "Train the student.",
    "evaluate": "Compare the systems on gold.",
    "report": "Write report.json, report.md and report.html, and show the result.",
}


def main() -> None:
    """The console command: the one boundary where errors become messages and exit codes."""
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.exceptions.Abort:
        click.echo("interrupted; the same command goes on from here", err=True)
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        click.echo("interrupted; the same command goes on from here", err=True)
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except DistillError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        click.echo(f"error: {error}; what was stored is kept, the same command goes on", err=True)
        sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="distill")
@click.option(
    "--prompts",
    type=click.Path(path_type=Path),
    default=Path("prompts"),
    show_default=True,
    envvar="DISTILL_PROMPTS",
    help="Folder of the tasks.",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    envvar="DISTILL_RUNS",
    help="Folder of everything that is made.",
)
@click.pass_context
def cli(context: click.Context, prompts: Path, runs: Path) -> None:
    """Distil a large teacher into a cheap student for one narrow task, and know how good it is."""
    context.obj = (prompts, runs)


def workspace_of(context: click.Context) -> "Workspace":
    """The folders that the group's options name. Imported late: `--help` has to be quick."""
    from distill.workspace import Workspace

    prompts, runs = context.find_root().obj
    return Workspace(prompts, runs)


task_argument = click.argument("task")
new_option = click.option(
    "--new", is_flag=True, help="Start another run even if one is unfinished."
)
detach_option = click.option(
    "--detach", is_flag=True, help="Submit batches and return; the next run goes on."
)
curve_option = click.option(
    "--curve",
    is_flag=True,
    help="Train on 25 and 50 % of the examples, too, and say what more would bring.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask before more than $1 is spent.")


@cli.command()
@task_argument
@new_option
@detach_option
@yes_option
@json_option
@click.pass_context
def run(context: click.Context, /, task: str, as_json: bool, **options: bool) -> None:
    """Bring TASK through all stages to its report; goes on where an earlier call stopped."""
    _run(context, task, "report", as_json=as_json, **options)


def _stage_command(stage: str, about: str) -> None:
    @cli.command(name=stage, help=f"{about} Does the stages before it that are not done.")
    @task_argument
    @new_option
    @detach_option
    @yes_option
    @json_option
    @click.pass_context
    def command(context: click.Context, /, task: str, as_json: bool, **options: bool) -> None:
        _run(context, task, stage, as_json=as_json, **options)

    if stage == "train":
        curve_option(command)


for stage, about in STAGES.items():
    _stage_command(stage, about)


def _run(
    context: click.Context, task: str, until: str, *, as_json: bool, yes: bool, **options: bool
) -> None:
    """`options` are those of `pipeline.Way`."""
    from distill import pipeline

    agree = _agree if interactive() and not yes else None
    way = pipeline.Way(until, agree=agree, **options)
    outcome = pipeline.run(workspace_of(context), task, way)
    report = outcome.context.folder / "report.json"
    if as_json:
        done: dict[str, Any] = {"run": outcome.run.id, "why": outcome.run.why}
        done["stages"] = outcome.done_now
        done |= {"waiting": outcome.waiting} if outcome.waiting else {}
        done |= {"learning_curve": outcome.curve} if outcome.curve else {}
        figures = json.loads(report.read_text(encoding="utf-8")) if report.exists() else None
        click.echo(json.dumps(done | ({"report": figures} if figures else {})))
        return
    if outcome.waiting:
        click.echo(outcome.waiting)
        return
    if not outcome.done_now:
        click.echo(
            f"run {outcome.run.id} is done up to {until}; nothing to do (--new starts another)"
        )
    if outcome.curve:
        _show_curve(outcome.curve)
    if until == "report":
        _show_report(json.loads(report.read_text(encoding="utf-8")), outcome.context.folder)


def interactive() -> bool:
    """Is there somebody who could answer a question?"""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _agree(plan: "Plan") -> bool:
    return click.confirm(f"{plan.words}. Go on?", default=False, err=True)


def _show_curve(figures: Mapping[str, Any]) -> None:
    from distill.learning import sentence

    rows = [
        [str(p["examples"]), f"{p['value']:.1%}", f"{p['ci_low']:.1%}–{p['ci_high']:.1%}"]
        for p in figures["points"]
    ]
    _show_table(["examples", "right", "interval"], rows)
    click.echo(f"\n{sentence(figures)}")


def _show_report(figures: Mapping[str, Any], folder: Path) -> None:
    click.echo("\n" + figures["headline"] + "\n")
    rows = [
        [
            system["name"],
            f"{system['value']:.1%}",
            f"{system['ci_low']:.1%}–{system['ci_high']:.1%}",
            f"{system['valid_rate']:.0%}",
            str(system["usd_per_1k_requests"]),
            f"{1000 * system['latency_p50_s']:.0f}",
            f"{1000 * system['latency_p95_s']:.0f}",
            f"{system['requests_per_s']:.1f}",
        ]
        for system in figures["systems"]
    ]
    if figures.get("rehearsal"):
        rows = [[f"REHEARSAL {name}", *values] for name, *values in rows]
    header = ["system", "right", "interval", "valid", "$/1,000", "p50 ms", "p95 ms", "req/s"]
    _show_table(header, rows)
    click.echo(f"\n{folder / 'report.html'}")


def _show_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = [header, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


@cli.command()
@task_argument
@click.option(
    "--teacher", default="", help="openai:<id> or anthropic:<id>; the task's if left out."
)
@click.option("--mode", type=click.Choice(["online", "batch"]), help="The task's if left out.")
@click.option("--faults", default="", help="How the provider misbehaves: 429=0.05,cut=0.01,…")
@click.option("--limit", type=float, help="Requests that it answers per second.")
@click.option(
    "--until",
    type=click.Choice(list(STAGES)),
    default="report",
    show_default=True,
    help="Last stage.",
)
@json_option
@click.pass_context
def rehearse(
    context: click.Context, /, task: str, as_json: bool, faults: str, **options: Any
) -> None:
    """Run TASK with a stand-in for its provider: nothing leaves this machine, nothing is billed."""
    from distill.rehearse import Wanted, parse_faults
    from distill.rehearse import rehearse as play

    limit = options.pop("limit")
    wanted = Wanted(
        faults=parse_faults(faults),
        requests_per_second=limit,
        **{name: value or "" for name, value in options.items()},
    )
    done = play(workspace_of(context), task, wanted)
    row = {
        "REHEARSAL": task,
        "billed_usd": str(done.bill.usd),
        "answers_usd": str(done.answers_usd.normalize()),
        "possibly_paid_twice_usd": str(done.possibly_paid_twice_usd.normalize()),
        "requests": done.bill.requests,
        "refused": done.bill.refused,
        "batches": done.bill.batches,
    }
    if not as_json and wanted.until == "report":
        folder = done.outcome.context.folder
        _show_report(json.loads((folder / "report.json").read_text(encoding="utf-8")), folder)
    _show_rows([row], as_json=as_json)


@cli.command()
@task_argument
@click.option(
    "--forget", is_flag=True, help="Give them up without asking the provider; answers are lost."
)
@json_option
@click.pass_context
def cancel(context: click.Context, task: str, forget: bool, as_json: bool) -> None:
    """Stop the batches and trainings of TASK and keep what was answered."""
    from distill.cancel import cancel as stop

    done = stop(workspace_of(context), task, forget=forget)
    row = {"task": task, "batches": done.batches, "answers_kept": done.answers}
    row["trainings"] = done.trainings
    _show_rows([row], as_json=as_json)


@cli.command()
@task_argument
@click.option(
    "--probe",
    is_flag=True,
    help="Measure with at most 5 paid calls, which the run does not repeat.",
)
@json_option
@click.pass_context
def plan(context: click.Context, task: str, probe: bool, as_json: bool) -> None:
    """What TASK will cost before anything is spent: requests, tokens, dollars and time."""
    from distill.plan_table import HEADER, figures, notes, table
    from distill.probe import look, measure

    workspace = workspace_of(context)
    click.echo("rendering what would be asked …", err=True)
    found = measure(workspace, task, _announce) if probe else look(workspace, task)
    if as_json:
        click.echo(json.dumps(figures(found), default=str))
        return
    if found.steps:
        _show_table(HEADER, table(found))
    click.echo("\n".join(notes(found)))


def _announce(calls: int, most: "Decimal") -> None:
    from distill.plan import dollars

    click.echo(f"probe: {calls} paid calls, at most {dollars(most)}", err=True)


@cli.command()
@task_argument
@click.option("--reason", default="", help="Only rows whose check or reason has this in it.")
@json_option
@click.pass_context
def drops(context: click.Context, task: str, reason: str, as_json: bool) -> None:
    """What the latest run of TASK left out: per check rows in, dropped and dollars, and why."""
    from distill.dropped import dropped_rows_of, yields_of

    workspace = workspace_of(context)
    if reason:
        _show_rows(dropped_rows_of(workspace, task, reason), as_json=as_json)
        return
    rows = yields_of(workspace, task)
    if as_json:
        click.echo(json.dumps(rows, default=str, ensure_ascii=False))
        return
    header = ["check", "rows in", "dropped", "$", "because"]
    cells = [
        [row["check"], *(str(row[key]) for key in ("rows_in", "dropped", "usd")), _counts(row)]
        for row in rows
    ]
    _show_table(header, cells)
    for row in rows:
        for example in row["examples"]:
            click.echo(f"\n{row['check']}: {example['reason']}\n  {_line(example['input'])}")
            if example["matched"]:
                click.echo(f"  {_line(example['matched'])}")


def _counts(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in row["reasons"].items())


def _line(text: str) -> str:
    """A text in one line of a terminal, without what would steer it."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return shown if len(shown) <= 160 else shown[:159] + "…"


@cli.command()
@task_argument
@json_option
@click.pass_context
def leaks(context: click.Context, task: str, as_json: bool) -> None:
    """Every pair of rows of TASK that the leak gate found too close to gold."""
    from distill.dropped import leaks_of

    _show_rows(leaks_of(workspace_of(context), task), as_json=as_json)


@cli.command()
@task_argument
@click.option("--export", "to", type=click.Path(path_type=Path), help="CSV file to be written.")
@click.option(
    "--import",
    "of",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="CSV file with decisions: accept, reject, or correct with a label.",
)
@json_option
@click.pass_context
def review(
    context: click.Context, task: str, to: Path | None, of: Path | None, as_json: bool
) -> None:
    """Look at the examples of TASK in a spreadsheet; a person's word stands above every check."""
    from distill.review import export_rows, import_rows

    if (to is None) == (of is None):
        raise click.UsageError("give --export FILE or --import FILE")
    workspace = workspace_of(context)
    if to is not None:
        row = {"task": task, "rows": export_rows(workspace, task, to), "file": str(to)}
    elif of is not None:
        row = asdict(import_rows(workspace, task, of))
    _show_rows([row], as_json=as_json)


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--context-tokens",
    type=click.IntRange(min=1),
    default=1024,
    show_default=True,
    help="Warn of rows with more tokens than the student takes.",
)
@json_option
def validate(file: Path, context_tokens: int, as_json: bool) -> None:
    """Check FILE, a chat example file, for errors and oddities; count and price it."""
    from distill.example_file import figures, read, refuse, words

    checked = read(file, context_tokens)
    if as_json:
        click.echo(json.dumps(figures(checked)))
    refuse(checked)
    if not as_json:
        click.echo("\n".join(words(checked)))


@cli.command()
@json_option
@click.pass_context
def tasks(context: click.Context, as_json: bool) -> None:
    """List the tasks, and whether each can be read."""
    from distill.task import known_tasks, load_task

    workspace = workspace_of(context)
    rows: list[dict[str, Any]] = []
    for name in known_tasks(workspace.prompts):
        try:
            task = load_task(workspace.prompts, name)
        except DistillError as error:
            rows.append({"task": name, "error": str(error)})
            continue
        counts = {"labels": len(task.labels), "seeds": len(task.seeds), "gold": len(task.gold)}
        rows.append({"task": name, "kind": task.spec.kind, **counts})
    _show_rows(rows, as_json=as_json)


@cli.command()
@click.argument("task", required=False)
@json_option
@click.pass_context
def runs(context: click.Context, task: str | None, as_json: bool) -> None:
    """List the runs of TASK, or of all tasks, with what each reached."""
    from distill.overview import list_runs

    _show_rows(list_runs(workspace_of(context), task), as_json=as_json)


@cli.command()
@task_argument
@json_option
@click.pass_context
def status(context: click.Context, task: str, as_json: bool) -> None:
    """How far the latest run of TASK is; works while another process holds the store."""
    from distill.overview import read_status

    _show_rows([read_status(workspace_of(context), task)], as_json=as_json)


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


@cli.command()
@json_option
def doctor(as_json: bool) -> None:
    """What is here (Python, card, packages, keys, disk), what would be used, and why."""
    from distill.overview import diagnose

    _show_rows(diagnose(), as_json=as_json)


def _show_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows, default=str))
    for row in rows if not as_json else ():
        click.echo("  ".join(f"{key}: {value}" for key, value in row.items()))
    if not rows and not as_json:
        click.echo("none")
