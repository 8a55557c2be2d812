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
    _, unexpected = whole.load_state_dict(dequantized(trained), strict=False)
    assert not unexpected, unexpected
    model = PeftModel.from_pretrained(whole, str(out / "adapter"))
    model = model.merge_and_unload(safe_merge=True)
    model.to(torch.bfloat16).save_pretrained(out / "merged")
    tokenizer.save_pretrained(out / "merged")


def dequantized(model: Any) -> dict[str, Any]:
    """The 4-bit layers' weights as float32, by their names in the base."""
    found = {}
    for name, module in model.named_modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if state is not None and name.endswith(".base_layer"):
            from bitsandbytes.functional import dequantize_4bit

            plain = name.removeprefix("base_model.model.").removesuffix(".base_layer")
            found[f"{plain}.weight"] = dequantize_4bit(module.weight.data, state).float()
    return found
