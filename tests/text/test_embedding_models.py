"""All searches and rivals use the named model; none of its code is run, and no pickle read."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy
import pytest

from distill.core.errors import InputError
from distill.curate.context import search_once
from distill.store import open_store
from distill.task.leak_gate import find_with_answers
from distill.text import embedding_models, embeddings
from distill.text.classifiers import fit_embeddings, fit_nearest, left_out
from distill.text.diversity import coverage, diversity
from distill.text.embedding_models import MINILM, folder_of, load
from distill.text.embeddings import embed, embed_once, nearest, similar_matches, similar_pairs
from distill.text.label_errors import suspect_labels
from tests.conftest import PETS, WriteTask

LETTERS = "我的包裹还没有送到请把货物改送办公室退款密码忘记了abcdefghijklmnopqrstuvwxyz"
SIZES = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
DELIVERY, MOVED, PASSWORD = "我的包裹还没有送到", "请把货物改送办公室", "密码忘记了"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights, whose vocabulary has some letters of Chinese."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(0)
    plain = tmp_path_factory.mktemp("plain")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(LETTERS)]
    vocabulary += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    numbers = {piece: number for number, piece in enumerate(vocabulary)}
    BertTokenizer(vocab=numbers).save_pretrained(plain)
    config = BertConfig(vocab_size=len(vocabulary), intermediate_size=32, **SIZES)
    BertModel(config).save_pretrained(plain)
    words = Transformer(str(plain))
    whole = tmp_path_factory.mktemp("embedding_model")
    SentenceTransformer(modules=[words, Pooling(32)]).save_pretrained(str(whole))
    return whole


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A copy of the embedding_model to damage."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_a_folder_is_an_encoder(folder: Path) -> None:
    name = str(folder)
    vectors = embed([DELIVERY, PASSWORD], name)
    assert vectors.shape == (2, 32)
    assert numpy.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert embed([], name).shape == (0, 32)
    assert (embed_once([DELIVERY, PASSWORD], name) == vectors).all()
    assert embed_once([DELIVERY]).shape == (1, 384), "the default has a cache of its own"


def test_every_search_and_rival_uses_the_named_encoder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, texts, labels = str(folder), [DELIVERY, MOVED, PASSWORD, DELIVERY], ["a", "a", "b", "a"]

    def only_the_named(embedding_model: str) -> Any:
        assert embedding_model == name
        return load(embedding_model)

    monkeypatch.setattr(embeddings, "_model", only_the_named)
    assert nearest([DELIVERY], texts, 1, name)
    assert len(fit_embeddings(texts, labels, name).predict([PASSWORD])) == 1
    assert fit_nearest(texts, labels, name).predict([PASSWORD]) == ["b"]
    assert len(left_out(texts, labels, [0, 2], name)) == 2
    assert suspect_labels(texts, labels, embedding_model=name) == []
    assert 0 <= diversity(texts, name).mean_nearest_distance <= 1
    assert coverage(texts, texts, name) == 1.0


def test_chinese_is_read_letter_by_letter_by_a_named_encoder(folder: Path) -> None:
    texts = [DELIVERY, f"{DELIVERY}了", DELIVERY]
    pairs = {pair[:2] for pair in similar_pairs(texts, 0.5, str(folder))}
    assert pairs == {(0, 1), (0, 2)}
    assert {pair[:2] for pair in similar_pairs(texts, 0.5)} == {(0, 2)}, "MiniLM reads no Chinese"
    unknown = similar_matches(["ไม่รู้จัก"], ["ภาษานี้"], 0.0, str(folder))
    assert unknown == [], "a text of unknown pieces has no meaning"


def test_the_stored_search_of_another_encoder_is_another(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [DELIVERY, f"{DELIVERY}了"]
    with open_store(tmp_path / "distill.duckdb") as store:
        assert search_once(store, "semantic", texts, 0.9) == []
        named = search_once(store, "semantic", texts, 0.9, str(folder))
        assert len(named) == 1
        monkeypatch.setattr(embedding_models, "load", None)
        assert search_once(store, "semantic", texts, 0.9, str(folder)) == named, "stored"
        assert search_once(store, "semantic", texts, 0.9) == []


def test_a_task_with_another_encoder_is_another_task(pets: WriteTask, folder: Path) -> None:
    labels = "".join(f'labels.{label} = "{meaning}"\n' for label, meaning in PETS.items())
    head = f'name = "pets"\nkind = "classify"\n{labels}'
    plain, same, other = (
        pets(task_toml=f"{line}{head}")
        for line in ("", f'embedding_model = "{MINILM}"\n', f'embedding_model = "{folder}"\n')
    )
    assert plain.hash == same.hash != other.hash
    assert other.spec.embedding_model == str(folder)
    assert find_with_answers(other.seeds[:1], other.seeds[:1], other)[0].kind == "exact"


def test_what_is_no_encoder(tmp_path: Path) -> None:
    for name in ("nowhere", "two/many/parts"):
        with pytest.raises(InputError, match=f"^embedding_model: '{name}' is neither {MINILM} nor"):
            folder_of(name)
    with pytest.raises(InputError, match=r"has neither config\.json nor modules\.json"):
        folder_of(str(tmp_path))


def test_weights_in_other_formats_are_not_read(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(InputError, match="has no weights in safetensors: convert them"):
        load(str(copy))


def test_a_part_with_a_pickle_is_not_read(copy: Path) -> None:
    modules = json.loads((copy / "modules.json").read_text(encoding="utf-8"))
    dense = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    (copy / "modules.json").write_text(json.dumps([*modules, dense]), encoding="utf-8")
    (copy / "2_Dense").mkdir()
    (copy / "2_Dense" / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(InputError, match=r"2_Dense has no weights in safetensors"):
        load(str(copy))


def test_code_of_the_model_is_not_run(copy: Path) -> None:
    ran = copy / "ran"
    (copy / "own.py").write_text(f"open({str(ran)!r}, 'w')\nclass Own: pass\n", encoding="utf-8")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "own.Own"}]
    (copy / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    with pytest.raises(InputError, match=r"names code of the model's own \(own\.Own\)"):
        load(str(copy))
    (copy / "modules.json").unlink()
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    own = {"AutoModel": "own.Own", "AutoConfig": "own.Own"}
    config |= {"model_type": "unheard-of", "auto_map": own}
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(InputError, match="cannot be loaded as a model of sentence embeddings"):
        load(str(copy))
    assert not ran.exists()


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("modules.json", b"{", "is no list of modules"),
        ("modules.json", b'{"a": 1}', "is no list of modules"),
        ("model.safetensors", b"torn", "cannot be loaded"),
        ("config.json", b"[]", "cannot be loaded"),
        ("adapter_config.json", b"{}", "contains an adapter"),
    ],
)
def test_a_damaged_folder(copy: Path, file: str, content: bytes, said: str) -> None:
    (copy / file).write_bytes(content)
    with pytest.raises(InputError, match=f"^embedding_model: .*{said}"):
        load(str(copy))
