"""The teacher's answers to seeds, which measure the teacher against human labels.

These requests are billed like any other. A request never contains the answer of its own seed.
"""

from contextlib import AbstractContextManager, nullcontext

from distill.core.purpose import ON_SEEDS
from distill.core.requests import CompletedRequest, Model, PlannedRequest, Request
from distill.llm.complete import LazyEndpoint, complete_requests, lazy_endpoint, teacher_settings
from distill.llm.ledger import BudgetReached
from distill.llm.models import choose
from distill.store import Store
from distill.task import Task
from distill.task.kinds import AnswerForm
from distill.task.prompts import Examples, nearest_seeds, seed_requests
from distill.task.run_context import Context

MOST_ASKED = 200  # seeds: more seeds would cost more than the extra precision is worth


def places_asked(task: Task) -> list[int]:
    """Return the indices of the requested seeds: all, or MOST_ASKED evenly spread over the file."""
    count = len(task.seeds)
    asked = min(count, MOST_ASKED)
    return [place * count // asked for place in range(asked)]


def requests_on_seeds(
    task: Task, model: Model, examples: Examples = nearest_seeds
) -> list[Request]:
    """Return one request for each seed of `places_asked`."""
    return seed_requests(task, model, [task.seeds[place] for place in places_asked(task)], examples)


def ask_about_seeds(
    context: Context, store: Store, endpoint: LazyEndpoint | None = None
) -> list[str] | None:
    """Return the teacher's answer to each seed of `places_asked`, "" if it is not a label.

    None if the task's budget does not cover the requests. `endpoint`: an endpoint that is already
    open, or None. Raises BudgetReached if the user can agree to more.
    """
    task, name = context.task, context.task.spec.teacher.model
    requests = requests_on_seeds(task, choose(name).model)
    asks = [
        PlannedRequest(ON_SEEDS, task.seeds[place].input, request)
        for place, request in zip(places_asked(task), requests, strict=True)
    ]
    try:
        with _endpoint(context, endpoint) as opened:
            answered = complete_requests(context, store, asks, opened, batches_at=name)
    except BudgetReached:
        if context.is_limited:
            raise
        return None
    said = {row.ask.request.id: _said(row, task.form) for row in answered}
    return [said[ask.request.id] for ask in asks]


def _endpoint(
    context: Context, endpoint: LazyEndpoint | None
) -> AbstractContextManager[LazyEndpoint]:
    if endpoint is not None:
        return nullcontext(endpoint)
    teacher = choose(context.task.spec.teacher.model)
    settings = teacher_settings(context.task, context.log("teacher_on_seeds"))
    return lazy_endpoint(teacher.model, lambda: teacher.serve(settings), "curate", context.progress)


def _said(answered: CompletedRequest, form: AnswerForm) -> str:
    completion = answered.completion
    said = "" if completion.problem else form.of_text(completion.text)
    return said if said in form.choices else ""
