"""Prompts become requests: what is shown, in which order, and that it is always the same."""

from pathlib import Path

from distill.core.requests import Model
from distill.core.text import stable_hash
from distill.estimate.run_start import RunOptions
from distill.generate.rounds import first_counts
from distill.generate.synthesis import synthesis_request, synthesis_rounds
from distill.llm.providers.wire import answer_schema
from distill.task import NOT_SHAPING
from distill.task.prompts import answer_requests, served_tokens, student_messages, student_request
from tests.conftest import PETS, WriteTask, jsonl
from tests.support.standin import StandIn

CHAT, BASE = Model("m", Path("m"), "chat"), Model("m", Path("m"), "completions")
API = Model("m", None, "openai")
HEAD = 'name = "pets"\nkind = "classify"\n[labels]\ncats = "c"\ndogs = "d"\nbirds = "b"\n'


def test_the_nearest_seeds_are_shown_nearest_last(pets: WriteTask) -> None:
    (request,) = answer_requests(pets(), CHAT, ["the seed dog number 2 of ours sleeps"], shots=3)
    lines = request.messages[0].content.splitlines()
    assert len(lines) == 4
    assert lines[2] == "the seed dog number 2 of ours is hungry -> dogs"
    assert lines[3] == "the seed dog number 2 of ours sleeps ->"
    assert request.sampling.choices == ("cats", "dogs", "birds")
    assert request.sampling.temperature == 0.0


def test_an_input_that_is_a_seed_is_not_shown_with_its_answer(pets: WriteTask) -> None:
    task = pets()
    (request,) = answer_requests(task, CHAT, [task.seeds[0].input], shots=64)
    shown = request.messages[0].content.splitlines()[:-1]
    assert len(shown) == len(task.seeds) - 1
    assert not any(line.startswith(task.seeds[0].input) for line in shown)


def test_a_base_model_goes_on_with_a_space(pets: WriteTask) -> None:
    (request,) = answer_requests(pets(), BASE, ["a new pet"], shots=0)
    assert request.sampling.choices == (" cats", " dogs", " birds")


def test_without_shots_no_seed_is_shown(pets: WriteTask) -> None:
    (request,) = answer_requests(pets(), CHAT, ["a new pet"], shots=0)
    assert request.messages[0].content == "a new pet ->"


def test_further_votes_see_other_seeds(pets: WriteTask) -> None:
    task = pets()
    votes = [answer_requests(task, CHAT, ["my dog sleeps"], shots=3, vote=n)[0] for n in range(3)]
    assert len({vote.id for vote in votes}) == 3
    assert votes[1] == answer_requests(task, CHAT, ["my dog sleeps"], shots=3, vote=1)[0]


def test_synthesis_shows_seeds_of_its_label_only(pets: WriteTask) -> None:
    request = synthesis_request(pets(), BASE, ("birds", 0))
    lines = request.messages[0].content.splitlines()
    assert lines[0] == "About birds:"
    assert len(lines) == 4 and all("bird" in line for line in lines[1:3])
    assert lines[3] == "-"
    assert request.sampling.stop == ("\n",)


def test_a_teacher_behind_an_api_is_told_what_it_is_about_and_asked_for_several(
    pets: WriteTask,
) -> None:
    task = pets(task_toml=HEAD + "[generate]\ninputs_per_request = 7\nmax_tokens = 50\n")
    first, second = (synthesis_request(task, API, ("birds", number)) for number in range(2))
    system, user = first.messages
    assert system.role == "system" and "- birds: b" in system.content
    assert second.messages[0] == system, "what is the same comes first, for the provider's cache"
    assert user.content.endswith("Write 7 new inputs for birds.")
    assert (first.sampling.inputs, first.sampling.max_tokens) == (7, 350)
    (answer,) = answer_requests(task, API, ["a new pet"], shots=2)
    assert [turn.role for turn in answer.messages] == ["system", "user"]
    assert "- cats: c" in answer.messages[0].content


