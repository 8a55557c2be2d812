"""Whether a price that another process made is marked: the same loop, alone and beside a process
that takes one core.

    python -m benchmarks.busy_machine [--strangers 1] [--requests 40]

Serves the bundled base by vLLM and takes its speed as an evaluation does: first beside nothing
that it starts, then beside so many processes that burn a core each and are none of its own. Prints
a line for each and, as its last line, one JSON object with every figure, the targets and "ok"; exit
code 1 when a target is missed. On a machine that was busy before, the first line has the mark, too.
"""

import argparse
import json
import sys
from contextlib import ExitStack
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from distill.core.processors import is_disturbed
from distill.core.progress import Progress
from distill.core.requests import Endpoint, Model, Request
from distill.evaluate.load import extents, measure
from distill.pricing.token_prices import usd_per_1k
from distill.report.timing import MARK
from distill.serve import SERVERS, ServerSettings
from distill.serve.embedded_models import STUDENT, embedded
from distill.task.loading import load_task
from distill.task.prompts import answer_requests
from tests.support.strangers import stranger

IN_FLIGHT = 8
USD_PER_HOUR = Decimal("0.10")
TARGETS = {"marked_beside": True}

Figures = dict[str, Any]


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--strangers", type=int, default=1)
    parser.add_argument("--requests", type=int, default=40)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="distill-busy-") as scratch:
        found = measured(Path(scratch), options.strangers, options.requests)
    found["marked_beside"] = found["beside"]["disturbed"]
    found["slowdown"] = found["alone"]["requests_per_s"] / found["beside"]["requests_per_s"]
    ok = all(found[name] == target for name, target in TARGETS.items())
    print(json.dumps(found | {"targets": TARGETS, "ok": ok}))
    return 0 if ok else 1


def measured(scratch: Path, strangers: int, requests: int) -> Figures:
    """The speed of the base, alone and beside strangers."""
    task = load_task(Path("prompts"), "classify")
    name, folder = embedded(STUDENT)
    model = Model(name, folder, "chat")
    settings = ServerSettings(IN_FLIGHT, USD_PER_HOUR, scratch / "vllm.log")
    say = partial(print, file=sys.stderr)
    progress = Progress(scratch / "events.jsonl", say)
    asked = answer_requests(task, model, [row.input for row in task.gold], shots=0)
    with SERVERS["vllm"].serve(model, settings) as endpoint:
        alone = speed("alone", endpoint, asked, requests, progress)
        with ExitStack() as stack:
            for _ in range(strangers):
                stack.enter_context(stranger())
            beside = speed("beside", endpoint, asked, requests, progress)
    return {"strangers": strangers, "alone": alone, "beside": beside}


def speed(
    name: str, endpoint: Endpoint, asked: list[Request], total: int, progress: Progress
) -> Figures:
    """One loop, as a row of a report has it."""
    loads = extents(IN_FLIGHT, total, alone=False)
    (row,) = measure(name, endpoint, asked, loads, progress)
    usd, disturbed = usd_per_1k(USD_PER_HOUR, row.requests_per_s), is_disturbed(row.others_cpu)
    share = "not known" if row.others_cpu is None else f"{row.others_cpu:.0%}"
    print(
        f"{name:8} {row.requests:4} requests {row.requests_per_s:6.2f} requests/s  "
        f"${usd:.6f} per 1,000{f' {MARK}' if disturbed else ''}  others had {share} of the cores"
    )
    return {
        "requests": row.requests,
        "requests_per_s": row.requests_per_s,
        "usd_per_1k_requests": str(usd),
        "others_cpu": row.others_cpu,
        "disturbed": disturbed,
    }


if __name__ == "__main__":
    sys.exit(main())
