"""The numerical precision of training and of its result."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

# CPU flags for the multiplication of bfloat16. With one of them, bfloat16 is nearly twice as fast
# as float32; without them, four to six times slower.
MULTIPLIES_BFLOAT16 = ("avx512_bf16", "amx_bf16")
# oneDNN compiles a program for each new batch length, which takes longer than a training step.
LENGTHS = 8


def halves() -> bool:
    """True if training runs on a CPU and uses bfloat16."""
    import torch

    able = torch.cpu.get_capabilities()
    return not torch.cuda.is_available() and any(able.get(name) for name in MULTIPLIES_BFLOAT16)


def dtype_on_processor() -> Any:
    """Return the type of the base's weights on a CPU.

    Most bases are published in bfloat16, so that bfloat16 loses nothing.
    """
    import torch

    return torch.bfloat16 if halves() else torch.float32


def computing() -> AbstractContextManager[Any]:
    """Return a context manager that sets the precision of the loss computation.

    Products are in bfloat16 if that is faster; the adapter and sums are in 32 bits. On a GPU, the
    trainer sets the precision.
    """
    import torch

    return torch.autocast("cpu", dtype=torch.bfloat16) if halves() else nullcontext()


def lengths_of_batches() -> int:
    """Return the number of tokens to whose multiples batches are padded."""
    return LENGTHS if halves() else 1


def widen(model: Any) -> None:
    """Convert the weights to 32 bits, in which a server on a CPU computes.

    The parity check needs the same rounding in trainer and server.
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
