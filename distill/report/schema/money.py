"""The sections of report.json on money: cost of the run, prices of the systems, break-even."""

from typing import Literal

from distill.report.schema.fields import (
    Count,
    Day,
    Days,
    Hours,
    Requests,
    Section,
    Share,
    Tokens,
    Usd,
    Usd1k,
    key,
    optional,
)

NOT_GIVEN = "if the task does not give it"
NEVER = "if the student never pays for itself"
DISTURBED = "if other programs disturbed a price"
NEVER_OR_DISTURBED = f"{NEVER}, or {DISTURBED}"


class Spend(Section):
    """The cost of the run."""

    generate_usd: Usd = key("Inputs and answers of the teacher.")
    judge_usd: Usd = key("Judge of examples, and judge of the systems' answers.")
    seeds_usd: Usd = key("Questions to the teacher about the seeds.")
    train_usd: Usd = key("Training of the student.")
    curve_usd: Usd = optional("Trainings of the learning curve.", "without a learning curve")
    evaluate_usd: Usd = key("Answers of the systems on gold and on probes.")
    people_usd: Usd = optional("Work of people.", "unless the task declares it")
    total_usd: Usd = key("Sum of the parts above.")
    billed_usd: Usd = key("Part of the total that providers billed.")
    budget_usd: Usd = key("Maximum that providers may bill.")
    possibly_paid_twice_usd: Usd = key("Maximum bill of lost answers, which is in no sum.")
    estimate_usd: Usd = optional("Estimate before the run.", "if none was stored")
    estimate_certain_usd: Usd = optional(
        "Part of the estimate that did not depend on inputs yet to be made.", "if none was stored"
    )
    disturbed: list[str] = optional(
        "Parts that other programs on the machine made larger.", "if there are none"
    )


class Tariff(Section):
    """The alternative prices of the same requests, for a system that a provider bills."""

    in_batches: Usd1k = optional("Price in batches.", "if the provider has no batches")
    without_cache: Usd1k = key("Price without cached tokens.")
    from_: str = key("Source of the prices.", alias="from")
    assumed: str = optional("Assumption about the cache's price.", "without such an assumption")


class PayBack(Section):
    """The break-even of the student in place of another system."""

    never: bool = key("True if the student never pays for itself, or only after its model ends.")
    requests: Requests = optional("Requests until the break-even.", NEVER)
    days: Days = optional("Days until the break-even.", NEVER)
    monthly_saving_usd: Usd = key("Saving in a month of 365 ÷ 12 days; below 0 for a loss.")


class RivalPayBack(PayBack):
    """The break-even of the student in place of a rival."""

    spent_usd: Usd = key("Cost of the student beyond that of the rival.")


class CheapestRival(RivalPayBack):
    """The break-even of the student in place of the cheapest rival as good as the teacher."""

    system: str = key("Name of the rival.")
    sentence: str = key("The break-even in words.")


class PayBackAtTraffic(PayBack):
    """The break-even at a multiple of the task's traffic."""

    times: Count = key("Multiple of the task's traffic.")
    requests_per_day: Requests = key("Requests a day.")
    teacher_usd_per_day: Usd = key("Cost of the teacher a day.")
    student_usd_per_day: Usd = key("Cost of the student a day.")
    replicas: Count = key("Number of our machines that serve the student.")


class Sensitivity(PayBack):
    """The break-even with one assumption halved or doubled."""

    assumption: str = key("Name of the assumption.")
    value: str = key("The changed value in words.")


class Assumptions(Section):
    """The assumptions that the task declares."""

    requests_per_day: Requests = key("Requests a day in production.")
    utilisation: Share = key("Highest load of one of our machines.")
    usd_per_hour: Usd = key("Price of an hour of one of our machines.")
    people_hours: Hours = optional("Hours of people's work.", "if the task declares none")
    people_usd_per_hour: Usd = optional("Price of such an hour.", "if the task declares none")
    today_model: str = optional("The model that does the job today.", NOT_GIVEN)
    today_prompt_tokens: Tokens = optional("Tokens of a prompt to that model.", NOT_GIVEN)
    today_completion_tokens: Tokens = optional("Tokens of its answer.", NOT_GIVEN)
    teacher_rationale: Literal[True] = optional(
        "The teacher gives reasons before its answers.", "if it does not"
    )


class Today(Section):
    """The model that does the job today, and its cost."""

    model: str = key("Its name at its provider.")
    compared: str | None = key("Its name in `systems`; null if the task does not compare it.")
    prompt_tokens: Tokens = key("Mean tokens of a prompt, given or the teacher's.")
    completion_tokens: Tokens = key("Mean tokens of an answer, given or the teacher's.")
    usd_per_1k_requests: Usd1k = key("Cost of 1,000 requests.")
    usd_per_day: Usd = key("Cost of a day at the task's traffic.")


class ListPrice(Section):
    """The list price of a model."""

    model: str = key("Name of the model for people.")
    usd_per_month: Usd = key("Cost of a month at the task's traffic.")


class ListPrices(Section):
    """The task's traffic at the list prices of the day; no quality is measured."""

    prompt_tokens: Tokens = key("Tokens of a prompt, as today's model or the teacher has them.")
    completion_tokens: Tokens = key("Tokens of an answer. Decision models bill none.")
    models: list[ListPrice] = key("Models, the cheapest first.")


class BreakEven(Section):
    """The break-even of the student against today's model and its rivals."""

    today: Today = optional("Today's model.", "if the teacher does the job today")

    never: bool = optional(
        "True if the student never pays for itself, or only after its model ends.", DISTURBED
    )
    requests: Requests = optional("Requests until the break-even.", NEVER_OR_DISTURBED)
    days: Days = optional("Days until the break-even.", NEVER_OR_DISTURBED)
    monthly_saving_usd: Usd = optional(
        "Saving in a month of 365 ÷ 12 days; below 0 for a loss.", DISTURBED
    )
    open_because: list[Literal["verdict", "timing"]] = optional(
        "Reasons why no sentence says that the student pays.", "without such a reason"
    )
    replicas: Count = optional("Number of our machines that serve the student.", DISTURBED)
    spent_usd: Usd = key("Cost of making the student.")
    ends: Day = optional("Day on which a provider ends the student.", "if unknown")
    teacher_ends: Day = optional("Day on which a provider ends the teacher.", "if unknown")
    assumptions: Assumptions = key("Assumptions of the task.")
    sentence: str = key("The break-even in words.")
    traffic: list[PayBackAtTraffic] = optional("Break-even at more traffic.", DISTURBED)
    sensitivity: list[Sensitivity] = optional("Break-even under other assumptions.", DISTURBED)
    rivals: dict[str, RivalPayBack] = key(
        "Rival → break-even in its place. Rivals with a disturbed price are left out."
    )
    cheapest_rival: CheapestRival = optional(
        "The cheapest rival that is as good as the teacher.",
        "without such a rival, or if other programs disturbed a price",
    )
