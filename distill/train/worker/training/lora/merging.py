"""The merging of adapter and base into the served weights."""

from pathlib import Path
from typing import Any

# The number of a float32's last bits that these types lack.
LAST_BITS = {"torch.bfloat16": 16, "torch.float16": 13}


def merge(base: str, trained: Any, out: Path, tokenizer: Any) -> None:
    """Add the adapter to the 16-bit base and save the sum as `merged/`.

    The linear layers get the values of the 4-bit layers in training. The adapter compensates for
    their rounding (a tenth of a small model's weights), so it does not fit the original values.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    whole = AutoModelForCausalLM.from_pretrained(
        base,
        dtype=torch.float32,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
    )
    take_rounded(whole, trained)
    model = PeftModel.from_pretrained(whole, str(out / "adapter"))
    model = model.merge_and_unload(safe_merge=True)
    # A GPU computes in the type of the weights, and float16's range is too small for some models.
    # A CPU computes in 32 bits with either type.
    halve(model, torch.bfloat16 if torch.cuda.is_available() else torch.float16)
    model.save_pretrained(out / "merged")
    tokenizer.save_pretrained(out / "merged")


def halve(model: Any, dtype: Any) -> None:
    """Round the weights from 32 bits to 16 without losing the training.

    Most of LoRA's changes to a weight are less than half the distance between two bfloat16 numbers.
    Rounding to nearest would thus restore most weights of a bfloat16 base to their values before
    training. Therefore each weight is rounded up with the probability that keeps the mean
    (stochastic rounding). The result is float16, with an eighth of the distance, if `dtype` says so
    and no weight exceeds its range.

    Source: Gupta, Agrawal, Gopalakrishnan and Narayanan 2015, Deep Learning with Limited Numerical
    Precision.
    """
    import torch

    largest = max(float(weights.detach().abs().max()) for weights in model.parameters())
    if largest > torch.finfo(dtype).max:
        dtype = torch.bfloat16
    chance = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in model.parameters():
            weights.copy_(stochastic(weights, LAST_BITS[str(dtype)], chance))
    model.to(dtype)


def stochastic(weights: Any, last_bits: int, chance: Any) -> Any:
    """Round each float32 weight, at random, to one of its two neighbours without the last bits."""
    import torch

    bits, step = weights.contiguous().view(torch.int32), 1 << last_bits
    added = torch.randint(0, step, bits.shape, generator=chance, dtype=torch.int32)
    return ((bits + added) & -step).view(torch.float32)


def take_rounded(whole: Any, trained: Any) -> None:
    """Copy the values of the 4-bit layers into the base's linear layers, one layer at a time.

    All layers at once would not fit into a GPU's memory besides the model.
    """
    import torch

    for name, module in trained.named_modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if state is not None and name.endswith(".base_layer"):
            from bitsandbytes.functional import dequantize_4bit

            plain = name.removeprefix("base_model.model.").removesuffix(".base_layer")
            with torch.no_grad():
                rounded = dequantize_4bit(module.weight.data, state).float()
                whole.get_parameter(f"{plain}.weight").copy_(rounded)
