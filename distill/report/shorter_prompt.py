"""The saving by a shorter prompt: the teacher's requests beside the student's, as measured on gold.

The teacher's prompt has the instructions and seeds, and the student's has one line.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from distill.core.numbers import percent
from distill.core.requests import Completion
from distill.report.figures import is_disturbed, system_of
from distill.report.spend import short_usd

Figures = dict[str, Any]
PAIR = ("teacher", "student")


def shorter_prompt_figures(
    systems: Sequence[Mapping[str, Any]], answers: Mapping[str, Sequence[Completion]]
) -> Figures:
    """Return the saving of the student's prompts against the teacher's.

    `answers`: the answers of each system on gold. {} if a token count is missing. The two counts
    come from different tokenizers, as providers bill them.
    """
    rows = {name: system_of({"systems": systems}, name) for name in PAIR}
    if not all(row.get("prompt_tokens_mean") for row in rows.values()):
        return {}
    found: Figures = {name: _side(row, answers[name]) for name, row in rows.items()}
    before, after = (found[name]["prompt_tokens"] for name in PAIR)
    found["share"] = (before - after) / before
    found["sentence"] = _sentence(found, timed=not any(map(is_disturbed, rows.values())))
    return {"shorter_prompt": found}


def _side(row: Mapping[str, Any], answers: Sequence[Completion]) -> Figures:
    """Return a system's figures for a request.

    The price includes the provider's discount for the tokens that its cache had.
    """
    found: Figures = {
        "prompt_tokens": row["prompt_tokens_mean"],
        "latency_p50_s": row["latency_p50_s"],
        "latency_p95_s": row["latency_p95_s"],
        "usd_per_1k_requests": row["at_traffic"]["usd_per_1k_requests"],
    }
    if "tariff" in row:
        cached = sum(answer.cached_tokens for answer in answers)
        found["cached_share"] = cached / sum(answer.prompt_tokens for answer in answers)
        found["usd_per_1k_without_cache"] = row["tariff"]["without_cache"]
    return found


def _sentence(found: Figures, *, timed: bool) -> str:
    """State the saving in tokens, seconds and USD; only in tokens if the times are disturbed."""
    teacher, student = (found[name] for name in PAIR)
    cached = teacher.get("cached_share", 0)
    told = f"Prompt tokens of a request: teacher {teacher['prompt_tokens']:,.0f}"
    told += f" ({percent(cached)} read from the provider's cache)" if cached else ""
    told += f", student {student['prompt_tokens']:,.0f}."
    if not timed:
        return told
    told += (
        f" Half of the answers come within {_seconds(student)} instead of {_seconds(teacher)}."
        f" 1,000 requests cost {_usd(student['usd_per_1k_requests'])} instead of "
        f"{_usd(teacher['usd_per_1k_requests'])}"
    )
    if cached:
        told += f" ({_usd(teacher['usd_per_1k_without_cache'])} if nothing were cached)"
    return f"{told}."


def _seconds(side: Figures) -> str:
    seconds: float = side["latency_p50_s"]
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _usd(amount: str) -> str:
    return f"${short_usd(amount)}"
