"""Purposes of requests: the stage, the step and the round that ask them."""

from dataclasses import dataclass, replace

STAGES = ("generate", "curate", "split", "train", "evaluate", "report")
EVALUATION = "evaluate"  # the stage that asks the systems
_JUDGE = "judge"  # a step of curation, and the step of evaluation that is no system


def stages_until(last: str) -> list[str]:
    """List the stages of a run up to the `last` one."""
    return list(STAGES[: STAGES.index(last) + 1])


@dataclass(frozen=True, slots=True)
class Purpose:
    """The purpose of requests. The store writes it as "stage:step" or "stage:step.round".

    `step`: for answers on gold the system's name, which may have colons and dots.
    `round`: the number of a round of generation, or the hash of a judge's requests; "" for none.

    Raises ValueError if the text of these values would be read in another way.
    """

    stage: str
    step: str
    round: str = ""

    def __post_init__(self) -> None:
        values = (self.stage, self.step, self.round)
        if self.stage not in STAGES or not self.step or _values(str(self)) != values:
            raise ValueError(f'not a purpose "stage:step.round" of requests: {str(self)!r}')

    def __str__(self) -> str:
        return f"{self.stage}:{self.step}" + (f".{self.round}" if self.round else "")

    @classmethod
    def parse(cls, text: str) -> "Purpose":
        """Read the text of a purpose. Raises ValueError for any other text."""
        found = cls(*_values(text))
        if str(found) != text:
            raise ValueError(f"no round behind the dot of the purpose {text!r}")
        return found

    @classmethod
    def of_system(cls, system: str) -> "Purpose":
        """Return the purpose of a system's answers on gold."""
        return cls(EVALUATION, system)

    def in_round(self, name: str) -> "Purpose":
        """Return the purpose in the round of that name."""
        return replace(self, round=name)

    @property
    def without_round(self) -> "Purpose":
        """Return the purpose that all its rounds share."""
        return replace(self, round="")

    @property
    def is_timed(self) -> bool:
        """True if the report has the latency of the answers, so that they come from no batch."""
        return self.stage == EVALUATION and self.step != _JUDGE

    @property
    def is_judged(self) -> bool:
        """True if a judge answers, about examples or about systems' answers."""
        return self.step == _JUDGE

    @property
    def is_learned_from(self) -> bool:
        """True if the student learns from the answers.

        Unusable answers of a compared system are a result.
        """
        return self.stage == "generate"


def _values(text: str) -> tuple[str, str, str]:
    """Split a text into stage, step and round."""
    stage, _, rest = text.partition(":")
    step, _, round_ = rest.partition(".")
    # The name of a system's model has dots, too.
    return (stage, rest, "") if stage == EVALUATION and step != _JUDGE else (stage, step, round_)


SYNTHESIZE, ANSWER = Purpose("generate", "synthesize"), Purpose("generate", "answer")
ON_SEEDS = Purpose("curate", "seeds")  # the teacher answers the seeds
JUDGED = Purpose("curate", _JUDGE)  # the judge scores examples
COMPARED = Purpose(EVALUATION, _JUDGE)  # the judge compares systems' answers
