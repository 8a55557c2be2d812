"""The next steps of a decision, at most two, each with its command if it has one."""

from collections.abc import Callable, Mapping

from distill.core.numbers import large
from distill.evaluate.systems import LOCAL_SYSTEMS
from distill.report.decision.facts import Facts
from distill.report.decision.verdicts import Decision
from distill.report.figures import timing_command
from distill.report.names import name_of, within

Step = dict[str, str]


def next_steps(found: Decision, facts: Facts) -> list[Step]:
    """Return the next steps, the recommended one first."""
    return STEPS[found.verdict](found, facts)


def _step(do: str, command: str = "") -> Step:
    return {"do": do, **({"command": command} if command else {})}


def _switch(found: Decision, facts: Facts) -> list[Step]:
    return [
        _step("Start the trained model:", f"distill serve {facts.task}"),
        _step("Read its mistakes below. Send it a small part of your traffic first."),
    ]


def _fix(found: Decision, facts: Facts) -> list[Step]:
    if facts.is_untaught:
        share = "(student.injected_share = 0.2)"
        train = f"Train again with such messages among the examples {share}. Switch if fewer fail:"
        first = _step(train, f"distill run {facts.task} --new")
    else:
        seeds = f"prompts/{facts.task}/seeds.jsonl"
        add = f"Add messages like the failed ones, with right answers, to {seeds}."
        again = "Train again, and switch if fewer fail:"
        first = _step(f"{add} {again}", f"distill run {facts.task}")
    return [first, _step("Or switch now, if nobody could attack you by a message.")]


def _cheaper(found: Decision, facts: Facts) -> list[Step]:
    name = found.chosen or ""
    if name in LOCAL_SYSTEMS:
        line = next(one["say"] for one in facts.figures["advice"] if one.get("system") == name)
        first = _step("Try it in your service; it is one line of Python:", line.partition(": ")[2])
    elif name in ("base", "base_few_shot"):
        first = _step("Serve the small model with the prompt of this task; nothing is trained.")
    else:
        first = _step(f"Ask {name} with the prompt of this task.")
    return [first, _step("Send it a small part of your traffic first.")]


def _not_proven(found: Decision, facts: Facts) -> list[Step]:
    gold = f"prompts/{facts.task}/gold.jsonl"
    if "today" in facts.money and facts.money["today"]["compared"] is None:
        where = f"evaluate.baselines in prompts/{facts.task}/task.toml"
        compare = f"Compare today's model: name it in {where}, then run:"
        return [_step(compare, f"distill run {facts.task}"), _step("Until then, keep it.")]
    is_open = facts.figures["verdict"]["result"] == "inconclusive"
    more = facts.labels_needed if is_open else facts.gold
    if more is None:
        return [
            _step("Keep today's model, or accept a larger loss: raise evaluate.margin."),
            _step("Or see whether more examples would help:", f"distill run {facts.task} --curve"),
        ]
    label = _step(
        f"Label about {large(more)} more test messages in {gold}, then run:",
        f"distill run {facts.task}",
    )
    rival = facts.figures.get("unbeaten")
    until = "Until then, keep today's model"
    if rival is not None:
        who = within(name_of(facts.figures, rival))
        until += f", or try {who}: it scores {facts.score(rival)} at {facts.monthly(rival)} a month"
    return [label, _step(f"{until}.")]


def _keep(found: Decision, facts: Facts) -> list[Step]:
    if facts.figures["verdict"]["result"] != "inferior":
        return [_step("Keep today's model. Run again when your traffic or the prices change.")]
    return [
        _step("Keep today's model."),
        _step("Or see whether more examples would help:", f"distill run {facts.task} --curve"),
    ]


def _measure(found: Decision, facts: Facts) -> list[Step]:
    until = _step("Until then, keep today's model.")
    if facts.figures.get("rehearsal"):
        return [_step("See what a real run would cost:", f"distill plan {facts.task}"), until]
    if found.chosen is None:
        again = "Name a stronger model in evaluate.judge_model of task.toml, then run:"
        return [_step(again, f"distill run {facts.task}"), until]
    return [_step("Measure again while nothing else runs:", timing_command(facts.task)), until]


STEPS: Mapping[str, Callable[[Decision, Facts], list[Step]]] = {
    "switch": _switch,
    "switch_after_fix": _fix,
    "use_cheaper": _cheaper,
    "not_proven": _not_proven,
    "dont_switch": _keep,
    "no_verdict": _measure,
}
