"""The loading of a base with LoRA, and of its tokenizer, through Unsloth or PEFT alone."""

import sys
from typing import Any

from ..protocol import Job, Recipe
from .precision import dtype_on_processor

# The output layer, which is not trained.
HEAD = "lm_head"
NOW = "strftime_now"  # a function that templates may call
SAME_DAY = "{%- macro strftime_now(format) -%}26 Jul 2024{%- endmacro -%}"


def unsloth(job: Job) -> tuple[Any, Any]:
    """Return a base with Unsloth's kernels, and its tokenizer.

    The linear layers are in 4-bit NF4 with double quantization if the recipe sets it, otherwise
    unchanged.
    """
    # Unsloth loads all vLLM libraries to test them, even those for other CPUs. Without AVX-512, an
    # illegal instruction then ends the process. Training needs no vLLM, so it is hidden.
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
    """Return a base with transformers and PEFT, and its tokenizer.

    The base is in 4 bits if the recipe sets it and bitsandbytes can be imported."""
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


def seeded(job: Job) -> Recipe:
    """Seed every random generator and return the job's recipe."""
    from transformers import set_seed

    set_seed(job["recipe"]["seed"])
    return job["recipe"]


def four_bits(dtype: Any) -> Any:
    """Return the configuration of NF4 with double quantization; None without bitsandbytes."""
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
    """Return the names of all linear layers except the head.

    The names differ between architectures. LoRA on all linear layers learns more than on the
    attention layers alone.
    """
    import torch

    names = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    return sorted(names - {HEAD})


def without_date(template: str | None) -> str | None:
    """Return a chat template with a fixed date in place of the current date.

    With the current date, the served student would get other prompts than in training.
    """
    if template and NOW in template and not template.startswith(SAME_DAY):
        return SAME_DAY + template
    return template


LOADERS = {"unsloth": unsloth, "peft": peft}
