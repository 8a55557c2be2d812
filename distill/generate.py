"""Task → candidates: the teacher makes new inputs (synthesis) and answers all inputs (annotation).

In: the task's seeds and inputs. Out, in the store: every request and completion, and one candidate
for each seed, given input and synthesised text.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from distill.asking import ask_all, lazily
from distill.backends.apis.wire import inputs_of, label_of
from distill.backends.batches import BATCHES
from distill.backends.servers import ServerSettings
from distill.backends.teachers import choose
from distill.errors import InputError
from distill.prompting import annotation_requests
from distill.records import Answered, Ask, Candidate, Endpoint, Model
from distill.store import Store
from distill.synthesis import synthesis_request, synthesis_rounds
from distill.workspace import Context

STAGE = "generate"


def generate(context: Context) -> Callable[[Store], None]:
    """Complete what is missing; what is to be written are the candidates."""
    spec = context.task.spec
    teacher = choose(spec.teacher.model)
    _check(context, teacher.model)
    settings = ServerSettings(
        in_flight=spec.teacher.in_flight,
        usd_per_hour=spec.machine.usd_per_hour,
        log=context.log("teacher"),
        rates=context.task.rates,
    )
    with (
        context.store() as store,
        lazily(teacher.model, lambda: teacher.serve(settings), STAGE, context.progress) as endpoint,
    ):
        made = _synthesise(context, store, teacher.model, endpoint)
        candidates = [*_given(context), *made_inputs(made)]
        answers = _annotate(context, store, teacher.model, candidates, endpoint)
    completed = list(_with_answers(candidates, answers))
    return lambda store: store.add_candidates(context.run_id, completed)


def _check(context: Context, model: Model) -> None:
    """Batches and reasons are asked for of who has them."""
    mode = context.task.spec.teacher.mode
    if context.task.spec.teacher.rationale and model.folder:
        raise InputError(
            f"teacher.rationale needs a teacher behind an API; we serve {model.name} ourselves"
        )
    if mode == "online" and context.detach:
        raise InputError('--detach leaves batches behind: it needs teacher.mode "batch" or "auto"')
    if (mode == "batch" or context.detach) and model.api not in BATCHES:
        wanted = "--detach" if context.detach else 'teacher.mode = "batch"'
        raise InputError(
            f"{wanted} needs a teacher with batches (openai:<id>, anthropic:<id>); "
            f"{model.name} has none"
        )


def _synthesise(
    context: Context, store: Store, model: Model, endpoint: Callable[[], Endpoint]
) -> list[Answered]:
    """Round after round, since each shows what those before it brought."""
    task, made = context.task, list[Answered]()
    for number, places in enumerate(synthesis_rounds(task, model), start=1):
        purpose = f"{STAGE}:synthesize" + (f".{number}" if number > 1 else "")
        covered = inputs_by_label(made)
        asks = [
            Ask(purpose, place[0], synthesis_request(task, model, place, covered[place[0]]))
            for place in places
        ]
        made += ask_all(context, store, asks, endpoint, may_wait=True)
    return made


def _given(context: Context) -> Iterator[Candidate]:
    for seed in context.task.seeds:
        origin = f"{seed.file}:{seed.line}"
        yield Candidate(seed.input, seed.label, (seed.label,), "seeds", origin)
    if "inputs" in context.task.spec.generate.sources:
        for number, text in enumerate(context.task.inputs, start=1):
            yield Candidate(text, None, (), "inputs", f"inputs.jsonl#{number}")


def made_inputs(answered: Sequence[Answered]) -> Iterator[Candidate]:
    """The inputs in the answers to syntheses, one row for each; an empty one for what is none."""
    for made in answered:
        label, completion = made.ask.subject, made.completion
        origin, problem = completion.request_id, completion.problem
        texts = [""] if problem else map(_clean, inputs_of(completion.text))
        for text in dict.fromkeys(texts):
            yield Candidate(text, label, (), "synthesis", origin, problem=problem)


def inputs_by_label(answered: Sequence[Answered]) -> Mapping[str, list[str]]:
    """Label → the inputs that were made for it, each once; empty for a label without any."""
    made: dict[str, dict[str, None]] = defaultdict(dict)
    for row in made_inputs(answered):
        if row.input and row.asked_label:
            made[row.asked_label][row.input] = None
    return defaultdict(list, {label: list(texts) for label, texts in made.items()})


def _clean(text: str) -> str:
    """A base model continues a list: the bullet and quotation marks around an item go."""
    return text.strip().lstrip("-*•").strip().strip('"“”').strip()


def _annotate(
    context: Context,
    store: Store,
    model: Model,
    candidates: Sequence[Candidate],
    endpoint: Callable[[], Endpoint],
) -> dict[str, list[Answered]]:
    """Input → the teacher's answers to it, one for each vote."""
    wanted = {row.input for row in candidates if row.source != "seeds" and row.input}
    requests = annotation_requests(context.task, model, sorted(wanted))
    asks = [Ask(f"{STAGE}:answer", text, request) for text, request in requests]
    answers: dict[str, list[Answered]] = {}
    for answered in ask_all(context, store, asks, endpoint, may_wait=True):
        answers.setdefault(answered.ask.subject, []).append(answered)
    return answers


def _with_answers(
    candidates: Sequence[Candidate], answers: dict[str, list[Answered]]
) -> Iterator[Candidate]:
    for row in candidates:
        if row.source == "seeds":
            yield row
            continue
        found = [answered.completion for answered in answers.get(row.input, [])]
        said = tuple(label_of(answer.text) for answer in found if not answer.problem)
        problems = [answer.problem for answer in found if answer.problem]
        yield replace(
            row,
            answers=said,
            answer_ids=tuple(answer.request_id for answer in found),
            problem=row.problem or ("" if said or not problems else problems[0]),
        )
