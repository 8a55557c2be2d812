"""Tasks of kind `generate`: from the files of the task to a report that says what its judge is
worth."""

from pathlib import Path
from typing import Any

import pytest

from distill import pipeline
from distill.core.dataset import Candidate
from distill.core.errors import InputError
from distill.core.evaluation import Prediction, Score
from distill.core.requests import Message, Model
from distill.core.workspace import Workspace
from distill.curate import agreement, answer_format, boilerplate, duplicates
from distill.curate.context import CheckContext
from distill.curate.masking import masked
from distill.curate.pii import check
from distill.estimate.run_start import RunOptions
from distill.evaluate.pairwise_judge import (
    CONTROL,
    CONTROLS,
    PEOPLE,
    SHOWN_FIRST,
    SHOWN_SECOND,
    UNREADABLE,
    WIN_RATE,
    both_ways,
    controls,
    pairs,
    plain_result,
    win,
)
from distill.evaluate.systems import compared_systems
from distill.llm.student_endpoint import curl_line
from distill.rehearsal.rehearse import RehearsalOptions, rehearse
from distill.report.judge import judge_figures
from distill.store import open_store
from distill.task import Task
from distill.task.kinds.generate import Text
from distill.task.loading import load_task
from distill.task.prompts import constrained_request, student_request
from tests.conftest import jsonl, write_files
from tests.support.figures import figures
from tests.support.runs import finished
from tests.support.standin import StandIn

Row = dict[str, Any]
SEEDS = [{"input": f"they count {n} of them", "answer": f"it is {n}"} for n in range(12, 18)]
GOLD: list[Row] = [
    *({"input": f"please count {n} things", "answer": f"it is {n}"} for n in range(20, 32)),
    {"input": "this went badly, count 40 of it", "answer": "it is 40"},
    {"input": "a silent count 41"},
    *({"input": f"would you count {n} more"} for n in range(50, 56)),
]
BADLY, SILENT = GOLD[12], GOLD[13]
PREFERENCES: list[Row] = [
    {"input": "count 7 now", "first": "it is 7", "second": "it is 8", "better": "first"},
    {"input": "count 8 now", "first": "it is 7", "second": "it is 8", "better": "second"},
    {"input": "count 9 now", "first": "it is 1", "second": "it is 2", "better": "same"},
    {"input": "count 9 now", "first": "it is 9", "second": "it is 2", "better": "second"},
]
TASK = """name = "counts"
kind = "generate"
description = "Say how many it are."
[teacher]
few_shot = 2
[generate]
requests = 30
seeds_shown = 2
[curate]
min_words = 2
near_duplicates = 0
semantic_duplicates = 0
[leaks]
near = 0
semantic = 0
"""
COMPARE = "Which is better?\n{{ input }} | {{ first }} | {{ second }}\n"


def write(workspace: Workspace, **changes: str) -> Task:
    texts = {
        "task_toml": TASK,
        "synthesize_md": "About counts:\n{% for seed in seeds %}\n- {{ seed.input }}\n"
        "{% endfor %}\n-\n",
        "answer_md": "{% for seed in seeds %}\n{{ seed.input }} => {{ seed.answer }}\n\n"
        "{% endfor %}\n{{ input }} =>\n",
        "student_md": "How many?\n",
        "compare_md": COMPARE,
        "seeds_jsonl": jsonl(SEEDS),
        "gold_jsonl": jsonl(GOLD),
    }
    write_files(workspace.prompts / "counts", texts | changes)
    return load_task(workspace.prompts, "counts")


