"""Sentence embeddings, by default of all-MiniLM-L6-v2, and searches for similar texts in them."""

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

from distill.core.dataset import SimilarPair
from distill.core.text import fold
from distill.core.words import HAN
from distill.text.embedding_cache import EmbeddingCache, opened
from distill.text.embedding_models import MINILM, folder_of, load

MOST_READ = 50_000  # max characters to tokenize; the model uses the first 256 word pieces
BLOCK_CELLS = 10_000_000  # cosines computed at once: 40 MB
# The model has the same unknown piece for everything outside its vocabulary (emoji, most Chinese
# characters). Similar texts must therefore also have a third of their letters in common. On
# banking77, all pairs with a cosine of 0.9 or more have at least 37 % in common.
LEAST_LETTERS = 33.0  # rapidfuzz `token_sort_ratio`
UNKNOWN = "[UNK]"
MOST_COMPARED = 2_000  # max characters of a text to compare
# Thai and Khmer consist of unknown pieces, so any two such texts have a cosine of 1.
MOST_UNKNOWN = 0.3  # max share of unknown pieces in a text
# For Russian, Arabic, Hebrew, Hindi and Japanese the vocabulary has only single letters, so that
# different texts have a mean cosine of 0.6 to 0.7 (English: 0.2). In Turkish and Vietnamese every
# third piece is one letter.
MOST_SPELT = 0.6  # max share of unknown and one-letter pieces in a text
_PLACE = re.compile("^(?:##|[\u2581\u0120])")  # of WordPiece, SentencePiece and byte-level BPE
_ONE_HAN = re.compile(f"[{HAN}]")

Tokenize = Callable[[str], Sequence[str]]
Legible = Callable[[Sequence[str], str], bool]  # arguments: a text's pieces, the unknown piece


def embed(texts: Sequence[str], embedding_model: str = MINILM) -> Any:
    """Return the embeddings of texts as unit vectors, float32 of shape (texts, dimensions).

    `embedding_model`: the name of the model, as in task.toml. The default has 384 dimensions.

    Nothing is cached, since the report gives the latency of the baselines.
    """
    import numpy

    if not texts:
        width = (
            384 if embedding_model == MINILM else _model(embedding_model).get_embedding_dimension()
        )
        return numpy.zeros((0, width), dtype="float32")
    # The tokenizer refuses lone surrogates.
    encodable = [text[:MOST_READ].encode("utf-8", "replace").decode() for text in texts]
    model = _model(embedding_model)
    return model.encode(encodable, normalize_embeddings=True, show_progress_bar=False)


def embed_once(texts: Sequence[str], embedding_model: str = MINILM) -> Any:
    """Return the embeddings of texts like `embed`, with a cache.

    A plan and the following run embed the same texts. Within `kept_in`, later processes take the
    embeddings of the default model from a file, and load the model for new texts alone.
    """
    kept = opened() if embedding_model == MINILM else None
    kept = kept or _in_memory(_model, embedding_model)
    new = kept.missing(texts)
    if not texts or not kept.has_room(len(new)):
        return embed(texts, embedding_model)
    if new:
        kept.add(new, embed(new, embedding_model))
    return kept.of(texts)


@lru_cache(maxsize=1)
def _in_memory(model: Callable[[str], Any], embedding_model: str) -> EmbeddingCache:
    """Return the cache of a model."""
    return EmbeddingCache()


def nearest(
    texts: Sequence[str], pool: Sequence[str], k: int, embedding_model: str = MINILM
) -> list[list[int]]:
    """Return, for each text, the indices of its `k` nearest texts in the pool, nearest first.

    Exact copies of the text in the pool are left out.
    """
    import numpy

    similarity = embed_once(texts, embedding_model) @ embed_once(pool, embedding_model).T
    for row, text in enumerate(texts):
        for column, other in enumerate(pool):
            if text == other:
                similarity[row, column] = -numpy.inf
    order = numpy.argsort(-similarity, axis=1, kind="stable")
    return [
        [int(column) for column in row[:k] if similarity[index, column] > -numpy.inf]
        for index, row in enumerate(order)
    ]


def similar_pairs(
    texts: Sequence[str], threshold: float, embedding_model: str = MINILM
) -> list[SimilarPair]:
    """Return the pairs of texts whose embeddings have a cosine of at least `threshold`, sorted.

    An exact copy is paired only with the first equal text (score 1), which limits the number of
    pairs. A text whose pieces are mostly single letters is paired with exact copies only.
    """
    first: dict[str, int] = {}
    copies = [
        SimilarPair(first[text], place, 1.0)
        for place, text in enumerate(texts)
        if first.setdefault(text, place) != place
    ]
    distinct = list(first)
    known = [
        distinct[place] for place in _legible_places(distinct, _is_read_in_words, embedding_model)
    ]
    places, vectors = [first[text] for text in known], embed_once(known, embedding_model)
    found = (
        SimilarPair(places[row], places[column], score)
        for row, column, score in _cosines(vectors, vectors, threshold)
        if row < column
    )
    return sorted([*copies, *_confirmed(found, texts, texts)])


