"""Find planted personal data, and none in look-alikes and published messages.

    python -m benchmarks.personal [--data FOLDER] [--show]

Makes sentences with a value of every kind in several formats, and sentences with look-alikes:
order and tracking numbers, prices, dates, times, versions, percentages. The look-alikes say what
they are ("order 2127365000"): a bare number that a numbering plan has is a telephone number.
FOLDER holds folders of *.jsonl and *.jsonl.gz (rows with "input") in which nobody's data stands,
nor an assistant's words, nor placeholders. Prints the table and, as its last line, one JSON object
with every figure, the targets and "ok"; exit code 1 when a target is missed.
"""

import argparse
import gzip
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.planted import Sentence, look_alikes, plant
from distill.text.boilerplate import placeholder_in, refusal_in
from distill.text.pii.detect import KINDS, find_personal

RECALL, PRECISION = 0.97, 0.97


Values = list[tuple[str, str]]
Figures = dict[str, dict[str, float]]

# What the patterns are slow on, if they are: beginnings that never end, and numbers that are none.
REPEATED = (
    *("a", "a.", "1", "1 ", "12345678 ", "(1", "5.5/", "4539 ", "1.2.3.", "2a02:", "GB82 "),
    *("eyJ", "sk-", "sk-a1", "xoxb-1-", "aws key '", "password:", "-----BEGIN PRIVATE KEY-----"),
    *("@", "a@", "a@b.", "://a:", "//", "\x00", "\u200f", "😀", " ", "\n"),
)
ORDINARY = "My parcel of 3 May for $12.50 never came. "


def main() -> int:
    """Make the sets, look through them, print the table and the verdict on the targets."""
    options = parse()
    draw = random.Random(options.seed)
    sentences = [*plant(draw), *(Sentence(text, ()) for text in look_alikes(draw))]
    kinds = score(sentences, options.show)
    rows = alarms(options.data, options.show) if options.data else {}
    reached = [one["recall"] >= RECALL and one["precision"] >= PRECISION for one in kinds.values()]
    figures = {"kinds": kinds, "alarms": rows, "megabyte_seconds": megabytes()}
    targets = {"recall": RECALL, "precision": PRECISION}
    print(json.dumps({**figures, "targets": targets, "ok": all(reached)}))
    return 0 if all(reached) else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="draws the sentences")
    parser.add_argument("--show", action="store_true", help="print every miss and false alarm")
    return parser.parse_args()


def score(sentences: list[Sentence], show: bool) -> Figures:
    """Recall and precision of each kind: a value counts as found when exactly its span is."""
    right, planted, found = Counter[str](), Counter[str](), Counter[str]()
    for sentence in sentences:
        values = find(sentence.text)
        planted.update(kind for kind, _ in sentence.planted)
        found.update(kind for kind, _ in values)
        hits = Counter(sentence.planted) & Counter(values)
        right.update(kind for kind, _ in hits.elements())
        if show and Counter(values) != Counter(sentence.planted):
            print(f"planted {sentence.planted}, found {values}, in {sentence.text!r}")
    print("kind     planted found  right recall precision")
    return {kind: shares(kind, planted[kind], found[kind], right[kind]) for kind in KINDS}


def shares(kind: str, planted: int, found: int, right: int) -> dict[str, float]:
    """A row of the table."""
    recall, precision = right / max(1, planted), right / max(1, found)
    print(f"{kind:8} {planted:7} {found:5} {right:6} {recall:6.3f} {precision:9.3f}")
    counts = {"planted": planted, "found": found, "right": right}
    return {**counts, "recall": recall, "precision": precision}


def find(text: str) -> Values:
    """(kind, value) of each finding."""
    return [(one.kind, text[one.start : one.end]) for one in find_personal(text)]


def alarms(folder: Path, show: bool) -> Figures:
    """What is found in published messages: rows, seconds, findings of each kind."""
    figures: Figures = {}
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        texts = [text for path in sorted(part.glob("*.jsonl*")) for text in inputs(path)]
        start, count = time.perf_counter(), Counter[str]()
        for text in texts:
            values = find(text)
            values += [("refusal", text)] * refusal_in(text)
            values += [("placeholder", text)] * placeholder_in(text)
            count.update(kind for kind, _ in values)
            if show and values:
                print(f"{part.name}: {values} in {text!r}")
        seconds = round(time.perf_counter() - start, 2)
        figures[part.name] = {"rows": len(texts), "seconds": seconds, **count}
        print(part.name, figures[part.name])
    return figures


def inputs(path: Path) -> list[str]:
    """The inputs of a file."""
    packed = path.read_bytes()
    lines = gzip.decompress(packed) if path.suffix == ".gz" else packed
    return [str(json.loads(line)["input"]) for line in lines.splitlines()]


def megabytes() -> dict[str, float]:
    """Seconds for a text of a million characters, of a sentence and of what is hard."""
    figures = {}
    for one in (ORDINARY, *REPEATED):
        start = time.perf_counter()
        find_personal((one * 1_000_000)[:1_000_000])
        figures[one] = round(time.perf_counter() - start, 2)
    slowest = sorted(figures.items(), key=lambda item: -item[1])[:5]
    print(f"a megabyte: {figures[ORDINARY]} s; slowest {slowest}")
    return figures


if __name__ == "__main__":
    sys.exit(main())
