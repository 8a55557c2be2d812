"""The results of an evaluation, loaded for the report."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from distill.core.evaluation import Prediction
from distill.core.purpose import Purpose
from distill.core.requests import Completion
from distill.evaluate.scorers import CHRF, EXACT
from distill.store import Store


@dataclass(frozen=True, slots=True)
class LoadedResults:
    """The stored results of an evaluation, by system.

    - `predictions`: the answers on gold
    - `scores`: the task's metric by gold id
    - `completions`: request id → completion, of all systems
    - `exact`: 1 for a fully right answer, by gold id, if an answer can be right in part
    - `chrf`: chrF by gold id, for texts with a reference
    """

    predictions: Mapping[str, Sequence[Prediction]]
    scores: Mapping[str, Mapping[str, float]]
    completions: Mapping[str, Completion]
    exact: Mapping[str, Mapping[str, float]]
    chrf: Mapping[str, Mapping[str, float]]

    def answers(self, system: str) -> list[Completion]:
        """Return a system's completions on gold; [] for a system that answers in this process."""
        rows = self.predictions[system]
        return [self.completions[row.request_id] for row in rows if row.request_id]


def results_of(
    store: Store, run_id: str, metric: str, copies: Collection[str] = ()
) -> LoadedResults:
    """Return a run's results, without the gold rows with ids in `copies`.

    Older versions also evaluated copies of gold rows."""
    predictions: dict[str, list[Prediction]] = {}
    for row in store.predictions(run_id):
        if row.gold_id not in copies:
            predictions.setdefault(row.system, []).append(row)
    completions = {
        answered.completion.request_id: answered.completion
        for system in predictions
        for answered in store.answered(run_id, Purpose.of_system(system))
    }
    scores, exact, chrf = (
        _without(copies, store.scores(run_id, name)) for name in (metric, EXACT, CHRF)
    )
    return LoadedResults(predictions, scores, completions, exact, chrf)


def _without(
    copies: Collection[str], scores: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    return {
        system: {id_: value for id_, value in rows.items() if id_ not in copies}
        for system, rows in scores.items()
    }
