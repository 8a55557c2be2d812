"""vLLM as a child process: an OpenAI-compatible endpoint for a folder of weights.

The CUDA build runs with its own defaults. The CPU build, for machines without a GPU, only starts if
the size of its KV cache is set.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from distill.core.errors import InputError
from distill.core.hardware import cores, gpu, how_to_install, installed, interpreter
from distill.core.requests import Endpoint, Model
from distill.serve.base_folder import positions
from distill.serve.http_child import KEY_VARIABLE, key_for, serving

if TYPE_CHECKING:
    from distill.serve import ServerSettings

# The CPU wheel does not support `vllm serve`; this module is in both builds.
ENTRY = "vllm.entrypoints.launchers.api_server.entry"
WHO = "the vLLM server"
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
    with TemporaryDirectory(prefix="distill-vllm-") as scratch:
        command = partial(_command, model, settings=settings)
        environment = _environment(scratch, settings.host)
        with serving(WHO, command, environment, model, settings) as endpoint:
            yield endpoint


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
    quiet[KEY_VARIABLE] = key_for(host)
    return quiet if gpu() else quiet | CPU_ENV | {"OMP_NUM_THREADS": str(cores())}
