"""Embeddings that later processes take from a file instead of the model."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from distill.text import embedding_cache, embeddings
from distill.text.embedding_cache import FILE, PARTIAL, kept_in
from distill.text.embeddings import embed_once
from tests.support import scripted

TEXTS = ["a dog", "a cat", "a dog", "ein Hündchen 🐶", "half a sign: \ud83d"]


class Embedder(scripted.Embedder):
    """A model that tells what it was asked for."""

    asked: list[str]

    def __init__(self) -> None:
        self.asked = []

    def encode(self, texts: list[str], **options: object) -> Any:
        self.asked += texts
        return super().encode(texts, **options)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Embedder:
    """The model of this process."""
    found = Embedder()
    monkeypatch.setattr(embeddings, "_model", lambda name: found)
    return found


def unloadable(name: str) -> Any:
    raise AssertionError("the model was loaded")


def test_a_later_process_has_the_same_vectors_without_the_model(
    tmp_path: Path, model: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kept_in(tmp_path):
        first = embed_once(TEXTS)
    assert len(model.asked) == 4, "a copy is computed once"
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    monkeypatch.setattr(embeddings, "_model", unloadable)
    with kept_in(tmp_path):
        again = embed_once(TEXTS)
    assert first.dtype == again.dtype and (first == again).all()


def test_only_new_texts_are_computed(tmp_path: Path, model: Embedder) -> None:
    with kept_in(tmp_path):
        embed_once(["a dog", "a cat"])
    before = (tmp_path / FILE).read_bytes()
    with kept_in(tmp_path):
        embed_once(["a cat", "a dog"])
    assert (tmp_path / FILE).read_bytes() == before
    with kept_in(tmp_path):
        embed_once(["a cat", "a bird"])
    assert model.asked == ["a dog", "a cat", "a bird"]
    with kept_in(tmp_path):
        embed_once(["a dog", "a cat", "a bird"])
    assert len(model.asked) == 3


def test_an_error_within_the_block_loses_nothing(tmp_path: Path, model: Embedder) -> None:
    with pytest.raises(KeyboardInterrupt), kept_in(tmp_path):
        embed_once(["a dog"])
        raise KeyboardInterrupt
    with kept_in(tmp_path):
        embed_once(["a dog"])
    assert model.asked == ["a dog"]


def test_a_block_within_a_block_of_the_same_folder_shares_its_cache(
    tmp_path: Path, model: Embedder
) -> None:
    with kept_in(tmp_path):
        embed_once(["a dog"])
        with kept_in(tmp_path):
            embed_once(["a dog", "a cat"])
        assert not (tmp_path / FILE).exists(), "the outer block writes"
        embed_once(["a cat"])
    assert model.asked == ["a dog", "a cat"] and (tmp_path / FILE).exists()


def other_model(path: Path) -> None:
    with numpy.load(path) as found:
        numpy.savez(path, **{**found, "model": numpy.array("another 1.0")})


def with_code(path: Path) -> None:
    """An array of objects, which numpy would load with pickle."""
    with numpy.load(path) as found:
        vectors = numpy.array([Path(), Path()], dtype=object)
        numpy.savez(path, **{**found, "vectors": vectors})


def one_row_less(path: Path) -> None:
    with numpy.load(path) as found:
        numpy.savez(path, **{**found, "vectors": found["vectors"][:1]})


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "no archive": lambda path: path.write_bytes(b"\x00" * 100),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-200]),
    "a flipped bit": lambda path: path.write_bytes(
        path.read_bytes()[:500] + b"\xff\x00\xff" + path.read_bytes()[503:]
    ),
    "another model": other_model,
    "one row less": one_row_less,
    "objects": with_code,
    "a folder": folder_instead,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_of_no_use_is_computed_anew(damage: str, tmp_path: Path, model: Embedder) -> None:
    with kept_in(tmp_path):
        first = embed_once(["a dog", "a cat"])
    DAMAGES[damage](tmp_path / FILE)
    with kept_in(tmp_path):
        again = embed_once(["a dog", "a cat"])
    assert model.asked == ["a dog", "a cat"] * 2
    assert (first == again).all()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(PARTIAL)]


def test_a_changed_byte_changes_no_vector(tmp_path: Path, model: Embedder) -> None:
    """A byte of a vector is seen by its checksum; others may make no difference."""
    with kept_in(tmp_path):
        first = embed_once(["a dog", "a cat"])
    whole, draw = (tmp_path / FILE).read_bytes(), random.Random(0)
    headers = [*range(500), *range(len(whole) - 400, len(whole))]
    for place in [*draw.sample(headers, 200), *draw.sample(range(len(whole)), 20)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << draw.randrange(8)
        (tmp_path / FILE).write_bytes(damaged)
        with kept_in(tmp_path):
            assert (embed_once(["a dog", "a cat"]) == first).all(), place


def test_a_folder_that_does_not_exist_is_not_made(tmp_path: Path, model: Embedder) -> None:
    with kept_in(tmp_path / "pets"):
        embed_once(["a dog"])
    assert list(tmp_path.iterdir()) == []


def test_of_too_many_texts_none_is_kept(
    tmp_path: Path, model: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_cache, "MOST_KEPT", 2)
    with kept_in(tmp_path):
        assert embed_once(["a", "b", "c"]).shape == (3, 384)
        embed_once(["a", "b"])
    assert model.asked == ["a", "b", "c", "a", "b"]
