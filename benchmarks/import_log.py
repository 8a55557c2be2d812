"""`distill import`: how long, and how much memory, for a log of a million calls.

    python -m benchmarks.import_log [--calls 1000000] [--folder FOLDER]

The log is made up: rows of LiteLLM_SpendLogs of 1.2 kB, with a system prompt, and texts of 8 to 30
words. Every fifth call repeats an earlier text, every hundredth failed, and every thousandth text
holds an address. The import runs in a process of its own, whose peak memory is measured. The log of
1.2 GB is written to FOLDER, or to the folder of temporary files. Prints the figures and, as its
last line, one JSON object with all of them, the targets and "ok"; exit code 1 when a target is
missed.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AT_MOST = {"seconds": 60.0, "mb": 2048.0}
WORDS = (
    *("the", "my", "cat", "dog", "bird", "feed", "food", "vet", "sick", "sleep", "walk", "cage"),
    *("leash", "claw", "fur", "tail", "nest", "seed", "bowl", "please", "today", "tomorrow"),
    *("morning", "never", "always", "often", "again", "help", "with", "about", "under", "near"),
)
SYSTEM = "Sort a message into cats, dogs or birds. " + "Give the label alone. " * 8
TASK = """name = "pets"
kind = "classify"
[labels]
cats = "about a cat"
dogs = "about a dog"
birds = "about a bird"
"""
GOLD = 500
# Runs in the measured process: workspace, log → seconds, peak in MB, and what was found.
CHILD = """
import json, resource, sys, time
from pathlib import Path
from distill.core.workspace import Workspace
from distill.task.logs.importing import ImportOptions, import_logs
folder = Path(sys.argv[1])
began = time.perf_counter()
found = import_logs(
    Workspace(folder / "prompts", folder / "runs"), "pets", [Path(sys.argv[2])], ImportOptions()
)
print(json.dumps({
    "seconds": round(time.perf_counter() - began, 1),
    "mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    "calls": found.collected.calls,
    "not_used": found.collected.unusable.total(),
    "distinct": found.collected.sample.distinct,
    "inputs": len(found.cleaned.texts),
}))
"""


def main() -> int:
    """Write the log, import it, and print the figures with the verdict on the targets."""
    options = parse()
    with tempfile.TemporaryDirectory(dir=options.folder) as work:
        folder = Path(work)
        write_task(folder / "prompts" / "pets")
        log = folder / "calls.jsonl"
        began = time.perf_counter()
        write_log(log, options.calls)
        size = round(log.stat().st_size / 1e6)
        print(f"wrote {options.calls:,} calls, {size:,} MB, in {time.perf_counter() - began:.0f} s")
        run = [sys.executable, "-c", CHILD, str(folder), str(log)]
        said = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    figures = json.loads(said.splitlines()[-1])
    print(f"{figures['seconds']} s, at most {figures['mb']} MB, {figures['inputs']:,} inputs")
    is_ok = all(figures[key] <= most for key, most in AT_MOST.items())
    print(json.dumps({"log_mb": size, **figures, "at_most": AT_MOST, "ok": is_ok}))
    return 0 if is_ok else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    return parser.parse_args()


def write_task(folder: Path) -> None:
    """Write a task with GOLD test rows."""
    draw = random.Random(2)
    folder.mkdir(parents=True)
    labels = ("cats", "dogs", "birds")
    rows = [{"input": words(draw), "label": labels[n % len(labels)]} for n in range(GOLD + 30)]
    texts = {
        "task.toml": TASK,
        "synthesize.md": "About {{ label }}:\n",
        "answer.md": "{{ input }} ->\n",
        "student.md": "Which pet?\n",
        "seeds.jsonl": "".join(json.dumps(row) + "\n" for row in rows[:30]),
        "gold.jsonl": "".join(json.dumps(row) + "\n" for row in rows[30:]),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def words(draw: random.Random) -> str:
    """Return a text of 8 to 30 words."""
    return " ".join(draw.choices(WORDS, k=draw.randint(8, 30)))


def write_log(path: Path, calls: int) -> None:
    """Write rows of LiteLLM_SpendLogs."""
    draw, before = random.Random(1), [words(random.Random(0))]
    with path.open("w", encoding="utf-8") as file:
        for number in range(calls):
            is_copy, is_personal = number % 5 == 4, number % 1000 == 0
            text = draw.choice(before) if is_copy else words(draw)
            if is_personal:
                text += f", write to keeper{number}@kennel-{number % 97}.se"
            if number % 10 == 0:
                before.append(text)
            file.write(json.dumps(row_of(number, text, draw)) + "\n")


def row_of(number: int, text: str, draw: random.Random) -> dict[str, object]:
    """Return a logged call."""
    answer = draw.choice(("cats", "dogs", "birds"))
    message = {"role": "assistant", "content": answer, "tool_calls": None, "function_call": None}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    usage = {"prompt_tokens": 80 + len(text) // 4, "completion_tokens": 2, "total_tokens": 0}
    return {
        "request_id": f"chatcmpl-{number:012}",
        "call_type": "acompletion",
        "spend": 0.00002,
        **usage,
        "startTime": f"2026-11-{1 + number % 28:02}T10:00:00.000Z",
        "endTime": f"2026-11-{1 + number % 28:02}T10:00:00.700Z",
        "model": "gpt-4o-mini-2024-07-18",
        "model_group": "gpt-4o-mini",
        "custom_llm_provider": "openai",
        "cache_hit": "False",
        "status": "failure" if number % 100 == 50 else "success",
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": text},
        ],
        "response": {
            "id": f"chatcmpl-{number:012}",
            "object": "chat.completion",
            "created": 1_795_948_200 + number,
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [choice],
            "usage": usage,
        },
        "metadata": {"user_api_key_alias": "pets", "user_api_key_team_id": None},
    }


if __name__ == "__main__":
    sys.exit(main())