def test_every_new_input_is_asked_for_along_the_axes_of_the_task(pets: WriteTask) -> None:
    task = pets(task_toml=HEAD + '[generate]\naxes = {mood = ["glad", "sad"], age = ["old"]}\n')
    asked = synthesis_request(task, API, ("birds", 0)).messages[1].content
    lines = [line for line in asked.splitlines() if "mood" in line]
    assert len(lines) == task.spec.generate.inputs_per_request
    assert set(lines) <= {f"{n}. mood: {m}; age: old" for n in range(1, 6) for m in ("glad", "sad")}
    without = pets(task_toml=HEAD + "[generate]\naxes = {}\n")
    assert (
        "each as its line says"
        not in synthesis_request(without, API, ("birds", 0)).messages[1].content
    )


def test_later_rounds_show_what_is_covered(pets: WriteTask) -> None:
    task = pets()
    covered = [f"bird {number} sings " + "on and on " * 9 for number in range(50)]
    first = synthesis_request(task, API, ("birds", 4), covered).messages[1].content
    second = synthesis_request(task, API, ("birds", 5), covered).messages[1].content
    assert first.count(" sings ") == second.count(" sings ") == 20
    assert first != second
    shown = [line for line in first.splitlines() if " sings " in line]
    assert {len(line.split()) for line in shown} == {1 + 15}
    assert "written before" not in synthesis_request(task, API, ("birds", 4)).messages[1].content


def test_rounds_grow_and_wanting_more_later_only_adds(pets: WriteTask) -> None:
    def rounds(requests: int) -> list[list[tuple[str, int]]]:
        task = pets(task_toml=HEAD + f"[generate]\nrequests = {requests}\ninputs_per_request = 1\n")
        return list(synthesis_rounds(first_counts(task, API), API))

    assert [len(places) for places in rounds(3 * 70)] == [3 * 4, 3 * 12, 3 * 48, 3 * 6]
    few, many = rounds(3 * 10), rounds(3 * 70)
    assert few[0] == many[0]
    assert few[1] == many[1][: len(few[1])]
    small = first_counts(pets(task_toml=HEAD), BASE)
    assert len(list(synthesis_rounds(small, BASE))) == 1, "a small one goes on"
    begun = dict.fromkeys(PETS, 3)
    assert next(synthesis_rounds(small, BASE, begun))[0] == ("cats", 3)


def test_reasons_come_before_the_label_and_only_from_a_teacher_behind_an_api(
    pets: WriteTask,
) -> None:
    plain, task = pets(), pets(task_toml=HEAD + "[teacher]\nrationale = true\n")
    (request,) = answer_requests(task, API, ["a new pet"], shots=1)
    schema = answer_schema(request.sampling)
    assert schema and list(schema["properties"]) == schema["required"] == ["rationale", "label"]
    (short,) = answer_requests(plain, API, ["a new pet"], shots=1)
    assert request.sampling.max_tokens > short.sampling.max_tokens
    assert answer_requests(task, BASE, ["x"], shots=1) == answer_requests(
        plain, BASE, ["x"], shots=1
    )


def test_a_task_may_bring_its_own_instructions(pets: WriteTask) -> None:
    task = pets(**{"answer.system_md": "Only {{ labels | length }} pets."})
    (request,) = answer_requests(task, API, ["a new pet"], shots=0)
    assert request.messages[0].content == "Only 3 pets."


def test_wanting_more_later_keeps_the_requests_of_before(pets: WriteTask) -> None:
    few = pets(task_toml=HEAD + "[generate]\nrequests = 3\n")
    many = pets(task_toml=HEAD + "[generate]\nrequests = 300\n")
    assert synthesis_request(few, BASE, ("cats", 2)) == synthesis_request(many, BASE, ("cats", 2))


def test_every_request_is_another_one_and_follows_the_seed(pets: WriteTask) -> None:
    task = pets()
    ids = {synthesis_request(task, BASE, ("cats", number)).id for number in range(50)}
    assert len(ids) == 50
    other = pets(task_toml=HEAD + "[generate]\nseed = 1\n")
    assert synthesis_request(other, BASE, ("cats", 0)).id not in ids


