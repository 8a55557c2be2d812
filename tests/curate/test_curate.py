"""Checks: what each drops and why, that each can be off, and that nothing gets lost."""

import json
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import ANY

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.core.dataset import Candidate, Drop, SimilarPair, Source
from distill.curate import context, lost_inputs, run_checks
from distill.curate.context import FLOORS, CheckContext, Method, search_once
from distill.curate.registry import CHECKS
from distill.store import open_store
from distill.task import Task
from tests.conftest import WriteTask, jsonl

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\ncats = "c"\ndogs = "d"\nbirds = "b"\n[curate]\n'
# Without what needs a model; a test switches on what it is about.
ALONE = HEAD + "second_opinion = false\nsemantic_duplicates = 0\n"
NOTHING = ALONE + "near_duplicates = 0\nexact_duplicates = false\nagreement = false\n"
NOTHING += "min_words = 0\nmax_words = 0\nmin_agreement = 0\ncontradictions = false\n"
NOTHING += 'boilerplate = false\nleaked_prompt = false\nprivacy = "off"\n'


def made(text: str, asked: str | None = "cats", answer: str = "cats", n: int = 0) -> Candidate:
    source: Source = "inputs" if asked is None else "synthesis"
    return Candidate(text, asked, (answer,) if answer else (), source, f"origin{n}")


def check(rows: Sequence[Candidate], task: Task) -> tuple[list[Candidate], list[Drop]]:
    return run_checks(rows, CheckContext(task))


def drop_of(task: Task, *rows: Candidate) -> Drop:
    kept, (drop,) = check(rows, task)
    assert [row.id for row in kept] == [row.id for row in rows if row.id != drop.candidate_id]
    assert drop.check in CHECKS
    return drop


def test_form(pets: WriteTask) -> None:
    task = pets(task_toml=ALONE + "max_words = 6\n")
    assert drop_of(task, made("", answer="")).reason == "empty"
    assert drop_of(task, made("too few")).reason == "too short"
    assert drop_of(task, made("one two three four five six seven")).reason == "too long"
    assert drop_of(task, made("a good enough text", answer="fish")).reason == "not a label"
    assert drop_of(task, made("nobody answered this one", answer="")).reason == "not a label"


@pytest.mark.parametrize("text", ["price range", "meow", "word " * 500])
def test_given_inputs_may_be_of_any_length(pets: WriteTask, text: str) -> None:
    row = made(text, asked=None)
    assert check([row], pets(task_toml=ALONE)) == ([row], [])


@pytest.mark.parametrize(
    "text",
    [
        "我想知道快递在哪",
        "荷物はどこですか",
        "พัสดุของฉันอยู่ที่ไหน",
        "កញ្ចប់របស់ខ្ញុំនៅឯណា",
        "ကျွန်တော့်ပစ္စည်းဘယ်မှာလဲ",
        "ພັດສະດຸຂອງຂ້ອຍຢູ່ໃສ",
        "ꦥꦏꦺꦠ꧀ꦏꦸꦲꦤꦺꦁꦔꦼꦤ꧀ꦢꦶ",
        "\uff86\uff93\uff82\uff8a\uff84\uff9e\uff7a",
        "내택배어디쯤왔나요",
        "where is it",
        "أين طردي الآن",
    ],
)
def test_a_synthesised_message_of_any_script_is_long_enough(pets: WriteTask, text: str) -> None:
    row = made(text)
    assert check([row], pets(task_toml=ALONE)) == ([row], [])
    assert drop_of(pets(task_toml=ALONE), made(text[:2])).reason == "too short"


@pytest.mark.parametrize("text", ["快递" * 70, "พัสดุอยู่ที่ไหน" * 30])
def test_a_text_without_spaces_can_be_too_long(pets: WriteTask, text: str) -> None:
    assert drop_of(pets(task_toml=ALONE), made(text)).reason == "too long"


