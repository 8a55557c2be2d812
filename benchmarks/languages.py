"""How many English inputs `other_language` takes for another language, and how many others it sees.

    python -m benchmarks.languages --data FOLDER

FOLDER holds banking77, snips and restaurant8k, each with train.jsonl.gz and test.jsonl (rows
{"input"}); the other languages are tests/support/foreign.py. Prints the table and, as its last
line, one JSON object with every figure, the targets and "ok"; exit code 1 when a target is missed.
"""

import argparse
import gzip
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from distill.text.language import language_of, other_language
from tests.support.foreign import FOREIGN

ENGLISH = ("banking77", "snips", "restaurant8k")
TARGETS = {"flagged_english": 0.002, "flagged_foreign": 0.95}


def main() -> int:
    """Print the table and the verdict on the targets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    english = [{"set": name} | english_set(read(options.data / name)) for name in ENGLISH]
    other = foreign()
    for line in (*english, other):
        print("  ".join(f"{name} {value}" for name, value in line.items()))
    few = all(line["flagged"] <= TARGETS["flagged_english"] for line in english)
    ok = few and other["flagged_as_not_english"] >= TARGETS["flagged_foreign"]
    print(json.dumps({"english": english, "foreign": other, "targets": TARGETS, "ok": ok}))
    return 0 if ok else 1


def read(folder: Path) -> list[str]:
    """The inputs of a data set."""
    with gzip.open(folder / "train.jsonl.gz", "rt", encoding="utf-8") as train:
        lines = list(train)
    with (folder / "test.jsonl").open(encoding="utf-8") as test:
        lines += test
    return [json.loads(line)["input"] for line in lines]


def english_set(texts: list[str]) -> dict[str, Any]:
    """Texts that are flagged although they are English, and the time of one."""
    other_language("", "en")  # loads the model
    begun = time.perf_counter()
    flagged = [text for text in texts if other_language(text, "en")]
    seconds = time.perf_counter() - begun
    return {
        "texts": len(texts),
        "flagged": round(len(flagged) / len(texts), 5),
        "examples": flagged[:5],
        "us_a_text": round(seconds / len(texts) * 1e6),
    }


def foreign() -> dict[str, Any]:
    """Shares of the sentences that are flagged where English is wanted, are given their language,
    and of pairs (sentence, another of the languages) that are flagged."""
    rows = [(language, text) for language, texts in FOREIGN.items() for text in texts]
    pairs = [(text, other) for own, text in rows for other in FOREIGN if other != own]
    return {
        "sentences": len(rows),
        "languages": len(FOREIGN),
        "flagged_as_not_english": share(other_language(text, "en") for _, text in rows),
        "named": share(language_of(text)[0] == own for own, text in rows),
        "flagged_as_not_their_own": share(other_language(text, own) for own, text in rows),
        "flagged_as_not_another": share(other_language(text, other) for text, other in pairs),
    }


def share(values: Iterable[bool]) -> float:
    """Of the values, those that hold."""
    held = list(values)
    return round(sum(held) / len(held), 5)


if __name__ == "__main__":
    sys.exit(main())
