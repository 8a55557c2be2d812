"""What evaluation stored, as the report reads it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from distill.core.evaluation import Prediction
from distill.core.requests import Completion
from distill.evaluate.scorers import CHRF, EXACT
from distill.store import Store


@dataclass(frozen=True, slots=True)
class LoadedResults:
    """What evaluation stored: predictions, scores by gold id (those of the metric that comes first;
    `exact`, where an answer can be right in part; `chrf`, of texts with a reference), completions
    by request."""

    predictions: Mapping[str, Sequence[Prediction]]
    scores: Mapping[str, Mapping[str, float]]
    completions: Mapping[str, Completion]
    exact: Mapping[str, Mapping[str, float]]
    chrf: Mapping[str, Mapping[str, float]]

    def answers(self, system: str) -> list[Completion]:
        """A system's completions on gold; none of one that answers in this process."""
        rows = self.predictions[system]
        return [self.completions[row.request_id] for row in rows if row.request_id]


def results_of(
    store: Store, run_id: str, metric: str, copies: Collection[str] = ()
) -> LoadedResults:
    """A run's, without the gold rows whose ids are `copies`: an evaluation before copies counted
    once has them."""
    predictions: dict[str, list[Prediction]] = {}
    for row in store.predictions(run_id):
        if row.gold_id not in copies:
            predictions.setdefault(row.system, []).append(row)
    completions = {
        answered.completion.request_id: answered.completion
        for system in predictions
        for answered in store.answered(run_id, f"evaluate:{system}")
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
