"""The schema of report.json: a model for each section, with the meaning and unit of each key.

Programs may use it to read and check reports. The tool itself writes plain dicts, which the tests
check.
"""

import json
from typing import Literal

from distill.report.schema.decision import DecisionFigures
from distill.report.schema.fields import Count, Section, Time, key, optional
from distill.report.schema.money import BreakEven, ListPrices, Spend
from distill.report.schema.quality import (
    UNSURE,
    Advice,
    Calibration,
    Coverage,
    FieldRow,
    Judge,
    LabelRow,
    LearningCurve,
    Memorised,
    Mistake,
    MistakeCounts,
    OutOfScope,
    Parity,
    RivalVerdict,
    SelfAgreement,
    ShorterPrompt,
    SideEffect,
    Speed,
    System,
    TokensSaved,
    VerdictFigures,
)
from distill.report.schema.run import (
    CuratedData,
    Data,
    Machine,
    Made,
    Server,
    StudentFigures,
    Teacher,
    Terms,
    Unfinished,
)

UNJUDGED = "without rivals, or if the judge is not usable"


class Common(Section):
    """The keys of every report."""

    task: str = key("Name of the task.")
    run: str = key("Id of the run.")
    created: Time = key("Time at which the report was written.")
    versions: dict[str, str] = key("Package → installed version.")
    embedding_model: str = optional("Model of sentence embeddings.", "in reports of older versions")
    made: Made = key("Origin of the run.")
    teacher: Teacher = key("The teacher.")
    terms: Terms = key("Terms of the models.")
    description: str = optional("Description of the task.", "if the task has none")
    older: str = optional("The edit of the task since the run.", "if the task is as it was")
    decision: DecisionFigures = key("The decision that the report recommends.")
    headline: str = key("The report in a few sentences.")
    spend: Spend = key("Cost of the run.")
    rehearsal: Literal[True] = optional(
        "The run is a rehearsal, and no figure is real.", "in every other run"
    )


class UnfinishedReport(Common):
    """The report of an unfinished run, with the figures of its finished stages."""

    unfinished: Unfinished = key("Progress of the run.")
    student: StudentFigures = optional("The student.", "before the training")
    data: Data | CuratedData = optional("The data.", "before the curation")


class Report(Common):
    """The report of a finished run."""

    student: StudentFigures = key("The student.")
    data: Data = key("The data.")
    systems: list[System] = key("Systems on gold, in the order of the page.")
    unbeaten: str = optional(
        "Name of the rival that makes the student unnecessary.", "without such a rival"
    )
    beaten: list[str] = optional(
        "Rivals that are as good as the teacher, and that the student beats by more than the "
        "margin.",
        "without such a rival, or if the student does not pay for itself",
    )
    verdict: VerdictFigures = key("The verdict on the student.")
    rivals_tried: Count = optional("Number of rivals.", UNJUDGED)
    rival_verdicts: list[RivalVerdict] = optional(
        "Verdicts on the rivals against the teacher.", UNJUDGED
    )
    judge: Judge = optional("The judge of texts.", "unless the task generates")
    break_even: BreakEven = key("When the student has paid for itself.")
    list_prices: ListPrices = optional("Prices of other models.", "if no tokens were counted")
    prompt_tokens_saved: TokensSaved = optional(
        "Prompt tokens that the training saves.", "if they were not counted"
    )
    shorter_prompt: ShorterPrompt = optional(
        "Teacher's and student's prompts with their cost.", "if their tokens were not counted"
    )
    teacher_self_agreement: SelfAgreement = optional(
        "How often the teacher repeats its answer.", "if the teacher was asked once"
    )
    labels: list[LabelRow] = optional("Figures by label.", "unless the task classifies")
    out_of_scope: OutOfScope = optional(
        "Errors at the border of the labels.", "unless a label is `other`"
    )
    fields: list[FieldRow] = optional("Figures by field.", "unless the task extracts")
    calibration: Calibration = optional("Calibration of the student.", UNSURE)
    coverage: Coverage = optional("Mixtures of student and teacher.", UNSURE)
    parity: Parity = optional("Served student beside its trainer.", "if not measured")
    speed: list[Speed] = optional("Speeds of the student.", "if not measured")
    server: Server = optional("Start of the student's server.", "if not measured")
    side_effects: list[SideEffect] = optional(
        "Abilities that the training may have broken.", "if no probe was asked"
    )
    scored_otherwise: Count = optional(
        "Answers of student and teacher that today's scorer scores otherwise.", "if there are none"
    )
    memorised: Memorised = optional("Answers from the training rows.", "if the task classifies")
    learning_curve: LearningCurve = optional(
        "Students of parts of the rows.", "unless `distill run --curve` trained them"
    )
    machine: Machine = key("The machine behind the prices.")
    worst: list[Mistake] = key("Gold rows on which the student scores less, at most 20.")
    better: list[Mistake] = key("Gold rows on which the student scores more, at most 20.")
    both_wrong: list[Mistake] = key("Gold rows that both get wrong, at most 20.")
    mistakes: MistakeCounts = key("Numbers of all such rows.")
    disturbed: str = optional("Explanation of the mark †.", "if nothing was disturbed")
    advice: list[Advice] = optional("Advice, the largest saving first.", "in a rehearsal")


def read_report(text: str) -> Report | UnfinishedReport:
    """Return the checked report for the text of a report.json.

    Raises pydantic's ValidationError for an unknown or missing key, or a value of another type."""
    model = UnfinishedReport if "unfinished" in json.loads(text) else Report
    return model.model_validate_json(text)
