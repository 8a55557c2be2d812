"""The command that imports production logs."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from distill.cli.group import cli, json_option, task_argument, workspace_of
from distill.cli.output import next_step, printable, show_json

if TYPE_CHECKING:
    from distill.task.logs.importing import Imported

SECONDS_PER_DAY = 86_400
SHOWN_MODELS = 3
WIDTH = 14


@cli.command("import")
@task_argument
@click.argument("logs", metavar="LOG...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Most texts to take; a hash of each text decides.",
)
@click.option(
    "--system", default="", metavar="WORDS", help="Take the calls whose system prompt has WORDS."
)
@click.option("--any-system", is_flag=True, help="Take the calls of all system prompts.")
@click.option(
    "--answers-as-labels",
    is_flag=True,
    help="Learn the answers of other models and prompts than the teacher's, too.",
)
@click.option("--encoding", default="", help="Encoding of a CSV file, if it is not UTF-8.")
@json_option
@click.pass_context
def import_(
    context: click.Context, /, task: str, logs: tuple[Path, ...], *, as_json: bool, **given: Any
) -> None:
    """Add the texts of production logs to the inputs of TASK, masked and each once.

    The teacher's own answers in the logs are learnt, and not asked for again.

    LOG is a file of stored completions or batches of OpenAI, chat JSON lines, LiteLLM_SpendLogs,
    observations of Langfuse, Helicone's export, or spans of OpenTelemetry.
    """
    from distill.llm.teacher_choice import by_keys
    from distill.task.logs.importing import ImportOptions, import_logs

    found = import_logs(
        workspace_of(context), task, logs, ImportOptions(**given), lambda task: by_keys(task)[0]
    )
    if as_json:
        show_json("import", [_figures(found)])
    else:
        _show(found)
    next_step(f"distill check {task}")


def _figures(found: "Imported") -> dict[str, Any]:
    collected, today = found.collected, found.today
    return {
        "folder": str(found.folder),
        "calls": collected.calls,
        "not_used": dict(collected.unusable),
        "broken_lines": found.broken.count,
        "distinct": collected.sample.distinct,
        "inputs": len(found.cleaned.texts),
        "is_used": found.is_used,
        "teacher": found.teacher,
        "answers": found.chosen.labels,
        "hints": dict(found.chosen.hints),
        "without_answer": dict(found.chosen.unused),
        "prompt_written": found.prompt_written,
        "left_out": dict(found.left_out),
        "masked": dict(found.cleaned.masked),
        "secrets": dict(found.cleaned.secrets),
        "models": {name: use.calls for name, use in collected.models.items()},
        "systems": [
            {"system": system, "calls": count} for system, count in collected.systems.items()
        ],
        "first": _day(collected.first),
        "last": _day(collected.last),
        "today": None
        if today is None
        else {
            "model": today.model,
            "prompt_tokens": today.prompt_tokens,
            "completion_tokens": today.completion_tokens,
            "usd_per_1k": None if today.usd_per_1k is None else f"{today.usd_per_1k:.6f}",
            "is_paid": today.is_paid,
            "written": found.today_written,
        },
    }


def _show(found: "Imported") -> None:
    collected, cleaned = found.collected, found.cleaned
    _line("calls", f"{collected.calls:,}{_period(found)}")
    _line("not used", _counts(collected.unusable))
    if found.broken.count:
        _line("broken lines", f"{found.broken.count:,}, the first: {found.broken.first}")
    _line("copies", f"{found.copies:,} calls whose text another call has" if found.copies else "")
    _line("left out", _counts(found.left_out))
    _line("masked", _counts(cleaned.masked))
    _line("secrets", _counts(cleaned.secrets))
    _line("models", _models(found))
    _line("system prompt", _systems(found))
    _line("added", f"{len(cleaned.texts):,} inputs to {found.folder / 'inputs.jsonl'}")
    if not found.is_used:
        _line("", 'no run reads them until generate.sources in task.toml has "inputs"')
    _show_answers(found)
    _show_today(found)


def _show_answers(found: "Imported") -> None:
    chosen = found.chosen
    if found.prompt_written:
        _line("", f"the system prompt to {found.folder / 'answer.system.md'}")
    kinds = []
    if chosen.labels:
        kinds.append(f"{chosen.labels:,} learnt and not asked for again, teacher: {found.teacher}")
    if chosen.hints:
        counts = _counts(chosen.hints)
        kinds.append(f"{counts} than the teacher's ({found.teacher}), kept as hints")
    if chosen.unused:
        kinds.append(f"not used: {_counts(chosen.unused)}")
    _line("answers", "; ".join(kinds))
    if chosen.hints:
        _line("", "--answers-as-labels learns the hints, too")


def _line(name: str, said: str) -> None:
    if said:
        click.echo(printable(f"{name:{WIDTH}}  {said}"))


def _counts(counts: Counter[str]) -> str:
    from distill.task.logs.collecting import counted

    return counted(counts)


def _models(found: "Imported") -> str:
    calls = Counter({name or "no name": use.calls for name, use in found.collected.models.items()})
    shown = ", ".join(f"{name} {count:,}" for name, count in calls.most_common(SHOWN_MODELS))
    more = len(calls) - SHOWN_MODELS
    return f"{shown} and {more:,} more" if more > 0 else shown


def _systems(found: "Imported") -> str:
    from distill.task.logs.collecting import shown_systems

    return "; ".join(shown_systems(found.collected.systems))


def _period(found: "Imported") -> str:
    """Return the days of the calls and their number a day; "" without times in the logs."""
    first, last = found.collected.first, found.collected.last
    if first is None or last is None:
        return ""
    said = f", {_day(first)} to {_day(last)}"
    days = (last - first) / SECONDS_PER_DAY
    return f"{said}, {found.collected.calls / days:,.0f} a day" if days >= 1 else said


def _day(at: float | None) -> str:
    return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _show_today(found: "Imported") -> None:
    today = found.today
    if today is None:
        _line("today", "the logs name no model with tokens: set [today] in task.toml")
        return
    if today.usd_per_1k is None:
        usd = f"the price of {today.model} is not known"
    else:
        source = "as the logs say" if today.is_paid else "at list prices"
        usd = f"${today.usd_per_1k:.4f} for 1,000 calls, {source}"
    tokens = f"{today.prompt_tokens:,} and {today.completion_tokens:,} tokens of {today.model}"
    _line("today", f"{usd}: {tokens}")
    if found.today_written:
        _line("", f"written as [today] into {found.folder / 'task.toml'}")
    elif today.is_teacher:
        _line("", "not written as [today]: it is the teacher, whose tokens the run measures")
    else:
        why = "has its own [today]" if today.priced else "needs a price of the model"
        _line("", f"task.toml {why}; what the logs say:")
        click.echo(printable(today.section, lines=True), nl=False)