def test_the_student_sees_its_short_prompt_and_the_input(pets: WriteTask) -> None:
    system, user = student_messages(pets(), "my cat")
    assert (system.role, system.content) == ("system", "Which pet?")
    assert (user.role, user.content) == ("user", "my cat")


def test_votes_are_kept_with_the_candidate(
    pets: WriteTask, scripted_backends: StandIn, workspace: object
) -> None:
    from distill import pipeline
    from distill.core.workspace import Workspace

    assert isinstance(workspace, Workspace)
    pets(task_toml=HEAD + "[generate]\nrequests = 3\n[teacher]\nvotes = 3\nfew_shot = 2\n")
    outcome = pipeline.run(workspace, "pets", RunOptions(until="generate"))
    with outcome.context.store() as store:
        rows = [row for row in store.candidates(outcome.run.id) if row.source != "seeds"]
    assert {len(row.answers) for row in rows if row.input} == {3}
    assert {len(row.answer_ids) for row in rows if row.input} == {3}


def test_there_is_room_for_the_longest_label(pets: WriteTask) -> None:
    """A label that does not fit would be cut off, and count as wrong."""
    long = "остаток не обновлён после внесения чека"
    head = f'name = "pets"\nkind = "classify"\n[labels]\ncats = "cat"\n"{long}" = "x"\n'
    rows = [{"input": f"a text of {label}", "label": label} for label in ("cats", long)]
    gold = [{"input": f"another {label}", "label": label} for label in ("cats", long)]
    task = pets(task_toml=head, seeds_jsonl=jsonl(rows), gold_jsonl=jsonl(gold))
    for folder in (Path("weights"), None):
        model = Model("student", folder, "chat" if folder else "openai")
        assert student_request(task, model, "x").sampling.max_tokens > len(long.encode())
        (asked,) = answer_requests(task, model, ["x"], shots=0)
        assert asked.sampling.max_tokens > len(long.encode())


def test_what_serves_the_student_takes_its_context(pets: WriteTask) -> None:
    text = (pets().folder / "task.toml").read_text(encoding="utf-8")
    assert served_tokens(pets()) == 2048
    assert served_tokens(pets(task_toml=f"{text}[student]\ncontext_tokens = 4096\n")) > 4096


def test_a_language_is_told_to_a_teacher_behind_an_api_and_checked(pets: WriteTask) -> None:
    plain, german = pets(task_toml=HEAD), pets(task_toml='language = "de"\n' + HEAD)
    asked, told = (
        synthesis_request(task, API, ("birds", 0)).messages[1].content for task in (plain, german)
    )
    assert told == f"{asked} Write them in German."
    local = [synthesis_request(task, BASE, ("birds", 0)) for task in (plain, german)]
    assert local[0] == local[1], "a small teacher goes on with the seeds"
    assert german.spec.curate.language == "de"
    assert german.hash != plain.hash


def test_the_check_of_the_language_may_be_another_one_or_off(pets: WriteTask) -> None:
    for code in ("", "fr"):
        task = pets(task_toml=f'language = "de"\n{HEAD}[curate]\nlanguage = "{code}"\n')
        assert task.spec.curate.language == code


def test_a_prompt_of_the_task_may_name_the_language(pets: WriteTask) -> None:
    task = pets(
        task_toml='language = "zh"\n' + HEAD, synthesize_md="{{ language }} {{ label }}:\n-\n"
    )
    assert synthesis_request(task, BASE, ("birds", 0)).messages[0].content == "Chinese birds:\n-"


def test_a_task_without_language_is_the_task_that_it_was(pets: WriteTask) -> None:
    task = pets(task_toml=HEAD)
    shaping = task.spec.model_dump(mode="json", exclude=NOT_SHAPING)
    del shaping["language"], shaping["embedding_model"], shaping["student"]["injected_share"]
    del shaping["generate"]["contrastive"], shaping["evaluate"]["encoder"]
    shaping["student"]["patience"] = 2
    assert task.parts["task.toml"] == stable_hash(shaping)
