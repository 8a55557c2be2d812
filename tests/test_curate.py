"""Checks: what each drops and why, that each can be off, and that nothing gets lost."""

from hypothesis import given, settings
from hypothesis import strategies as st

from distill.curate import run_checks
from distill.records import Candidate, Drop, Source
from distill.task import Task
from tests.conftest import WriteTask

HEAD = 'name = "pets"\nkind = "classify"\n[labels]\ncats = "c"\ndogs = "d"\nbirds = "b"\n[curate]\n'
ALONE = HEAD + "second_opinion = false\n"


def made(text: str, asked: str | None = "cats", answer: str = "cats", n: int = 0) -> Candidate:
    source: Source = "inputs" if asked is None else "synthesis"
    return Candidate(text, asked, (answer,) if answer else (), source, f"origin{n}")


def drop_of(task: Task, *rows: Candidate) -> Drop:
    kept, (drop,) = run_checks(rows, task)
    assert [row.id for row in kept] == [row.id for row in rows if row.id != drop.candidate_id]
    return drop


def test_form(pets: WriteTask) -> None:
    task = pets(task_toml=ALONE + "max_words = 6\n")
    assert drop_of(task, made("", answer="")).reason == "empty"
    assert drop_of(task, made("too few")).reason == "too short"
    assert drop_of(task, made("one two three four five six seven")).reason == "too long"
    assert drop_of(task, made("a good enough text", answer="fish")).reason == "not a label"
    assert drop_of(task, made("nobody answered this one", answer="")).reason == "not a label"


def test_seeds_may_be_of_any_length(pets: WriteTask) -> None:
    seed = Candidate("meow", "cats", ("cats",), "seeds", "seeds.jsonl:1")
    assert run_checks([seed], pets()) == ([seed], [])


def test_exact_duplicates_whatever_case_and_spaces(pets: WriteTask) -> None:
    first, second = made("My cat is hungry"), made("my  CAT is\thungry", n=1)
    drop = drop_of(pets(task_toml=ALONE), first, second)
    assert (drop.candidate_id, drop.reason) == (second.id, "exact duplicate")
    assert (drop.matched, drop.score) == (first.id, 1.0)


def test_disagreement_of_asked_and_answered(pets: WriteTask) -> None:
    drop = drop_of(pets(), made("a text about something", asked="cats", answer="dogs"))
    assert (drop.check, drop.reason) == ("agreement", "another answer than asked for")
    assert drop.matched == "asked for cats, answered dogs"


def test_an_input_that_nobody_asked_a_label_for_cannot_disagree(pets: WriteTask) -> None:
    row = made("a text about something", asked=None, answer="dogs")
    assert run_checks([row], pets(task_toml=ALONE)) == ([row], [])


def test_each_check_can_be_off(pets: WriteTask) -> None:
    off = "min_words = 0\nmax_words = 0\nexact_duplicates = false\nagreement = false\n"
    off += "second_opinion = false\n"
    rows = [
        made("short"),
        made("w " * 500),
        made("twice the same"),
        made("twice the same", n=1),
        made("an odd answer", answer="dogs"),
    ]
    assert run_checks(rows, pets(task_toml=HEAD + off)) == (rows, [])
    found = {drop.candidate_id for drop in run_checks(rows, pets(task_toml=ALONE))[1]}
    assert found == {row.id for row in (rows[0], rows[1], rows[3], rows[4])}


TEXTS = st.text(alphabet=st.sampled_from("ab \n\x00é😀\u200f"), max_size=12)
ROWS = st.lists(st.tuples(TEXTS, st.sampled_from(["cats", "dogs", "", "fish"])), max_size=30)


def test_kept_and_dropped_are_all(pets: WriteTask) -> None:
    task = pets()

    @settings(deadline=None, max_examples=50)
    @given(ROWS)
    def check(rows: list[tuple[str, str]]) -> None:
        candidates = [made(text, answer=answer, n=n) for n, (text, answer) in enumerate(rows)]
        kept, drops = run_checks(candidates, task)
        ids = [row.id for row in kept] + [drop.candidate_id for drop in drops]
        assert sorted(ids) == sorted(row.id for row in candidates)

    check()


def test_a_second_opinion_that_differs(pets: WriteTask) -> None:
    text = "the seed dog number 3 of ours is hungry again"
    drop = drop_of(pets(), made(text, asked="cats", answer="cats"))
    assert drop.check == "second_opinion"
    assert (drop.reason, drop.matched) == (
        "another answer",
        "answered cats, second opinion dogs",
    )
    right = made(text, asked="dogs", answer="dogs")
    assert run_checks([right], pets()) == ([right], [])
