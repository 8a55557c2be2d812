"""Meanings of labels, drafted by the task's teacher from the seeds.

The requests go through the ledger of the task's store, as part of the run that comes next. A killed
draft therefore loses nothing that was paid: the same call finds the stored answers.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from distill.core.errors import InputError
from distill.core.model_ref import key_variables, parse
from distill.core.numbers import exact_dollars
from distill.core.requests import Message, Request, Sampling
from distill.core.workspace import Workspace
from distill.estimate.consent import Consent
from distill.estimate.run_start import RunOptions, begin, latest_run
from distill.llm.client import complete_all
from distill.llm.complete import teacher_settings
from distill.llm.ledger import SpendLedger
from distill.llm.models import ResolvedModel, choose, price_of
from distill.llm.teacher_choice import by_keys
from distill.llm.tokens import worst_case
from distill.store import Store, open_store
from distill.task import Task
from distill.task.answer_json import json_object
from distill.task.files import read_text
from distill.task.loading import load_task
from distill.task.new import in_words
from distill.task.new.writing import with_meanings
from distill.task.whole_files import write_whole

MOST_WORDS = 25  # of a meaning
SEEDS_SHOWN = 5  # of a label
LONGEST_SHOWN = 400  # characters of a seed
LABELS_ASKED = 25  # in one request
LABEL_TOKENS = 80  # of the answer, for a label
_SENTENCE_ENDS = re.compile(r"[.!?]\s+\S")
INSTRUCTIONS = """You define the labels of a classification task for people who label texts.
For each label write one sentence of at most 20 words: which texts belong there. Say what tells the
label from the others. Do not quote the texts, and name no person, number or date of theirs."""


@dataclass(frozen=True, slots=True)
class DraftPlan:
    """The drafts that a teacher can write: its name, the labels, and the most they can cost."""

    teacher: str
    labels: tuple[str, ...]
    worst_usd: Decimal

    @property
    def question(self) -> str:
        """The question whether to pay for the drafts."""
        return (
            f"Let {self.teacher} draft what the {len(self.labels)} labels mean? It gets up to "
            f"{SEEDS_SHOWN} texts of each, and costs at most {exact_dollars(self.worst_usd)}"
        )


@dataclass(frozen=True, slots=True)
class Drafts:
    """Written meanings by label, and the labels whose drafts were no sentence of MOST_WORDS."""

    teacher: str
    meanings: Mapping[str, str]
    unusable: tuple[str, ...]
    billed_usd: Decimal


def plan_drafts(workspace: Workspace, name: str) -> DraftPlan | None:
    """Return the drafts that the teacher of a task can write.

    Returns None if no label lacks a meaning, or if the teacher is no provider whose key is set.
    """
    return _plan(workspace, load_task(workspace.prompts, name))


def draft_meanings(workspace: Workspace, name: str, max_usd: Decimal | None) -> Drafts:
    """Ask the teacher for the meanings of labels, and write them into task.toml.

    A label whose meaning a person wrote keeps it. `max_usd`: the most that the answers may cost;
    None for `budget.usd`. Raises InputError if nothing can be drafted or the cost is above
    `max_usd`, and BudgetReached if it is above the budget.
    """
    with workspace.locked(name):
        task = load_task(workspace.prompts, name)
        plan = _plan(workspace, task)
        if plan is None:
            raise InputError(
                f"{task.folder / 'task.toml'}: nothing to draft: every label has a meaning, or no "
                f"teacher has a key ({' or '.join(key_variables().values())})"
            )
        if max_usd is not None and plan.worst_usd > max_usd:
            raise InputError(
                f"{name}: the drafts cost at most {exact_dollars(plan.worst_usd)}, above --max-usd "
                f"{max_usd}: nothing was sent"
            )
        task, _ = by_keys(task)
        chosen = choose(task.spec.teacher.model)
        requests = _requests(task, chosen)
        run_id = begin(workspace, task, _way(workspace, task, plan))[0].id
        with open_store(workspace.database(name)) as store:
            before = store.committed_usd(run_id)
            _ask(workspace, task, store, run_id, requests)
            meanings = _read(task, store, requests)
            billed = store.committed_usd(run_id) - before
        path = task.folder / "task.toml"
        before = task.spec.model_dump()["labels"]  # as task.toml has them
        text = with_meanings(path, read_text(path), before, meanings, plan.teacher)
        write_whole(path, [text])
    unusable = tuple(label for label in plan.labels if label not in meanings)
    return Drafts(plan.teacher, meanings, unusable, billed)


def _plan(workspace: Workspace, task: Task) -> DraftPlan | None:
    task, _ = by_keys(task)
    teacher = task.spec.teacher.model
    backend, _ = parse(teacher)
    labels = _undefined(task)
    if not labels or not os.environ.get(key_variables().get(backend, "")):
        return None
    chosen, price = choose(teacher), price_of(teacher, task.rates)
    if price is None:
        return None
    requests, database = _requests(task, chosen), workspace.database(task.name)
    if database.exists():
        with open_store(database) as store:
            requests = _unanswered(store, requests)
    worst = (price.worst(*worst_case(chosen.model, request)) for request in requests)
    return DraftPlan(teacher, labels, sum(worst, Decimal(0)))


def _undefined(task: Task) -> tuple[str, ...]:
    """Return the labels whose meaning is only their name."""
    return tuple(label for label, says in task.spec.labels.items() if says == in_words(label))


def _requests(task: Task, teacher: ResolvedModel) -> list[Request]:
    """Return the requests for all labels without a meaning, the same ones in each call."""
    labels = iter(_undefined(task))
    return [
        _request(task, teacher, part)
        for part in iter(lambda: tuple(islice(labels, LABELS_ASKED)), ())
    ]


def _request(task: Task, teacher: ResolvedModel, labels: Sequence[str]) -> Request:
    shown = "\n\n".join(_shown(task, number, label) for number, label in enumerate(labels, 1))
    others = [label for label in task.form.choices if label not in labels]
    also = f"\n\nThe other labels of the task: {', '.join(others)}" if others else ""
    names = [str(number) for number in range(1, len(labels) + 1)]
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": names,
        "additionalProperties": False,
    }
    return Request(
        teacher.model.name,
        (
            Message("system", INSTRUCTIONS),
            Message("user", f"The task: {task.spec.description}\n\n{shown}{also}"),
        ),
        Sampling(LABEL_TOKENS * (len(labels) + 1), schema=json.dumps(schema)),
    )


def _shown(task: Task, number: int, label: str) -> str:
    texts = (" ".join(row.input.split())[:LONGEST_SHOWN] for row in task.seeds_of(label))
    lines = "\n".join(f"- {text}" for text in islice(texts, SEEDS_SHOWN))
    return f"Label {number}: {label}\n{lines}"


def _way(workspace: Workspace, task: Task, plan: DraftPlan) -> RunOptions:
    """Return the options of the run to bill: the next one, and never one with a finished stage."""
    database, is_begun = workspace.database(task.name), False
    if database.exists():
        with open_store(database) as store:
            latest = latest_run(store)
            is_begun = latest is not None and bool(store.finished_stages(latest.id))
    return RunOptions(new=is_begun, consent=Consent(plan.worst_usd or None))


def _unanswered(store: Store, requests: Sequence[Request]) -> list[Request]:
    answered = store.completions(requests)
    return [request for request in requests if request.id not in answered]


def _ask(
    workspace: Workspace, task: Task, store: Store, run_id: str, requests: Sequence[Request]
) -> None:
    """Send the requests without a stored answer; each answer is stored before it is used."""
    store.settle_lost()
    missing = _unanswered(store, requests)
    if not missing:
        return
    log = workspace.run_folder(task.name, run_id) / "logs" / "meanings.log"
    with choose(task.spec.teacher.model).serve(teacher_settings(task, log)) as endpoint:
        worst = sum(
            (endpoint.price.worst(*worst_case(endpoint.model, one)) for one in missing), Decimal(0)
        )
        limit = min(task.spec.budget.usd, store.committed_usd(run_id) + worst)
        ledger = SpendLedger(store, run_id, endpoint, limit)
        store.add_requests(missing)
        complete_all(endpoint, ledger.ask(iter(missing)))


def _read(task: Task, store: Store, requests: Sequence[Request]) -> dict[str, str]:
    """Return label → meaning, of the drafts that are one sentence of at most MOST_WORDS."""
    answers, labels = store.completions(requests), iter(_undefined(task))
    found = {}
    for request in requests:
        part = list(islice(labels, LABELS_ASKED))
        answer = answers.get(request.id)
        drafts = (json_object(answer.text) if answer and not answer.problem else None) or {}
        for number, label in enumerate(part, 1):
            if meaning := _sentence(drafts.get(str(number))):
                found[label] = meaning
    return found


def _sentence(draft: object) -> str:
    """Return a draft as one sentence; "" if it is none, or longer than MOST_WORDS."""
    text = " ".join(draft.split()) if isinstance(draft, str) else ""
    is_one = 1 < len(text.split()) <= MOST_WORDS and not _SENTENCE_ENDS.search(text)
    return text if is_one and text.isprintable() else ""
