"""Purposes of requests: the stage, step and round that send them."""

from dataclasses import dataclass, replace

STAGES = ("generate", "curate", "split", "train", "evaluate", "report")
EVALUATION = "evaluate"  # the stage that asks the systems
_JUDGE = "judge"  # a step of curation, and the only step of evaluation that is not a system


def stages_until(last: str) -> list[str]:
    """List the stages of a run up to the `last` one."""
    return list(STAGES[: STAGES.index(last) + 1])


@dataclass(frozen=True, slots=True)
class Purpose:
    """The purpose of requests, stored as "stage:step" or "stage:step.round".

    `step`: for answers on gold the system's name, which may contain colons and dots.
    `round`: the number of a round of generation, or the hash of a judge's requests; "" for none.

    Raises ValueError if the stored string would not parse to the same values.
    """

    stage: str
    step: str
    round: str = ""

    def __post_init__(self) -> None:
        values = (self.stage, self.step, self.round)
        if self.stage not in STAGES or not self.step or _values(str(self)) != values:
            raise ValueError(f'{str(self)!r} is not a purpose of the form "stage:step.round"')

    def __str__(self) -> str:
        return f"{self.stage}:{self.step}" + (f".{self.round}" if self.round else "")

    @classmethod
    def parse(cls, text: str) -> "Purpose":
        """Parse the stored string of a purpose. Raises ValueError for any other string."""
        found = cls(*_values(text))
        if str(found) != text:
            raise ValueError(f"the purpose {text!r} has a dot but no round after it")
        return found

    @classmethod
    def of_system(cls, system: str) -> "Purpose":
        """Return the purpose of a system's answers on gold."""
        return cls(EVALUATION, system)

    def in_round(self, name: str) -> "Purpose":
        """Return the purpose with the given round."""
        return replace(self, round=name)

    @property
    def without_round(self) -> "Purpose":
        """The purpose with the round "", which all rounds have in common."""
        return replace(self, round="")

    @property
    def is_timed(self) -> bool:
        """True if the report gives the latency of the answers, which rules out batches."""
        return self.stage == EVALUATION and self.step != _JUDGE

    @property
    def is_judged(self) -> bool:
        """True if a judge answers the requests."""
        return self.step == _JUDGE

    @property
    def is_learned_from(self) -> bool:
        """True if the student is trained on the answers."""
        return self.stage == "generate"


def _values(text: str) -> tuple[str, str, str]:
    """Split a stored string into stage, step and round."""
    stage, _, rest = text.partition(":")
    step, _, round_ = rest.partition(".")
    # A system's name may contain dots, which do not begin a round.
    return (stage, rest, "") if stage == EVALUATION and step != _JUDGE else (stage, step, round_)


SYNTHESIZE, ANSWER = Purpose("generate", "synthesize"), Purpose("generate", "answer")
ON_SEEDS = Purpose("curate", "seeds")  # the teacher answers the seeds
JUDGED = Purpose("curate", _JUDGE)  # the judge scores examples
COMPARED = Purpose(EVALUATION, _JUDGE)  # the judge compares systems' answers
