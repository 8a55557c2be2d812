"""The sections of report.json on quality: systems, verdicts, judge, mistakes, side effects."""

from typing import Literal

from pydantic import Field

from distill.evaluate.statistics import Result
from distill.report.schema.fields import (
    AtTraffic,
    Count,
    CountedShare,
    Days,
    Difference,
    Gain,
    Kappa,
    MeanTokens,
    PairedDifference,
    Probability,
    RatioInterval,
    Requests,
    RequestsPerSecond,
    Rows,
    Saved,
    Seconds,
    Section,
    Share,
    ShareInterval,
    Time,
    TokensPerSecond,
    Usd,
    Usd1k,
    WithInput,
    key,
    optional,
)
from distill.report.schema.money import NEVER, Tariff
from distill.report.timing import From

UNSURE = "if an answer of the student has no probability"
DISTURBED = "if other programs disturbed a price"
BOTH_SORTS = "unless the task extracts, and gold has rows with and without values"
TEXTS = "unless the task generates"
BILLED = "unless a provider bills the system"
IN_PROCESS = "for a system that is no language model"


class Timing(Section):
    """The method by which a system was timed."""

    from_: From = key("Source: a closed loop, the answers on gold, or this process.", alias="from")
    in_flight: Count | None = key("Requests in flight; null if unknown.")
    others_cpu: Share | None = key("Share of the processors of other programs; null if unknown.")
    disturbed: bool = key("True if other programs made the times too long for any sentence.")


class Compared(PairedDifference):
    """A system's difference from another system."""

    mcnemar_p: Probability = optional(
        "p of the exact McNemar test.", "unless every answer is right or wrong"
    )


class System(Section):
    """A system's quality, speed and price."""

    name: str = key("`teacher`, `student`, `base`, the name of a rival, or an untuned model.")
    to_teacher: Compared = optional("Difference to the teacher.", "for the teacher")
    to_base: Compared = optional("Difference to the base.", "for the base")
    n: Rows = key("Gold rows that were answered.")
    metric: Literal["accuracy", "field_f1", "win_rate"] = key("Metric of `value`, by the kind.")
    value: Share = key("Mean score on gold.")
    ci_low: Share = key("Lower end of the interval of `value`.")
    ci_high: Share = key("Upper end of the interval of `value`.")
    macro_f1: Share = optional("Mean F1 of the labels that gold has.", "unless the task classifies")
    exact_match: ShareInterval = optional(
        "Share of objects that are all right.", "unless the task extracts"
    )
    filled: CountedShare = optional("Mean score on gold rows with a value.", BOTH_SORTS)
    empty: CountedShare = optional("Mean score on gold rows without a value.", BOTH_SORTS)
    won: Rows = optional("Gold rows won against the teacher.", TEXTS)
    level: Rows = optional("Gold rows level with the teacher.", TEXTS)
    lost: Rows = optional("Gold rows lost against the teacher.", TEXTS)
    length_ratio: RatioInterval = optional("Words for each word of the teacher's.", TEXTS)
    chrf: CountedShare = optional("Mean chrF.", "unless gold has texts as references")
    valid_rate: Share = key("Share of answers that are valid and complete.")
    usd_per_1k_requests: Usd1k = key("Provider's price, or machine time if always busy.")
    latency_p50_s: Seconds = key("Median latency.")
    latency_p95_s: Seconds = key("95th percentile of the latency.")
    requests_per_s: RequestsPerSecond = key("Requests a second.")
    timing: Timing = optional("Measurement of the times.", "if a provider bills the system")
    answers_in_flight: Count | None = optional("Requests in flight; null if unknown.", BILLED)
    prompt_tokens_mean: MeanTokens = optional("Mean tokens of a prompt.", IN_PROCESS)
    completion_tokens_mean: MeanTokens = optional("Mean tokens of an answer.", IN_PROCESS)
    at_traffic: AtTraffic = key("Cost at the task's traffic.")
    tariff: Tariff = optional("Other prices.", BILLED)
    without_reasons: Usd1k = optional(
        "Estimated price without reasons in the answers.", "unless reasons are billed"
    )


