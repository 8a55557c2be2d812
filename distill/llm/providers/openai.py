"""Bodies for OpenAI's chat completions, and for any other server that speaks its protocol."""

from distill.core.requests import Request
from distill.llm.providers.capabilities import openai_model
from distill.llm.providers.openai_compatible import turns
from distill.llm.providers.wire import Body, answer_schema


def body(request: Request) -> Body:
    """For OpenAI itself. What a model refuses is not sent; a model that thinks gets room for it.
    Without a service tier the project's own is taken, which may be dearer than any price here."""
    model, sampling = openai_model(request.model), request.sampling
    values: Body = {
        "model": request.model,
        "messages": turns(request),
        "max_completion_tokens": sampling.max_tokens + model.reasoning_tokens,
        "service_tier": "default",
    }
    if model.effort:
        values["reasoning_effort"] = model.effort
    if model.sampling:
        values |= {"temperature": sampling.temperature, "seed": sampling.seed}
    if sampling.logprobs and model.logprobs:
        values["logprobs"] = True
    if sampling.stop and model.stop:
        values["stop"] = list(sampling.stop)
    return values | _constraint(request)


def compatible_body(request: Request) -> Body:
    """For any server of that shape: vLLM, Ollama, llama.cpp, gateways."""
    sampling = request.sampling
    values: Body = {
        "model": request.model.rpartition("#")[2],
        "messages": turns(request),
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
    }
    if sampling.stop:
        values["stop"] = list(sampling.stop)
    return values | _constraint(request)


def _constraint(request: Request) -> Body:
    found = answer_schema(request.sampling)
    if found is None:
        return {}
    schema = {"name": "answer", "strict": True, "schema": found}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}
