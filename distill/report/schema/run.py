"""The sections of report.json on the run: its parts, teacher, terms, student and data."""

from typing import Literal

from pydantic import Field

from distill.core.model_terms import Training
from distill.report.schema.fields import (
    Count,
    Day,
    Mib,
    Number,
    Rows,
    Seconds,
    Section,
    Share,
    Tokens,
    Usd,
    WithInput,
    key,
    optional,
)


class Made(Section):
    """The origin of the run, and the commands for another run."""

    task_hash: str = key("Hash of everything in the task that shapes an answer.")
    parts: dict[str, str] = key("Part of the task → its hash.")
    commands: list[str] = key("Commands that make another run and show the runs.")


class Teacher(Section):
    """The teacher and the mode of its requests."""

    model: str = key("Name of the model.")
    mode: Literal["online", "batch"] = key("`batch` if any request went through a Batch API.")
    auto: str = optional("Reason for the model that `auto` chose.", "if the task names its teacher")
    instead_of: str = optional("Model to whose bill nobody agreed.", "without such a model")


class TermsRow(Section):
    """The terms of a model whose outputs trained the student, or of its base."""

    use: Literal["teacher", "judge", "logged model", "base"] = key("Use of the model in the run.")
    model: str = key("The model as the task names it.")
    provider: str = key("Provider of the model, or name of its weights or licence.")
    training: Training = key("Permission to train a student on the outputs.")
    sentence: str = key("The permission in words.")
    says: str = key("Summary of the terms.")
    source: str = key("Name of the document; empty for unknown terms.")
    url: str = key("Address of the document; empty for unknown terms.")
    checked: Day = optional("Day on which the document was read.", "if nobody has read it")
    effective: Day = optional("Day from which the terms hold.", "if it is unknown")
    duties: list[str] = key("Duties of whoever uses or distributes the student.")


class LabelOrigin(Section):
    """The number of the split's rows whose answers have the same origin."""

    origin: str = key("`teacher`, `log` (of production), or a person's: `seed`, `review`.")
    model: str = key("Model that answered; empty for a person.")
    provider: str = key("Provider of the teacher; empty for other origins.")
    rows: Rows = key("Number of rows.")


class Terms(Section):
    """The terms of the run's models."""

    rows: list[TermsRow] = key("The models that the student learned from, then its base.")
    stops: bool = key("True if the terms stop a run without a confirmed permission.")
    confirmed: str = optional("The user's reason why the training is permitted.", "without one")
    labels: list[LabelOrigin] = optional(
        "Training and validation rows by the origin of their answers.", "before the split"
    )


class Loss(Section):
    """A row of the loss curve."""

    step: Number = key("Training step.")
    loss: Number = optional("Mean training loss since the row before.", "in a row of validation")
    validation_loss: Number = optional("Loss on the validation rows.", "if not measured there")


class StudentFigures(Section):
    """The student, its recipe and its training."""

    base: str = key("Base model, with its revision if that is known.")
    trainer: str = key("Trainer: `unsloth`, `peft` or `openai`.")
    licence: str = key("Licence of the base; empty if unknown.")
    data_hash: str = key("Hash of the training and validation rows.")
    artifact: str = key("Id of the trained student.")
    recipe: dict[str, bool | int | float | str | None] = key("Training setting → value.")
    trained_tokens: Tokens = key("Tokens that were trained on, all epochs together.")
    kept_step: Count = optional("Training step of the kept weights.", "in runs of older versions")
    losses: list[Loss] = key("The loss curve.")


class DroppedRow(WithInput):
    """A dropped row."""

    reason: str = key("Reason of the drop.")
    matched: str = key("What the check matched; empty for nothing.")


class CheckYield(Section):
    """The result of a curation check."""

    check: str = key("Name of the check.")
    rows_in: Rows = key("Rows that reached the check.")
    dropped: Rows = key("Rows that the check dropped.")
    reasons: dict[str, Rows] = key("Reason → number of drops.")
    usd: Usd = key("Cost of the dropped rows.")
    examples: list[DroppedRow] = key("A few dropped rows.")


class CheckNote(Section):
    """A note of a check on its own quality."""

    check: str = key("Name of the check.")
    words: str = key("The note.")
    spared: Rows = key("Rows that the check would have dropped but did not.")


class Spread(Section):
    """The diversity of the examples of a label, or of a set of fields."""

    label: str = key("The label, or the fields with a value; `any` for texts.")
    rows: Rows = key("Examples other than seeds.")
    distinct_1: Share = key("Distinct words divided by all words.")
    distinct_2: Share = key("Distinct pairs of words divided by all pairs.")
    mean_nearest_distance: Number = key("Mean of 1 − cosine to the nearest other example, 0 to 2.")
    covered: Share = key("Share of real inputs that have a synthesised one near them.")


class LeakGate(Section):
    """The result of the search for rows that are too close to gold."""

    status: Literal["clean", "dropped"] = key("`dropped` if any row was too close.")
    overlaps: Rows = key("Seeds and examples that were left out.")


class CuratedData(Section):
    """The data of an unfinished run after curation, before the split."""

    yields: list[CheckYield] = key("Checks that dropped a row, in their order.")
    notes: list[CheckNote] = optional("Notes of checks on their own quality.", "without notes")
    spread: list[Spread] = key("Diversity of the examples; empty before the split.")


class Data(CuratedData):
    """The data: numbers of rows generated, dropped, kept and split."""

    requested: Rows = key("Inputs that were requested or given.")
    completed: Rows = key("Candidates that were made.")
    kept: Rows = key("Candidates that no check dropped.")
    dropped: dict[str, Rows] = key("`check: reason` → number of dropped candidates.")
    seeds: Rows = key("Seeds of the task, also those too close to gold.")
    examples: Rows = optional(
        "Rows of examples.jsonl, which people labelled.", "without such a file"
    )
    logged_answers: Rows = optional(
        "Inputs with an answer of a production log, which nobody was asked about.",
        "without such answers",
    )
    train: Rows = key("Training rows, seeds included.")
    validation: Rows = key("Validation rows.")
    gold: Rows = key("Gold rows.")
    gold_copies: Rows = optional("Gold rows that repeat an earlier one.", "without such rows")
    leak_gate: LeakGate = key("Rows that were too close to gold.")


class Unfinished(Section):
    """The progress of an unfinished run."""

    done: list[str] = Field(min_length=1, description="Finished stages in their order.")
    next: str = key("Next stage.")


class Machine(Section):
    """The machine behind the prices of systems on our own servers."""

    usd_per_hour: Usd = key("Price of an hour of the machine, an assumption of the task.")
    in_flight: Count = key("Requests in flight while the systems were timed.")
    sentence: str = key("How each system was timed.")


class Server(Section):
    """The start of the student's server."""

    start_s: Seconds = key("Time until the server was ready.")
    memory_mib: Mib = key("Memory after the weights were loaded.")
