"""The encoder with its head: loading from a base, the forward pass, and the saved folder."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..protocol import EncoderJob

HEAD_WEIGHTS, HEAD = "head.safetensors", "head.json"
# Tokenizers without a limit state a number near 1e30.
NO_LIMIT = 1_000_000


def load(job: EncoderJob) -> tuple[Any, Any]:
    """Return (the encoder with an untrained head, its tokenizer)."""
    import torch
    from transformers import AutoModel, AutoTokenizer, set_seed
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    set_seed(job["recipe"]["seed"])
    offline = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(job["base"], **offline)
    body = AutoModel.from_pretrained(
        job["base"], dtype=torch.float32, use_safetensors=True, **offline
    )
    model = with_head(body, outputs(job), of_words=bool(job["fields"]))
    return model.to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


def outputs(job: EncoderJob) -> int:
    """Return the head's number of outputs: the labels, or the tags of words."""
    return 1 + 2 * len(job["fields"]) if job["fields"] else len(job["choices"])


def with_head(body: Any, outputs: int, *, of_words: bool) -> Any:
    """Return a module whose result is logits.

    Their shape is (texts, outputs), or with `of_words` (texts, tokens, outputs)."""
    import torch

    class Encoder(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.body = body
            self.head = torch.nn.Linear(body.config.hidden_size, outputs)

        def vectors(self, ids: Any, mask: Any) -> Any:
            """Return the mean of the tokens' last hidden states, as unit vectors."""
            hidden = self.body(input_ids=ids, attention_mask=mask).last_hidden_state
            weights = mask.unsqueeze(-1).to(hidden.dtype)
            means = (hidden * weights).sum(1) / weights.sum(1)
            return torch.nn.functional.normalize(means, dim=-1)

        def forward(self, ids: Any, mask: Any) -> Any:
            if of_words:
                return self.head(self.body(input_ids=ids, attention_mask=mask).last_hidden_state)
            return self.head(self.vectors(ids, mask))

    return Encoder()


def limit(tokenizer: Any, job: EncoderJob) -> int:
    """Return the number of tokens of a text that the model reads."""
    own = int(tokenizer.model_max_length)
    return min(job["recipe"]["context_tokens"], own if own < NO_LIMIT else NO_LIMIT)


def tokenised(texts: Sequence[str], tokenizer: Any, job: EncoderJob) -> Any:
    """Return the tokens of texts, cut at the model's limit, with their offsets in the texts.

    Lone surrogates, which tokenizers refuse, become question marks.
    """
    return tokenizer(
        [text.encode("utf-8", "replace").decode() for text in texts],
        truncation=True,
        max_length=limit(tokenizer, job),
        return_attention_mask=False,
        return_offsets_mapping=bool(job["fields"]),
    )


def padded(rows: Sequence[Sequence[int]], fill: int, device: Any) -> tuple[Any, Any]:
    """Return (token ids padded at the right, mask), each of shape (rows, longest row)."""
    import torch

    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), fill)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    return ids.to(device), mask.to(device)


def save(model: Any, tokenizer: Any, job: EncoderJob) -> None:
    """Write the trained model to `model/`: body, tokenizer and head, the weights as safetensors."""
    from safetensors.torch import save_file

    folder = Path(job["out"]) / "model"
    if labels := job["choices"]:
        model.body.config.id2label = dict(enumerate(labels))
        model.body.config.label2id = {label: place for place, label in enumerate(labels)}
        model.body.config.problem_type = "single_label_classification"
    model.body.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    weights = {name: tensor.contiguous().cpu() for name, tensor in model.head.state_dict().items()}
    save_file(weights, folder / HEAD_WEIGHTS)
    about = {
        "labels": labels,
        "fields": job["fields"],
        "max_tokens": limit(tokenizer, job),
    }
    (folder / HEAD).write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")
