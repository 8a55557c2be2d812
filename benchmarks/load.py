"""Does our load client measure what `vllm bench serve` measures?

Both send the same chat prompts to the same vLLM server (the embedded student's base), as many at a
time, in turns; the requests a second of the median rounds must be within 5 % of each other. The
server shares its cores with the client, so that a client that costs more shows. vLLM's client has
its answers streamed, a message for each token, which the server has to make and it reads one by
one: ours does that here, too. What a report measures is not streamed, since nobody reads a label as
it grows; that is a figure of its own.

    python -m benchmarks.load
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from distill.core.requests import Endpoint, Message, Model, Request, Sampling
from distill.llm.load_test import Extent, closed_loop
from distill.llm.providers.vllm import APIS
from distill.llm.providers.wire import Body, Reply
from distill.serve import SERVERS, ServerSettings, embedded_models
from distill.task.loading import load_task

MOST_APART = 0.05
TOKENS = 16
LOADS = {1: 40, 8: 200}  # requests at a time: how many
CHAT = APIS["chat"]
# The command line of the CPU wheel does not start; what it calls does.
BENCH = """
import sys
from vllm.benchmarks.serve import add_cli_args, main
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = FlexibleArgumentParser()
add_cli_args(parser)
main(parser.parse_args(sys.argv[1:]))
"""


def prompts() -> list[str]:
    """The gold messages of the bundled task."""
    return [row.input for row in load_task(Path("prompts"), "classify").gold]


async def send_streamed(client: Any, body: Body) -> Reply:
    """A chat completion in pieces, each read when it comes, as vLLM's client does; the last one
    has the tokens."""
    options = {"stream": True, "stream_options": {"include_usage": True}}
    url, piece = f"{client.base_url}chat/completions", {}
    async with client._client.stream("POST", url, json=body | options) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                piece = json.loads(line.removeprefix("data: "))
    choice = {"message": {"content": ""}, "finish_reason": "stop"}
    return Reply(json.dumps({"choices": [choice], "usage": piece["usage"]}), {})


def ours(endpoint: Endpoint, texts: Sequence[str], in_flight: int, *, streamed: bool) -> float:
    """Requests a second of our client."""
    sampling = Sampling(max_tokens=TOKENS)
    requests = [Request(endpoint.model.name, (Message("user", t),), sampling) for t in texts]
    APIS["chat"] = replace(CHAT, send=send_streamed) if streamed else CHAT
    loaded = closed_loop(endpoint, requests, Extent(in_flight, len(requests)))
    return len(requests) / loaded.seconds


def theirs(endpoint: Endpoint, texts: Sequence[str], in_flight: int, scratch: Path) -> float:
    """Requests a second of vLLM's."""
    rows = scratch / "prompts.jsonl"
    rows.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    options = {
        "backend": "openai-chat",
        "base-url": str(endpoint.url).removesuffix("/v1"),
        "endpoint": "/v1/chat/completions",
        "model": str(endpoint.model.folder),
        "served-model-name": endpoint.model.name,
        "dataset-name": "custom",
        "dataset-path": str(rows),
        "custom-output-len": str(TOKENS),
        "num-prompts": str(len(texts)),
        "max-concurrency": str(in_flight),
        "extra-body": '{"temperature": 0}',
        "result-dir": str(scratch),
        "result-filename": "found.json",
    }
    command = [sys.executable, "-c", BENCH, "--save-result", "--disable-shuffle", "--disable-tqdm"]
    # Else it puts the texts into the chat template, and the server puts that into it once more.
    command.append("--skip-chat-template")
    command += [part for name, value in options.items() for part in (f"--{name}", value)]
    subprocess.run(command, check=True, stdout=sys.stderr, timeout=600)
    found = json.loads((scratch / "found.json").read_text(encoding="utf-8"))
    assert found["completed"] == len(texts), found
    return float(found["request_throughput"])


def compared(endpoint: Endpoint, in_flight: int, rounds: int, scratch: Path) -> dict[str, float]:
    """Both clients' requests a second at a load, in turns, each the median of its rounds."""
    asked = prompts()[: LOADS[in_flight]]
    rates = [
        (
            ours(endpoint, asked, in_flight, streamed=True),
            theirs(endpoint, asked, in_flight, scratch),
            ours(endpoint, asked, in_flight, streamed=False),
        )
        for _ in range(rounds)
    ]
    mine, other, whole = (median(column) for column in zip(*rates, strict=True))
    found = {"ours": mine, "vllm_bench_serve": other, "ratio": mine / other}
    return found | {"ours_not_streamed": whole}


def main() -> None:
    """Compare the load client with `vllm bench serve`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    _, folder = embedded_models.embedded(embedded_models.STUDENT)
    found = {}
    with TemporaryDirectory() as scratch:
        settings = ServerSettings(max(LOADS), Decimal("0.10"), Path(scratch) / "vllm.log")
        with SERVERS["vllm"].serve(Model("student", folder, "chat"), settings) as endpoint:
            for in_flight in LOADS:
                found[in_flight] = compared(endpoint, in_flight, rounds, Path(scratch))
                print(f"{in_flight} at a time: {found[in_flight]}")
    ok = all(abs(row["ratio"] - 1) <= MOST_APART for row in found.values())
    print(json.dumps({"loads": found, "rounds": rounds, "apart": MOST_APART, "ok": ok}))
    sys.exit(not ok)


if __name__ == "__main__":
    main()
