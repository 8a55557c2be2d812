"""Protocols that servers speak, by the name that a model carries."""

from functools import partial

from distill.backends.apis import anthropic, openai, openai_shaped, vllm
from distill.backends.apis.wire import Dialect
from distill.records import Api

_shaped = partial(Dialect, openai_shaped.connect, openai_shaped.failures)
_CHAT = (openai_shaped.send_chat, openai_shaped.read_chat)
_TEXT = (openai_shaped.send_completion, openai_shaped.read_completion)

DIALECTS: dict[Api, Dialect] = {
    "completions": _shaped(vllm.completion_body, *_TEXT),
    "chat": _shaped(vllm.chat_body, *_CHAT),
    "compatible": _shaped(openai.compatible_body, *_CHAT),
    "openai": _shaped(openai.body, openai_shaped.send_chat, openai_shaped.read_tiered_chat),
    "anthropic": Dialect(
        anthropic.connect, anthropic.failures, anthropic.body, anthropic.send, anthropic.read
    ),
}
