"""The trainer's child: `python unsloth_child.py JOB.json`, with Unsloth's own interpreter.

In: a job (see `TrainJob`) whose rows are chat JSON lines. Out: `adapter/` and `merged/` in the
job's `out`, and JSON lines of progress in its `progress` file. Imports nothing of this project,
since its interpreter may hold nothing of it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
MAX_TOKENS = 1024
WARMUP_SHARE = 0.06
IGNORED = -100


def main(job: dict[str, Any]) -> None:
    """Train, save, merge, report."""
    hide_vllm()
    import unsloth  # noqa: F401  # must be imported before trl and transformers: it patches them
    from transformers import set_seed

    recipe = job["recipe"]
    set_seed(recipe["seed"])
    model, tokenizer = load(job["base"], recipe)
    train, validation = (read_rows(Path(job[part]), tokenizer) for part in ("train", "validation"))
    trainer = make_trainer(model, tokenizer, job, train, validation)
    keep_adapter_exact(trainer.model)
    trainer.train()
    out = Path(job["out"])
    trainer.model.save_pretrained(out / "adapter")
    merge(job["base"], trainer.model, out, tokenizer)
    tokens = sum(len(row["input_ids"]) for row in train)
    tell(job, {"event": "done", "trained_tokens": round(tokens * trainer.state.epoch)})


def hide_vllm() -> None:
    """Training needs no vLLM, but Unsloth loads its libraries to see whether they are sound, those
    for other processors included: without AVX-512 that is an illegal instruction, and the end."""
    sys.modules["vllm"] = None  # type: ignore[assignment]


def load(base: str, recipe: dict[str, Any]) -> tuple[Any, Any]:
    """The base in 4-bit NF4 with LoRA on all linear layers, and its tokenizer."""
    import torch
    from unsloth import FastLanguageModel

    model, tokenizer = FastLanguageModel.from_pretrained(
        base,
        max_seq_length=MAX_TOKENS,
        dtype=None if torch.cuda.is_available() else torch.float32,
        load_in_4bit=True,
        local_files_only=True,
    )
    model = FastLanguageModel.get_peft_model(
        model,
        r=recipe["rank"],
        lora_alpha=recipe["alpha"],
        lora_dropout=0.0,
        target_modules=LINEAR,
        use_gradient_checkpointing=False,
        random_state=recipe["seed"],
    )
    return model, tokenizer


def read_rows(path: Path, tokenizer: Any) -> list[dict[str, Any]]:
    """Chat rows as token ids, and as labels that leave out all but the answer and its end."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        turns = json.loads(line)["messages"]
        asked = tokenizer.apply_chat_template(
            turns[:-1], add_generation_prompt=True, tokenize=False
        )
        prompt = tokenizer(asked, add_special_tokens=False).input_ids
        answered = turns[-1]["content"] + tokenizer.eos_token
        answer = tokenizer(answered, add_special_tokens=False).input_ids
        ids = (prompt + answer)[-MAX_TOKENS:]
        labels = ([IGNORED] * len(prompt) + answer)[-MAX_TOKENS:]
        rows.append({"input_ids": ids, "labels": labels, "length": len(ids)})
    return rows


