"""Purposes of requests, as "stage:step.round"."""

# Prefixes of the purposes of predictions on gold, and of the judge's comparisons.
MEASURED, COMPARED = "evaluate", "evaluate:judge"
ON_SEEDS = "curate:seeds"  # the teacher answers the seeds

STAGES = ("generate", "curate", "split", "train", "evaluate", "report")


def stages_until(last: str) -> list[str]:
    """List the stages of a run up to the `last` one."""
    return list(STAGES[: STAGES.index(last) + 1])


def is_timed(purpose: str) -> bool:
    """True if the report has the latency of the answers, so that they never come from batches."""
    return purpose.startswith(MEASURED) and not purpose.startswith(COMPARED)
