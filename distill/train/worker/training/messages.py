"""The messages for failures of a training, with remedies."""

import errno

MEMORY = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")
DISK = ("no space left on device", "storagefull")


class DivergedError(Exception):
    """The error that a loss is not a finite number."""

    def __init__(self, name: str, step: int) -> None:
        super().__init__(
            f"{name} is not a finite number at step {step}: the training has diverged. Lower "
            "student.learning_rate, first to half."
        )


class UnusableBaseError(Exception):
    """The error that a base cannot be trained on chats."""


def in_words(error: BaseException) -> str | None:
    """Return the message for an error; None for an error without a known remedy."""
    text = str(error).lower()
    if isinstance(error, DivergedError | UnusableBaseError):
        return str(error)
    if isinstance(error, MemoryError) or any(words in text for words in MEMORY):
        return (
            "The machine or its GPU ran out of memory. Lower student.batch_size or "
            "student.context_tokens, or choose a smaller student.base."
        )
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    if full or any(words in text for words in DISK):
        return "The disk is full. Free some space, and run the same command to continue."
    return None
