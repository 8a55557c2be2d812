"""The problems that keep a task from a decision model, which answers with one of given labels."""

from collections.abc import Iterator
from pathlib import Path

from distill.core.errors import Problem
from distill.core.model_ref import decides
from distill.task.spec import TaskSpec
from distill.task.toml_places import line_of

MOST_LABELS = 255  # choices of a question, at OpenAI and in the System One protocol


def decision_problems(spec: TaskSpec, file: Path) -> Iterator[Problem]:
    """Yield the problems of the decision models that a task names.

    `file`: the path of task.toml.
    """
    for key, said, fix in _found(spec):
        yield Problem(said, str(file), line_of(file, key.split(".")), key, fix)


def _found(spec: TaskSpec) -> Iterator[tuple[str, str, str]]:
    """Yield (key, problem, remedy)."""
    for key, name in spec.models_asked:
        if decides(name):
            yield from _of_model(spec, key, name)
    if decides(spec.teacher.model):
        yield from _of_teacher(spec)


def _of_model(spec: TaskSpec, key: str, name: str) -> Iterator[tuple[str, str, str]]:
    """Yield the problems of a decision model in any use."""
    another = f"name another model in {key}"
    if key.endswith("judge_model"):
        yield key, f"{name} is a decision model, which judges nothing", another
    elif spec.kind != "classify":
        said = f"{name} is a decision model, which answers with labels; this is {spec.kind}"
        yield key, said, another
    elif len(spec.labels) > MOST_LABELS:
        said = f"{name} takes at most {MOST_LABELS} labels; the task has {len(spec.labels)}"
        yield key, said, f"{another}, or merge labels"


def _of_teacher(spec: TaskSpec) -> Iterator[tuple[str, str, str]]:
    """Yield the problems of a decision model as the teacher."""
    name = f"{spec.teacher.model} is a decision model"
    if "synthesis" in spec.generate.sources:
        fix = 'set generate.sources to ["inputs"], and put inputs into inputs.jsonl'
        yield "generate.sources", f"{name}, which writes no inputs", fix
    if spec.teacher.rationale:
        fix = "set teacher.rationale to false"
        yield "teacher.rationale", f"{name}, which gives no reasons", fix
    if spec.teacher.votes > 1:
        said = f"{name}, which is asked the same question in each vote"
        yield "teacher.votes", said, "set teacher.votes to 1"
    if spec.curate.judge and not spec.curate.judge_model:
        said = f"{name}, which judges nothing"
        fix = "set curate.judge to false, or curate.judge_model to another model"
        yield "curate.judge", said, fix
