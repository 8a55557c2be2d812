"""A base with LoRA on it, and its tokenizer: through Unsloth, or through PEFT alone."""

import sys
from typing import Any

from .events import Job
from .precision import dtype_on_processor

# Not trained: what turns the last layer's numbers into tokens.
HEAD = "lm_head"
NOW = "strftime_now"  # a function that templates may call
SAME_DAY = "{%- macro strftime_now(format) -%}26 Jul 2024{%- endmacro -%}"


def unsloth(job: Job) -> tuple[Any, Any]:
    """Unsloth's kernels; the linear layers in 4-bit NF4 with double quantization, or as they are
    where the recipe says so."""
    # Training needs no vLLM, but Unsloth loads its libraries to see whether they are sound, those
    # for other processors included: without AVX-512 that is an illegal instruction, and the end.
    sys.modules["vllm"] = None  # type: ignore[assignment]
    import torch
    from unsloth import FastLanguageModel

    recipe, card = seeded(job), torch.cuda.is_available()
    model, tokenizer = FastLanguageModel.from_pretrained(
        job["base"],
        max_seq_length=recipe["context_tokens"],
        dtype=None if card else dtype_on_processor(),
        load_in_4bit=recipe["load_in_4bit"],
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
    )
    model = FastLanguageModel.get_peft_model(
        model,
        r=recipe["rank"],
        lora_alpha=recipe["alpha"],
        lora_dropout=recipe["dropout"],
        target_modules=linear_layers(model),
        use_rslora=recipe["rslora"],
        use_gradient_checkpointing="unsloth" if card else False,
        random_state=recipe["seed"],
    )
    return model, tokenizer


def peft(job: Job) -> tuple[Any, Any]:
    """The same on transformers and PEFT; in 4 bits where the recipe says so and bitsandbytes
    loads."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    recipe, card = seeded(job), torch.cuda.is_available()
    dtype = torch.bfloat16 if card else dtype_on_processor()
    model = AutoModelForCausalLM.from_pretrained(
        job["base"],
        dtype=dtype,
        quantization_config=four_bits(dtype) if recipe["load_in_4bit"] else None,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
    )
    config = LoraConfig(
        r=recipe["rank"],
        lora_alpha=recipe["alpha"],
        lora_dropout=recipe["dropout"],
        target_modules=linear_layers(model),
        use_rslora=recipe["rslora"],
        task_type="CAUSAL_LM",
    )
    tokenizer = AutoTokenizer.from_pretrained(
        job["base"], local_files_only=True, trust_remote_code=False
    )
    return get_peft_model(model, config), tokenizer


def seeded(job: Job) -> dict[str, Any]:
    """The job's recipe, after every generator of random numbers has got its seed."""
    from transformers import set_seed

    set_seed(job["recipe"]["seed"])
    return dict(job["recipe"])


def four_bits(dtype: Any) -> Any:
    """NF4 with double quantization; None where bitsandbytes does not load."""
    from transformers import BitsAndBytesConfig

    try:
        import bitsandbytes  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        return None
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def linear_layers(model: Any) -> list[str]:
    """The names of all linear layers but the head: they differ from architecture to architecture,
    and LoRA on all of them learns more than on attention alone."""
    import torch

    names = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    return sorted(names - {HEAD})


def without_date(template: str | None) -> str | None:
    """A chat template that says the same every day: some put the day's date into every prompt, so
    that a student would be asked otherwise than it was trained."""
    if template and NOW in template and not template.startswith(SAME_DAY):
        return SAME_DAY + template
    return template


LOADERS = {"unsloth": unsloth, "peft": peft}
