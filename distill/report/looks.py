"""Earlier evaluations on some of the present gold, and the number of the present one.

An evaluation of this task's student against its teacher counts if it led to a verdict. Rewritten
pages, rehearsals, and equal answers on equal rows in another run do not count.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from distill.evaluate.levels import level_of_look
from distill.evaluate.statistics import Verdict, verdict
from distill.store import Evaluation, Store, StoredVerdict
from distill.task import Task
from distill.task.spec import EvaluateSpec

LIMITS = ("most_forgotten", "most_unsafe")
# Keys of `[evaluate]` that affect a verdict → format of their values.
DECLARED: Mapping[str, str] = {"margin": "{:.1f} points", "confidence": "{:g} %"}
FOUND = {
    "non_inferior": "the student was found as good as the teacher",
    "inferior": "the student was found worse than the teacher",
    "inconclusive": "the verdict was inconclusive",
}

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier evaluation on some of the present gold.

    - `shared`: number of present gold rows in the evaluation
    - `new_answers`: True if the evaluation's answers differ from the present ones
    - `result`: the earlier conclusion; None if unknown
    """

    evaluation: Evaluation
    shared: int
    new_answers: bool
    result: str | None

    @property
    def declared(self) -> Mapping[str, float]:
        """Return the settings that the earlier verdict depended on."""
        said = self.evaluation.evaluate
        return {key: float(said[key]) for key in (*DECLARED, *LIMITS) if key in said}

    @property
    def figures(self) -> Figures:
        """Return the evaluation's row in report.json."""
        verdict, known = self.evaluation.verdict, Figures()
        if verdict is not None:
            known = {"level": verdict.level, "exceeded": list(verdict.exceeded)}
        return {
            "run": self.evaluation.run_id,
            "finished": self.evaluation.finished.isoformat(timespec="seconds"),
            "gold": len(self.evaluation.inputs),
            "shared_gold": self.shared,
            "new_answers": self.new_answers,
            **self.declared,
            **known,
            **({"result": self.result} if self.result else {}),
        }


@dataclass(frozen=True, slots=True)
class Looks:
    """The number of the present evaluation, from 1, and the earlier evaluations, oldest first."""

    number: int
    earlier: Sequence[Earlier] = ()

    def figures(self, now: EvaluateSpec) -> Figures:
        """Return three keys of `verdict`: `looks` (including this one), `next_level`, `earlier`."""
        return {
            "looks": self.number,
            "next_level": level_of_look(now.confidence, self.number + 1),
            "earlier": [row.figures for row in self.earlier],
        }

    def sentence(self, now: EvaluateSpec) -> str:
        """Return sentences on the earlier evaluations; "" if there are none."""
        return " ".join([*self._counted(now), *self._changed(now)])

    def _counted(self, now: EvaluateSpec) -> Iterator[str]:
        before = self.number - 1
        if before:
            first, level = (level_of_look(now.confidence, look) for look in (1, self.number))
            times = "once" if before == 1 else f"{before} times"
            yield (
                f"This gold was judged {times} before: the bound is at {_percent(level)} instead "
                f"of {_percent(first)}, so that all verdicts on it together call a student as good "
                f"by luck in at most {_percent(1 - now.confidence)}."
            )

    def _changed(self, now: EvaluateSpec) -> Iterator[str]:
        """Yield a phrase on each changed setting, with the last outcome under the old value."""
        for key in (*DECLARED, *LIMITS):
            present = float(getattr(now, key))
            last = {row.declared.get(key, present): row for row in self.earlier}
            for value, row in last.items():
                if value != present:
                    yield (
                        f"evaluate.{key} was {_declared(key, value)} until "
                        f"{_day(row.evaluation.finished)}, when {_outcome(key, row)}."
                    )


def next_look(verdict: Mapping[str, Any]) -> str:
    """Return the level of the next verdict on this gold, as the end of a sentence."""
    if "next_level" not in verdict:
        return ""
    return f"; the next verdict on this gold is at {_percent(verdict['next_level'])}"


def tried(rivals: Mapping[str, Verdict], name: str) -> str:
    """Return the level of a rival's verdict, as the end of a sentence; "" for a single rival."""
    level = rivals[name].level
    if len(rivals) == 1 or level is None:
        return ""
    return f", at {_percent(level)}, since {len(rivals)} rivals were tried"


def _declared(key: str, value: float) -> str:
    return DECLARED.get(key, "{:g} points").format(100 * value)


def _outcome(key: str, row: Earlier) -> str:
    verdict = row.evaluation.verdict
    if key in LIMITS:
        if verdict is None:
            return "it was last used"
        groups = " and ".join(verdict.exceeded) or "no group of probes"
        return f"{groups} exceeded its limit"
    if row.result is None:
        return "it was last used"
    return FOUND[row.result]


def _percent(share: float) -> str:
    return f"{100 * share:.5g} %"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"


def looks_at(task: Task, store: Store, run_id: str) -> Looks:
    """Return the number of a run's evaluation on the task's gold, and the earlier evaluations."""
    if store.is_rehearsal():
        return Looks(1)
    found = store.evaluations(task.form.metric)
    present = next((row for row in found if row.run_id == run_id), None)
    before = found[: found.index(present)] if present else found
    evidence = present.evidence if present else ""
    earlier = [
        Earlier(row, shared, row.evidence != evidence, _result(row))
        for row in before
        if (shared := row.shared(task.gold)) and not _concluded_nothing(row)
    ]
    return Looks(1 + len(_distinct_until(evidence, earlier)), earlier)


def _distinct_until(evidence: str, earlier: Sequence[Earlier]) -> set[str]:
    """Return the distinct evidence with a verdict before the first verdict on `evidence`."""
    judged = [row.evaluation.evidence for row in earlier]
    return set(judged[: judged.index(evidence)] if evidence in judged else judged)


def _concluded_nothing(row: Evaluation) -> bool:
    return row.verdict is not None and row.verdict.result is None


def _result(row: Evaluation) -> str | None:
    """Return the conclusion of an evaluation; None if unknown.

    A conclusion that was not stored is recomputed if all scores are 0 or 1."""
    if row.verdict is not None:
        return row.verdict.result
    if not {*row.student, *row.teacher} <= {0.0, 1.0}:
        return None
    said = row.evaluate
    margin, confidence = float(said["margin"]), float(said["confidence"])
    return verdict(row.student, row.teacher, margin=margin, confidence=confidence).result


def remember(task: Task, store: Store, run_id: str, figures: Mapping[str, Any]) -> None:
    """Store the verdict of a report, once per run; store nothing for a rehearsal."""
    if store.is_rehearsal():
        return
    spec, found = task.spec.evaluate, figures["verdict"]
    usable = figures.get("judge", {"usable": True})["usable"]
    exceeded = [row["group"] for row in figures.get("side_effects", ()) if row["worse"]]
    row = StoredVerdict(
        *(found["margin"], found["confidence"], found["looks"], found["level"]),
        found["result"] if usable else None,
        {key: float(getattr(spec, key)) for key in LIMITS},
        exceeded,
    )
    store.add_verdict(run_id, row, task.gold)
