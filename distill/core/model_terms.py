"""Terms of use of a model, with the permission to train a student on its outputs."""

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
    """The terms of use of a model.

    `use`: the role of the model: teacher, judge, logged model or base.
    `place`: the key of task.toml that names the model.
    `says`: the wording of the terms.
    `source`: the document; "" for a model without a row in the table.
    `checked`: the day on which the document was last read; None if it was never read.
    `effective`: the day on which the terms take effect; None if unknown.
    `duties`: the user's duties under the terms.
    `self_served`: True for a model on a machine of the user.
    """

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
        """True if the table has a row for the model."""
        return bool(self.source)

    @property
    def stops(self) -> bool:
        """True if a run needs the user to give a reason for training on the outputs.

        Unknown weights on a machine of the user need no reason, since the user chose their licence.
        """
        if self.use == "base" or self.training in ("allowed", "own_use"):
            return False
        return self.is_known or not self.self_served

    @property
    def sentence(self) -> str:
        """A sentence on the permission to train, with the document and the date of reading."""
        if not self.is_known:
            return f"{self.provider}: the terms are not known."
        if self.use == "base":
            return f"{self.provider} ({self.origin})."
        return f"{self.provider}: {SENTENCES[self.training]} ({self.origin})."

    @property
    def origin(self) -> str:
        """The document, the day on which it takes effect, and the month in which it was read."""
        parts = [self.source]
        if self.effective:
            parts.append(f"from {self.effective}")
        parts.append(f"read in {self.checked:%B %Y}" if self.checked else "page not read")
        return ", ".join(parts)

    def is_stale(self, today: date) -> bool:
        """True if the document was last read more than STALE_DAYS ago; False if never read."""
        return self.checked is not None and (today - self.checked).days > STALE_DAYS
