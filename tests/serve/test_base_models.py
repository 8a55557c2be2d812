"""What `student.base` may be, and what is said about what it may not be."""

import json
import os
import re
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import numpy
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from distill import pipeline
from distill.core.errors import InputError
from distill.core.requests import Model
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.llm.models import choose
from distill.serve import ServerSettings, base_folder, base_models, vllm
from distill.serve.base_folder import WEIGHTS, parameters
from distill.serve.base_models import locate
from distill.serve.embedded_models import STUDENT, TEACHER, embedded
from distill.task.loading import load_task
from distill.task.spec import StudentSpec
from distill.train.trainers import TRAINERS, lora
from distill.train.trainers.recipes import recipe_for
from distill.train.worker.training.lora import loading, merging
from distill.train.worker.training.protocol import Job
from tests.conftest import WriteTask
from tests.support.standin import StandIn
from tests.support.tiny_bases import write_base


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with what is looked at."""
    folder = tmp_path / "my-llama"
    folder.mkdir()
    write_config(folder)
    (folder / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    save_file({"a": zeros(3, 4), "b": zeros(5)}, folder / "one.safetensors", {"format": "pt"})
    save_file({"c": zeros(2, 2, 2)}, folder / "two.safetensors")
    parts = {"a": "one.safetensors", "b": "one.safetensors", "c": "two.safetensors"}
    (folder / INDEX).write_text(json.dumps({"weight_map": parts}), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(TOKENIZER), encoding="utf-8")
    words = WordLevel({"cats": 0, "dogs": 1, "<end>": 2}, "<end>")
    Tokenizer(words).save(str(folder / "tokenizer.json"))
    return folder


INDEX = "model.safetensors.index.json"
TOKENIZER = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<end>"}


def write_config(folder: Path, **changes: object) -> None:
    about = {"model_type": "llama", "vocab_size": 3} | changes
    (folder / "config.json").write_text(json.dumps(about), encoding="utf-8")


def zeros(*shape: int) -> Any:
    return numpy.zeros(shape, dtype=numpy.float16)


@pytest.mark.slow("hashes the weights of both embedded models, and loads a tokenizer")
def test_the_embedded_teacher_is_a_base_with_gemmas_chat_template() -> None:
    """The teacher's own folder, whose hash is in stored request ids, gets no template."""
    name, folder = locate(TEACHER)
    base_folder.check(folder)
    chat = [
        {"role": "system", "content": "Name the colour."},
        {"role": "user", "content": "Grass"},
        {"role": "assistant", "content": "green"},
        {"role": "user", "content": "Snow"},
    ]
    tokenizer = base_folder.tokenizer_of(folder)
    asked = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    alone = tokenizer.apply_chat_template(chat[1:3], tokenize=False)

    assert name.startswith("gemma-3-270m-chat@")
    assert base_models.licence(folder) == "gemma"
    assert asked == (
        "<bos><start_of_turn>user\nName the colour.\n\nGrass<end_of_turn>\n"
        "<start_of_turn>model\ngreen<end_of_turn>\n"
        "<start_of_turn>user\nSnow<end_of_turn>\n<start_of_turn>model\n"
    )
    assert alone == (
        "<bos><start_of_turn>user\nGrass<end_of_turn>\n<start_of_turn>model\ngreen<end_of_turn>\n"
    )
    assert not base_folder.chat_template(embedded(TEACHER)[1])


def test_auto_is_embedded_without_a_card_and_larger_with_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, folder = locate("auto")
    assert name.startswith(f"{STUDENT}@") and (folder / "config.json").exists()
    monkeypatch.setattr(base_models, "gpu", lambda: "NVIDIA Something, 80 GB")
    assert base_models.automatic()[0] == "unsloth/Llama-3.2-1B-Instruct"


def test_a_folder_has_a_name_with_a_hash(base: Path) -> None:
    name, folder = locate(str(base))
    assert folder == base and name.startswith("my-llama@")


def test_the_licence_of_a_base_is_that_of_its_card(base: Path) -> None:
    assert base_models.licence(base) == ""
    (base / "README.md").write_text("---\ntags: [a]\nlicense: llama3.2\n---\n# Base\n", "utf-8")
    assert base_models.licence(base) == TRAINERS["peft"].locate(str(base)).licence == "llama3.2"
    (base / "README.md").write_text("# No header\nlicense: mit\n", encoding="utf-8")
    assert base_models.licence(base) == ""
    assert base_models.licence(locate("auto")[1]) == "apache-2.0"