def test_the_words_of_a_label_are_no_leaked_prompt(pets: WriteTask) -> None:
    names = ("card_not_working", "dogs")
    prompt = "Write a message that belongs under one of:\n- card not working\n- about a cat\n"
    labels = 'name = "pets"\nkind = "classify"\n[labels]\ncard_not_working = "about a cat"\n'
    labels += 'dogs = "Is it about a dog that does not want to eat at all"\n[curate]\n'
    task = pets(
        task_toml=labels + "second_opinion = false\nsemantic_duplicates = 0\n",
        synthesize_md=prompt,
        seeds_jsonl=jsonl([{"input": f"row {n}", "label": label} for n, label in enumerate(names)]),
        gold_jsonl=jsonl([{"input": "could you feed it", "label": "dogs"}]),
    )
    for text in ("Card not working", "About a cat"):
        row = made(text, asked="card_not_working", answer="card_not_working")
        assert check([row], task) == ([row], [])
    leaked = made("is it about a dog that does not want to eat", "dogs", "dogs")
    assert drop_of(task, leaked).reason == "text of the prompt"
    line = made("Write a message that belongs under one of", "dogs", "dogs")
    assert drop_of(task, line).reason == "text of the prompt"


def test_a_check_that_takes_most_given_inputs_is_named() -> None:
    rows = [made(f"row {n}", asked=None, n=n) for n in range(10)]
    drops = [Drop(row.id, "language", "another language") for row in rows[:6]]
    drops += [Drop(row.id, "second_opinion", "another answer") for row in rows[6:8]]
    drops += [Drop(made("x").id, "form", "empty") for _ in range(9)]
    (line,) = lost_inputs(rows, drops)
    assert line.startswith("language dropped 6 of 10 given inputs, most as 'another language'")


def test_seeds_may_be_of_any_length(pets: WriteTask) -> None:
    seed = Candidate("meow", "cats", ("cats",), "seeds", "seeds.jsonl:1")
    assert check([seed], pets(task_toml=ALONE)) == ([seed], [])


def test_exact_duplicates_whatever_case_and_spaces(pets: WriteTask) -> None:
    first, second = made("My cat is hungry"), made("my  CAT is\thungry", n=1)
    drop = drop_of(pets(task_toml=ALONE), first, second)
    assert (drop.candidate_id, drop.reason) == (second.id, "exact duplicate")
    assert (drop.matched, drop.score) == (first.id, 1.0)


CALLS = ("call me on 415 901 8200 please", "Call me on 212-736-5000 please")


def test_inputs_that_differ_in_masked_values_alone_are_one(pets: WriteTask) -> None:
    first, second = made(CALLS[0], asked=None), made(CALLS[1], asked=None, n=1)
    drop = drop_of(pets(task_toml=ALONE), first, second)
    assert (drop.candidate_id, drop.check) == (second.id, "exact_duplicates")
    kept = pets(task_toml=ALONE + 'near_duplicates = 0\nprivacy = "off"\n')
    assert check([first, second], kept) == ([first, second], [])


def test_inputs_that_nearly_agree_after_masking_are_near_duplicates(pets: WriteTask) -> None:
    words = "please call me back about the cat that I lost in the park on monday, {}"
    first = made(words.format("415 901 8200"), asked=None)
    second = made(words.format("212-736-5000!"), asked=None, n=1)
    drop = drop_of(pets(task_toml=ALONE + "near_duplicates = 0.95\n"), first, second)
    assert (drop.check, drop.matched) == ("near_duplicates", first.id)


def test_inputs_that_are_one_after_masking_contradict_each_other(pets: WriteTask) -> None:
    rows = [made(CALLS[0], asked=None), made(CALLS[1], asked=None, answer="dogs", n=1)]
    kept, drops = check(rows, pets(task_toml=ALONE))
    assert kept == []
    assert {drop.reason for drop in drops} == {"another answer to the same input"}


def test_disagreement_of_asked_and_answered(pets: WriteTask) -> None:
    drop = drop_of(pets(), made("a text about something", asked="cats", answer="dogs"))
    assert (drop.check, drop.reason) == ("agreement", "another answer than asked for")
    assert drop.matched == "asked for cats, answered dogs"


def test_an_input_that_nobody_asked_a_label_for_cannot_disagree(pets: WriteTask) -> None:
    row = made("a text about something", asked=None, answer="dogs")
    assert check([row], pets(task_toml=ALONE)) == ([row], [])


def test_nothing_is_dropped_when_everything_is_off(pets: WriteTask) -> None:
    rows = [
        made("short"),
        made("w " * 500),
        made("twice the same"),
        made("twice the same", n=1),
        made("twice the same!", n=2),
        made("an odd answer", answer="dogs"),
        made("As an AI language model, I cannot do that."),
        made("write to me: jane@doe.org"),
        made("two votes that differ", answer="dogs"),
    ]
    assert check(rows, pets(task_toml=NOTHING)) == (rows, [])


