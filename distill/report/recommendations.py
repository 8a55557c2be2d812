"""The advice from the report's figures; docs/read-the-report.md gives the reasons for its rules.

Each piece of advice names the figures that led to it.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from math import ceil
from typing import Any

from distill.core.students import ENCODER
from distill.evaluate.baselines import EMBEDDED
from distill.evaluate.statistics import Verdict
from distill.evaluate.systems import BASELINES, LOCAL_SYSTEMS
from distill.pricing.break_even import LATE_DAYS
from distill.report.calibration import as_good_as_teacher
from distill.report.figures import is_disturbed, system_of, timing_command
from distill.report.looks import next_look, tried
from distill.report.payback import (
    TIMING,
    VERDICT,
    displaces_student,
    disturbed_of,
    pays_soon,
    usd_at_traffic,
)
from distill.report.spend import short_usd
from distill.text.embedding_models import MINILM

MEMORISED = 0.05
WORTH_ROUTING = 0.3  # share of the messages
SHOWN = 3  # labels or fields

Figures = Mapping[str, Any]
Advice = dict[str, str]
Verdicts = Mapping[str, Verdict]  # rival → verdict against the teacher


def advice(figures: Figures, rivals: Verdicts) -> list[Advice]:
    """Return the advice of every rule that applies, the largest saving first.

    A piece of advice is {"rule", "say", "because"}, and "system" if it recommends a rival.
    """
    if not figures.get("judge", {"usable": True})["usable"]:
        return [_of("judge", "Name a stronger judge, and run again.", figures["headline"])]
    found = [one for rule in RULES for one in rule(figures, rivals)]
    if all(one["rule"] == "busy_machine" for one in found):
        found.extend(_nothing_speaks_against(figures))
    return found


def _nothing_speaks_against(figures: Figures) -> Iterator[Advice]:
    """Yield the advice to switch to the student, unless its or the teacher's price is disturbed.

    If the headline names an unbeaten rival, the advice is to compare with the rival first."""
    if "unbeaten" in figures:
        name = figures["unbeaten"]
        because = f"{figures['data']['gold']} gold rows do not show {name} to be worse"
        yield _of("unbeaten", f"Weigh {name} against the student before you switch.", because)
    elif not _is_open(figures, TIMING):
        yield _of("switch", "Switch to the student.", figures["break_even"]["sentence"])


def _is_open(figures: Figures, reason: str) -> bool:
    return reason in figures["break_even"].get("open_because", ())


def _of(rule: str, say: str, because: str, system: str = "") -> Advice:
    found = {"rule": rule, "say": say, "because": because}
    return found | ({"system": system} if system else {})


def _free_model(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    names = [name for name in LOCAL_SYSTEMS if _takes_over(figures, name, rivals)]
    if names:
        best = max(names, key=lambda name: _value(figures, name))
        folder = f"runs/{figures['task']}/{figures['run']}"
        rows = f"{folder}/student/train.jsonl"
        if best.endswith("_seeds"):
            rows = f"prompts/{figures['task']}/seeds.jsonl"
            if figures["data"].get("examples"):
                rows = f"{folder}/student/labelled.jsonl"
        arguments = [rows, best]
        if (
            best.removesuffix("_seeds") in EMBEDDED
            and figures.get("embedding_model", MINILM) != MINILM
        ):
            arguments.append(figures["embedding_model"])
        given = ", ".join(json.dumps(one, ensure_ascii=False) for one in arguments)
        line = f"from distill.evaluate.baselines import fitted; fitted({given}).predict([text])"
        how = "it is fitted in seconds"
        if best == ENCODER:
            weights = json.dumps(f"{folder}/{ENCODER}/model")
            loaded = f"load_encoder({weights}).predict([text])"
            line = f"from distill.text.encoder import load_encoder; {loaded}"
            how = "it is trained already"
        say = f"Use {best} instead of any language model; {how}: {line}"
        yield _of("free_model", say, f"{_against(best, rivals)}; {_money(figures, best)}", best)


def _prompt(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    for name in ("base_few_shot", "base"):
        if _takes_over(figures, name, rivals):
            say = f"Prompt the base, do not train it: {BASELINES[name]} is as good as the teacher."
            yield _of("prompt", say, f"{_against(name, rivals)}; {_money(figures, name)}", name)
            return


def _cheap_model(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    for name in rivals:
        if name in BASELINES or not _takes_over(figures, name, rivals):
            continue
        if not _saves(figures, name):
            continue
        say = f"Use {name} as it is: it is as good as the teacher"
        if _is_measured(figures, (name, "student")):
            cheaper = _at_traffic(figures, name) < _at_traffic(figures, "student")
            does_not_pay = "the student does not pay for itself in its place"
            say += f" and {'cheaper than the student' if cheaper else does_not_pay}."
        else:
            say += ", if its price is lower than the student's."
        yield _of("cheap_model", say, f"{_against(name, rivals)}; {_money(figures, name)}", name)


def _saves(figures: Figures, name: str) -> bool:
    """True if a rival is cheaper than today's model, or if either price is disturbed."""
    today = figures["break_even"].get("today")
    if not _is_measured(figures, (name,) if today else (name, "teacher")):
        return True
    if today:
        return _at_traffic(figures, name) < Decimal(today["usd_per_1k_requests"])
    return _at_traffic(figures, name) < _at_traffic(figures, "teacher")


