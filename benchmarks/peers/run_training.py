"""One training for `benchmarks.train_speed`, in a process of its own: `run_training.py MODE JOB`.

MODE: `ours`, `unsloth` (as its own notebooks call it) or `trl` (SFTTrainer at its defaults). All
get the same base, rows, rank, rate, batch and number of examples; what differs is how they train.
Prints one JSON object: seconds of the training alone, peak memory in MiB, loss on the validation
rows.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

CHILDREN = Path(__file__).parents[2] / "distill" / "train" / "worker"
sys.path.insert(0, str(CHILDREN))

Job = dict[str, Any]


def main() -> None:
    """Train, measure, print."""
    mode, job = sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    model, tokenizer, train = {"ours": ours, "unsloth": unsloth, "trl": trl}[mode](job)
    began = time.perf_counter()
    train()
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    loss = validation_loss(model, tokenizer, job)
    print(json.dumps({"mode": mode, "seconds": seconds, "peak_mib": peak, "loss": loss}))


def ours(job: Job) -> tuple[Any, Any, Any]:
    """The child that `distill train` runs, without its validations."""
    from lora.loading import unsloth as load  # type: ignore[import-not-found]

    model, tokenizer = load(job)
    from lora.loop import keep_adapter_exact, make_trainer  # type: ignore[import-not-found]
    from lora.rows import read_rows  # type: ignore[import-not-found]

    rows = read_rows(Path(job["train"]), tokenizer)
    trainer = make_trainer(model, tokenizer, job, rows, [])
    keep_adapter_exact(trainer.model)
    return trainer.model, tokenizer, trainer.train


def unsloth(job: Job) -> tuple[Any, Any, Any]:
    """As in Unsloth's notebooks: SFTTrainer on texts, loss on the responses only."""
    sys.modules["vllm"] = None  # type: ignore[assignment]
    from lora.loading import unsloth as load

    model, tokenizer = load(job)
    from trl import SFTConfig, SFTTrainer
    from unsloth.chat_templates import train_on_responses_only

    trainer = SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=texts(job, tokenizer),
        args=SFTConfig(dataset_text_field="text", max_length=1024, **common(job)),
    )
    trainer = train_on_responses_only(
        trainer,
        instruction_part="<|im_start|>user\n",
        response_part="<|im_start|>assistant\n",
    )
    return trainer.model, tokenizer, trainer.train


def trl(job: Job) -> tuple[Any, Any, Any]:
    """SFTTrainer at its defaults, with the same LoRA."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    recipe = job["recipe"]
    lora = LoraConfig(
        r=recipe["rank"],
        lora_alpha=recipe["alpha"],
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    trainer = SFTTrainer(
        model=job["base"],
        train_dataset=Dataset.from_list([{"messages": chat} for chat in chats(job, "train")]),
        args=SFTConfig(use_cpu=True, **common(job)),  # it refuses its own bf16 there otherwise
        peft_config=lora,
    )
    return trainer.model, AutoTokenizer.from_pretrained(job["base"]), trainer.train


def common(job: Job) -> dict[str, Any]:
    """What all are told."""
    recipe = job["recipe"]
    return {
        "output_dir": str(Path(job["out"]) / "peer"),
        "num_train_epochs": recipe["epochs"],
        "learning_rate": recipe["learning_rate"],
        "per_device_train_batch_size": recipe["batch_size"],
        "lr_scheduler_type": recipe["schedule"],
        "warmup_steps": recipe["warmup_share"],
        "seed": recipe["seed"],
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def chats(job: Job, part: str) -> list[list[dict[str, str]]]:
    """The chats of a file of the job."""
    with Path(job[part]).open(encoding="utf-8") as lines:
        return [json.loads(line)["messages"] for line in lines]


def texts(job: Job, tokenizer: Any) -> Any:
    """The training rows as one text each."""
    from datasets import Dataset

    rows = [tokenizer.apply_chat_template(chat, tokenize=False) for chat in chats(job, "train")]
    return Dataset.from_list([{"text": row} for row in rows])


def validation_loss(model: Any, tokenizer: Any, job: Job) -> float:
    """Mean cross entropy of the answers' tokens, row by row: the same sum for every trainer."""
    import torch
    from lora.precision import widen  # type: ignore[import-not-found]
    from lora.rows import IGNORED, read_rows

    os.environ["UNSLOTH_RETURN_LOGITS"] = "1"  # it gives none otherwise
    model.eval()
    widen(model)
    total = count = 0.0
    for row in read_rows(Path(job["validation"]), tokenizer):
        ids = torch.tensor([row["input_ids"]])
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, :-1]
        targets = torch.tensor(row["labels"][1:])
        wanted = targets != IGNORED
        losses = torch.nn.functional.cross_entropy(
            logits[wanted].float(), targets[wanted], reduction="sum"
        )
        total, count = total + float(losses), count + int(wanted.sum())
    return total / count


if __name__ == "__main__":
    main()