TEXTS = st.text(alphabet=st.sampled_from("ab \n\x00é😀\u200f\u05d0\ud800"), max_size=12)
ROWS = st.lists(st.tuples(TEXTS, st.sampled_from(["cats", "dogs", "", "fish"])), max_size=30)


def test_kept_and_dropped_are_all(pets: WriteTask) -> None:
    task = pets(task_toml=ALONE + 'min_words = 0\nsuspect_labels = "drop"\nbalance = "equal"\n')

    @settings(deadline=None, max_examples=50)
    @given(ROWS)
    def every(rows: list[tuple[str, str]]) -> None:
        candidates = [made(text, answer=answer, n=n) for n, (text, answer) in enumerate(rows)]
        kept, drops = run_checks(candidates, CheckContext(task))
        ids = [row.id for row in kept] + [drop.candidate_id for drop in drops]
        assert sorted(ids) == sorted(row.id for row in candidates)

    every()


OPINION = HEAD + "near_duplicates = 0\nsemantic_duplicates = 0\n"


def test_a_second_opinion_that_differs(pets: WriteTask) -> None:
    """With a teacher that says of every seed that it is about birds."""
    text = "the seed dog number 3 of ours is hungry again"
    task, row = pets(task_toml=OPINION), made(text, asked="cats", answer="cats")
    kept, (drop,) = run_checks([row], CheckContext(task, seed_answers=lambda: ["birds"] * 12))
    assert (kept, drop.check) == ([], "second_opinion")
    assert (drop.reason, drop.matched) == (
        "another answer",
        "answered cats, second opinion dogs",
    )
    right = made(text, asked="dogs", answer="dogs")
    assert check([right], pets(task_toml=OPINION)) == ([right], [])


def test_votes_that_differ(pets: WriteTask) -> None:
    row = Candidate("a text about something", None, ("cats", "dogs", "birds"), "inputs", "o")
    drop = drop_of(pets(task_toml=ALONE), row)
    assert (drop.reason, drop.matched) == ("votes differ", "1 cats, 1 dogs, 1 birds")
    assert drop.score == row.agreement


def test_the_same_input_with_two_answers(pets: WriteTask) -> None:
    task = pets(task_toml=ALONE)
    same = "what do I do with it"
    two = [made(same, None, "cats"), made(same.upper(), None, "dogs", n=1)]
    assert [drop.reason for drop in check(two, task)[1]] == ["another answer to the same input"] * 2
    seed = Candidate(same, "dogs", ("dogs",), "seeds", "seeds.jsonl:1")
    kept, drops = check([seed, *two], task)
    assert kept == [seed]
    assert [(drop.check, drop.matched) for drop in drops] == [
        ("agreement", "answered cats, elsewhere dogs"),
        ("exact_duplicates", seed.id),
    ]


def test_of_near_duplicates_the_best_stays_not_the_first(pets: WriteTask) -> None:
    first = made("my cat will not eat the food I bought", "cats")
    better = made("my cat will not eat the food I bought!!", None, n=1)
    drop = drop_of(pets(task_toml=ALONE), first, better)
    assert (drop.candidate_id, drop.check, drop.matched) == (
        first.id,
        "near_duplicates",
        better.id,
    )
    assert drop.score is not None and 0.8 < drop.score < 1


def test_a_chain_of_pairs_does_not_take_its_ends(pets: WriteTask) -> None:
    rows = [made(f"row number {n}", None, n=n) for n in range(3)]

    def chain(method: Method, texts: Sequence[str], threshold: float) -> list[SimilarPair]:
        return [SimilarPair(0, 1, 0.9), SimilarPair(1, 2, 0.9)] if method == "near" else []

    kept, (drop,) = run_checks(rows, CheckContext(pets(task_toml=ALONE), search=chain))
    assert kept == [rows[0], rows[2]]
    assert drop.candidate_id == rows[1].id


def test_nearly_the_same_with_another_answer_is_no_duplicate(pets: WriteTask) -> None:
    rows = [
        made("the animal that I saw was barking at me", None, "dogs"),
        made("the animal that I saw was barking at me!", None, "cats", n=1),
    ]
    assert check(rows, pets(task_toml=ALONE)) == (rows, [])