def _takes_over(figures: Figures, name: str, rivals: Verdicts) -> bool:
    """True if a rival is as good as the teacher, and the student has no advantage over it."""
    found = rivals.get(name)
    if found is None or found.result != "non_inferior" or name in figures.get("beaten", ()):
        return False
    return displaces_student(figures["systems"], figures["break_even"], name)


def _is_measured(figures: Figures, names: Collection[str]) -> bool:
    """True if no price of these systems is disturbed."""
    return not disturbed_of(figures["systems"], names)


def _money(figures: Figures, name: str) -> str:
    """Return a phrase with a rival's price and the student's, or that one is disturbed."""
    if not _is_measured(figures, (name, "student")):
        return "whether it is cheaper than the student is open until prices are measured anew"
    ours, student = (short_usd(str(_at_traffic(figures, row))) for row in (name, "student"))
    asked = figures["break_even"]["assumptions"]["requests_per_day"]
    return f"${ours} against the student's ${student} per 1,000 requests at {asked:,} a day"


def _label_more(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    verdict = figures["verdict"]
    if verdict["result"] == "inconclusive":
        because = f"of {figures['data']['gold']} gold rows {_interval(verdict)}"
        more = verdict.get("gold_needed")
        because += next_look(verdict)
        say = "No number of gold rows settles it: the difference is the margin."
        if more:
            say = f"Label {more - figures['data']['gold']:,} gold rows more, then evaluate again."
        yield _of("label_more", say, because)


def _more_data(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    if figures["verdict"]["result"] != "inferior":
        return
    because, curve = _interval(figures["verdict"]), figures.get("learning_curve")
    if curve:
        because += f". {curve['sentence']}"
    yield _of("more_data", f"Do not switch yet. {_weakest(figures)}", because)


def _weakest(figures: Figures) -> str:
    """Return a sentence on the labels or fields with the student's largest gap to the teacher."""
    key = "labels" if "labels" in figures else "fields" if "fields" in figures else ""
    if not key:
        return "Look at the worst examples, and add seeds and inputs like them."
    measure, name = ("recall", "label") if key == "labels" else ("f1", "field")
    behind = sorted(figures[key], key=lambda row: row["student"][measure] - row["teacher"][measure])
    shown = [row for row in behind if row["student"][measure] < row["teacher"][measure]][:SHOWN]
    words = ", ".join(
        f"{row[name]} ({row['student'][measure]:.0%}, the teacher {row['teacher'][measure]:.0%})"
        for row in shown
    )
    return f"Add seeds and inputs where it falls behind: {words}." if words else ""


def _route(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    if figures["verdict"]["result"] == "non_inferior" or "coverage" not in figures:
        return
    best = as_good_as_teacher(figures["coverage"]["points"])
    if best and WORTH_ROUTING <= best["share"] < 1 and pays_soon(best):
        say = f"Let the student answer the {best['share']:.0%} that it is surest of, the teacher "
        say += "the rest."
        days, spent = ceil(best["days"]), short_usd(figures["break_even"]["spent_usd"])
        because = f"{figures['coverage']['sentence']} Against the teacher alone both together save "
        because += f"the ${spent} that the student took in {days} {'day' if days == 1 else 'days'}."
        yield _of("route", say, because)


def _busy_machine(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    disturbed = [row["name"] for row in figures["systems"] if is_disturbed(row)]
    if disturbed:
        say = "Measure the prices anew while nothing else runs, before you decide by money: "
        because = "other programs used the processors while these were timed, so that no sentence "
        because += f"uses their prices: {', '.join(disturbed)}"
        yield _of("busy_machine", f"{say}`{timing_command(figures['task'])}`.", because)


def _too_late(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    money = figures["break_even"]
    if _is_open(figures, TIMING) or pays_soon(money):
        return
    because, asked = money["sentence"], money["assumptions"]["requests_per_day"]
    if _is_open(figures, VERDICT):
        because = (
            "Even if it answered as well as its teacher it would not have paid for itself within "
            f"{LATE_DAYS} days at {asked:,} requests a day."
        )
    yield _of("too_late", "It is not worth it at this traffic.", because)


def _facts(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    found = figures.get("memorised")
    if found and "fields" in figures and found["ci_low"] > MEMORISED:
        say = "What is missing are facts, not form: give it the facts in its prompt (retrieval)."
        because = f"{found['value']:.1%} of the messages got a wrong value out of the training rows"
        yield _of("facts", say, because)


def _side_effects(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    for row in figures.get("side_effects", ()):
        if not row["worse"]:
            continue
        limit, n = row["limit"], row["n"]
        if row["judged_by"] == "student":
            misled = 1 - row["student"]["value"]
            say = "Look at how easily the student is led astray before you switch: " + row["about"]
            because = (
                f"it did what {round(misled * n)} of {n} messages told it ({misled:.1%}, at least "
                f"{1 - row['at_most']:.1%}), {limit:.1%} is allowed"
            )
        else:
            say = f"Look at what the training broke before you switch: {row['about']}"
            because = (
                f"student − base {100 * row['difference']:+.1f} points on {n} probes, at most "
                f"{100 * row['at_most']:+.1f}; worse by {100 * limit:.1f} is allowed"
            )
        yield _of("side_effects", f"{say}.", because)


RULES: Sequence[Callable[[Figures, Verdicts], Iterator[Advice]]] = (
    _free_model,
    _prompt,
    _cheap_model,
    _label_more,
    _more_data,
    _route,
    _busy_machine,
    _too_late,
    _facts,
    _side_effects,
)


def _value(figures: Figures, name: str) -> float:
    return float(system_of(figures, name)["value"])


def _at_traffic(figures: Figures, name: str) -> Decimal:
    return usd_at_traffic(system_of(figures, name))


def _against(name: str, rivals: Verdicts) -> str:
    found = rivals[name]
    at, least = found.difference, found.at_least
    return (
        f"{name} − teacher {100 * at.value:+.1f} points ({100 * at.low:+.1f}…{100 * at.high:+.1f}),"
        f" no worse than {100 * least:+.1f}, margin {100 * found.margin:.1f}{tried(rivals, name)}"
    )


def _interval(verdict: Figures) -> str:
    return (
        f"student − teacher {100 * verdict['difference']:+.1f} points "
        f"({100 * verdict['ci_low']:+.1f}…{100 * verdict['ci_high']:+.1f}), "
        f"margin {100 * verdict['margin']:.1f}"
    )
