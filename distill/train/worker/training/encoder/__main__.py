"""The program `python -m training.encoder JOB.json`: loads, trains, saves and reports."""

import json
import sys
from pathlib import Path

from ..messages import in_words
from ..protocol import Done, EncoderJob, tell
from .answers import write_answers
from .loading import load, save
from .loop import train
from .rows import read_rows


def main(job: EncoderJob) -> None:
    """Run the job. An error that has a message for the user is reported, then raised again."""
    tell(job, {"event": "begun"})
    try:
        done = work(job)
    except Exception as error:
        if message := in_words(error):
            tell(job, {"event": "failed", "message": message})
        raise
    tell(job, done)


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
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