@pytest.mark.usefixtures("drawn_charts")
def test_a_run_ends_in_a_report_with_win_rates(
    workspace: Workspace, scripted_backends: StandIn
) -> None:
    write(workspace, preferences_jsonl=jsonl(PREFERENCES))
    outcome = finished(workspace, "counts")
    found = figures(outcome.context.folder)
    systems = {row["name"]: row for row in found["systems"]}
    assert list(systems) == ["teacher", "student", "base", "base_few_shot", "nearest"]
    with outcome.context.store() as store:
        asked = {row.system for row in store.predictions(outcome.run.id)}
    assert asked == {"teacher", *compared_systems(outcome.context.task)}, "as the plan counts them"
    teacher, student = systems["teacher"], systems["student"]
    assert (teacher["value"], teacher["won"], teacher["lost"]) == (0.5, 0, 0)
    # By hand: of 20 rows one is lost to the teacher, one is none (and lost), 18 are the same text.
    assert student["metric"] == "win_rate"
    assert student["value"] == pytest.approx((18 * 0.5) / 20)
    assert (student["won"], student["level"], student["lost"]) == (0, 18, 2)
    assert student["valid_rate"] == teacher["valid_rate"] == pytest.approx(19 / 20)
    assert student["to_teacher"]["difference"] == pytest.approx(-0.05)
    assert "mcnemar_p" not in student["to_teacher"]
    assert student["chrf"]["n"] == 13, "the gold rows with a reference"
    assert 0.8 < student["chrf"]["value"] < 1.0 == teacher["chrf"]["value"]
    assert student["length_ratio"]["value"] == 1.0
    assert systems["base"]["value"] == pytest.approx((19 * 0.5) / 20)
    assert systems["nearest"]["lost"] == 19, "an answer to another message"
    assert found["mistakes"] == {"worst": 2, "better": 0, "both_wrong": 0}
    assert {row["input"] for row in found["worst"]} == {BADLY["input"], SILENT["input"]}
    assert found["memorised"]["n"] == 20 and found["memorised"]["teacher"] == 0.0
    assert found["verdict"]["result"] == "inconclusive"
    assert not {"labels", "fields", "calibration", "coverage"} & set(found)
    assert [row["label"] for row in found["data"]["spread"]] == ["any"]


@pytest.mark.usefixtures("drawn_charts")
def test_the_report_says_what_the_judge_is_worth(
    workspace: Workspace, scripted_backends: StandIn
) -> None:
    write(workspace, preferences_jsonl=jsonl(PREFERENCES))
    outcome = finished(workspace, "counts")
    found = figures(outcome.context.folder)
    judge = found["judge"]
    assert judge["is_teacher"] and judge["usable"]
    assert judge["control"]["value"] == 1.0 and judge["control"]["n"] == 19
    assert 0.75 < judge["control"]["ci_low"] < 1.0, "all won is not the same as always"
    # The student's one mistake and the 19 of "nearest"; equal texts are not asked about.
    assert (judge["pairs"], judge["unreadable"]) == (20, 0)
    assert judge["same_both_ways"]["value"] == 1.0
    assert judge["first_won"] == judge["first_lost"] == 0.5
    # People and judge differ on the last of four; by hand, kappa is (3/4 - 5/16) ÷ (1 - 5/16).
    assert (judge["people"]["n"], judge["people"]["value"]) == (4, 0.75)
    assert judge["people"]["kappa"] == pytest.approx((3 / 4 - 5 / 16) / (1 - 5 / 16))
    assert "on 20 messages, judged by the teacher itself" in found["headline"]
    assert "The judge agrees with people on 75.0% of 4 comparisons" in found["headline"]
    for name in ("report.full.md", "report.html", "student/README.md"):
        text = (outcome.context.folder / name).read_text(encoding="utf-8")
        assert "win rate" in text, name
        assert "judge" in text, name


def test_a_judge_that_says_nothing_agrees_with_nobody(workspace: Workspace) -> None:
    write(workspace, preferences_jsonl=jsonl(PREFERENCES))
    task = load_task(workspace.prompts, "counts")
    pairs = [row.id for row in task.preferences]
    none = [Score(PEOPLE, id_, UNREADABLE, 2) for id_ in pairs]
    lost = [Score(PEOPLE, id_, WIN_RATE, 0.0) for id_ in pairs]
    with open_store(workspace.database("counts")) as store:
        store.add_predictions("r", [], none + lost)
        assert judge_figures(task, store, "r")["people"]["value"] == 0.0


def test_nothing_follows_from_a_judge_that_only_sees_the_order(
    workspace: Workspace, scripted_backends: StandIn
) -> None:
    """Every pair is level with it, which would pass for a student as good as its teacher."""
    biased = f"You are biased.\n{COMPARE}"
    write(workspace, compare_md=biased, preferences_jsonl=jsonl(PREFERENCES))
    outcome = pipeline.run(workspace, "counts")
    found = figures(outcome.context.folder)
    assert found["judge"]["control"]["value"] == 0.5 and not found["judge"]["usable"]
    assert found["judge"]["same_both_ways"]["value"] == 0.0
    assert found["judge"]["first_won"] == 1.0
    assert found["judge"]["people"]["kappa"] == 0.0, "no better than chance is told, too"
    assert found["verdict"]["result"] == "inconclusive"
    assert "gold_needed" not in found["verdict"]
    assert found["headline"].startswith("Nothing follows from the win rates: the judge,")
    assert "You do not need" not in found["headline"]
    assert "Against 13 references that people wrote chrF is" in found["headline"]


