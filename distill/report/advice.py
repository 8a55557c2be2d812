"""Figures of the report → what to do, by rules that are written down with their reasons in
docs/advice.md. Each advice says by which figures it was triggered."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from distill.report.confidence import as_good_as_teacher
from distill.report.looks import next_look, tried
from distill.stats import Verdict
from distill.systems import LOCAL_SYSTEMS, RIVALS, system_of

LATE_DAYS = 90
MEMORISED = 0.05
WORTH_ROUTING = 0.3  # of the messages
SLOWED = 3  # times; undisturbed runs were at up to 1.8
ROUNDS = 4  # of gold rows, all in flight at once: with fewer the pace is not the speed test's
SHOWN = 3  # labels or fields

Figures = Mapping[str, Any]
Advice = dict[str, str]
Verdicts = Mapping[str, Verdict]  # rival → against the teacher, as the student's is


def advice(figures: Figures, rivals: Verdicts) -> list[Advice]:
    """Every rule that applies, what saves most first: {"rule", "say", "because"}."""
    if not figures.get("judge", {"usable": True})["usable"]:
        return [_of("judge", "Name a stronger judge, and run again.", figures["headline"])]
    found = [one for rule in RULES for one in rule(figures, rivals)]
    if all(one["rule"] == "busy_machine" for one in found):
        found.append(_nothing_speaks_against(figures))
    return found


def _nothing_speaks_against(figures: Figures) -> Advice:
    """The student, unless the headline names a rival that it does not beat."""
    if "unbeaten" in figures:
        name = figures["unbeaten"]
        because = f"{figures['data']['gold']} gold rows do not show {name} to be worse"
        return _of("unbeaten", f"Weigh {name} against the student before you switch.", because)
    return _of("switch", "Switch to the student.", figures["break_even"]["sentence"])


def _of(rule: str, say: str, because: str) -> Advice:
    return {"rule": rule, "say": say, "because": because}


def _free_model(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    names = [name for name in LOCAL_SYSTEMS if _as_good(rivals.get(name))]
    if names:
        best = max(names, key=lambda name: _value(figures, name))
        rows = f"runs/{figures['task']}/{figures['run']}/student/train.jsonl"
        if best.endswith("_seeds"):
            rows = f"prompts/{figures['task']}/seeds.jsonl"
        line = f'from distill.rivals import fitted; fitted("{rows}", "{best}").predict([text])'
        say = f"Use {best} instead of any language model; it is fitted in seconds: {line}"
        yield _of("free_model", say, _against(best, rivals))


def _prompt(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    for name in ("base_few_shot", "base"):
        if _as_good(rivals.get(name)):
            say = f"Prompt the base, do not train it: {RIVALS[name]} is as good as the teacher."
            yield _of("prompt", say, _against(name, rivals))
            return


def _cheap_model(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    student = _at_traffic(figures, "student")
    for name, found in rivals.items():
        if name not in RIVALS and _as_good(found) and _at_traffic(figures, name) < student:
            money = f"${_at_traffic(figures, name):.4g} against ${student:.4g} per 1,000 requests"
            say = f"Use {name} as it is: it is as good as the teacher and cheaper than the student"
            say += f"{_by_a_doubted_price(figures)}."
            yield _of("cheap_model", say, f"{_against(name, rivals)}; {money}")


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
    """Where the student falls behind its teacher most."""
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
    if best and WORTH_ROUTING <= best["share"] < 1:
        say = f"Let the student answer the {best['share']:.0%} that it is surest of, the teacher "
        say += "the rest."
        yield _of("route", say, figures["coverage"]["sentence"])


def _busy_machine(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    in_flight, speeds = figures["machine"]["in_flight"], figures.get("speed", ())
    if figures["data"]["gold"] < ROUNDS * in_flight:  # gold never kept the server as busy
        return
    took = float(system_of(figures, "student")["requests_per_s"])
    for row in speeds:
        if row["in_flight"] == in_flight and row["requests_per_s"] > SLOWED * took:
            say = "Do not go by the student's price here: gold was answered on a busier machine."
            because = (
                f"{in_flight} at a time it answered {row['requests_per_s']:.1f} requests a second "
                f"where its speed was taken, {took:.1f} on gold, by which it is priced; at the "
                f"former 1,000 cost ${float(row['usd_per_1k_requests']):.4g}"
            )
            yield _of("busy_machine", say, because)


def _too_late(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    money = figures["break_even"]
    if money["never"] or money["days"] > LATE_DAYS:
        say = f"It is not worth it at this traffic{_by_a_doubted_price(figures)}."
        yield _of("too_late", say, money["sentence"])


def _facts(figures: Figures, rivals: Verdicts) -> Iterator[Advice]:
    found = figures.get("memorised")
    if found and "fields" in figures and found["ci_low"] > MEMORISED:
        say = "What is missing are facts, not form: give it the facts in its prompt (retrieval)."
        because = f"{found['value']:.1%} of the messages got a wrong value out of the training rows"
        yield _of("facts", say, because)


def _by_a_doubted_price(figures: Figures) -> str:
    return ", by the price that is doubted here" if any(_busy_machine(figures, {})) else ""


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


def _as_good(found: Verdict | None) -> bool:
    return found is not None and found.result == "non_inferior"


def _value(figures: Figures, name: str) -> float:
    return float(system_of(figures, name)["value"])


def _at_traffic(figures: Figures, name: str) -> Decimal:
    return Decimal(system_of(figures, name)["at_traffic"]["usd_per_1k_requests"])


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
