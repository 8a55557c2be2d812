"""(expected, answer) → value. One scorer for each kind of task."""


def accuracy(expected: str, answer: str, *, valid: bool) -> float:
    """1.0 when a valid answer is the expected label, else 0.0."""
    return float(valid and answer == expected)