class EarlierVerdict(Section):
    """An earlier evaluation on some of the present gold."""

    run: str = key("Id of its run.")
    finished: Time = key("End of the evaluation.")
    gold: Rows = key("Gold rows of the evaluation.")
    shared_gold: Rows = key("Gold rows of the evaluation that are still gold.")
    new_answers: bool = key("True if the answers differ from the present ones.")
    margin: Share = optional("Margin then.", "if unknown")
    confidence: Probability = optional("Confidence then.", "if unknown")
    most_forgotten: Share = optional("Limit of lost general abilities then.", "if unknown")
    most_unsafe: Share = optional("Limit of lost safety then.", "if unknown")
    level: Probability = optional(
        "Level of the interval that decided.", "in runs of older versions"
    )
    exceeded: list[str] = optional(
        "Groups of probes beyond their limit.", "in runs of older versions"
    )
    result: Result = optional("Result then.", "if unknown")


class VerdictFigures(PairedDifference):
    """The verdict on the student's non-inferiority to the teacher, within the margin."""

    margin: Share = key("How much worse than the teacher the student may be.")
    confidence: Probability = key("Confidence of the task.")
    at_least: Difference = key("Lower end of the one-sided interval that decides.")
    at_most: Difference = key("Upper end of the one-sided interval that decides.")
    level: Probability = key("Level of the one-sided intervals.")
    result: Result = key("The conclusion.")
    gold_needed: Rows = optional(
        "Gold rows in all that should settle it.", "unless it is inconclusive and rows settle it"
    )
    looks: Count = key("Number of this evaluation on the gold, from 1.")
    next_level: Probability = key("Level of the next verdict on this gold.")
    earlier: list[EarlierVerdict] = key("Earlier evaluations on this gold, the oldest first.")


class RivalVerdict(Section):
    """The verdict on a rival against the teacher."""

    name: str = key("Name of the rival.")
    result: Result = key("The conclusion.")
    difference: Difference = key("Mean score of the rival minus the teacher's.")
    at_least: Difference = key("Lower end of the one-sided interval that decides.")
    level: Probability = key("Level of that interval. All rivals share one error.")


class JudgeAndPeople(CountedShare):
    """The judge's agreement with people."""

    kappa: Kappa = optional(
        "Agreement beyond chance (Cohen's kappa).", "if all verdicts are the same"
    )


class Judge(Section):
    """The judge of texts, and its reliability."""

    model: str = key("Name of the judge.")
    is_teacher: bool = key("True if the teacher judges.")
    usable: bool = key("True if the judge tells right answers from those to other inputs.")
    control: CountedShare = optional(
        "Win rate of right answers against answers to other inputs.", "without such pairs"
    )
    pairs: Count = key("Pairs of answers that the judge saw.")
    unreadable: Count = key("Verdicts that could not be read.")
    same_both_ways: ShareInterval = optional(
        "Share of pairs with the same verdict in both orders.", "without pairs"
    )
    first_won: Share = optional("Share of verdicts for the answer shown first.", "without pairs")
    first_lost: Share = optional(
        "Share of verdicts against the answer shown first.", "without pairs"
    )
    people: JudgeAndPeople = optional(
        "Share of pairs judged as people did.", "if the task has no preferences"
    )


class TokensSaved(Section):
    """The prompt tokens that the training saves."""

    base_few_shot: MeanTokens = key("Mean prompt tokens of the base with instructions and seeds.")
    student: MeanTokens = key("Mean prompt tokens of the student.")
    share: Saved = key("Saved share of the tokens, at most 1; below 0 if none are saved.")


class PromptOf(Section):
    """A system's requests on gold: the prompt, the time and the price."""

    prompt_tokens: MeanTokens = key("Mean tokens of a prompt, by the system's own tokenizer.")
    latency_p50_s: Seconds = key("Median latency.")
    latency_p95_s: Seconds = key("95th percentile of the latency.")
    usd_per_1k_requests: Usd1k = key("Cost at the task's traffic, cached tokens at their price.")
    cached_share: Share = optional("Share of these tokens that came from a cache.", BILLED)
    usd_per_1k_without_cache: Usd1k = optional("Cost if no token were cached.", BILLED)


class ShorterPrompt(Section):
    """The saving by the student's short prompt, as measured on gold."""

    teacher: PromptOf = key("The teacher, whose prompt has the instructions and seeds.")
    student: PromptOf = key("The student, whose prompt has one line.")
    share: Saved = key("Saved share of the tokens, at most 1; below 0 if none are saved.")
    sentence: str = key("The saving in words; without times and prices if they are disturbed.")


