"""The program `python -m training.lora JOB.json`: loads, trains, saves, merges and reports."""

import json
import sys
from pathlib import Path

from ..program import run
from ..protocol import Done, Job
from .loading import LOADERS, without_date


def work(job: Job) -> Done:
    """Train the student and return the result."""
    # The loader comes first: Unsloth patches transformers and TRL, and must be imported before.
    model, tokenizer = LOADERS[job["trainer"]](job)
    tokenizer.chat_template = without_date(tokenizer.chat_template)

    from .merging import merge
    from .precision import widen
    from .reference_answers import write_answers
    from .tokenised_rows import read_rows
    from .trainer import losses, train

    train_rows, validation = (
        read_rows(Path(rows), tokenizer) for rows in (job["train"], job["validation"])
    )
    trainer = train(model, tokenizer, job, train_rows, validation)
    out, state = Path(job["out"]), trainer.state
    trainer.model.save_pretrained(out / "adapter")
    widen(trainer.model)
    write_answers(job, trainer.model, tokenizer)
    merge(job["base"], trainer.model, out, tokenizer)
    best = state.best_global_step if trainer.args.load_best_model_at_end else None
    return {
        "event": "done",
        "trained_tokens": round(sum(row["length"] for row in train_rows) * state.epoch),
        "kept_step": best or state.global_step,
        "losses": losses(trainer),
    }


if __name__ == "__main__":
    run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), work)
