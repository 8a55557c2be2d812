"""Generation: from a task to candidates, in rounds until curation keeps enough.

In each round, the teacher makes new inputs (synthesis) and answers all inputs (annotation). The
stage reads the task's seeds and inputs. It stores all requests and completions, and one candidate
for each seed, labelled example, given input and synthesised input. An input that a production log
answers is not asked about.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from distill.core.conversation import encode_text, from_roles
from distill.core.dataset import LABELLED, Candidate, LabelledExample, Source
from distill.core.errors import InputError, InvalidInput
from distill.core.purpose import ANSWER, SYNTHESIZE, Purpose
from distill.core.requests import CompletedRequest, Model, PlannedRequest, Request
from distill.generate.contrasts import confused_labels
from distill.generate.rounds import GenerationRound, first_counts, next_counts, stop_reason
from distill.generate.synthesis import (
    NOTHING,
    Counts,
    inputs_per_request,
    synthesis_request,
    synthesis_rounds,
)
from distill.llm.complete import LazyEndpoint, complete_requests, lazy_endpoint, teacher_settings
from distill.llm.ledger import BudgetReached
from distill.llm.models import choose, takes_batches
from distill.store import Store
from distill.task import Task
from distill.task.answer_json import inputs_of
from distill.task.decision_problems import decision_problems
from distill.task.kinds import AnswerForm
from distill.task.prompts import annotation_requests
from distill.task.run_context import Context

STAGE = "generate"

NO_LIST = "no list of inputs"  # problem of an answer that should be a list
# A preview of curation: returns the candidates to be kept. It may use the teacher's open endpoint.
Keep = Callable[[Context, Store, Sequence[Candidate], LazyEndpoint], Sequence[Candidate]]


def generate(context: Context, keep: Keep) -> Callable[[Store], None]:
    """Complete the missing requests and return the function that writes the candidates.

    `keep`: a preview of curation.
    """
    spec = context.task.spec
    teacher = choose(spec.teacher.model)
    check_teacher(context.task, teacher.model, detach=context.detach)
    settings = teacher_settings(context.task, context.log("teacher"))
    with (
        context.store() as store,
        lazy_endpoint(
            teacher.model, lambda: teacher.serve(settings), STAGE, context.progress
        ) as endpoint,
    ):
        desk = _GenerationState(context, store, teacher.model, endpoint)
        completed = _until_enough(desk, keep)
    return lambda store: store.add_candidates(context.run_id, completed)


def check_teacher(task: Task, model: Model, *, detach: bool) -> None:
    """Raise InputError if the teacher cannot do what the task needs.

    Batches, rationales and contrastive inputs need a model behind an API. A decision model writes
    no texts.
    """
    if found := [*decision_problems(task.spec, task.folder / "task.toml")]:
        raise InvalidInput(*found)
    mode = task.spec.teacher.mode
    if task.spec.generate.contrastive and model.is_local:
        raise InputError(
            "generate.contrastive needs a teacher behind an API, not a model on our own server, "
            f"like {model.name}: turn it off, or choose another teacher.model"
        )
    if task.spec.teacher.rationale and model.is_local:
        raise InputError(
            "teacher.rationale needs a teacher behind an API, not a model on our own server, like "
            f"{model.name}: turn it off, or choose another teacher.model"
        )
    if mode == "online" and detach:
        raise InputError('--detach needs batches: set teacher.mode to "batch" or "auto"')
    if (mode == "batch" or detach) and not takes_batches(model.api):
        wanted = "--detach" if detach else 'teacher.mode = "batch"'
        raise InputError(
            f"{wanted} needs a teacher with a batch API (openai:<id>, anthropic:<id>); "
            f"{model.name} has none"
        )


@dataclass(frozen=True, slots=True)
class _GenerationState:
    """The state of a generation: the teacher's endpoint and the answers so far.

    `made`: the answers to synthesis requests.
    `answers`: the answers to each input.
    """

    context: Context
    store: Store
    model: Model
    endpoint: LazyEndpoint
    made: list[CompletedRequest] = field(default_factory=list)
    answers: dict[str, list[CompletedRequest]] = field(default_factory=dict)

    def ask(
        self, purpose: Purpose, asks: Sequence[tuple[str, Request]]
    ) -> Iterator[CompletedRequest]:
        """Yield the answers to (subject, request) pairs, in order.

        If the budget does not cover all requests, yields the stored answers and raises
        BudgetReached.
        """
        listed = [PlannedRequest(purpose, subject, request) for subject, request in asks]
        try:
            teacher = self.context.task.spec.teacher.model
            yield from complete_requests(
                self.context, self.store, listed, self.endpoint, batches_at=teacher
            )
        except BudgetReached:
            yield from self.store.answered(self.context.run_id, purpose)
            raise


def _until_enough(desk: _GenerationState, keep: Keep) -> list[Candidate]:
    """Run rounds until curation keeps enough, and return the completed candidates.

    If the budget is reached in the first round, or the user may agree to more, BudgetReached is
    raised. Otherwise, generation ends early with the answers so far.
    """
    context, task = desk.context, desk.context.task
    asked, wanted, kept_before = NOTHING, first_counts(task, desk.model), 0
    for number in count(1):
        ended = _round(desk, number, wanted, asked)
        completed = list(_completed(desk))
        if not task.spec.generate.examples:
            break
        found = keep(context, desk.store, completed, desk.endpoint)
        kept = [row for row in found if row.source != "seeds"]
        each = inputs_per_request(task, desk.model)
        total, before = each * sum(wanted.values()), each * sum(asked.values())
        last = GenerationRound(number, total, total - before, len(kept), len(kept) - kept_before)
        why = ended or stop_reason(task, last)
        context.progress.note(STAGE, last.words + (f"; no more: {why}" if why else ""))
        if why:
            break
        asked, wanted = wanted, next_counts(task, desk.model, wanted, kept)
        kept_before = len(kept)
    return completed


def _round(desk: _GenerationState, number: int, wanted: Counts, asked: Counts) -> str:
    """Request the new inputs that are `wanted` and not yet `asked`, and all answers.

    Returns the reason why the round ended early; "" for a complete round.
    """
    try:
        _synthesise(desk, wanted, asked)
        _annotate(desk, number)
    except BudgetReached:
        if number == 1 or desk.context.is_limited:
            raise
        return "the budget is reached"
    return ""


def _synthesise(desk: _GenerationState, wanted: Counts, asked: Counts) -> None:
    """Request new inputs in lists, each of which shows the teacher some inputs of earlier lists."""
    task, model = desk.context.task, desk.model
    confused = {} if model.is_local else confused_labels(task)
    for places in synthesis_rounds(wanted, model, asked):
        number = 1 + len({row.ask.purpose for row in desk.made})
        covered = inputs_by_label(desk.context.task, desk.made)
        asks = [
            (place[0], synthesis_request(task, model, place, covered[place[0]], confused))
            for place in places
        ]
        for made in desk.ask(_numbered(SYNTHESIZE, number), asks):
            desk.made.append(made)


def _annotate(desk: _GenerationState, number: int) -> None:
    """Request the teacher's answers to unanswered inputs, one answer per vote.

    An input that people answered, as an example, is not requested. Neither is an input that a
    production log answers.
    """
    rows = [*_given(desk.context), *synthesised_candidates(desk.context.task, desk.made)]
    wanted = {row.input for row in rows if row.source not in LABELLED and row.input}
    task = desk.context.task
    answered = {row.input for row in task.examples} | task.logged_answers.keys()
    inputs = sorted(wanted - desk.answers.keys() - answered)
    requests = list(annotation_requests(task, desk.model, inputs))
    for found in desk.ask(_numbered(ANSWER, number), requests):
        desk.answers.setdefault(found.ask.subject, []).append(found)


def _numbered(purpose: Purpose, number: int) -> Purpose:
    """Return a purpose of its own for each list of requests."""
    return purpose if number == 1 else purpose.in_round(str(number))


def _completed(desk: _GenerationState) -> Iterator[Candidate]:
    """Yield the answered candidates, first the given ones, then the synthesised ones."""
    for row in (*_given(desk.context), *synthesised_candidates(desk.context.task, desk.made)):
        if row.answers or row.problem or not row.input or row.input in desk.answers:
            answers = desk.answers.get(row.input, [])
            yield _with_answers(row, answers, desk.context.task.form)


def _given(context: Context) -> Iterator[Candidate]:
    task = context.task
    sources: tuple[tuple[Source, Sequence[LabelledExample]], ...]
    sources = (("seeds", task.seeds), ("examples", task.examples))
    for source, labelled in sources:
        for row in labelled:
            group, origin = task.form.group(row.answer), f"{row.file}:{row.line}"
            yield Candidate(row.input, group, (row.answer,), source, origin)
    if "inputs" in task.spec.generate.sources:
        for number, text in task.unlabelled:
            said, place = task.logged_answers.get(text), f"inputs.jsonl#{number}"
            if said:
                yield Candidate(text, None, (said.answer,), "inputs", f"{said.origin} {place}")
            else:
                yield Candidate(text, None, (), "inputs", place)


def synthesised_candidates(task: Task, answered: Sequence[CompletedRequest]) -> Iterator[Candidate]:
    """Yield one candidate for each synthesised input.

    A completion without inputs yields one candidate with an empty input and the problem. In a task
    with conversations, texts with roles are conversations.
    """
    read = from_roles if task.has_conversations else encode_text
    for made in answered:
        label, completion = made.ask.subject, made.completion
        listed = bool(made.ask.request.sampling.inputs)
        found = inputs_of(completion.text, listed=listed)
        origin, problem = completion.request_id, completion.problem
        problem = problem or ("" if found else NO_LIST)
        texts = [""] if problem else [read(_clean(text)) for text in found]
        for text in dict.fromkeys(texts):
            yield Candidate(text, label, (), "synthesis", origin, problem=problem)


def inputs_by_label(task: Task, answered: Sequence[CompletedRequest]) -> Mapping[str, list[str]]:
    """Return label → its distinct synthesised inputs; [] for a label without any."""
    made: dict[str, dict[str, None]] = defaultdict(dict)
    for row in synthesised_candidates(task, answered):
        if row.input and row.asked_label:
            made[row.asked_label][row.input] = None
    return defaultdict(list, {label: list(texts) for label, texts in made.items()})


def _clean(text: str) -> str:
    """Remove the bullet and quotation marks that a base model writes around a list item."""
    return text.strip().lstrip("-*•").strip().strip('"“”').strip()


def _with_answers(
    row: Candidate, answers: Sequence[CompletedRequest], form: AnswerForm
) -> Candidate:
    if row.answers:
        return row
    found = [answered.completion for answered in answers]
    said = tuple(form.of_text(answer.text) for answer in found if not answer.problem)
    problems = [answer.problem for answer in found if answer.problem]
    return replace(
        row,
        answers=said,
        answer_ids=tuple(answer.request_id for answer in found),
        problem=row.problem or ("" if said or not problems else problems[0]),
    )
