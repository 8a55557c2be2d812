"""How servers of OpenAI's chat protocol differ: the rows of docs/servers.md, each a server on
loopback that answers so. They are written after the servers' documentation and reports of users;
none was held against the real service.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Body = dict[str, Any]
LABEL = '{"label": "cats"}'
READ_LIMITS = (
    "x-ratelimit-limit-requests",
    "anthropic-ratelimit-requests-limit",
    "x-ratelimit-limit",
)
NO_LIMITS: Mapping[str, str] = {}
OPENAI_LIMITS = {
    "x-ratelimit-limit-requests": "6000",
    "x-ratelimit-remaining-requests": "5999",
    "x-ratelimit-reset-requests": "10ms",
    "x-ratelimit-limit-tokens": "600000",
    "x-ratelimit-remaining-tokens": "599000",
    "x-ratelimit-reset-tokens": "100ms",
}
OPENAI_KEY, ANTHROPIC_KEY, ANY_KEY = "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "DISTILL_TEACHER_KEY"


@dataclass(frozen=True)
class Shape:
    """A server: `model` as teacher.model names it, what it answers, and what is made of that.

    `refused` maps a parameter, or a kind of response_format, to the refusal's status and body;
    `wanted` one without which it refuses.
    `tokens` are those that are booked: prompt, answer, and those of the prompt from a cache.
    """

    name: str
    model: str
    about: str
    content: object = LABEL
    thoughts: Mapping[str, object] = field(default_factory=dict)
    ending: str = "stop"
    usage: Mapping[str, object] = field(
        default_factory=lambda: {"prompt_tokens": 40, "completion_tokens": 6, "total_tokens": 46}
    )
    tokens: tuple[int, int, int] = (40, 6, 0)
    refused: Mapping[str, tuple[int, object]] = field(default_factory=dict)
    wanted: Mapping[str, tuple[int, object]] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, object] = field(default_factory=dict)
    key: str = ANY_KEY
    api: str = "compatible"
    text: str = LABEL
    no: str = ""

    @property
    def path(self) -> str:
        """Where requests go at that server."""
        path = urlsplit(self.model).path if self.api == "compatible" else "/v1"
        return path + ("/messages" if self.api == "anthropic" else "/chat/completions")

    def answer(self, body: Body) -> tuple[int, Any, Mapping[str, str]]:
        """What the server answers to a request."""
        kind = body.get("response_format", {}).get("type", "")
        for name, (status, refusal) in self.refused.items():
            if name in body or name == kind:
                return status, refusal, self.limits
        for name, (status, refusal) in self.wanted.items():
            if name not in body:
                return status, refusal, self.limits
        if self.api == "anthropic":
            return 200, self._message(body), self.limits
        message = {"role": "assistant", "content": self.content, **self.thoughts}
        choice = {"index": 0, "message": message, "finish_reason": self.ending, "logprobs": None}
        payload: Body = {
            **{"id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000},
            **{"model": body["model"], "choices": [choice], "usage": self.usage},
        }
        return 200, payload | dict(self.beside), self.limits

    def _message(self, body: Body) -> Body:
        return {
            **{"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"]},
            **{"content": self.content, "stop_reason": self.ending, "stop_sequence": None},
            "usage": self.usage,
        }


def _counts(prompt: int, completion: int, total: int = 0, **more: object) -> dict[str, object]:
    told: dict[str, object] = {"prompt_tokens": prompt, "completion_tokens": completion}
    return told | {"total_tokens": total or prompt + completion} | more


def _error(message: str, **more: object) -> dict[str, object]:
    return {"error": {"message": message, "type": "invalid_request_error", **more}}


SHAPES: Sequence[Shape] = (
    Shape(
        "OpenAI",
        "openai:gpt-6-luna",
        "what a model refuses is not sent; batches at half the price",
        thoughts={"refusal": None, "annotations": []},
        usage=_counts(
            *(40, 6),
            prompt_tokens_details={"cached_tokens": 10, "audio_tokens": 0},
            completion_tokens_details={"reasoning_tokens": 2},
        ),
        tokens=(40, 6, 10),
        limits=OPENAI_LIMITS,
        beside={"service_tier": "default", "system_fingerprint": "fp_1"},
        key=OPENAI_KEY,
        api="openai",
    ),
    Shape(
        "Anthropic",
        "anthropic:claude-haiku-5-5",
        "what a model refuses is not sent; batches at half the price",
        content=[{"type": "text", "text": LABEL}],
        ending="end_turn",
        usage={
            **{"input_tokens": 30, "output_tokens": 6},
            **{"cache_read_input_tokens": 10, "cache_creation_input_tokens": 0},
        },
        tokens=(40, 6, 10),
        limits={
            "anthropic-ratelimit-requests-limit": "6000",
            "anthropic-ratelimit-requests-remaining": "5999",
            "anthropic-ratelimit-requests-reset": "2026-11-28T12:00:00Z",
        },
        key=ANTHROPIC_KEY,
        api="anthropic",
    ),
    Shape(
        "Anthropic's OpenAI-compatible endpoint",
        "https://api.anthropic.com/v1#claude-haiku-5-5",
        "it ignores response_format and seed, so that no schema holds: take `anthropic:<id>`",
        content="cats",
        text="cats",
    ),
    Shape(
        "vLLM",
        "http://127.0.0.1:8000/v1#Qwen/Qwen3-8B",
        "a thinking model needs `--reasoning-parser`, or writes its thoughts before the answer",
        content="<think>\nA cat is named.\n</think>\n\n" + LABEL,
        thoughts={"reasoning_content": None, "tool_calls": []},
        usage=_counts(40, 60, prompt_tokens_details=None),
        tokens=(40, 60, 0),
        beside={"prompt_logprobs": None, "kv_transfer_params": None},
    ),
    Shape(
        "Ollama",
        "http://127.0.0.1:11434/v1#llama3.3",
        "raise its context (`num_ctx`): it cuts a long prompt without a word",
        thoughts={"reasoning": "A cat is named."},
        beside={"system_fingerprint": "fp_ollama"},
    ),
    Shape(
        "llama.cpp server",
        "http://127.0.0.1:8080/v1#default",
        "the name behind # is not looked at; a prompt beyond its slot's context is a row left out",
        thoughts={"reasoning_content": "A cat is named."},
        beside={"timings": {"prompt_n": 40, "predicted_n": 6, "predicted_ms": 12.5}},
    ),
    Shape(
        "LM Studio",
        "http://127.0.0.1:1234/v1#qwen3-8b",
        "load the model with a context that holds your prompts",
        refused={
            "json_object": (
                400,
                {"error": "'response_format.type' must be 'json_schema' or 'text'"},
            )
        },
        beside={"stats": {}, "system_fingerprint": "qwen3-8b"},
    ),
    Shape(
        "LiteLLM proxy",
        "http://127.0.0.1:4000/v1#my-model",
        "its key is the proxy's; on loopback nothing counts as billed unless the task has a price",
        usage=_counts(40, 6, prompt_tokens_details=None, completion_tokens_details=None),
        refused={
            "seed": (
                400,
                _error(
                    "litellm.UnsupportedParamsError: bedrock does not support parameters: "
                    "['seed'], for model=my-model",
                    code="400",
                ),
            )
        },
    ),
    Shape(
        "OpenRouter",
        "https://openrouter.ai/api/v1#meta-llama/llama-3.3-70b-instruct",
        "its own `usage.cost` is not read: the task's price counts; a provider may change between "
        "requests",
        thoughts={"refusal": None, "reasoning": "A cat is named."},
        usage=_counts(
            *(40, 6), cost=0.00012, prompt_tokens_details={"cached_tokens": 10}, is_byok=False
        ),
        tokens=(40, 6, 10),
        beside={"provider": "Somebody"},
    ),
    Shape(
        "Azure OpenAI, v1",
        "https://my-resource.openai.azure.com/openai/v1#my-deployment",
        "the name is the deployment's; a prompt that the filter refuses is a row left out",
        usage=_counts(40, 6, prompt_tokens_details={"cached_tokens": 0}),
        refused={
            "max_tokens": (
                400,
                _error(
                    "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                    "'max_completion_tokens' instead.",
                    param="max_tokens",
                    code="unsupported_parameter",
                ),
            ),
            "temperature": (
                400,
                _error(
                    "Unsupported value: 'temperature' does not support 0 with this model.",
                    param="temperature",
                    code="unsupported_value",
                ),
            ),
        },
        limits=OPENAI_LIMITS,
        beside={"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]},
    ),
    Shape(
        "Azure OpenAI, by deployment",
        "https://my-resource.openai.azure.com/openai/deployments/d?api-version=2024-10-21#d",
        "",
        no="an address with a query is refused, since keys stand in queries: Azure's v1 address "
        "needs no `api-version`, and takes the key as `Authorization: Bearer`",
    ),
    Shape(
        "DeepSeek",
        "https://api.deepseek.com/v1#deepseek-chat",
        "its cache has a price of its own: give `cached_input`",
        thoughts={"reasoning_content": "A cat is named."},
        usage=_counts(40, 6, prompt_cache_hit_tokens=10, prompt_cache_miss_tokens=30),
        tokens=(40, 6, 10),
        refused={
            "json_schema": (
                400,
                _error(
                    "This response_format type is unavailable now", code="invalid_request_error"
                ),
            )
        },
    ),
    Shape(
        "xAI",
        "https://api.x.ai/v1#grok-4.5",
        "reasoning stands in `total_tokens` alone and is billed as answer",
        thoughts={"reasoning_content": "A cat is named.", "refusal": None},
        usage=_counts(
            *(40, 6, 146),
            prompt_tokens_details={"text_tokens": 40, "cached_tokens": 10},
            completion_tokens_details={"reasoning_tokens": 100},
            num_sources_used=0,
        ),
        tokens=(40, 106, 10),
        refused={
            "stop": (
                400,
                {
                    "code": "Client specified an invalid argument",
                    "error": "Argument not supported on this model: stop",
                },
            )
        },
        limits=OPENAI_LIMITS,
    ),
    Shape(
        "Gemini's OpenAI-compatible endpoint",
        "https://generativelanguage.googleapis.com/v1beta/openai#gemini-3.5-flash",
        "reasoning stands in `total_tokens` alone and is billed as answer; an answer that its "
        "filter stops has no choices and is a row left out",
        usage=_counts(40, 6, 146),
        tokens=(40, 106, 0),
        refused={
            "seed": (
                400,
                [
                    {
                        "error": {
                            "code": 400,
                            "message": 'Invalid JSON payload received. Unknown name "seed": '
                            "Cannot find field.",
                            "status": "INVALID_ARGUMENT",
                        }
                    }
                ],
            )
        },
    ),
    Shape(
        "Mistral",
        "https://api.mistral.ai/v1#magistral-medium-latest",
        "its thinking models answer in parts, of which the text counts",
        content=[
            {"type": "thinking", "thinking": [{"type": "text", "text": "A cat is named."}]},
            {"type": "text", "text": LABEL},
        ],
        thoughts={"prefix": False, "tool_calls": None},
        usage=_counts(40, 60),
        tokens=(40, 60, 0),
        refused={
            "seed": (
                422,
                {
                    "detail": [
                        {
                            **{"type": "extra_forbidden", "loc": ["body", "seed"]},
                            **{"msg": "Extra inputs are not permitted", "input": 0},
                        }
                    ]
                },
            )
        },
    ),
    Shape(
        "Groq",
        "https://api.groq.com/openai/v1#llama-3.3-70b-versatile",
        "its limit of requests is one of a day: a run may wait for the next",
        usage=_counts(40, 6, queue_time=0.02, prompt_time=0.001, total_time=0.03),
        refused={
            "json_schema": (
                400,
                _error("This model does not support response format `json_schema`."),
            )
        },
        limits={
            **{"x-ratelimit-limit-requests": "14400", "x-ratelimit-limit-tokens": "600000"},
            **{"x-ratelimit-remaining-requests": "14370", "x-ratelimit-reset-requests": "6s"},
            **{"x-ratelimit-remaining-tokens": "599000", "x-ratelimit-reset-tokens": "7.66ms"},
        },
        beside={"x_groq": {"id": "req_1"}, "service_tier": "on_demand"},
    ),
    Shape(
        "Together",
        "https://api.together.xyz/v1#meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "not every model takes a JSON Schema",
        ending="eos",
        thoughts={"tool_calls": []},
        usage=_counts(40, 6, cached_tokens=0),
        limits={
            **{"x-ratelimit-limit": "10", "x-ratelimit-remaining": "9", "x-ratelimit-reset": "1"},
            **{"x-tokenlimit-limit": "3000", "x-tokenlimit-remaining": "2900"},
        },
        beside={"prompt": []},
    ),
    Shape(
        "SGLang",
        "http://127.0.0.1:30000/v1#moonshotai/Kimi-K2-Thinking",
        "a thinking model needs `--reasoning-parser`, or writes its thoughts before the answer",
        content="\u25c1think\u25b7A cat is named.\u25c1/think\u25b7" + LABEL,
        thoughts={"reasoning_content": None, "tool_calls": None},
        usage=_counts(40, 60, prompt_tokens_details=None, reasoning_tokens=0),
        tokens=(40, 60, 0),
        beside={"metadata": {"weight_version": "default"}},
    ),
    Shape(
        "Text Generation Inference",
        "http://127.0.0.1:3000/v1#tgi",
        "the name behind # is not looked at; a prompt beyond `--max-input-tokens` is left out",
        ending="eos_token",
        beside={"system_fingerprint": "3.3.4-native"},
    ),
    Shape(
        "Alibaba Model Studio",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1#qwen3-235b-a22b",
        "it is asked with `enable_thinking` = false, which it wants without a stream",
        thoughts={"reasoning_content": ""},
        usage=_counts(40, 6, prompt_tokens_details={"cached_tokens": 10}),
        tokens=(40, 6, 10),
        wanted={
            "enable_thinking": (
                400,
                _error(
                    "parameter.enable_thinking must be set to false for non-streaming calls",
                    code="invalid_parameter_error",
                ),
            )
        },
    ),
    Shape(
        "Moonshot (Kimi)",
        "https://api.moonshot.ai/v1#kimi-k2.6",
        "its thinking models take no temperature but their own",
        thoughts={"reasoning_content": "A cat is named."},
        usage=_counts(40, 60, cached_tokens=10),
        tokens=(40, 60, 10),
        refused={
            "temperature": (
                400,
                _error("invalid temperature: only 1 is allowed for this model"),
            )
        },
    ),
    Shape(
        "Fireworks",
        "https://api.fireworks.ai/inference/v1#accounts/fireworks/models/kimi-k2p6",
        "a deployment is named `accounts/<account>/deployments/<id>`",
        thoughts={"reasoning_content": "A cat is named."},
        usage=_counts(40, 6, prompt_tokens_details={"cached_tokens": 0}),
    ),
    Shape(
        "Cerebras",
        "https://api.cerebras.ai/v1#gpt-oss-120b",
        "its limits are of a day, an hour and a minute: after a 429 it is asked more slowly",
        thoughts={"reasoning": "A cat is named."},
        usage=_counts(
            *(40, 60),
            prompt_tokens_details={"cached_tokens": 0},
            completion_tokens_details={"reasoning_tokens": 54},
        ),
        tokens=(40, 60, 0),
        limits={
            "x-ratelimit-limit-requests-day": "14400",
            "x-ratelimit-remaining-requests-day": "14399",
            "x-ratelimit-reset-requests-day": "33011.4",
            "x-ratelimit-limit-tokens-minute": "60000",
        },
        beside={"time_info": {"queue_time": 0.001, "total_time": 0.02}},
    ),
)


def table() -> str:
    """The rows as Markdown."""
    head = ["server", "`teacher.model`", "key in", "labels and fields", "content", "ends by"]
    head += ["counts beside the usual", "refuses", "limits read", "works on loopback"]
    lines = [_line(head), _line(["---"] * len(head))]
    return "\n".join([*lines, *(_line(_cells(shape)) for shape in SHAPES)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(shape: Shape) -> list[str]:
    if shape.no:
        return [shape.name, f"`{shape.model}`", *[""] * 7, f"no: {shape.no}"]
    works = f"yes; {shape.about}"
    usual = ("prompt_tokens", "completion_tokens", "total_tokens")
    beside = [name for name in shape.usage if name not in usual]
    limits = any(name in shape.limits for name in READ_LIMITS)
    return [
        *(shape.name, f"`{shape.model}`", f"`{shape.key}`", _form(shape), _content(shape)),
        *(f"`{shape.ending}`", _names(beside), _names(shape.refused) + _wanted(shape)),
        *("yes" if limits else "", works),
    ]


def _wanted(shape: Shape) -> str:
    return f"an answer without {_names(shape.wanted)}" if shape.wanted else ""


def _form(shape: Shape) -> str:
    if shape.text != LABEL:
        return "free text"
    return "`json_object`, the schema in the prompt" if "json_schema" in shape.refused else "schema"


def _content(shape: Shape) -> str:
    kind = "parts" if isinstance(shape.content, list) else "text"
    before = "<think>" in str(shape.content) or "'thinking'" in str(shape.content)
    apart = [name for name in ("reasoning", "reasoning_content") if shape.thoughts.get(name)]
    return f"{kind}, thoughts in it" if before else f"{kind}, thoughts apart" if apart else kind


def _names(names: Sequence[str] | Mapping[str, object]) -> str:
    return ", ".join(f"`{name}`" for name in names)
