"""How exactly a machine computes while it trains, and afterwards."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

# Instructions of a processor that multiply bfloat16. Without them it is four to six times slower
# than float32, with them nearly twice as fast.
MULTIPLIES_BFLOAT16 = ("avx512_bf16", "amx_bf16")
# For every new length of a batch oneDNN makes a new program, which takes longer than the step.
LENGTHS = 8


def halves() -> bool:
    """Whether a processor, without a card beside it, trains in bfloat16."""
    import torch

    able = torch.cpu.get_capabilities()
    return not torch.cuda.is_available() and any(able.get(name) for name in MULTIPLIES_BFLOAT16)


def dtype_on_processor() -> Any:
    """Of the base's weights. Most bases are published in bfloat16, so that nothing is lost."""
    import torch

    return torch.bfloat16 if halves() else torch.float32


def computing() -> AbstractContextManager[Any]:
    """For the loss: products in bfloat16 where that is faster; the adapter and what is summed stay
    in 32 bits. With a card the trainer sees to it."""
    import torch

    return torch.autocast("cpu", dtype=torch.bfloat16) if halves() else nullcontext()


def lengths_of_batches() -> int:
    """Batches are padded to multiples of it."""
    return LENGTHS if halves() else 1


def widen(model: Any) -> None:
    """The same weights in 32 bits, as a processor serves them: what is compared with the server
    must not be rounded otherwise."""
    import torch

    if torch.cuda.is_available():
        return
    for parameter in model.parameters():
        if parameter.dtype == torch.bfloat16:
            parameter.data = parameter.data.float()
    for module in model.modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if state is not None:
            state.dtype = module.compute_dtype = torch.float32
        if getattr(getattr(module, "config", None), "dtype", None) == torch.bfloat16:
            module.config.dtype = torch.float32
