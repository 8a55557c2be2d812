"""What evaluation stored, as the report reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distill.records import Completion, Prediction
from distill.store import Store
from distill.systems import METRIC


@dataclass(frozen=True, slots=True)
class Results:
    """What evaluation stored: predictions, scores by gold id, completions by request."""

    predictions: Mapping[str, Sequence[Prediction]]
    scores: Mapping[str, Mapping[str, float]]
    completions: Mapping[str, Completion]


def results_of(store: Store, run_id: str) -> Results:
    """A run's."""
    predictions: dict[str, list[Prediction]] = {}
    for row in store.predictions(run_id):
        predictions.setdefault(row.system, []).append(row)
    completions = {
        answered.completion.request_id: answered.completion
        for system in predictions
        for answered in store.answered(run_id, f"evaluate:{system}")
    }
    return Results(predictions, store.scores(run_id, METRIC), completions)
