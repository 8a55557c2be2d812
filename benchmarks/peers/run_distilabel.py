"""distilabel asks the prompts of a file: `python run_distilabel.py PROMPTS IN_FLIGHT FOLDER`.

Run by the Python of its own environment. OPENAI_BASE_URL says where to ask. Prints one JSON line.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration

MODEL = "gpt-4o-mini"
MAX_TOKENS = 256
RETRIES = 20


def main() -> int:
    """A pipeline of one step, whose batches are as large as the number in flight."""
    prompts, in_flight, folder = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    rows = [json.loads(line) for line in prompts.read_text(encoding="utf-8").splitlines()]
    data = [{"instruction": row["user"], "system_prompt": row["system"]} for row in rows]
    settings = {"max_new_tokens": MAX_TOKENS, "temperature": 0.0}
    llm = OpenAILLM(model=MODEL, max_retries=RETRIES, generation_kwargs=settings)
    with Pipeline(name="throughput", cache_dir=folder) as pipeline:
        load = LoadDataFromDicts(data=data, batch_size=in_flight)
        load >> TextGeneration(llm=llm, input_batch_size=in_flight)
    start = perf_counter()
    answers = pipeline.run(use_cache=False)["default"]["train"]["generation"]
    seconds = perf_counter() - start
    print(json.dumps({"answers": sum(map(bool, answers)), "seconds": seconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
