"""The trained model's own answers, for the parity check."""

import hashlib
import json
from pathlib import Path
from typing import Any

from ..protocol import Job
from .tokenised_rows import filler, read_chats

FURTHER_TOKENS = 8  # beyond the longest learnt answer, to detect answers that do not end
BATCH = 16


def write_answers(job: Job, model: Any, tokenizer: Any) -> None:
    """Write `answers.json` into the job's `out`.

    The file contains the hash of the chat template in use. A different template in the served
    folder is thus detected. For each chat of the job's `parity` file, it contains the number of
    prompt tokens and the greedy answer.
    """
    chats = read_chats(Path(job["parity"]))
    prompts = [
        tokenizer.apply_chat_template(turns[:-1], add_generation_prompt=True, tokenize=False)
        for turns in chats
    ]
    prompt_ids = [tokenizer(text, add_special_tokens=False).input_ids for text in prompts]
    learned = [
        tokenizer(turns[-1]["content"], add_special_tokens=False).input_ids for turns in chats
    ]
    most = max(map(len, learned), default=0) + FURTHER_TOKENS
    answers = generate(model, tokenizer, prompt_ids, most)
    found = {
        "template": template_hash(tokenizer.chat_template),
        "max_tokens": most,
        "rows": [
            {"messages": turns[:-1], "prompt_tokens": len(ids), "answer": text, "ended": ended}
            for turns, ids, (text, ended) in zip(chats, prompt_ids, answers, strict=True)
        ],
    }
    path = Path(job["out"]) / "answers.json"
    path.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")


def template_hash(template: str) -> str:
    """Return a chat template's SHA-256."""
    return hashlib.sha256(template.encode()).hexdigest()


def generate(
    model: Any, tokenizer: Any, prompts: list[list[int]], most: int
) -> list[tuple[str, bool]]:
    """Return each prompt's greedy answer, and True if it ended within `most` tokens."""
    import torch

    model.eval()
    answers: dict[int, tuple[str, bool]] = {}
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        with torch.inference_mode():
            ids = greedy_batch(model, [prompts[place] for place in places], most, tokenizer)
        for place, row in zip(places, ids, strict=True):
            ended = tokenizer.eos_token_id in row
            kept = row[: row.index(tokenizer.eos_token_id)] if ended else row
            answers[place] = (text_after(prompts[place], kept, tokenizer), ended)
    return [answers[place] for place in range(len(prompts))]


def text_after(prompt: list[int], ids: list[int], tokenizer: Any) -> str:
    """Return the text of tokens after a prompt, as a server decodes them.

    Decoded without the prompt, they may lack a space."""
    before, whole = (
        str(tokenizer.decode(row, skip_special_tokens=True)) for row in (prompt, prompt + ids)
    )
    if whole.startswith(before):
        return whole[len(before) :]
    return str(tokenizer.decode(ids, skip_special_tokens=True))


def greedy_batch(
    model: Any, prompts: list[list[int]], most: int, tokenizer: Any
) -> list[list[int]]:
    """Return the greedy tokens after each prompt. Prompts are padded at the left to one length."""
    import torch

    width = max(map(len, prompts))
    fill = filler(tokenizer)
    device = next(model.parameters()).device
    padded = [[fill] * (width - len(row)) + row for row in prompts]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in prompts]
    found = model.generate(
        input_ids=torch.tensor(padded, device=device),
        attention_mask=torch.tensor(mask, device=device),
        max_new_tokens=most,
        do_sample=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=fill,
    )
    return [row[width:] for row in found.tolist()]
