"""vLLM as a child process: an OpenAI-compatible endpoint for a folder of weights.

The CUDA build runs with its own defaults. The CPU build, for machines without a GPU, only starts if
the size of its KV cache is set.
"""

import os
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING

from distill.core.errors import ChildError, DistillError, InputError
from distill.core.hardware import cores, gpu, how_to_install, installed, interpreter
from distill.core.hosts import is_loopback
from distill.core.processes import running
from distill.core.requests import Endpoint, Model, ServerProcess
from distill.pricing.token_prices import MachinePrice
from distill.serve.base_folder import positions

if TYPE_CHECKING:
    from distill.serve import ServerSettings

# The CPU wheel does not support `vllm serve`; this module is in both builds.
ENTRY = "vllm.entrypoints.launchers.api_server.entry"
START_SECONDS = 300.0
POLL_SECONDS = 0.25
KEY_VARIABLE = "VLLM_API_KEY"  # the environment variable that vLLM reads
LAST_WORDS_SECONDS = 3.0
# Without multiprocessing, the model runs in the process of the engine, so that a small model
# answers in three quarters of the time. vLLM then does not set the number of threads.
CPU_ENV = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
# Students are trained on JSON without white space, so that answers must have none either.
STRUCTURED = '{"backend": "xgrammar", "disable_any_whitespace": true}'
# On a processor without bfloat16 instructions, bfloat16 is four to six times as slow as float32.
# With bfloat16, rounding and therefore sampled answers depend on the other requests in a batch.
# torch.compile makes requests 15-20 % faster, but the start 100 seconds slower. With chunked
# prefill, a request with a seed crashes the engine (a generator on the CPU has no offset).
CPU_FLAGS = ("--dtype", "float32", "--enforce-eager", "--no-enable-chunked-prefill")


@contextmanager
def serve(model: Model, settings: "ServerSettings") -> Iterator[Endpoint]:
    """Serve a model during the block, which begins once the server is healthy.

    By default the endpoint is on a free port of loopback. The server always ends with the block.
    Raises ChildError, with the end of the log, if the server is not healthy in time or ends early.
    Raises InputError, with the remedy, if vLLM is missing or the port is taken.
    """
    if not installed("vllm", "vllm"):
        raise InputError(how_to_install("vllm"))
    if settings.port:
        _check_free(settings.host, settings.port)
    port = settings.port or free_port()
    with (
        TemporaryDirectory(prefix="distill-vllm-") as scratch,
        running(
            _command(model, port, settings), settings.log, _environment(scratch, settings.host)
        ) as child,
    ):
        began = monotonic()
        _wait_until_healthy(child, port, settings)
        started = ServerProcess(child.pid, monotonic() - began)
        url = f"http://{_reached_at(settings.host)}:{port}/v1"
        price = MachinePrice(settings.usd_per_hour, settings.in_flight)
        key = None if is_loopback(settings.host) else KEY_VARIABLE
        try:
            yield Endpoint(url, model, settings.in_flight, price, key, server=started)
        except DistillError as error:
            if (code := _ended(child)) is not None:
                raise ChildError("the vLLM server", code, settings.log) from error
            raise


def free_port() -> int:
    """Return a free port of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _check_free(host: str, port: int) -> None:
    """Raise InputError if a server already listens, since it would be taken for the new server."""
    with suppress(OSError), socket.create_connection((_reached_at(host).strip("[]"), port), 2):
        raise InputError(f"port {port} of {host} is taken: choose another, or omit --port")


def _command(model: Model, port: int, settings: "ServerSettings") -> list[str]:
    command = [interpreter("vllm"), "-m", ENTRY, "--model", str(model.folder)]
    command += ["--served-model-name", model.name, "--host", settings.host, "--port", str(port)]
    command += ["--max-model-len", str(_context(model, settings)), "--disable-uvicorn-access-log"]
    command += ["--max-num-seqs", str(settings.in_flight)]
    command += ["--structured-outputs-config", STRUCTURED]
    command += ["--load-format", "safetensors"]  # other formats contain pickles
    return command if gpu() else [*command, *CPU_FLAGS]


def _context(model: Model, settings: "ServerSettings") -> int:
    """Return the context length in tokens; vLLM does not start with more than the model has."""
    assert model.folder is not None, "a model that we serve has a folder"
    return min(settings.model_tokens, positions(model.folder) or settings.model_tokens)


def _environment(scratch: str, host: str) -> dict[str, str]:
    """Return the environment variables of the server.

    `scratch`: the folder for sockets, which vLLM's processes do not delete. A server on loopback
    needs no key, even if KEY_VARIABLE is set.
    """
    quiet = {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    quiet["TMPDIR"] = scratch
    quiet[KEY_VARIABLE] = "" if is_loopback(host) else os.environ.get(KEY_VARIABLE, "")
    return quiet if gpu() else quiet | CPU_ENV | {"OMP_NUM_THREADS": str(cores())}


def _wait_until_healthy(
    child: subprocess.Popen[bytes], port: int, settings: "ServerSettings"
) -> None:
    for _ in range(int(START_SECONDS / POLL_SECONDS)):
        try:
            code = child.wait(timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if _healthy(_reached_at(settings.host), port):
                return
        else:
            raise ChildError("the vLLM server", code, settings.log)
    raise ChildError("the vLLM server", None, settings.log)


def _ended(child: subprocess.Popen[bytes]) -> int | None:
    """Return the exit code of a server that has ended or ends soon; None if it keeps running."""
    with suppress(subprocess.TimeoutExpired):
        return child.wait(timeout=LAST_WORDS_SECONDS)
    return None


def _reached_at(host: str) -> str:
    """Return the address at which this machine reaches a server, in the form for a URL.

    0.0.0.0 and ::, which mean all addresses, become loopback.
    """
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


def _healthy(host: str, port: int) -> bool:
    try:
        # A proxy in the environment must not get requests to loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{host}:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