def make_trainer(
    model: Any,
    tokenizer: Any,
    job: dict[str, Any],
    train: list[dict[str, Any]],
    validation: list[dict[str, Any]],
) -> Any:
    """TRL's trainer on rows that are tokens already, told to report to the parent."""
    import torch
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    class AnswerTrainer(SFTTrainer):  # type: ignore[misc]
        """Computes the vocabulary's logits only where a token of the answer is asked for: with
        short answers that is one position in twenty, and the rest is most of the work."""

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any
        ) -> Any:
            loss = answer_loss(model.get_base_model(), inputs)
            return (loss, {"loss": loss}) if return_outputs else loss

    recipe = job["recipe"]
    card = torch.cuda.is_available()
    bf16 = card and torch.cuda.is_bf16_supported()
    config = SFTConfig(
        output_dir=str(Path(job["out"]) / "checkpoints"),
        num_train_epochs=recipe["epochs"],
        learning_rate=recipe["learning_rate"],
        per_device_train_batch_size=recipe["batch_size"],
        per_device_eval_batch_size=recipe["batch_size"],
        lr_scheduler_type="cosine",
        warmup_steps=WARMUP_SHARE,
        weight_decay=0.0,
        optim="adamw_torch",
        bf16=bf16,
        fp16=card and not bf16,
        gradient_checkpointing=False,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        prediction_loss_only=True,
        logging_first_step=True,
        logging_steps=5,
        eval_strategy="epoch" if validation else "no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=recipe["seed"],
        data_seed=recipe["seed"],
    )
    return AnswerTrainer(
        model=model,
        args=config,
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(train),
        eval_dataset=Dataset.from_list(validation) if validation else None,
        data_collator=collator(tokenizer.pad_token_id),
        callbacks=[reporter(job)],
    )


def keep_adapter_exact(model: Any) -> None:
    """TRL makes a QLoRA adapter bfloat16, whose 8 bits lose most of an optimizer's small steps; and
    a processor without instructions for it is three times slower."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def answer_loss(model: Any, inputs: Any) -> Any:
    """Mean cross entropy of the answers' tokens."""
    import torch

    hidden = model.model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])[0][
        :, :-1
    ]
    targets = inputs["labels"][:, 1:]
    wanted = targets != IGNORED
    logits = model.lm_head(hidden[wanted]).float()
    return torch.nn.functional.cross_entropy(logits, targets[wanted])


def collator(pad_token_id: int) -> Any:
    """Rows → one batch, padded at the right."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    def padded(rows: list[list[int]], filler: int) -> Any:
        return pad_sequence([torch.tensor(row) for row in rows], True, filler)

    def collate(batch: list[dict[str, Any]]) -> dict[str, Any]:
        ids = [row["input_ids"] for row in batch]
        return {
            "input_ids": padded(ids, pad_token_id),
            "attention_mask": padded([[1] * len(row) for row in ids], 0),
            "labels": padded([row["labels"] for row in batch], IGNORED),
        }

    return collate


def reporter(job: dict[str, Any]) -> Any:
    """A callback that tells the parent of steps and losses."""
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            tell(job, {"event": "steps", "steps": 1})

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            names = {"loss": "loss", "eval_loss": "validation_loss"}
            values = {names[key]: float(value) for key, value in logs.items() if key in names}
            if values:
                tell(job, {"event": "loss", "values": {"step": state.global_step} | values})

    return Reporter()


def merge(base: str, trained: Any, out: Path, tokenizer: Any) -> None:
    """Add the adapter to the 16-bit base and save it as `merged/`.

    The linear layers get the values that the 4-bit ones had in training: the adapter has learned to
    make up for their rounding (a tenth of a small model's weights), not for the originals.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    whole = AutoModelForCausalLM.from_pretrained(
        base, dtype=torch.float32, local_files_only=True, trust_remote_code=False
    )
    _, unexpected = whole.load_state_dict(dequantized(trained), strict=False)
    assert not unexpected, unexpected
    model = PeftModel.from_pretrained(whole, str(out / "adapter"))
    model = model.merge_and_unload(safe_merge=True)
    model.to(torch.bfloat16).save_pretrained(out / "merged")
    tokenizer.save_pretrained(out / "merged")


def dequantized(model: Any) -> dict[str, Any]:
    """The 4-bit layers' weights as float32, by their names in the base."""
    from bitsandbytes.functional import dequantize_4bit

    found = {}
    for name, module in model.named_modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if state is not None and name.endswith(".base_layer"):
            plain = name.removeprefix("base_model.model.").removesuffix(".base_layer")
            found[f"{plain}.weight"] = dequantize_4bit(module.weight.data, state).float()
    return found


def tell(job: dict[str, Any], event: dict[str, Any]) -> None:
    """One line of progress, whole or not at all."""
    with Path(job["progress"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")
        file.flush()
        os.fsync(file.fileno())


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
