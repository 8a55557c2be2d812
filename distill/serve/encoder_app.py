"""The server of a fine-tuned encoder: `python -m distill.serve.encoder_app FOLDER NAME HOST PORT`.

It answers OpenAI's chat completions. The last message is the text. The answer has one token, the
label or the object, with its log probability. Other parameters of a request, such as a constraint
on the answer, change nothing, because an encoder can give no other answers. If VLLM_API_KEY is
set, each request needs this key.
"""

import asyncio
import hmac
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import log
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from distill.core.text import stable_hash
from distill.serve.http_child import KEY_VARIABLE
from distill.text.encoder import BATCH, Encoder, EncoderAnswer, load_encoder

Waiting = tuple[str, "asyncio.Future[EncoderAnswer]"]
LEAST_PROBABILITY = 1e-30  # a softmax may round to 0, which has no logarithm


class Batches:
    """Requests that wait are answered together, since a batch costs little more than one text."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.waiting: asyncio.Queue[Waiting] = asyncio.Queue()

    async def answer(self, text: str) -> EncoderAnswer:
        """Return the answer to a text. Raises the error of its batch."""
        future = asyncio.get_running_loop().create_future()
        await self.waiting.put((text, future))
        found: EncoderAnswer = await future
        return found

    async def work(self) -> None:
        """Answer batch after batch, until cancelled."""
        while True:
            batch = [await self.waiting.get()]
            while len(batch) < BATCH and not self.waiting.empty():
                batch.append(self.waiting.get_nowait())
            texts = [text for text, _ in batch]
            try:
                answers = await run_in_threadpool(self.encoder.answers, texts)
            except (RuntimeError, ValueError, MemoryError) as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():  # done if the client has gone
                    future.set_result(answer)


def app(encoder: Encoder, name: str, key: str = "") -> Starlette:
    """Return the application that answers as the model `name`.

    `key`: the key that each request needs; "" for none.
    """
    batches = Batches(encoder)

    @asynccontextmanager
    async def working(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(batches.work())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def refused(request: Request) -> Response | None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key and not hmac.compare_digest(given.encode(), key.encode()):
            return failure(401, "the key in the header Authorization is missing or wrong")
        return None

    async def health(_: Request) -> Response:
        return Response()

    async def models(request: Request) -> Response:
        rows = [{"id": name, "object": "model", "created": 0, "owned_by": "distill"}]
        return refused(request) or JSONResponse({"object": "list", "data": rows})

    async def chat(request: Request) -> Response:
        if problem := refused(request):
            return problem
        try:
            text, told = asked(await request.json(), name)
        except ValueError as error:
            return failure(400, str(error))
        return JSONResponse(completion(name, await batches.answer(text), told=told))

    routes = [
        Route("/health", health),
        Route("/v1/models", models),
        Route("/v1/chat/completions", chat, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=working)


def asked(body: Any, name: str) -> tuple[str, bool]:
    """Return (the text of a request, True if it asks for log probabilities).

    Raises ValueError, with the problem, for a request that cannot be answered.
    """
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    if body.get("model") != name:
        raise ValueError(f"model: this server has only {name!r}")
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else None
    if not isinstance(content, str):
        raise ValueError("messages: the last message needs a text as its content")
    if body.get("stream"):
        raise ValueError("stream: an answer is one label, so there is nothing to stream")
    return content, bool(body.get("logprobs"))


def completion(name: str, answer: EncoderAnswer, *, told: bool) -> dict[str, Any]:
    """Return a chat completion; `told`: True to include the log probability."""
    value = log(max(answer.probability, LEAST_PROBABILITY))
    token = {"token": answer.text, "logprob": value, "bytes": None, "top_logprobs": []}
    now = time.time()
    return {
        "id": f"chatcmpl-{stable_hash([now, answer.text])[:24]}",
        "object": "chat.completion",
        "created": int(now),
        "model": name,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer.text},
                "finish_reason": "stop",
                "logprobs": {"content": [token]} if told else None,
            }
        ],
        "usage": {
            "prompt_tokens": answer.tokens,
            "completion_tokens": 1,
            "total_tokens": answer.tokens + 1,
        },
    }


def failure(status: int, message: str) -> Response:
    """Return an error in OpenAI's form."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status)


def main(folder: str, name: str, host: str, port: str) -> None:
    """Serve until the process ends."""
    import uvicorn

    encoder = load_encoder(folder)
    encoder.answers(["warm"])
    application = app(encoder, name, os.environ.get(KEY_VARIABLE, ""))
    uvicorn.run(application, host=host, port=int(port), access_log=False, log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
