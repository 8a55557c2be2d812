"""A fine-tuned encoder in this process: a text → its label, or its fields, with a probability.

The folder has the encoder as transformers saves it, and the head: `head.safetensors` with weight
and bias, `head.json` with labels or fields and the number of tokens that the encoder reads.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.text.spans import TaggedWord, object_in, probability_of

HEAD_WEIGHTS, HEAD = "head.safetensors", "head.json"
MAX_CHARACTERS = 50_000  # of a text to tokenize; the encoder reads a few hundred tokens
BATCH = 32


@dataclass(frozen=True, slots=True)
class EncoderAnswer:
    """The likeliest answer to a text.

    `text`: the label, or the object as JSON.
    `probability`: the label's probability, or that of all words' tags together.
    `tokens`: the tokens of the text that the encoder read.
    """

    text: str
    probability: float
    tokens: int


@dataclass(frozen=True)
class Encoder:
    """A loaded encoder with a head over labels, or over the tags of words.

    `weight`, `bias`: the head, of the shapes (outputs, width) and (outputs).
    `labels`: the labels; empty for fields.
    `fields`: field → type of its values; empty for labels.
    """

    body: Any
    tokenizer: Any
    weight: Any
    bias: Any
    max_tokens: int
    labels: Sequence[str]
    fields: Mapping[str, str]

    def predict(self, texts: Sequence[str]) -> list[str]:
        """Return the likeliest answer to each text."""
        return [answer.text for answer in self.answers(texts)]

    def answers(self, texts: Sequence[str]) -> list[EncoderAnswer]:
        """Return the likeliest answer to each text, with its probability."""
        # The tokenizer refuses lone surrogates.
        readable = [text[:MAX_CHARACTERS].encode("utf-8", "replace").decode() for text in texts]
        order = sorted(range(len(texts)), key=lambda place: len(readable[place]))
        found: dict[int, EncoderAnswer] = {}
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            found |= zip(places, self._batch([readable[place] for place in places]), strict=True)
        return [found[place] for place in range(len(texts))]

    def _batch(self, texts: Sequence[str]) -> list[EncoderAnswer]:
        import torch

        tokens = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.max_tokens,
            padding=True,
            return_offsets_mapping=bool(self.fields),
            return_token_type_ids=False,
            return_tensors="pt",
        )
        mask = tokens["attention_mask"]
        with torch.inference_mode():
            hidden = self.body(input_ids=tokens["input_ids"], attention_mask=mask)[0]
            answered = self._tagged if self.fields else self._labelled
            told = answered(texts, tokens, hidden)
        counts = mask.sum(1).tolist()
        return [EncoderAnswer(*row, count) for row, count in zip(told, counts, strict=True)]

    def _labelled(self, texts: Sequence[str], tokens: Any, hidden: Any) -> list[tuple[str, float]]:
        """Return (label, probability) of each text, from the mean of its tokens' vectors."""
        import torch

        mask = tokens["attention_mask"]
        means = (hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
        vectors = torch.nn.functional.normalize(means, dim=-1)
        best = torch.softmax(vectors @ self.weight.T + self.bias, -1).max(-1)
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [(self.labels[place], chance) for place, chance in pairs]

    def _tagged(self, texts: Sequence[str], tokens: Any, hidden: Any) -> list[tuple[str, float]]:
        """Return (object as JSON, probability) of each text, from the tags of its words."""
        import torch

        best = torch.softmax(hidden @ self.weight.T + self.bias, -1).max(-1)
        found = []
        for row, text in enumerate(texts):
            tags, chances = best.indices[row].tolist(), best.values[row].tolist()
            words = [
                TaggedWord(start, end, tags[piece], chances[piece])
                for piece, start, end in words_of(tokens, row)
            ]
            answer = json.dumps(object_in(text, words, self.fields), ensure_ascii=False)
            found.append((answer, probability_of(words)))
        return found


def words_of(tokens: Any, row: int) -> list[tuple[int, int, int]]:
    """Return (number of its first piece, start, end) of each word that a text's tokens hold."""
    ids, offsets = tokens.word_ids(row), tokens["offset_mapping"][row].tolist()
    found: list[tuple[int, int, int]] = []
    before = None
    for piece, (word, (start, end)) in enumerate(zip(ids, offsets, strict=True)):
        if word is not None and word == before:
            first, begin, _ = found[-1]
            found[-1] = (first, begin, end)
        elif word is not None:
            found.append((piece, start, end))
        before = word
    return found


def load_encoder(folder: str | Path) -> Encoder:
    """Load a fine-tuned encoder, as in `load_encoder("runs/…/encoder/model").predict([text])`.

    Only safetensors and JSON are read, and no code of the folder runs.
    """
    # bitsandbytes, which transformers imports, warns that it would download a kernel.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    folder = Path(folder)
    offline = {"local_files_only": True, "trust_remote_code": False}
    head = load_file(folder / HEAD_WEIGHTS)
    about = json.loads((folder / HEAD).read_text(encoding="utf-8"))
    body = AutoModel.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, **offline)
    return Encoder(
        body.eval(),
        AutoTokenizer.from_pretrained(folder, **offline),
        head["weight"],
        head["bias"],
        about["max_tokens"],
        about["labels"],
        about["fields"],
    )
