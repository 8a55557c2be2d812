"""The trained model's answers, for the parity check."""

import json
from pathlib import Path
from typing import Any

from ..protocol import EncoderJob
from .loading import padded, tokenised
from .tags import words_of


def write_answers(model: Any, tokenizer: Any, job: EncoderJob) -> None:
    """Write `answers.json` into the job's `out`: the answer to each chat of its `parity` file.

    An answer is a label, or the words with their tags and probabilities, from which the parent
    makes an object. There is no chat template, so its hash is "".
    """
    import torch

    with Path(job["parity"]).open(encoding="utf-8") as lines:
        chats = [json.loads(line)["messages"][:-1] for line in lines]
    texts = [turns[-1]["content"] for turns in chats]
    tokens = tokenised(texts, tokenizer, job) if texts else {"input_ids": []}
    device = next(model.parameters()).device
    model.eval()
    rows = []
    with torch.inference_mode():
        for place, ids in enumerate(tokens["input_ids"]):
            logits = model(*padded([ids], 0, device))[0]
            answer = _tagged(logits, tokens, place) if job["fields"] else _label(logits, job)
            about = {"prompt_tokens": len(ids), "ended": True}
            rows.append({"messages": chats[place], **about, **answer})
    found = {"template": "", "max_tokens": 1, "rows": rows}
    path = Path(job["out"]) / "answers.json"
    path.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")


def _label(logits: Any, job: EncoderJob) -> dict[str, Any]:
    return {"answer": job["choices"][int(logits.argmax())]}


def _tagged(logits: Any, tokens: Any, place: int) -> dict[str, Any]:
    import torch

    best = torch.softmax(logits, -1).max(-1)
    words = [
        (start, end, int(best.indices[piece]), float(best.values[piece]))
        for piece, start, end in words_of(tokens, place)
    ]
    return {"words": words}