class SelfAgreement(CountedShare):
    """The share of gold rows on which the teacher, with other seeds shown, repeats its answer."""

    right_again: Share = key("Mean score of the second answers.")
    student: Share = key("Share of these rows on which the student gives the teacher's answer.")


class OneLabel(Section):
    """The figures of a system on a label."""

    n: Rows = key("Gold rows of the label.")
    precision: Share = key("Right answers divided by all answers of this label.")
    recall: Share = key("Right answers divided by gold rows of this label.")
    f1: Share = key("Harmonic mean of precision and recall.")
    taken_for: dict[str, Rows] = key("Wrong answer → number of rows, the most frequent first.")


class LabelRow(Section):
    """The figures of student and teacher on a label."""

    label: str = key("The label.")
    student: OneLabel = key("Figures of the student.")
    teacher: OneLabel = key("Figures of the teacher.")


class SystemOutOfScope(Section):
    """The errors of a system at the border of the labels."""

    name: str = key("Name of the system, as in `systems`.")
    false_accepts: CountedShare = optional(
        "Share of gold rows of `other` that get another label.", "if gold has none of these rows"
    )
    false_rejects: CountedShare = optional(
        "Share of gold rows of other labels that get `other`.", "if gold has none of these rows"
    )


class StudentForces(PairedDifference):
    """The student's false accepts minus those of today's model."""

    than: str = key("Name of today's model in `systems`; the teacher if that is not compared.")
    more: bool = key("True if the student is shown to force more: the interval is above 0.")


class OutOfScope(Section):
    """The errors at the border of the labels, where the task has the label `other`."""

    label: str = key("The label of what belongs to no other label.")
    systems: list[SystemOutOfScope] = key("Systems, in the order of the page.")
    student_forces: StudentForces = optional(
        "How much more the student forces into a label.", "if gold has no row of `other`"
    )


class OneField(Section):
    """The figures of a system on a field."""

    n: Count = key("Values of the field in gold.")
    precision: Share = key("Right values divided by all values that were given.")
    recall: Share = key("Right values divided by all values in gold.")
    f1: Share = key("Harmonic mean of precision and recall.")
    wrong: Count = key("Values other than gold's.")
    missing: Count = key("Values of gold that were not given.")
    too_many: Count = key("Values that gold has not.")


class FieldRow(Section):
    """The figures of student and teacher on a field."""

    field: str = key("The field.")
    student: OneField = key("Figures of the student.")
    teacher: OneField = key("Figures of the teacher.")


class CalibrationBin(Section):
    """The gold rows whose confidence is in one tenth of the range."""

    from_: Share = key("Lower end of the tenth.", alias="from")
    to: Share = key("Upper end of the tenth.")
    n: Rows = key("Gold rows in the tenth.")
    confidence: Probability = key("Mean confidence of these rows.")
    right: Share = key("Share of these rows with the best score.")


class Calibration(Section):
    """The calibration of the student's confidence."""

    ece: Share = key("Expected calibration error.")
    bins: list[CalibrationBin] = key("Tenths that have a row.")


class CoveragePoint(Section):
    """A mixture: the student answers the rows of highest confidence, the teacher the others."""

    share: Share = key("Share of the rows that the student answers.")
    handed_over: Rows = key("Rows that the teacher answers.")
    threshold: Probability = key("Least confidence with which the student answers.")
    threshold_shown: str = key("The threshold in digits, to copy.")
    student: Share = key("Mean score of the student on its rows.")
    teacher: Share = key("Mean score of the teacher on the student's rows.")
    value: Share = key("Mean score of the mixture on all rows.")
    difference: Difference = key("Mean score of the mixture minus that of the teacher alone.")
    at_least: Difference = key("Lower end of the one-sided interval of the difference.")
    result: Result = key("Verdict on the mixture.")
    usd_per_1k_requests: Usd1k = optional("Cost of the mixture at the task's traffic.", DISTURBED)
    at_traffic: AtTraffic = optional("The same cost in full.", DISTURBED)
    never: bool = optional("True if the student never pays for itself.", DISTURBED)
    requests: Requests = optional("Requests until the break-even.", NEVER)
    days: Days = optional("Days until the break-even.", NEVER)
    monthly_saving_usd: Usd = optional("Saving in a month against the teacher alone.", DISTURBED)


