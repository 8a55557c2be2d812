"""curator asks a file's prompts: `python run_curator.py PROMPTS IN_FLIGHT FOLDER [PER_MINUTE]`.

Run by the Python of its own environment. OPENAI_BASE_URL says where to ask. PER_MINUTE is the limit
that it is told, where it cannot find it out by itself. Prints one JSON line.
"""

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from bespokelabs import curator
from datasets import Dataset

MODEL = "gpt-4o-mini"
MAX_TOKENS = 256
RETRIES = 20
# It reserves thousands of tokens for each answer, of which these have a dozen: not to be its limit.
TOKENS_PER_MINUTE = 10**9


class Asker(curator.LLM):  # type: ignore[misc]
    """A prompt is the messages of a row; an answer is its text."""

    def prompt(self, row: dict[str, Any]) -> list[dict[str, str]]:
        """The messages."""
        return [
            {"role": "system", "content": row["system"]},
            {"role": "user", "content": row["user"]},
        ]

    def parse(self, row: dict[str, Any], response: str) -> dict[str, str]:
        """The text."""
        return {"answer": response}


def main() -> int:
    """One call over a dataset of all prompts."""
    prompts, in_flight, folder = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    rows = [json.loads(line) for line in prompts.read_text(encoding="utf-8").splitlines()]
    limits = {"max_concurrent_requests": in_flight, "max_tokens_per_minute": TOKENS_PER_MINUTE}
    if sys.argv[4:]:
        limits["max_requests_per_minute"] = int(sys.argv[4])
    llm = Asker(
        model_name=MODEL,
        backend="openai",
        backend_params=limits | {"max_retries": RETRIES},
        generation_params={"max_tokens": MAX_TOKENS, "temperature": 0.0},
    )
    start = perf_counter()
    answers = llm(Dataset.from_list(rows), working_dir=str(folder))
    seconds = perf_counter() - start
    print(json.dumps({"answers": sum(map(bool, _texts(answers))), "seconds": seconds}))
    return 0


def _texts(answers: Any) -> list[str]:
    table = getattr(answers, "dataset", answers)
    return list(table["answer"])


if __name__ == "__main__":
    sys.exit(main())
