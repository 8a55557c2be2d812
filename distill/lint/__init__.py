"""The linter: a task → faults of its files, each with file, line and remedy.

A rule is a function that yields a problem for each fault. Rules load no model and send nothing. A
file that cannot be read is no finding, since the loader refuses it.
"""

from collections.abc import Sequence

from distill.core.errors import InvalidInput
from distill.lint.finding import Finding, Rule
from distill.lint.gold import (
    gold_contradicts,
    gold_copies,
    gold_near_copies,
    gold_too_small,
    gold_unlike_inputs,
    other_untested,
)
from distill.lint.labels import (
    labels_alike,
    labels_without_gold,
    labels_without_meaning,
    meanings_overlap,
)
from distill.lint.limits import long_gold, long_rows, refused_schemas, unused_keys
from distill.lint.other_tasks import (
    copied_description,
    copied_inputs,
    copied_prompts,
    foreign_phrases,
)
from distill.lint.prompts import (
    broken_prompts,
    forgotten_inputs,
    forgotten_labels,
    unseen_instructions,
)
from distill.lint.rows import copies, examples_contradict, seeds_contradict
from distill.task import Task

# To add a rule, write its function and add a row. Errors come first.
RULES = (
    Rule("gold-contradicts", "stop", "two answers to one input in gold", gold_contradicts),
    Rule("seeds-contradict", "stop", "two answers to one input in the seeds", seeds_contradict),
    Rule("prompt-broken", "stop", "a prompt that cannot be rendered", broken_prompts),
    Rule(
        "input-forgotten",
        "stop",
        "a judge's prompt that does not show the input or an answer",
        forgotten_inputs,
    ),
    Rule("schema-refused", "stop", "a schema that a provider refuses", refused_schemas),
    Rule("gold-too-long", "stop", "gold rows longer than the student's context", long_gold),
    Rule("labels-alike", "look", "labels that differ only by case or white space", labels_alike),
    Rule("label-without-gold", "look", "a label that no gold row has", labels_without_gold),
    Rule(
        "label-without-meaning",
        "look",
        "a meaning that says no more than the label's name",
        labels_without_meaning,
    ),
    Rule(
        "meanings-overlap",
        "look",
        "two meanings that share 3 words and 60 % of the shorter one's, without words of up to 3 "
        "letters, of the description, and of more than 3 labels",
        meanings_overlap,
    ),
    Rule("label-forgotten", "look", "a prompt that names most labels, not all", forgotten_labels),
    Rule(
        "instructions-unseen",
        "look",
        "an `answer.system.md` that a teacher on our own server never sees",
        unseen_instructions,
    ),
    Rule("prompt-copied", "look", "a prompt that is a bundled task's", copied_prompts),
    Rule(
        "prompt-foreign",
        "look",
        "a prompt with 4 words in a row from a bundled task, one of which your task lacks",
        foreign_phrases,
    ),
    Rule("description-copied", "look", "another task's description", copied_description),
    Rule("inputs-copied", "look", "inputs that are a bundled task's", copied_inputs),
    Rule(
        "examples-contradict",
        "look",
        "an example whose input has another answer before",
        examples_contradict,
    ),
    Rule(
        "copies",
        "look",
        "rows that equal or nearly equal a row of the same or another file "
        "(`curate.near_duplicates`, the first 100,000 rows)",
        copies,
    ),
    Rule("gold-copies", "look", "gold rows that repeat a gold row, which count once", gold_copies),
    Rule("gold-near-copies", "look", "gold rows that nearly equal a gold row", gold_near_copies),
    Rule("gold-too-small", "look", "fewer gold rows than the margin needs", gold_too_small),
    Rule(
        "other-untested",
        "look",
        "so few gold rows of the label `other` that a share of 10 % forced into a label could stay "
        "unseen",
        other_untested,
    ),
    Rule(
        "gold-unlike-inputs",
        "look",
        "gold that a classifier on words tells from the inputs: an AUC surely above 0.65",
        gold_unlike_inputs,
    ),
    Rule(
        "rows-too-long",
        "look",
        "rows that are, or may be, longer than the student's context",
        long_rows,
    ),
    Rule("today-unused", "look", "keys of `[today]` that the report does not use", unused_keys),
)


def lint(task: Task, rules: Sequence[Rule] = RULES) -> list[Finding]:
    """Return the findings of all rules on a loaded task with its teacher, errors first."""
    return [Finding(rule.name, rule.level, found) for rule in rules for found in rule.check(task)]


def stop_on_errors(findings: Sequence[Finding]) -> None:
    """Raise InvalidInput with the findings that stop a run, if there are any."""
    if errors := [found.problem for found in findings if found.level == "stop"]:
        raise InvalidInput(*errors)


def count_in_words(findings: Sequence[Finding], name: str) -> str:
    """Return the numbers of errors and warnings with the command that shows them; "" for none."""
    errors = sum(found.level == "stop" for found in findings)
    counts = {"error": errors, "warning": len(findings) - errors}
    told = [f"{n:,} {what}{'s' if n > 1 else ''}" for what, n in counts.items() if n]
    shows = f"`distill check {name}` shows {'it' if len(findings) == 1 else 'them'}"
    return f"{' and '.join(told)}: {shows}" if told else ""
