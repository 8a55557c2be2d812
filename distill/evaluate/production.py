"""The rates on rows drawn from production: of today's model, and of people with themselves.

The answers of today's model are in the task's store if a run asked it about these texts, as inputs
or as gold. Nothing is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from distill.core.purpose import ANSWER
from distill.core.text import fold
from distill.core.workspace import Workspace
from distill.evaluate.scorers import EXACT, scorer_of
from distill.evaluate.statistics import Interval, wilson_interval
from distill.store import Run, Store, open_to_read
from distill.task.kinds.generate import Text
from distill.task.labelling.pool import Pool

TEACHER = "teacher"  # the name of a system


@dataclass(frozen=True, slots=True)
class ModelRate:
    """The share of a model's right answers to the rows that people labelled.

    `rows`: the number of labelled rows that the model answered in the run.
    `share`: the share of right ones with its interval; of objects, those that are right as a whole.
    """

    model: str
    run_id: str
    rows: int
    share: Interval


def rate_of_today(workspace: Workspace, pool: Pool) -> ModelRate | None:
    """Return the rate of today's model in the newest run with its answers to labelled rows.

    It is the teacher, unless `[today]` names another model, which then must be a baseline. Returns
    None without such answers, and for a generate task, whose answers are not right or wrong. Raises
    InputError if another process has locked the store.
    """
    path = workspace.database(pool.spec.name)
    if isinstance(pool.form, Text) or not pool.drawn or not path.exists():
        return None
    with open_to_read(path) as store:
        for run in reversed(store.runs()):
            if answers := _answers(store, run, pool):
                return _rate(run, answers, pool)
    return None


def _answers(store: Store, run: Run, pool: Pool) -> Mapping[str, str]:
    """Return folded text → the answer of today's model; "" for one that cannot be used."""
    rows = {row.id: folded for folded, row in pool.drawn.items()}
    today = pool.spec.today.model
    system = TEACHER if today in ("", run.teacher) else today
    found = {
        rows[row.gold_id]: row.answer if row.valid else ""
        for row in store.predictions(run.id)
        if row.system == system and row.gold_id in rows
    }
    for answered in store.answered(run.id, ANSWER, rounds=True) if system == TEACHER else ():
        folded, answer = fold(answered.ask.subject), answered.completion
        if folded in pool.drawn:
            found.setdefault(folded, "" if answer.problem else pool.form.of_text(answer.text))
    return found


def _rate(run: Run, answers: Mapping[str, str], pool: Pool) -> ModelRate:
    score, metric = scorer_of(pool.form), pool.form.metric
    values = []
    for folded, answer in answers.items():
        right = pool.drawn[folded].answer
        found = score(right, answer, valid=pool.form.is_valid(answer))
        values.append(found.get(EXACT, found[metric]))
    share = wilson_interval(values, pool.spec.evaluate.confidence)
    return ModelRate(pool.spec.today.model or run.teacher, run.id, len(values), share)


def self_agreement(pool: Pool) -> tuple[int, Interval] | None:
    """Return the number of texts that people labelled twice, and the share of equal answers.

    Returns None without such texts.
    """
    same = [float(bool(row["same"])) for row in pool.log if "same" in row]
    return (len(same), wilson_interval(same, pool.spec.evaluate.confidence)) if same else None
