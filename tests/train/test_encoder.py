"""A fine-tuned encoder: its checks, its training in this process, and its saved answers."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from safetensors.numpy import load_file

from distill.core.errors import InputError
from distill.core.students import ENCODER
from distill.serve import encoder_bases
from distill.task.kinds.classify import Labels
from distill.task.kinds.extract import Fields
from distill.task.kinds.generate import Text
from distill.task.spec import StudentSpec
from distill.text.encoder import load_encoder
from distill.train.trainers import TRAINERS, check_suits, encoder
from distill.train.trainers.base import TrainJob
from distill.train.trainers.recipes import EncoderRecipe, encoder_recipe
from distill.train.worker.training import protocol
from distill.train.worker.training.encoder import __main__ as worker
from distill.train.worker.training.encoder.loading import limit
from distill.train.worker.training.encoder.loop import rate_at
from distill.train.worker.training.encoder.rows import Row, batches, one_hot, read_rows
from distill.train.worker.training.messages import DivergedError
from distill.train.worker.training.program import run
from distill.train.worker.training.protocol import EncoderJob
from tests.cli.test_common_mistakes import LABELS
from tests.conftest import WriteTask, jsonl
from tests.support.tiny_encoder import PETS, encoder_job, write_chats, write_encoder


def as_read(job: TrainJob) -> EncoderJob:
    """The job as the child reads it."""
    job.out.mkdir(exist_ok=True)
    values = asdict(job) | {"trainer": ENCODER, "progress": job.out / "progress.jsonl"}
    found: EncoderJob = json.loads(json.dumps(values, default=str))
    return found


def done(job: TrainJob) -> Mapping[str, Any]:
    """Train in this process; return the event of the result."""
    run(as_read(job), worker.work)
    found: Mapping[str, Any] = events(job)[-1]
    return found


def events(job: TrainJob) -> list[dict[str, Any]]:
    lines = (job.out / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_training_leaves_a_model_that_answers_as_the_trained_one(tmp_path: Path) -> None:
    job = encoder_job(tmp_path)
    found = done(job)
    assert found["event"] == "done" and found["kept_step"] == 36
    assert sum(event.get("steps", 0) for event in events(job)) == encoder.total_steps(job) == 36
    losses = [row["loss"] for row in found["losses"] if "loss" in row]
    assert losses[-2] < losses[0] / 2
    held = [row["step"] for row in found["losses"] if "validation_loss" in row]
    assert held == [6, 12, 18, 24, 30, 36], "once an epoch"
    trained = json.loads((job.out / "answers.json").read_text(encoding="utf-8"))
    assert trained["template"] == "" and len(trained["rows"]) == 6
    model = load_encoder(job.out / "model")
    for row in trained["rows"]:
        (answer,) = model.answers([row["messages"][-1]["content"]])
        assert (answer.text, answer.tokens) == (row["answer"], row["prompt_tokens"])
    assert {row["answer"] for row in trained["rows"]} == set(PETS), "it has learned them"
    config = json.loads((job.out / "model" / "config.json").read_text(encoding="utf-8"))
    assert config["id2label"] == {"0": "cats", "1": "dogs", "2": "birds"}
    assert config["problem_type"] == "single_label_classification"
    suffixes = {path.suffix for path in (job.out / "model").iterdir()}
    assert suffixes == {".json", ".safetensors"}


def test_probabilities_sum_to_one_and_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    job = encoder_job(tmp_path, epochs=1)
    done(job)
    model = load_encoder(job.out / "model")
    texts = ["the cat", "a dog number 5 is hungry and it barks " * 9, "\ud800 bird", ""]
    together, alone = model.answers(texts), [model.answers([text])[0] for text in texts]
    for ours, theirs in zip(together, alone, strict=True):
        assert (ours.text, ours.tokens) == (theirs.text, theirs.tokens)
        assert ours.probability == pytest.approx(theirs.probability, abs=1e-5)
        assert 1 / 3 <= ours.probability <= 1
    assert together[1].tokens == 32, "the rest is not read"
    assert model.predict([]) == []


def test_a_training_that_was_cut_off_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distill.train.worker.training.encoder import loop

    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.0)
    job = encoder_job(tmp_path, epochs=2, patience=5)
    whole = done(replace(job, out=tmp_path / "whole"))

    class Killed(BaseException):
        pass

    step = loop.Training._step

    def step_until(self: loop.Training) -> None:
        if self.state.step == 8:
            raise Killed
        step(self)

    monkeypatch.setattr(loop.Training, "_step", step_until)
    with pytest.raises(Killed):
        done(job)
    monkeypatch.setattr(loop.Training, "_step", step)
    resumed = done(job)
    begun = [place for place, event in enumerate(events(job)) if event["event"] == "begun"]
    assert events(job)[begun[1] + 1]["steps"] == 8, "from the last checkpoint"
    for key in ("kept_step", "trained_tokens", "losses"):
        assert resumed[key] == whole[key]
    for name in ("model.safetensors", "head.safetensors"):
        ours, theirs = (load_file(out / "model" / name) for out in (job.out, tmp_path / "whole"))
        assert all((ours[key] == theirs[key]).all() for key in theirs), name


def test_a_training_on_fields_finds_them_in_the_text(tmp_path: Path) -> None:
    rows = [
        (f"the {pet} number {n} is hungry", {"pet": pet, "number": n})
        for n in range(9)
        for pet in ("cat", "dog", "bird")
    ]
    file = write_chats(tmp_path / "f.jsonl", [(text, json.dumps(told)) for text, told in rows])
    job = replace(
        encoder_job(tmp_path, epochs=12),
        train=file,
        validation=file,
        parity=file,
        choices=(),
        fields={"pet": "text", "number": "number"},
    )
    done(job)
    encoder._write_objects(job)
    trained = json.loads((job.out / "answers.json").read_text(encoding="utf-8"))["rows"]
    found = load_encoder(job.out / "model").answers([text for text, _ in rows])
    assert [json.loads(answer.text) for answer in found] == [told for _, told in rows]
    assert [row["answer"] for row in trained] == [answer.text for answer in found]
    assert all(0 < answer.probability < 1 for answer in found)


def test_with_patience_the_best_weights_are_kept(tmp_path: Path) -> None:
    """What validates has the answers wrong way round, so that learning makes it worse."""
    job = encoder_job(tmp_path, patience=2)
    rows = [(f"the {pet[:-1]} number {n} is hungry", PETS[n % 3]) for n in range(9) for pet in PETS]
    found = done(replace(job, validation=write_chats(tmp_path / "wrong.jsonl", rows)))
    held = {
        row["step"]: row["validation_loss"] for row in found["losses"] if "validation_loss" in row
    }
    best = min(held, key=lambda at: held[at])
    assert found["kept_step"] == best
    assert max(held) == best + 12 < 36, "two validations later"


def test_rows_have_a_probability_for_each_label(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    job = as_read(encoder_job(tmp_path))
    chats = write_chats(tmp_path / "rows.jsonl", [("the dog", "dogs"), ("a cow", "cows")])
    tokenizer = AutoTokenizer.from_pretrained(job["base"])
    (row,) = read_rows(chats, tokenizer, job)
    assert row.target == [0.0, 1.0, 0.0], "cows are no label"
    assert tokenizer.convert_ids_to_tokens(row.ids) == ["[CLS]", "the", "dog", "[SEP]"]
    assert limit(tokenizer, job) == 32
    tokenizer.model_max_length = 16
    assert limit(tokenizer, job) == 16


def test_an_epoch_has_each_row_once_in_an_order_of_its_own() -> None:
    rows = [Row([0] * (1 + n % 7), one_hot(0, 2)) for n in range(50)]
    first, again, second = (batches(rows, 8, 3, epoch) for epoch in (0, 0, 1))
    assert first == again != second
    assert sorted(number for batch in first for number in batch) == list(range(50))
    assert [len(batch) for batch in first].count(8) == 6
    spread = max(len({len(rows[number].ids) for number in batch}) for batch in first)
    assert spread <= 3, "rows of like length are together"


def test_the_rate_rises_and_falls() -> None:
    rates = [rate_at(step, 10, 0.2, "linear") for step in range(10)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[2:] == sorted(rates[2:], reverse=True) and rates[-1] == pytest.approx(1 / 8)
    assert rate_at(6, 10, 0.2, "cosine") == pytest.approx(0.5)


def test_a_loss_that_is_no_number_is_named(tmp_path: Path) -> None:
    job = encoder_job(tmp_path, learning_rate=0.99, head_learning_rate=1e38)
    with pytest.raises(DivergedError, match=r"student\.learning_rate"):
        done(job)
    assert events(job)[-1]["event"] == "failed"


def test_parent_and_child_name_the_same_keys() -> None:
    recipe = {field.name for field in fields(EncoderRecipe)}
    assert set(get_type_hints(protocol.EncoderRecipe)) == recipe
    told = {field.name for field in fields(TrainJob)} | {"trainer", "progress"}
    assert set(get_type_hints(EncoderJob)) == told


def test_the_recipe_reads_no_more_than_the_base(tmp_path: Path) -> None:
    base = TRAINERS[ENCODER].locate(str(write_encoder(tmp_path / "my-encoder")))
    assert base.name.startswith("my-encoder@")
    choices = StudentSpec(trainer=ENCODER, learning_rate=3e-5).model_dump()
    found = TRAINERS[ENCODER].recipe(choices, base, labelled=True)
    assert (found["context_tokens"], found["learning_rate"]) == (64, 3e-5)
    assert encoder_recipe(choices, None).context_tokens == 1024


def test_the_embedded_encoder_is_found_without_a_network() -> None:
    base = TRAINERS[ENCODER].locate("auto")
    assert base.name.startswith(f"{encoder_bases.ENCODER}@") and base.licence == "apache-2.0"
    assert TRAINERS[ENCODER].automatic() == encoder_bases.ENCODER


def test_an_encoder_does_not_read_conversations(pets: WriteTask) -> None:
    toml = f'name = "pets"\nkind = "classify"\n{LABELS}[student]\ntrainer = "encoder"\n'
    turns = [
        {"role": "user", "content": "is it a cat?"},
        {"role": "assistant", "content": "no"},
        {"role": "user", "content": "a dog then"},
    ]
    check_suits(pets(task_toml=toml))
    talk = pets(task_toml=toml, inputs_jsonl=jsonl([{"messages": turns}]))
    with pytest.raises(InputError, match="this task has conversations: choose another trainer"):
        check_suits(talk)


def test_what_an_encoder_cannot_learn_is_refused(tmp_path: Path) -> None:
    TRAINERS[ENCODER].suits(Labels({"a": "", "b": ""}))
    with pytest.raises(InputError, match="writes no texts"):
        TRAINERS[ENCODER].suits(Text())
    order, kind = {"type": "string", "x-verbatim": True}, {"type": "string"}
    TRAINERS[ENCODER].suits(Fields({"properties": {"order": order}}))
    with pytest.raises(InputError, match=r"those of 'kind' are, add .x-verbatim.: true"):
        TRAINERS[ENCODER].suits(Fields({"properties": {"order": order, "kind": kind}}))
    with pytest.raises(InputError, match=r"student\.rank: .* without LoRA: remove it"):
        encoder.check(StudentSpec(trainer=ENCODER, rank=8).model_dump())


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("model.safetensors", None, "no weights in safetensors"),
        ("tokenizer_config.json", '{"tokenizer_class": "TokenizersBackend"}', "a padding token"),
        ("config.json", '{"model_type": "my_own", "auto_map": {}}', "own code is not run"),
    ],
)
def test_bases_that_cannot_be_loaded_safely_are_refused(
    tmp_path: Path, file: str, content: str | None, message: str
) -> None:
    folder = write_encoder(tmp_path / "base")
    if content is None:
        (folder / file).rename(folder / "pytorch_model.bin")
    else:
        (folder / file).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        encoder.check(StudentSpec(trainer=ENCODER, base=str(folder)).model_dump())


def test_a_model_that_writes_texts_is_no_encoder(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "llama")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["architectures"] = ["LlamaForCausalLM"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(InputError, match=r"is no encoder .*LlamaForCausalLM.*student\.trainer"):
        encoder.check(StudentSpec(trainer=ENCODER, base=str(folder)).model_dump())
