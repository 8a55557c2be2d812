"""Numerical precision in training and afterwards."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

# Processor instructions that multiply bfloat16. Without them bfloat16 is four to six times slower
# than float32; with them it is nearly twice as fast.
MULTIPLIES_BFLOAT16 = ("avx512_bf16", "amx_bf16")
# oneDNN compiles a program for every new length of a batch, which takes longer than the step.
LENGTHS = 8


def halves() -> bool:
    """True if training runs on a processor without a card and uses bfloat16."""
    import torch

    able = torch.cpu.get_capabilities()
    return not torch.cuda.is_available() and any(able.get(name) for name in MULTIPLIES_BFLOAT16)


def dtype_on_processor() -> Any:
    """Return the type of the base's weights on a processor.

    Most bases are published in bfloat16, so bfloat16 loses nothing.
    """
    import torch

    return torch.bfloat16 if halves() else torch.float32


def computing() -> AbstractContextManager[Any]:
    """Hold the precision for the loss.

    Products are in bfloat16 if that is faster; the adapter and sums stay in 32 bits. With a card
    the trainer sets the precision.
    """
    import torch

    return torch.autocast("cpu", dtype=torch.bfloat16) if halves() else nullcontext()


def lengths_of_batches() -> int:
    """Return the number whose multiples are the lengths of padded batches."""
    return LENGTHS if halves() else 1


def widen(model: Any) -> None:
    """Convert the weights to 32 bits, in which a processor serves them.

    The parity check needs the same rounding in the trainer and in the server.
    """
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
