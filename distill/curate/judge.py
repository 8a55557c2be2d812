"""The check by a judge, which scores input and answer. It is expensive, so it runs late."""

import random
from collections.abc import Sequence

from distill.core.dataset import LABELLED, Candidate, Drop
from distill.core.purpose import JUDGED
from distill.core.requests import CompletedRequest, PlannedRequest
from distill.core.text import stable_hash
from distill.curate.context import CheckContext
from distill.llm.complete import complete_requests, lazy_endpoint, teacher_settings
from distill.llm.models import choose
from distill.store import Store
from distill.task.answer_json import label_of
from distill.task.prompts import judge_request
from distill.task.run_context import Context


def check(rows: Sequence[Candidate], means: CheckContext) -> list[Drop]:
    """Drop rows with a score below `curate.judge`; people's own rows are kept."""
    least = means.task.spec.curate.judge
    judged = [row for row in rows if row.source not in LABELLED]
    if not least or not judged:
        return []
    found = []
    for row, score in zip(judged, means.judge(judged), strict=True):
        if score is None:
            found.append(Drop(row.id, "judge", "no score"))
        elif score < least:
            found.append(Drop(row.id, "judge", "score too low", f"{score} of 5", score / 5))
    return found


def ask_judge(context: Context, store: Store, rows: Sequence[Candidate]) -> list[int | None]:
    """Return each row's score from 1 to 5; None for an unusable answer.

    Rows are judged in random order. A provider's failure then does not affect only one label.
    """
    task, spec = context.task, context.task.spec
    judge = choose(task.judge)
    settings = teacher_settings(task, context.log("judge"))
    order = list(range(len(rows)))
    random.Random(stable_hash([str(JUDGED), spec.generate.seed])).shuffle(order)
    requests = [judge_request(task, judge.model, rows[index]) for index in order]
    # Each set of rows has a purpose of its own, because each round of generation scores other rows.
    purpose = JUDGED.in_round(stable_hash([request.id for request in requests])[:8])
    asks = [
        PlannedRequest(purpose, rows[index].input, request)
        for index, request in zip(order, requests, strict=True)
    ]
    with lazy_endpoint(
        judge.model, lambda: judge.serve(settings), "curate", context.progress
    ) as endpoint:
        answered = complete_requests(context, store, asks, endpoint, batches_at=task.judge)
    scores = {row.ask.request.id: _score(row) for row in answered}
    by_index = {index: scores[ask.request.id] for index, ask in zip(order, asks, strict=True)}
    return [by_index[index] for index in range(len(rows))]


def _score(answered: CompletedRequest) -> int | None:
    text = label_of(answered.completion.text)
    return int(text) if not answered.completion.problem and text in set("12345") else None
