"""Protocols that servers speak, by the name that a model carries."""

from functools import partial

from distill.core.requests import Api
from distill.llm.providers import anthropic, openai, openai_compatible, vllm
from distill.llm.providers.wire import ProviderApi

_shaped = partial(ProviderApi, openai_compatible.connect, openai_compatible.failures)
_CHAT = (openai_compatible.send_chat, openai_compatible.read_chat)
_TEXT = (openai_compatible.send_completion, openai_compatible.read_completion)

DIALECTS: dict[Api, ProviderApi] = {
    "completions": _shaped(vllm.completion_body, *_TEXT),
    "chat": _shaped(vllm.chat_body, *_CHAT),
    "compatible": _shaped(openai.compatible_body, *_CHAT),
    "openai": _shaped(openai.body, openai_compatible.send_chat, openai_compatible.read_tiered_chat),
    "anthropic": ProviderApi(
        anthropic.connect, anthropic.failures, anthropic.body, anthropic.send, anthropic.read
    ),
}