def test_what_the_judge_was_asked_is_asked_once(
    workspace: Workspace, scripted_backends: StandIn
) -> None:
    write(workspace)
    pipeline.run(workspace, "counts")
    asked = scripted_backends.total
    pipeline.run(workspace, "counts", RunOptions(new=True))
    assert scripted_backends.total == asked


def test_a_learning_curve_is_measured_by_the_judge_too(
    workspace: Workspace, scripted_backends: StandIn
) -> None:
    write(workspace)
    with pytest.raises(InputError, match=r"teacher's answers on gold, and run .* has none yet"):
        pipeline.run(workspace, "counts", RunOptions("train", curve=True))
    pipeline.run(workspace, "counts")
    outcome = pipeline.run(workspace, "counts", RunOptions(curve=True))
    points = figures(outcome.context.folder)["learning_curve"]["points"]
    assert [row["value"] for row in points] == pytest.approx([9 / 20] * 3), "all are the same"


def prediction(system: str, answer: str, *, valid: bool = True) -> Prediction:
    return Prediction(system, "row", answer, valid, 0.1)


@pytest.mark.parametrize(
    ("ours", "valid", "theirs", "their_valid", "result"),
    [
        ("x", True, "x", True, 0.5),
        ("x", True, "y", True, None),
        ("", False, "y", True, 0.0),
        ("cut o", False, "cut o", True, 0.0),
        ("x", True, "", False, 1.0),
        ("", False, "", False, 0.0),
    ],
)
def test_what_needs_no_judge(
    ours: str, valid: bool, theirs: str, their_valid: bool, result: float | None
) -> None:
    teacher = prediction("teacher", theirs, valid=their_valid)
    assert plain_result(prediction("student", ours, valid=valid), teacher) == result
    assert plain_result(teacher, teacher) == 0.5, "a win rate is against the teacher"


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [(1.0, 1.0, 1.0), (1.0, 0.0, 0.5), (0.5, 1.0, 0.75), (None, 1.0, 0.5), (None, None, 0.0)],
)
def test_both_orders_count_and_no_verdict_counts_against(
    first: float | None, second: float | None, value: float
) -> None:
    assert win(first, second) == value


def test_every_pair_is_shown_in_both_orders(workspace: Workspace) -> None:
    task = write(workspace)
    model = Model("judge", None, "openai")
    answers = [Prediction("student", row.id, "it is 1", True, 0.1) for row in task.gold]
    teacher = {row.id: Prediction("teacher", row.id, "it is 2", True, 0.1) for row in task.gold}
    asked = list(pairs(task, answers, teacher))
    assert len(asked) == len(GOLD)
    first, second = (request.messages[-1].content for request in both_ways(task, model, asked[0]))
    assert first.endswith("please count 20 things | it is 1 | it is 2")
    assert second.endswith("please count 20 things | it is 2 | it is 1")
    request = both_ways(task, model, asked[0])[0]
    assert request.sampling.choices == ("A", "same", "B")


def test_the_prompt_in_the_box_shows_both_answers_and_the_reference(workspace: Workspace) -> None:
    write(workspace)
    (workspace.prompts / "counts" / "compare.md").unlink()
    task = load_task(workspace.prompts, "counts")
    answers = [Prediction("student", row.id, "it is 1", True, 0.1) for row in task.gold]
    teacher = {row.id: Prediction("teacher", row.id, "it is 2", True, 0.1) for row in task.gold}
    asked = list(pairs(task, answers, teacher))
    for pair, reference in ((asked[0], True), (asked[-1], False)):
        first, _ = both_ways(task, Model("judge", None, "openai"), pair)
        text = first.messages[-1].content
        assert "Answer A:\nit is 1\n" in text and "Answer B:\nit is 2\n" in text
        assert ("What a person answered" in text) is reference


def test_controls_are_answers_to_other_messages(workspace: Workspace) -> None:
    many = [{"input": f"count {n} of many"} for n in range(200)]
    task = write(workspace, gold_jsonl=jsonl(many))
    teacher = {
        row.id: Prediction("teacher", row.id, f"it is {place}", True, 0.1)
        for place, row in enumerate(task.gold)
    }
    found = controls(task, teacher)
    assert len(found) == CONTROLS and {pair.system for pair in found} == {CONTROL}
    assert all(pair.first != pair.second for pair in found)
    assert len({pair.input for pair in found}) == CONTROLS
    same = {row.id: Prediction("teacher", row.id, "it is 1", True, 0.1) for row in task.gold}
    assert controls(task, same) == [], "nothing to tell apart"