def test_a_models_size_is_read_from_its_headers(base: Path) -> None:
    assert parameters(base) == 3 * 4 + 5 + 2 * 2 * 2
    (base / "two.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"two\.safetensors is damaged"):
        parameters(base)


def test_no_model_no_weights_no_template(base: Path, tmp_path: Path) -> None:
    for name in ("nowhere", "two/many/parts", str(tmp_path)):
        with pytest.raises(InputError, match=r"student\.base: .* is neither auto nor a folder"):
            locate(name)
    (base / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="has no chat template"):
        locate(str(base))
    settings = json.dumps(TOKENIZER | {"chat_template": "{{ messages }}"})
    (base / "tokenizer_config.json").write_text(settings, encoding="utf-8")
    locate(str(base))
    (base / INDEX).rename(base / "pytorch_model.bin.index.json")
    with pytest.raises(InputError, match="no weights in safetensors"):
        locate(str(base))


def test_a_template_that_takes_no_system_message(base: Path) -> None:
    refusing = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}"
    refusing += "{% endif %}{{ m.content }}{% endfor %}"
    (base / "chat_template.jinja").write_text(refusing, encoding="utf-8")
    with pytest.raises(InputError, match=r"refuses a system message \(no\)"):
        locate(str(base))


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (b"{{ 1 + 'a' }}", "unsupported operand"),
        pytest.param(b"{{ 1 / 0 }}", "division by zero", marks=pytest.mark.nightly),
        (b"\xff{{ messages }}", "is not UTF-8 at byte 0"),
        (
            b"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "not end",
        ),
    ],
)
def test_a_template_that_goes_wrong(
    base: Path, template: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if said == "not end":
        monkeypatch.setattr(base_folder, "TEMPLATE_SECONDS", 1)
    (base / "chat_template.jinja").write_bytes(template)
    with pytest.raises(InputError, match=rf"^student\.base: .*{said}"):
        locate(str(base))


def header(about: object, length: int | None = None) -> bytes:
    """A safetensors file with that header, and no number behind it."""
    text = json.dumps(about).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


TENSOR = {"dtype": "F16", "shape": [2**62], "data_offsets": [0, 8]}
TOOLS = {"auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}, "tokenizer_class": "Evil"}
WRONG: list[tuple[str, bytes, str]] = [
    ("config.json", b"no JSON", "is not valid JSON"),
    ("config.json", b"[]", "is not a JSON object"),
    ("config.json", b"[" * 100_000, "is not valid JSON"),
    ("config.json", b"\xff", "is not UTF-8"),
    ("config.json", b'{"max_position_embeddings": "many"}', "'many' for"),
    ("config.json", b'{"model_type": "own", "vocab_size": 3}', "names the architecture 'own'"),
    (
        "config.json",
        b'{"model_type": "llama", "vocab_size": 7}',
        "without an embedding of the 7 tokens",
    ),
    ("tokenizer_config.json", b"[]", "has no tokenizer that can be read"),
    ("tokenizer_config.json", json.dumps(TOOLS).encode(), "has no tokenizer that can be read"),
    ("tokenizer_config.json", b'{"tokenizer_class": "PreTrainedTokenizerFast"}', "end-of-sequence"),
    ("tokenizer.json", b"no JSON", "has no tokenizer that can be read"),
    ("tokenizer.json", b'{"version": "1.0"}', "has no tokenizer that can be read"),
    ("one.safetensors", b"xx", "is damaged"),
    ("one.safetensors", header({}, 2**63), "is damaged"),
    ("one.safetensors", header({}, 90_000_000), "is damaged"),
    ("one.safetensors", header({"a": TENSOR}), "is damaged"),
    ("one.safetensors", header({}), "without an embedding of the 3 tokens"),
    (INDEX, b'{"weight_map": {"a": "../../other.safetensors"}}', "of files in the same folder"),
    (INDEX, b'{"weight_map": {"a": "three.safetensors"}}', "lacks three.safetensors"),
    (INDEX, b"{}", "of files in the same folder"),
]


@pytest.mark.parametrize(("name", "content", "said"), WRONG)
def test_what_is_wrong_with_a_base_is_said_before_anything_is_paid(
    base: Path, name: str, content: bytes, said: str
) -> None:
    (base / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"^student\.base: .*{re.escape(said)}"):
        lora.check(StudentSpec(base=str(base)).model_dump())


@pytest.mark.parametrize(
    "name", ["config.json", "one.safetensors", "tokenizer.json", "README.md", "chat_template.jinja"]
)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_base_of_pipes_and_devices_is_not_read(base: Path, name: str, kind: str) -> None:
    (base / name).unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(base / name)
    else:
        (base / name).symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"^student\.base: "):
        locate(str(base))
    if name != "config.json":
        with pytest.raises(InputError, match=r"^teacher\.model: .* is not a regular file"):
            choose(f"vllm:{base}")


def test_links_into_a_cache_are_followed(base: Path, tmp_path: Path) -> None:
    blobs = tmp_path / "blobs"
    base.rename(blobs)
    base.mkdir()
    for path in blobs.iterdir():
        (base / path.name).symlink_to(path)
    assert locate(str(base))[1] == base


@pytest.mark.parametrize("name", ["../x", "-x/y", "x/y-", "a/..", "a--b/c..d"])
def test_a_name_that_the_hub_cannot_have(name: str) -> None:
    with pytest.raises(InputError, match=r"^student\.base: "):
        locate(name)


def test_weights_that_trainers_do_not_load_are_not_counted(base: Path) -> None:
    save_file({"a": zeros(100, 100)}, base / "consolidated.safetensors")
    assert parameters(base) == 3 * 4 + 5 + 2 * 2 * 2


def test_trainers_open_no_pickle(base: Path, tmp_path: Path) -> None:
    """A base that was changed after its check: what its .bin holds is not opened."""
    (base / INDEX).unlink()
    (base / "pytorch_model.bin").write_bytes(b"a pickle")
    job = cast(Job, {"base": str(base), "recipe": {"seed": 0, "load_in_4bit": False}})
    with pytest.raises(OSError, match=r"model\.safetensors"):
        loading.peft(job)
    with pytest.raises(OSError, match=r"model\.safetensors"):
        merging.merge(str(base), None, tmp_path, None)


@pytest.mark.models
@pytest.mark.timeout(600)
def test_unsloth_opens_no_pickle(tmp_path: Path) -> None:
    """In a process of its own, as it always is."""
    bare = write_base("llama", tmp_path / "bare")
    (bare / WEIGHTS).rename(tmp_path / "weights")
    (bare / "pytorch_model.bin").write_bytes(b"a pickle")
    recipe = {"seed": 0, "load_in_4bit": False, "context_tokens": 64}
    code = (
        "import json, sys\n"
        "from distill.train.worker.training.lora import loading\n"
        "loading.unsloth(json.loads(sys.argv[1]))"
    )
    job = json.dumps({"base": str(bare), "recipe": recipe})
    done = subprocess.run(
        [sys.executable, "-c", code, job], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "model.safetensors" in done.stderr.splitlines()[-1]
    assert "UnpicklingError" not in done.stderr


def test_an_adapter_beside_the_weights_is_refused(base: Path) -> None:
    """Transformers would load it with the base, and its weights may be pickled."""
    (base / "adapter_config.json").write_text("{}", encoding="utf-8")
    (base / "adapter_model.bin").write_bytes(b"a pickle")
    with pytest.raises(InputError, match=r"student\.base: .*contains an adapter"):
        locate(str(base))


def test_a_server_opens_no_pickle(base: Path, tmp_path: Path) -> None:
    settings = ServerSettings(in_flight=4, usd_per_hour=Decimal(0), log=tmp_path / "log")
    command = vllm._command(Model("m", base, "chat"), 4321, settings)
    at = command.index("--load-format")
    assert command[at : at + 2] == ["--load-format", "safetensors"]


def test_a_teacher_without_safetensors_is_refused(base: Path) -> None:
    assert choose(f"vllm:{base}").model.folder == base
    for path in base.glob("*.safetensors"):
        path.rename(path.with_suffix(".bin"))
    with pytest.raises(InputError, match=r"teacher\.model: .*no weights in safetensors"):
        choose(f"vllm:{base}")


def test_weights_that_are_quantized_already(base: Path) -> None:
    write_config(base, quantization_config={"load_in_4bit": True})
    with pytest.raises(InputError, match="quantized already: take the 16-bit weights"):
        locate(str(base))


def test_a_context_that_the_base_has_not(base: Path) -> None:
    choices = StudentSpec(base=str(base), context_tokens=4096).model_dump()
    assert lora.check(choices) == ""
    write_config(base, max_position_embeddings=2048)
    with pytest.raises(InputError, match=r"the base's context length of 2,048 tokens"):
        lora.check(choices)


@pytest.mark.parametrize("line", ['base = "nowhere"', 'trainer = "nobody"'])
def test_a_run_that_could_not_train_begins_not(
    workspace: Workspace, pets: WriteTask, line: str
) -> None:
    task = pets()
    text = (task.folder / "task.toml").read_text(encoding="utf-8")
    (task.folder / "task.toml").write_text(f"{text}[student]\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"student\.{line.split()[0]}"):
        pipeline.run(workspace, "pets")
    assert not workspace.database("pets").exists()


def test_a_run_that_has_its_student_needs_no_base_any_more(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn, base: Path
) -> None:
    task = pets()
    text = (task.folder / "task.toml").read_text(encoding="utf-8")
    (task.folder / "task.toml").write_text(f'{text}[student]\nbase = "{base}"\n', "utf-8")
    pipeline.run(workspace, "pets")
    base.rename(base.with_name("gone"))
    assert pipeline.run(workspace, "pets").stages_run == ()
    with pytest.raises(InputError, match="is neither auto nor a folder"):
        pipeline.run(workspace, "pets", RunOptions(new=True))


@contextmanager
def hub(error: str) -> Iterator[str]:
    """A hub on loopback that refuses everything, in the words of the real one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401 if error == "RepoNotFound" else 403)
            self.send_header("X-Error-Code", error)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # the server's name for it

        def log_message(self, *_: object) -> None:
            """Nothing to stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def ask_hub(url: str, cache: Path, **environment: str) -> str:
    """What the real client of the hub makes of it, in a process of its own."""
    code = (
        "from distill.serve.base_models import locate; locate('meta-llama/Llama-3.2-1B-Instruct')"
    )
    names = {"HF_ENDPOINT": url, "HF_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **names, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.splitlines()[-1]


def test_what_the_hub_refuses(tmp_path: Path) -> None:
    with hub("GatedRepo") as url:
        assert "is gated: accept its licence" in ask_hub(url, tmp_path)
    with hub("RepoNotFound") as url:
        assert "the hub has no model 'meta-llama/Llama-3.2-1B-Instruct'" in ask_hub(url, tmp_path)


def test_a_mirror_on_this_machine_is_asked_without_a_proxy(tmp_path: Path) -> None:
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    with hub("GatedRepo") as url:
        said = ask_hub(url, tmp_path, **proxies, no_proxy="example.com")
    assert "is gated: accept its licence" in said


def test_a_proxy_that_the_hub_cannot_be_asked_through_is_named(tmp_path: Path) -> None:
    said = ask_hub("http://hub.invalid", tmp_path, ALL_PROXY="socks5://127.0.0.1:9", no_proxy="")
    assert "the proxy in the environment cannot be used for the hub" in said


def test_a_hub_out_of_reach(tmp_path: Path) -> None:
    said = ask_hub("http://127.0.0.1:1", tmp_path)
    assert "is not in the cache and cannot be fetched" in said
    assert "is not in the cache" in ask_hub("http://127.0.0.1:1", tmp_path, HF_HUB_OFFLINE="1")


def test_a_larger_base_gets_smaller_steps(pets: WriteTask) -> None:
    sizes = [135_000_000, 1_200_000_000, 8_000_000_000, 70_000_000_000]
    found = [recipe_for(pets().spec.student.model_dump(), size, labelled=True) for size in sizes]
    assert [one.learning_rate for one in found] == [5e-4, 3e-4, 2e-4, 1e-4]
    assert all(one.alpha == one.rank for one in found)


def test_what_the_task_says_comes_before_any_default(pets: WriteTask) -> None:
    task = pets()
    text = (task.folder / "task.toml").read_text(encoding="utf-8")
    (task.folder / "task.toml").write_text(f"{text}[student]\nrank = 64\n", encoding="utf-8")
    spec = load_task(task.folder.parent, "pets").spec.student
    found = recipe_for(spec.model_dump(), 135_000_000, labelled=True)
    assert (found.rank, found.alpha, found.batch_size) == (64, 64, 4)