def test_a_higher_threshold_computes_nothing_again(
    pets: WriteTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [
        "the quick brown fox jumps",
        "the quick brown fox jumped",
        "the quick brown foxes jump",
    ]
    with open_store(tmp_path / "store.duckdb") as store:
        found = search_once(store, "near", texts, 0.7)
        assert {(pair.first, pair.second) for pair in found} >= {(0, 1)}
        monkeypatch.setattr(context, "search", None)
        assert FLOORS["near"] <= 0.7
        score = max(pair.score for pair in found)
        assert [pair.score for pair in search_once(store, "near", texts, score)] == [score]
        assert search_once(store, "near", texts, 1.0) == []
        with pytest.raises(TypeError):
            search_once(store, "near", texts, 0.1)
        with pytest.raises(TypeError):
            search_once(store, "near", texts[:2], 0.9)


def test_a_persons_word_stands_above_every_check(pets: WriteTask) -> None:
    task = pets(
        task_toml=ALONE + "min_words = 5\n",
        reviews_jsonl=jsonl_of(
            ("Odd", "dogs"), ("a good text about my cat", None), ("odd", "cats")
        ),
    )
    assert [row.answer for row in task.reviews] == ["cats", None]
    rows = [
        made("odd", "birds", "birds"),
        made("A good text about my cat", n=1),
        made("nobody looked at this one", n=2),
    ]
    kept, drops = check(rows, task)
    assert [(row.input, row.answer) for row in kept] == [
        ("odd", "cats"),
        ("nobody looked at this one", "cats"),
    ]
    assert kept[0].id == rows[0].id
    assert [(drop.check, drop.reason, drop.matched) for drop in drops] == [
        ("review", "rejected by a person", "reviews.jsonl:2")
    ]


def jsonl_of(*reviews: tuple[str, str | None]) -> str:
    return "".join(json.dumps({"input": text, "answer": word}) + "\n" for text, word in reviews)


def test_what_a_teacher_says_about_its_job(pets: WriteTask) -> None:
    task = pets(task_toml=ALONE)
    refusal = made("As an AI language model, I cannot write that message.")
    assert drop_of(task, refusal).reason == "refusal or boilerplate"
    assert drop_of(task, made("Hello, this is [Your Name] about my cat")).reason == "placeholder"
    real = made("As an AI language model, I cannot write that message.", None)
    assert check([real], task) == ([real], [])


def test_text_of_the_prompt(pets: WriteTask) -> None:
    prompt = "Write one short message of a customer who is worried about a {{ label }}.\n-"
    task = pets(task_toml=ALONE, synthesize_md=prompt)
    leaked = made("Write one short message of a customer who is worried about it")
    assert drop_of(task, leaked).reason == "text of the prompt"
    off = pets(task_toml=ALONE + "leaked_prompt = false\n", synthesize_md=prompt)
    assert check([leaked], off) == ([leaked], [])


def test_another_language(pets: WriteTask) -> None:
    german = made("Meine Katze will seit gestern nichts mehr fressen, was soll ich tun?")
    assert check([german], pets(task_toml=ALONE)) == ([german], [])
    drop = drop_of(pets(task_toml=ALONE + 'language = "en"\n'), german)
    assert (drop.check, drop.reason) == ("language", "another language")


def test_personal_data_is_dropped_or_masked(pets: WriteTask) -> None:
    row = made("write to jane.roe@corp.com about the cat", None)
    assert check([row], pets(task_toml=ALONE)) == ([row], [])
    task = pets(task_toml=ALONE + 'privacy = "drop"\n')
    assert drop_of(task, row).reason == "personal data: email"
    names = pets(task_toml=ALONE + 'privacy = "drop"\nprivate_names = ["Jane"]\n')
    assert drop_of(names, made("tell jane about the cat", None)).check == "privacy"


def test_suspect_labels(pets: WriteTask) -> None:
    rows = [
        made(f"{action} the {animal[:-1]} in room {n}", None, animal, n)
        for animal in ("cats", "dogs")
        for action in ("feed", "wash", "walk", "call", "find")
        for n in range(6)
    ]
    wrong = Candidate("feed the dog in room 17", None, ("cats",), "inputs", "wrong")
    quiet = NOTHING + 'suspect_labels = "drop"\n'
    assert drop_of(pets(task_toml=quiet), *rows, wrong) == Drop(
        wrong.id, "suspect_labels", "suspect label", "answered cats, rows like it dogs", ANY
    )


def test_balance(pets: WriteTask) -> None:
    rows = [made(f"row {n} of many others", None, "dogs" if n < 6 else "cats", n) for n in range(9)]
    seed = Candidate("meow", "cats", ("cats",), "seeds", "seeds.jsonl:1")
    kept, drops = check([seed, *rows], pets(task_toml=NOTHING + 'balance = "equal"\n'))
    assert kept == [seed, *rows[:3], *rows[6:]]
    assert {(drop.check, drop.matched) for drop in drops} == {
        ("balance", "3 of dogs wanted, 6 there")
    }


def test_the_judges_score_decides(pets: WriteTask) -> None:
    rows = [made(f"row {n} of many others", None, "dogs", n) for n in range(3)]
    task = pets(task_toml=NOTHING + "judge = 4\n")
    kept, drops = run_checks(rows, CheckContext(task, judge=lambda judged: [5, 3, None]))
    assert kept == rows[:1]
    assert [(drop.reason, drop.matched, drop.score) for drop in drops] == [
        ("score too low", "3 of 5", 0.6),
        ("no score", None, None),
    ]


def test_one_row_no_row_and_all_alike(pets: WriteTask) -> None:
    task = pets(task_toml=ALONE + 'suspect_labels = "drop"\nbalance = "equal"\nlanguage = "en"\n')
    assert check([], task) == ([], [])
    big = made("cat " * 250_000)
    assert [drop.reason for drop in check([big], task)[1]] == ["too long"]
    alike = [made("all of these are alike", None, n=n) for n in range(50)]
    kept, drops = check(alike, task)
    assert kept == alike[:1]
    assert {drop.check for drop in drops} == {"exact_duplicates"}


EVERYTHING = HEAD + (
    'min_words = 0\nmax_words = 0\nlanguage = "en"\nprivacy = "drop"\nsuspect_labels = "drop"\n'
    'balance = "equal"\njudge = 3\n'
)
ODD = {
    "a megabyte": "where is my cat " * 65_536,
    "a megabyte of one letter": "a" * 2**20,
    "NUL": "a\x00cat\x00",
    "a lone surrogate": "half \ud83d of a cat",
    "right to left": "\u202e\u05d7\u05ea\u05d5\u05dc \u0642\u0637\u0629 cat",
    "emoji": "\U0001f408\u200d\u2b1b \U0001f415\U0001f3fd",
    "combining": "c\u0300\u0301\u0302a\u0300t" * 50,
    "nothing to read": "\u200b\u200b \ufeff",
    "line breaks": "\r\n\x0b\x0c\u2028\u2029",
    "empty": "",
}


@pytest.mark.slow("every check looks at texts of a megabyte")
@pytest.mark.usefixtures("scripted_backends")
@pytest.mark.parametrize("copies", [1, pytest.param(3, marks=pytest.mark.nightly)])
def test_odd_texts_are_kept_or_dropped_and_never_lost(pets: WriteTask, copies: int) -> None:
    task = pets(task_toml=EVERYTHING)
    rows = [
        Candidate(text, label, (label,), "synthesis", f"{name} {label} {copy}")
        for name, text in ODD.items()
        for label in ("cats", "dogs")
        for copy in range(copies)
    ]
    asked = CheckContext(task, judge=lambda judged: [5 for _ in judged])
    kept, drops = run_checks(rows, asked)
    found = [row.id for row in kept] + [drop.candidate_id for drop in drops]
    assert sorted(found) == sorted(row.id for row in rows)
    assert {drop.check for drop in drops} <= set(CHECKS)


@pytest.mark.usefixtures("scripted_backends")
def test_a_hundred_labels_with_one_example_each(pets: WriteTask) -> None:
    labels = [f"label {n}" for n in range(100)]
    head = 'name = "pets"\nkind = "classify"\n[labels]\n'
    head += "".join(f'"{label}" = "about it"\n' for label in labels)
    seeds = [{"input": f"{label} {label} seed", "label": label} for label in labels]
    gold = [{"input": "what is tested on", "label": labels[0]}]
    off = "second_opinion = false\nnear_duplicates = 0\nsemantic_duplicates = 0\n"
    task = pets(
        task_toml=head + '[curate]\nsuspect_labels = "drop"\nbalance = "equal"\n' + off,
        seeds_jsonl=jsonl(seeds),
        gold_jsonl=jsonl(gold),
    )
    rows = [made(f"the only example of {label}", None, label) for label in labels]
    assert check(rows, task) == (rows, [])
