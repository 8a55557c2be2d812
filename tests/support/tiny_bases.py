"""Bases of every architecture that is promised, as small as they can be, with random weights."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from distill.serve.embedded_models import STUDENT, embedded

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}


def llama() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM, LlamaConfig


def qwen() -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    return Qwen3ForCausalLM, Qwen3Config


def mistral() -> Any:
    from transformers import MistralConfig, MistralForCausalLM

    return MistralForCausalLM, MistralConfig


def phi() -> Any:
    from transformers import Phi3Config, Phi3ForCausalLM

    return Phi3ForCausalLM, Phi3Config


def gemma() -> Any:
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    return Gemma3ForCausalLM, Gemma3TextConfig


ARCHITECTURES: dict[str, Callable[[], Any]] = {
    "llama": llama,
    "qwen": qwen,
    "mistral": mistral,
    "phi": phi,
    "gemma": gemma,
}
OF_ITS_OWN: dict[str, dict[str, object]] = {
    "llama": {"tie_word_embeddings": True},
    "qwen": {"head_dim": 16},
    "mistral": {"sliding_window": None},
    "gemma": {"head_dim": 16},
}


def write_base(architecture: str, folder: Path) -> Path:
    """A folder with a random model of an architecture, and SmolLM2's tokenizer and template; two
    have no pad token."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(embedded(STUDENT)[1])
    if architecture in ("mistral", "phi"):
        tokenizer.pad_token = None
    model_class, config_class = ARCHITECTURES[architecture]()
    torch.manual_seed(0)
    ids = {
        f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")
    }
    sizes = SIZES | ids | OF_ITS_OWN.get(architecture, {})
    model = model_class(config_class(vocab_size=len(tokenizer), **sizes))
    shutil.rmtree(folder, ignore_errors=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
