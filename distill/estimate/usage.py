"""The expected token usage and duration of a purpose's answers.

Before the first answer they are assumed, and afterwards measured on the stored answers.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from distill.core.purpose import ANSWER, JUDGED, ON_SEEDS, Purpose
from distill.core.requests import Model, Request
from distill.estimate.workload import AGAIN, EVALUATE, PurposeWorkload, Workload
from distill.generate.rounds import ASSUMED_YIELD
from distill.llm.tokens import of_prompt, of_text, worst_case
from distill.task import Task

FIRST_TOKEN_SECONDS = 0.7
TOKENS_PER_SECOND = 60
THOUGHT_TOKENS = 100
RATIONALE_TOKENS = 50


@dataclass(frozen=True, slots=True)
class UsageForecast:
    """The expected usage of a request.

    `measured`: the number of measured answers; 0 for an assumption.
    `prompt_factor`: the tokens of the prompt divided by our own count.
    `tokens`, `seconds`: the mean tokens and the mean duration of the answer.
    `thought`: the reasoning tokens included in `tokens`.
    """

    measured: int
    prompt_factor: float
    tokens: float
    seconds: float
    thought: int = 0

    @property
    def words(self) -> str:
        """The forecast as a phrase."""
        if self.measured:
            return (
                f"prompts of {self.prompt_factor:.2f} times our token count, answers of "
                f"{self.tokens:.1f} tokens in {self.seconds:.1f} s, measured on {self.measured} "
                "answers"
            )
        thought = f", {self.thought} of them for reasoning," if self.thought else ""
        return (
            f"answers of {self.tokens:.1f} tokens{thought} in {self.seconds:.1f} s "
            f"({FIRST_TOKEN_SECONDS} s and {TOKENS_PER_SECOND} tokens a second); not measured"
        )


def expectations(
    task: Task, models: Mapping[Purpose, Model], asked: Sequence[PurposeWorkload]
) -> dict[Purpose, UsageForecast]:
    """Return the expected usage of each purpose.

    Answers to gold and seeds are assumed to be like answers to other inputs. All prompts to a model
    have the same prompt factor, since they have the same tokenizer.
    """
    known = {row.purpose: found for row in asked if (found := _measured(row))}
    for alike in (ON_SEEDS, EVALUATE, AGAIN) if ANSWER in known else ():
        known.setdefault(alike, known[ANSWER])
    factors = {models[purpose].name: row.prompt_factor for purpose, row in known.items()}
    return {
        row.purpose: known.get(row.purpose) or _assumed(task, models[row.purpose], row, factors)
        for row in asked
    }


def assumptions(
    task: Task, asked: Workload, found: Mapping[Purpose, UsageForecast]
) -> Iterator[str]:
    """Yield the assumptions of an estimate as phrases."""
    kept = f"{ASSUMED_YIELD:.0%} of the inputs are kept (not measured)"
    if task.spec.generate.examples:
        most = f"generate.requests allows {task.spec.generate.requests:,} new inputs"
        yield f"{task.spec.generate.examples:,} examples: {kept}; {most}"
    elif JUDGED in found and asked.judge.more:
        yield kept
    new = asked.synthesize.missing or asked.synthesize.more
    if new and asked.new_share is None:
        yield "every requested input is generated, and differs from the others"
    elif new:
        yield f"{asked.new_share:.0%} of the requested inputs are generated, as so far"
    if ON_SEEDS in found and asked.seeds.missing:
        yield "the second opinion differs from the teacher, so the teacher answers the seeds, too"
    for wanted in asked.wanted:
        if wanted.purpose in found and (wanted.missing or wanted.more):
            yield f"{wanted.purpose}: {found[wanted.purpose].words}"
    yield "no answer is lost, and no rate limit slows the requests down"


def _measured(wanted: PurposeWorkload) -> UsageForecast | None:
    """Return the mean usage of the stored answers; None if there are none."""
    if not wanted.answered:
        return None
    counted = sum(of_prompt(request).total for request, _ in wanted.answered)
    answers = [answer for _, answer in wanted.answered]
    return UsageForecast(
        measured=len(answers),
        prompt_factor=sum(answer.prompt_tokens for answer in answers) / counted,
        tokens=fmean(answer.completion_tokens for answer in answers),
        seconds=fmean(answer.latency_s for answer in answers),
    )


def _assumed(
    task: Task, model: Model, wanted: PurposeWorkload, factors: Mapping[str, float]
) -> UsageForecast:
    """Return the assumed usage before the first answer.

    Labels are assumed to be in JSON as in the schema, and new inputs to be as long as the seeds.
    `factors`: the prompt factors measured on other purposes, by model.
    """
    factor = factors.get(model.name, 1.0)
    sample = next(iter(wanted.missing or wanted.alike), None)
    if sample is None:
        return UsageForecast(0, factor, 0.0, 0.0)
    thinks = worst_case(model, sample)[1] > sample.sampling.max_tokens
    thought = THOUGHT_TOKENS if thinks else 0
    tokens = thought + min(_answer_tokens(task, sample), sample.sampling.max_tokens)
    return UsageForecast(
        0, factor, tokens, FIRST_TOKEN_SECONDS + tokens / TOKENS_PER_SECOND, thought
    )


def _answer_tokens(task: Task, request: Request) -> float:
    if request.sampling.choices:
        reasons = RATIONALE_TOKENS if request.sampling.rationale else 0
        labels = (of_text(_json({"label": choice})) for choice in request.sampling.choices)
        return reasons + fmean(labels)
    if request.sampling.schema:
        reasons = RATIONALE_TOKENS if request.sampling.rationale else 0
        return reasons + fmean(of_text(seed.answer) for seed in task.seeds)
    if not request.sampling.inputs:
        return fmean(of_text(seed.answer) for seed in task.seeds)
    seeds = [seed.input for seed in task.seeds]
    return request.sampling.inputs * of_text(_json({"inputs": seeds})) / len(seeds)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