def test_a_judge_that_was_never_shown_anything_wrong_is_not_usable(
    workspace: Workspace, scripted_backends: StandIn
) -> None:
    """All answers are the same: no control."""
    task = write(workspace, gold_jsonl=jsonl([{"input": "please count 3"}] * 3))
    outcome = pipeline.run(workspace, "counts")
    found = figures(outcome.context.folder)
    assert "control" not in found["judge"] and not found["judge"]["usable"]
    assert "never shown an answer that is plainly wrong" in found["headline"]
    with outcome.context.store() as store:
        assert judge_figures(task, store, outcome.run.id)["pairs"] == found["judge"]["pairs"]


def test_unreadable_verdicts_are_counted(
    workspace: Workspace, scripted_backends: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.evaluate.pairwise_judge.VERDICTS", {"same": 0.5, "B": 0.0})
    write(workspace, preferences_jsonl=jsonl(PREFERENCES))
    outcome = pipeline.run(workspace, "counts")
    found = figures(outcome.context.folder)
    assert found["judge"]["unreadable"] == found["judge"]["pairs"] == 20, "one of two orders each"
    assert found["judge"]["control"]["value"] == 0.5
    with outcome.context.store() as store:
        first = store.scores(outcome.run.id, SHOWN_FIRST)
        second = store.scores(outcome.run.id, SHOWN_SECOND)
    assert first[PEOPLE] and len(first[PEOPLE]) < len(PREFERENCES)
    assert CONTROL not in first and CONTROL in second


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"gold_jsonl": jsonl([{"input": "x y", "answer": ""}])}, "gold.jsonl:1: answer: must be"),
        ({"gold_jsonl": jsonl([{"input": "x y", "answer": 3}])}, "gold.jsonl:1: answer: must be"),
        ({"seeds_jsonl": jsonl([{"input": "x y"}])}, 'seeds.jsonl:1: "answer" is missing: add it'),
        ({"seeds_jsonl": ""}, "seeds.jsonl is empty"),
        (
            {"task_toml": TASK + '[labels]\na = "A"\n'},
            "labels: remove them; the answers of a generate task",
        ),
        ({"task_toml": TASK.replace("few_shot = 2", "votes = 3")}, "teacher.votes: set it to 1"),
        (
            {"task_toml": TASK.replace("few_shot = 2", "rationale = true")},
            "teacher.rationale: set it to false",
        ),
        (
            {"preferences_jsonl": jsonl([PREFERENCES[0] | {"better": "A"}])},
            "preferences.jsonl:1: \"better\" is 'A'; known: first, second, same",
        ),
        (
            {"preferences_jsonl": jsonl([PREFERENCES[0], PREFERENCES[0] | {"second": ""}])},
            "preferences.jsonl:2: answer: must be a string",
        ),
        (
            {"preferences_jsonl": jsonl([PREFERENCES[0] | {"second": "it is 7"}])},
            "preferences.jsonl:1: both answers are the same",
        ),
        ({"preferences_jsonl": jsonl([{"first": "a"}])}, 'preferences.jsonl:1: "input" is missing'),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(
    workspace: Workspace, changes: dict[str, str], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        write(workspace, **changes)


def test_texts_may_differ_by_rounding_more_often_than_labels(workspace: Workspace) -> None:
    assert write(workspace).spec.evaluate.parity == 0.9
    own = write(workspace, task_toml=TASK + "[evaluate]\nparity = 0.99\n")
    assert own.spec.evaluate.parity == 0.99


def test_edited_preferences_are_another_task(workspace: Workspace) -> None:
    before = write(workspace)
    first = write(workspace, preferences_jsonl=jsonl(PREFERENCES))
    other = write(workspace, preferences_jsonl=jsonl([*PREFERENCES[1:], PREFERENCES[0]]))
    assert len({before.hash, first.hash, other.hash}) == 3


def test_only_a_task_of_texts_has_a_judge_of_systems(workspace: Workspace) -> None:
    task = write(workspace, task_toml=TASK + '[evaluate]\njudge_model = "openai:gpt-6-luna"\n')
    assert task.judge_of_systems == "openai:gpt-6-luna"
    labels = '[labels]\na = "A"\nb = "B"\n[evaluate]\njudge_model = "openai:gpt-6-luna"\n'
    with pytest.raises(InputError, match=r"evaluate\.judge_model: remove it; only the answers"):
        write(workspace, task_toml=f'name = "counts"\nkind = "classify"\n{labels}')


def candidate(text: str, answer: str, **values: Any) -> Candidate:
    fields = {"asked_label": "any", "source": "synthesis", "origin": text + answer} | values
    return Candidate(input=text, answers=(answer,), **fields)


def test_curation_looks_at_the_answers_too(workspace: Workspace) -> None:
    means = CheckContext(write(workspace))
    good = candidate("they count 3 of them", "it is 3")
    rows = [
        good,
        candidate("they count 4 of them", ""),
        candidate("they count 5 of them", "They  count 5 of THEM"),
        candidate("they count 6 of them", "As an AI language model, I cannot count."),
        candidate("they count 7 of them", "Dear [customer name], it is 7"),
        candidate("they count 8 of them", "Say how many it are."),
    ]
    assert [drop.reason for drop in answer_format.check(rows, means)] == [
        "empty answer",
        "the answer is the input",
    ]
    assert [drop.reason for drop in boilerplate.check(rows, means)] == [
        "refusal or boilerplate in the answer",
        "placeholder in the answer",
        "text of the prompt in the answer",
    ]


def test_two_wordings_do_not_contradict_and_are_duplicates(workspace: Workspace) -> None:
    means = CheckContext(write(workspace))
    rows = [
        candidate("they count 3 of them", "it is 3"),
        candidate("They count 3 of them", "there are three"),
    ]
    assert agreement.check(rows, means) == []
    assert [drop.check for drop in duplicates.check(rows, means)] == ["exact_duplicates"]


def test_personal_data_in_an_answer_is_masked_or_dropped(workspace: Workspace) -> None:
    row = candidate("who do i write to", "write to jane.roe@corp.com", asked_label=None)
    task = write(workspace)
    assert masked(row, task) == ("who do i write to", "write to person@example.com")
    dropping = write(workspace, task_toml=TASK.replace("[curate]", '[curate]\nprivacy = "drop"'))
    assert [drop.reason for drop in check([row], CheckContext(dropping))] == [
        "personal data: email"
    ]


def test_texts_end_where_a_model_would_begin_the_next_example(workspace: Workspace) -> None:
    task = write(workspace)
    turns = (Message("user", "count 1 =>"),)
    small = constrained_request(task, Model("base", Path("x"), "completions"), turns)
    assert small.sampling.stop == ("\n\n",)
    chat = constrained_request(task, Model("base", Path("x"), "chat"), turns)
    assert chat.sampling.stop == () and not chat.sampling.choices and not chat.sampling.schema
    asked = student_request(task, Model("student", Path("x"), "chat"), "count 1")
    assert not asked.sampling.logprobs, "the probability of one text of many says nothing"
    assert asked.sampling.max_tokens >= 64
    long = write(workspace, seeds_jsonl=jsonl([{"input": "count x", "answer": "word " * 60}]))
    assert student_request(long, Model("s", None, "openai"), "x").sampling.max_tokens == 300


def test_a_form_of_texts() -> None:
    form_ = Text()
    assert form_.of_text("  a text\n") == "a text"
    assert form_.is_valid("a") and not form_.is_valid("")
    assert form_.of_row(" b ") == "b" and form_.group("x") == "any"
    assert not form_.contradict("a", "b")


def test_a_line_for_a_shell_has_no_constraint(
    workspace: Workspace, scripted_backends: StandIn
) -> None:
    from decimal import Decimal

    from distill.core.requests import Endpoint
    from distill.pricing.token_prices import MachinePrice

    task = write(workspace)
    endpoint = Endpoint("http://x/v1", Model("s", None, "chat"), 1, MachinePrice(Decimal(1), 1))
    assert "structured_outputs" not in curl_line(task, endpoint)


@pytest.mark.parametrize(
    ("teacher", "mode"),
    [
        ("openai:gpt-6-luna", "online"),
        ("anthropic:claude-haiku-5-5", "batch"),
        pytest.param("openai:gpt-6-luna", "batch", marks=pytest.mark.nightly),
        pytest.param("anthropic:claude-haiku-5-5", "online", marks=pytest.mark.nightly),
    ],
)
def test_a_rehearsal_goes_the_whole_way(
    workspace: Workspace, scripted_backends: StandIn, teacher: str, mode: str
) -> None:
    """The ledger agrees with the stand-in's bill, the judge's part included."""
    write(workspace)
    (workspace.prompts / "counts" / "compare.md").unlink()
    done = rehearse(workspace, "counts", RehearsalOptions(teacher=teacher, mode=mode))
    assert done.agrees
    found = figures(done.outcome.context.folder)
    assert found["rehearsal"] and found["judge"]["model"] == teacher
    assert float(found["spend"]["judge_usd"]) > 0
    database = done.outcome.context.database
    with open_store(database) as store:
        batched = {row[0].partition(".")[0] for row in store.rows("SELECT purpose FROM batch")}
    assert ("evaluate:judge" in batched) == (mode == "batch"), "half the price where it can wait"
