"""The program `python -m training.encoder JOB.json`: loads, trains, saves and reports."""

import json
import sys
from pathlib import Path

from ..program import run
from ..protocol import Done, EncoderJob
from .answers import write_answers
from .loading import load, save
from .loop import train
from .rows import read_rows


def work(job: EncoderJob) -> Done:
    """Train the student and return the result."""
    model, tokenizer = load(job)
    train_rows, validation = (
        read_rows(Path(path), tokenizer, job) for path in (job["train"], job["validation"])
    )
    done = train(model, job, train_rows, validation)
    save(model, tokenizer, job)
    write_answers(model, tokenizer, job)
    return done


if __name__ == "__main__":
    run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), work)