def count_unread(texts: Sequence[str], embedding_model: str = MINILM) -> int:
    """Count the texts that `similar_pairs` pairs with exact copies only."""
    return len(texts) - len(_legible_places(texts, _is_read_in_words, embedding_model))


def similar_matches(
    texts: Sequence[str], others: Sequence[str], threshold: float, embedding_model: str = MINILM
) -> list[SimilarPair]:
    """Return the pairs of `texts` and `others` with a cosine of at least `threshold`, sorted.

    A text with too many unknown pieces is paired with exact copies only.
    """
    ours, theirs = (_legible_places(rows, _is_known, embedding_model) for rows in (texts, others))
    copies = _copies_of_illegible(texts, others, set(ours))
    if not ours or not theirs:
        return copies
    left, right = ([all_[n] for n in part] for all_, part in ((texts, ours), (others, theirs)))
    vectors = embed_once(left, embedding_model), embed_once(right, embedding_model)
    found = (
        SimilarPair(ours[row], theirs[column], score)
        for row, column, score in _cosines(*vectors, threshold)
    )
    return sorted([*copies, *_confirmed(found, texts, others)])


def _copies_of_illegible(
    texts: Sequence[str], others: Sequence[str], legible: Container[int]
) -> list[SimilarPair]:
    places: dict[str, list[int]] = {}
    for place, other in enumerate(others):
        places.setdefault(other, []).append(place)
    return [
        SimilarPair(place, copy, 1.0)
        for place, text in enumerate(texts)
        if place not in legible
        for copy in places.get(text, ())
    ]


def _legible_places(texts: Sequence[str], legible: Legible, embedding_model: str) -> list[int]:
    """Return the indices of the ASCII texts and of the texts that are `legible` to the model."""
    tokens, unknown = _tokenizer_of(embedding_model)
    return [
        place
        for place, text in enumerate(texts)
        if text.isascii() or legible(_pieces(tokens, text, embedding_model), unknown)
    ]


def _pieces(tokens: Tokenize, text: str, embedding_model: str) -> list[str]:
    """Return the word pieces of a text, with "##" and other marks of their place removed.

    A named model may read Chinese letter by letter, as its words. Such pieces are left out.
    """
    cut = text[:MOST_COMPARED].encode("utf-8", "replace").decode()
    pieces = [_PLACE.sub("", str(piece)) or str(piece) for piece in tokens(cut)]
    if embedding_model == MINILM:
        return pieces
    return [piece for piece in pieces if not _ONE_HAN.fullmatch(piece)]


def _tokenizer_of(embedding_model: str) -> tuple[Tokenize, str]:
    """Return the function from a text to its pieces, and the unknown piece.

    The tokenizer of the default model loads in a part of the model's time.
    """
    if embedding_model == MINILM:
        return _minilm_pieces, UNKNOWN
    tokenizer = _model(embedding_model).tokenizer
    return tokenizer.tokenize, tokenizer.unk_token


def _minilm_pieces(text: str) -> list[str]:
    pieces: list[str] = _minilm_tokenizer().encode(text, add_special_tokens=False).tokens
    return pieces


@cache
def _minilm_tokenizer() -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder_of(MINILM) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _is_known(pieces: Sequence[str], unknown: str) -> bool:
    """True if at most MOST_UNKNOWN of the pieces are unknown."""
    return pieces.count(unknown) <= MOST_UNKNOWN * len(pieces)


def _is_read_in_words(pieces: Sequence[str], unknown: str) -> bool:
    """True if few enough pieces, without punctuation, are unknown or single letters.

    The limits are MOST_UNKNOWN and MOST_SPELT.
    """
    letters = [piece for piece in pieces if any(map(str.isalnum, piece))]
    spelt = sum(piece == unknown or len(piece) == 1 for piece in letters)
    return _is_known(pieces, unknown) and spelt <= MOST_SPELT * len(letters)


def _cosines(left: Any, right: Any, threshold: float) -> Iterator[SimilarPair]:
    """Yield the pairs (row, column, cosine) with a cosine of at least `threshold`.

    `left`, `right`: unit vectors of the shapes (n, d) and (m, d).
    """
    import numpy

    step = max(1, BLOCK_CELLS // max(1, len(right)))
    for start in range(0, len(left), step):
        block = numpy.minimum(left[start : start + step] @ right.T, 1.0)
        rows, columns = numpy.nonzero(block >= threshold)
        scores = block[rows, columns].tolist()
        yield from map(SimilarPair, (rows + start).tolist(), columns.tolist(), scores)


def _confirmed(
    pairs: Iterable[SimilarPair], texts: Sequence[str], others: Sequence[str]
) -> Iterator[SimilarPair]:
    """Yield the pairs whose texts also have a share of LEAST_LETTERS in common."""
    from rapidfuzz import fuzz

    for pair in pairs:
        text, other = texts[pair.first][:MOST_COMPARED], others[pair.second][:MOST_COMPARED]
        if text == other or fuzz.token_sort_ratio(fold(text), fold(other)) >= LEAST_LETTERS:
            yield pair


def _model(embedding_model: str) -> Any:
    return load(embedding_model)
