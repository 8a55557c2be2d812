"""Protocols that servers speak, by the name that a model carries."""

from distill.backends.apis import anthropic, openai, openai_shaped, vllm
from distill.backends.apis.wire import Dialect
from distill.records import Api

DIALECTS: dict[Api, Dialect] = {
    "completions": Dialect(
        openai_shaped.connect,
        vllm.completion_body,
        openai_shaped.send_completion,
        openai_shaped.read_completion,
    ),
    "chat": Dialect(
        openai_shaped.connect, vllm.chat_body, openai_shaped.send_chat, openai_shaped.read_chat
    ),
    "compatible": Dialect(
        openai_shaped.connect,
        openai.compatible_body,
        openai_shaped.send_chat,
        openai_shaped.read_chat,
    ),
    "openai": Dialect(
        openai_shaped.connect, openai.body, openai_shaped.send_chat, openai_shaped.read_chat
    ),
    "anthropic": Dialect(anthropic.connect, anthropic.body, anthropic.send, anthropic.read),
}
