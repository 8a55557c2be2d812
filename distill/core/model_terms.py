"""The terms of a model: may a student be trained on its outputs?"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Training = Literal["allowed", "own_use", "ask", "forbidden"]
STALE_DAYS = 90
SENTENCES: dict[Training, str] = {
    "allowed": "training on the outputs is allowed",
    "own_use": "training on the outputs is allowed for your own use only",
    "ask": "the terms do not say clearly that you may train on the outputs",
    "forbidden": "training on the outputs is forbidden without authorization",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a model: `use` is teacher, judge or base, `place` the key that names the model,
    and `self_served` is True for a model on a machine of the user's. An empty `source` marks a
    model without a row."""

    use: str
    place: str
    model: str
    provider: str
    training: Training
    says: str
    source: str = ""
    url: str = ""
    checked: date | None = None
    effective: date | None = None
    duties: tuple[str, ...] = ()
    self_served: bool = False

    @property
    def is_known(self) -> bool:
        """Whether a row of the table is about the model."""
        return bool(self.source)

    @property
    def stops(self) -> bool:
        """Whether a run needs the user's reason to train on the outputs. Unknown weights on a
        machine of the user's need none: their licence is the user's own choice."""
        if self.use == "base" or self.training in ("allowed", "own_use"):
            return False
        return self.is_known or not self.self_served

    @property
    def sentence(self) -> str:
        """Whether one may train, where that is written, and when it was read."""
        if not self.is_known:
            return f"{self.provider}: the terms are not known."
        if self.use == "base":
            return f"{self.provider} ({self.origin})."
        return f"{self.provider}: {SENTENCES[self.training]} ({self.origin})."

    @property
    def origin(self) -> str:
        """The document, from when on it holds, and when it was read."""
        parts = [self.source]
        if self.effective:
            parts.append(f"from {self.effective}")
        parts.append(f"read in {self.checked:%B %Y}" if self.checked else "page not read")
        return ", ".join(parts)

    def is_stale(self, today: date) -> bool:
        """Whether the page was last read more than STALE_DAYS ago."""
        return self.checked is not None and (today - self.checked).days > STALE_DAYS
