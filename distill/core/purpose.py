"""The purposes of requests: the stage that asks, and a step of it, as "stage:step.round"."""

# Systems are asked about gold, and a judge about their answers, under purposes that begin so.
MEASURED, COMPARED = "evaluate", "evaluate:judge"
ON_SEEDS = "curate:seeds"  # the teacher is asked about the seeds

STAGES = ("generate", "curate", "split", "train", "evaluate", "report")


def stages_until(last: str) -> list[str]:
    """List the stages of a run up to the `last` one."""
    return list(STAGES[: STAGES.index(last) + 1])


def is_timed(purpose: str) -> bool:
    """Whether the latency of the answers is a figure of the report: such are never asked for in
    batches."""
    return purpose.startswith(MEASURED) and not purpose.startswith(COMPARED)
