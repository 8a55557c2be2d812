"""The choice of a logged answer to each text: the teacher's, or a hint."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from distill.core.dataset import LoggedAnswer
from distill.core.text import fold
from distill.task import Task
from distill.task.answers_file import row_of
from distill.task.kinds.generate import Text
from distill.task.logs.cleaning import masked_prompt
from distill.task.logs.collecting import Answer, LoggedText, without_numbers
from distill.task.logs.models import is_same

INVALID, DISAGREE = "not in the task's form", "with several answers"
OTHER_MODEL, OTHER_PROMPT = "of another model", "to another system prompt"


@dataclass
class Chosen:
    """The rows of answers for answers.jsonl, and the texts without one.

    `rows`: input → its row. `labels`: the number of answers that count as the teacher's.
    `hints`: reason why an answer is only a hint → number of answers.
    `unused`: reason why a text has no answer → number of texts.
    """

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    labels: int = 0
    hints: Counter[str] = field(default_factory=Counter)
    unused: Counter[str] = field(default_factory=Counter)


class AnswerChoice:
    """The rule by which answers count as the teacher's: same model and same system prompt.

    `teacher`: the name of the teacher. `prompt`: the teacher's system prompt.
    `as_labels`: True if the answers of all models and prompts are labels.
    """

    def __init__(self, task: Task, teacher: str, prompt: str, *, as_labels: bool) -> None:
        self._task, self._teacher, self._as_labels = task, teacher, as_labels
        self._labels = {fold(label): label for label in task.form.choices}
        self._prompt = without_numbers(fold(prompt))
        self._is_same_prompt: Callable[[str], bool] = lru_cache(maxsize=1024)(self._compare)

    def hint_because(self, answer: Answer) -> str:
        """Return the reason why an answer is only a hint; "" for the teacher's own."""
        if self._as_labels:
            return ""
        if not is_same(answer.model, self._teacher):
            return OTHER_MODEL
        return "" if self._is_same_prompt(answer.system) else OTHER_PROMPT

    def _compare(self, system: str) -> bool:
        return without_numbers(fold(masked_prompt(self._task, system))) == self._prompt

    def choose(self, texts: Iterable[LoggedText]) -> Chosen:
        """Choose an answer to each text; the teacher's own come before the others."""
        chosen = Chosen()
        for text in texts:
            self._add(chosen, text)
        return chosen

    def _add(self, chosen: Chosen, text: LoggedText) -> None:
        reasons = {answer: self.hint_because(answer) for answer in text.answers}
        because = min(reasons.values())  # "" for the teacher's own
        counts: dict[str, Counter[str]] = {}
        for answer, number in text.answers.items():
            if reasons[answer] == because:
                said = self._in_form(answer.text)
                counts.setdefault(said, Counter())[answer.model] += number
        said = max(counts, key=lambda one: (counts[one].total(), one))
        if problem := self._problem(said, counts):
            chosen.unused[problem] += 1
            return
        model = max(counts[said], key=lambda one: (counts[said][one], one))
        found = LoggedAnswer(text.text, said, model)
        chosen.rows[found.input] = row_of(found, self._task.form, is_hint=bool(because))
        if because:
            chosen.hints[because] += 1
        else:
            chosen.labels += 1

    def _in_form(self, text: str) -> str:
        """Return an answer in the task's form; a label may differ in case and white space."""
        said = self._task.form.of_text(text)
        return self._labels.get(fold(said), said)

    def _problem(self, said: str, counts: dict[str, Counter[str]]) -> str:
        """Return the reason why the commonest answer cannot be used; "" for none.

        In a generate task many texts are right, so one of several may be used.
        """
        form = self._task.form
        if not form.is_valid(said):
            return INVALID
        share = counts[said].total() / sum(count.total() for count in counts.values())
        is_sure = isinstance(form, Text) or share >= self._task.spec.curate.min_agreement
        return "" if is_sure else DISAGREE
