"""Task → candidates: the teacher makes new inputs (synthesis) and answers all inputs (annotation).

In: the task's seeds and inputs. Out, in the store: every request and completion, and one candidate
for each seed, given input and synthesised text.
"""

from collections.abc import Callable, Iterator, Sequence

from distill.asking import ask_all, lazily
from distill.backends.servers import ServerSettings
from distill.backends.teachers import TEACHERS, choose
from distill.prompting import answer_requests, synthesis_request
from distill.records import Answered, Ask, Candidate, Endpoint, Model
from distill.store import Store
from distill.workspace import Context

STAGE = "generate"


def generate(context: Context) -> Callable[[Store], None]:
    """Complete what is missing; what is to be written are the candidates."""
    spec = context.task.spec
    teacher = TEACHERS[choose(spec.teacher.model)]
    model = teacher.identify()
    settings = ServerSettings(
        spec.teacher.in_flight, spec.machine.usd_per_hour, context.log("teacher")
    )
    with (
        context.store() as store,
        lazily(lambda: teacher.serve(model, settings), STAGE, context.progress) as endpoint,
    ):
        made = _synthesise(context, store, model.name, endpoint)
        candidates = [*_given(context), *_made(made)]
        answers = _annotate(context, store, model, candidates, endpoint)
    completed = list(_with_answers(candidates, answers))
    return lambda store: store.add_candidates(context.run_id, completed)


def _synthesise(
    context: Context, store: Store, model: str, endpoint: Callable[[], Endpoint]
) -> list[Answered]:
    spec, labels = context.task.spec.generate, context.task.labels
    if "synthesis" not in spec.sources:
        return []
    asks = []
    for index in range(spec.requests):
        label = labels[index % len(labels)]
        request = synthesis_request(context.task, model, label, index // len(labels))
        asks.append(Ask(f"{STAGE}:synthesize", label, request))
    return ask_all(store, context.run_id, asks, endpoint, context.progress)


def _given(context: Context) -> Iterator[Candidate]:
    for seed in context.task.seeds:
        origin = f"{seed.file}:{seed.line}"
        yield Candidate(seed.input, seed.label, (seed.label,), "seeds", origin)
    if "inputs" in context.task.spec.generate.sources:
        for number, text in enumerate(context.task.inputs, start=1):
            yield Candidate(text, None, (), "inputs", f"inputs.jsonl#{number}")


def _made(answered: Sequence[Answered]) -> Iterator[Candidate]:
    for made in answered:
        text = _clean(made.completion.text)
        label = made.ask.subject
        yield Candidate(text, label, (), "synthesis", made.completion.request_id)


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
    spec = context.task.spec.teacher
    wanted = {row.input for row in candidates if row.source != "seeds" and row.input}
    inputs = sorted(wanted)
    asks = [
        Ask(f"{STAGE}:answer", text, request)
        for vote in range(spec.votes)
        for text, request in zip(
            inputs,
            answer_requests(context.task, model, inputs, shots=spec.few_shot, vote=vote),
            strict=True,
        )
    ]
    answers: dict[str, list[Answered]] = {}
    for answered in ask_all(store, context.run_id, asks, endpoint, context.progress):
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
        yield Candidate(
            row.input,
            row.asked_label,
            tuple(completion.text.strip() for completion in found),
            row.source,
            row.origin,
            tuple(completion.request_id for completion in found),
        )
