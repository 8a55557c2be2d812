"""LoRA through transformers, TRL and PEFT, with the same recipe, for machines without Unsloth."""

from functools import partial

from distill.train.trainers import lora

PROVIDER = lora.PROVIDER
automatic = lora.automatic
suits = lora.suits
check = lora.check
locate = lora.locate
recipe = lora.recipe
longer_than = lora.longer_than
total_steps = lora.total_steps
worst_usd = lora.worst_usd
is_made = lora.is_made
cancel = lora.cancel
closed = lora.closed
closing = lora.closing
train = partial(lora.train, "peft")
