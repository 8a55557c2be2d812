"""Adapter and base → the weights that are served."""

from pathlib import Path
from typing import Any


def merge(base: str, trained: Any, out: Path, tokenizer: Any) -> None:
    """Add the adapter to the 16-bit base and save it as `merged/`.

    The linear layers get the values that the 4-bit ones had in training: the adapter has learned to
    make up for their rounding (a tenth of a small model's weights), not for the originals.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    whole = AutoModelForCausalLM.from_pretrained(
        base, dtype=torch.float32, local_files_only=True, trust_remote_code=False
    )
    take_rounded(whole, trained)
    model = PeftModel.from_pretrained(whole, str(out / "adapter"))
    model = model.merge_and_unload(safe_merge=True)
    model.to(torch.bfloat16).save_pretrained(out / "merged")
    tokenizer.save_pretrained(out / "merged")


def take_rounded(whole: Any, trained: Any) -> None:
    """Give the base's linear layers the values of the 4-bit ones, a layer at a time: all of them at
    once would not fit on a card beside the model."""
    import torch

    for name, module in trained.named_modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if state is not None and name.endswith(".base_layer"):
            from bitsandbytes.functional import dequantize_4bit

            plain = name.removeprefix("base_model.model.").removesuffix(".base_layer")
            with torch.no_grad():
                rounded = dequantize_4bit(module.weight.data, state).float()
                whole.get_parameter(f"{plain}.weight").copy_(rounded)
