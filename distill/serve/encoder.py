"""A fine-tuned encoder as a child process that speaks OpenAI's chat protocol."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from distill.core.requests import Endpoint, Model
from distill.serve.http_child import KEY_VARIABLE, key_for, serving

if TYPE_CHECKING:
    from distill.serve import ServerSettings

WHO = "the encoder's server"
APP = "distill.serve.encoder_app"


@contextmanager
def serve(model: Model, settings: "ServerSettings") -> Iterator[Endpoint]:
    """Serve an encoder during the block, which begins once the server is healthy.

    By default the endpoint is on a free port of loopback. The server always ends with the block.
    Raises ChildError, with the end of the log, if the server is not healthy in time or ends early.
    Raises InputError if the port is taken.
    """

    def command(port: int) -> list[str]:
        told = [str(model.folder), model.name, settings.host, str(port)]
        return [sys.executable, "-m", APP, *told]

    environment = {
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        KEY_VARIABLE: key_for(settings.host),
    }
    with serving(WHO, command, environment, model, settings) as endpoint:
        yield endpoint