class Coverage(Section):
    """The share of requests that the student could answer without the teacher."""

    points: list[CoveragePoint] = key("Mixtures, the student's smallest share first.")
    sentence: str = key("The largest share as good as the teacher alone, in words.")
    chosen: str = key("Note on the choice of the share.")


class Parity(Section):
    """The agreement of the served student's answers with the trained student's."""

    n: Rows = key("Prompts that both answered.")
    agreement: Share = key("Share of the prompts with the same answer.")


class Speed(Section):
    """The student's speed at a number of requests in flight."""

    in_flight: Count = key("Requests in flight.")
    requests: Requests = key("Requests that were measured.")
    latency_p50_s: Seconds = key("Median latency.")
    latency_p95_s: Seconds = key("95th percentile of the latency.")
    latency_p99_s: Seconds = key("99th percentile of the latency.")
    requests_per_s: RequestsPerSecond = key("Requests a second.")
    completion_tokens_per_s: TokensPerSecond = key("Tokens of answers a second.")
    usd_per_1k_requests: Usd1k = key("Price of machine time if always so busy.")
    timing: Timing = key("Measurement of the times.")


class BrokenProbe(WithInput):
    """A probe that the student fails."""

    kind: str = key("Kind of the probe.")
    student: str = key("Answer of the student.")


class SideEffect(PairedDifference):
    """The results of student and base on a group of probes."""

    group: Literal["general", "safety", "carried"] = key("Name of the group.")
    about: str = key("The group in words.")
    n: Rows = key("Probes of the group.")
    student: ShareInterval = key("Share of the student's answers that pass.")
    base: ShareInterval = key("Share of the base's answers that pass.")
    judged_by: Literal["student", "difference"] = key("Figure that decides.")
    at_most: Difference = key("Upper end of the one-sided interval of that figure.")
    limit: Share = key("Limit of the task.")
    worse: bool = key("True if the student is shown to be beyond the limit.")
    broken: list[BrokenProbe] = key("A few probes that the student fails.")


class MemorisedRow(WithInput):
    """A gold row that the student answered with a memorised value or text."""

    values: list[str] = Field(min_length=1, description="The memorised values, or the text.")


class Memorised(CountedShare):
    """The share of gold rows that the student answered from training rows, not from the input."""

    examples: list[MemorisedRow] = key("A few of these rows.")
    teacher: Share = optional("The same share of the teacher.", TEXTS)


class CurvePoint(ShareInterval):
    """The score of a student that was trained on a number of examples."""

    examples: Rows = key("Examples that it was trained on.")


class NextExamples(Section):
    """The estimated gain from more examples, with its interval."""

    examples: Rows = key("Number of further examples.")
    gain: Gain = key("Gain in the mean score.")
    ci_low: Gain = key("Lower end of the interval.")
    ci_high: Gain = key("Upper end of the interval.")
    confidence: Probability = key("Confidence of the interval.")


class LearningCurve(Section):
    """The scores of students that were trained on parts of the rows."""

    points: list[CurvePoint] = key("Students, the one with the fewest examples first.")
    next: NextExamples = key("Gain of the next examples.")
    sentence: str = key("That gain in words.")


class MistakeCounts(Section):
    """The numbers of gold rows by the system that is wrong."""

    worst: Rows = key("The student scores less than the teacher.")
    better: Rows = key("The student scores more than the teacher.")
    both_wrong: Rows = key("Both score the same, below the best score.")


class Mistake(WithInput):
    """A gold row with the answers of student and teacher."""

    expected: str = key("The human label; empty for a text without a reference.")
    teacher: str = key("Answer of the teacher.")
    student: str = key("Answer of the student.")
    confidence: Probability = optional(
        "The student's probability for its answer.", "without a probability"
    )


class Advice(Section):
    """A piece of advice."""

    rule: str = key("Name of the rule, see docs/read-the-report.md.")
    say: str = key("The advice.")
    because: str = key("Figures that led to it.")
    system: str = optional("Name of the recommended rival.", "unless the rule recommends one")
