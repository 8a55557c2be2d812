"""What `student.base` may be, and what is said about what it may not be."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy
import pytest
from safetensors.numpy import save_file

from distill import pipeline
from distill.backends import bases
from distill.backends.bases import locate, parameters
from distill.backends.trainers import TRAINERS, lora
from distill.backends.trainers.recipes import recipe_for
from distill.backends.weights import STUDENT
from distill.errors import InputError
from distill.spec import StudentSpec
from distill.task import load_task
from distill.workspace import Workspace
from tests.conftest import WriteTask
from tests.standin import StandIn


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with what is looked at."""
    folder = tmp_path / "my-llama"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    save_file({"a": zeros(3, 4), "b": zeros(5)}, folder / "one.safetensors", {"format": "pt"})
    save_file({"c": zeros(2, 2, 2)}, folder / "two.safetensors")
    return folder


def zeros(*shape: int) -> Any:
    return numpy.zeros(shape, dtype=numpy.float16)


def test_auto_is_embedded_without_a_card_and_larger_with_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, folder = locate("auto")
    assert name.startswith(f"{STUDENT}@") and (folder / "config.json").exists()
    monkeypatch.setattr(bases, "gpu", lambda: "NVIDIA Something, 80 GB")
    assert bases.automatic()[0] == "unsloth/Llama-3.2-1B-Instruct"


def test_a_folder_has_a_name_with_a_hash(base: Path) -> None:
    name, folder = locate(str(base))
    assert folder == base and name.startswith("my-llama@")


def test_the_licence_of_a_base_is_that_of_its_card(base: Path) -> None:
    assert bases.licence(base) == ""
    (base / "README.md").write_text("---\ntags: [a]\nlicense: llama3.2\n---\n# Base\n", "utf-8")
    assert bases.licence(base) == TRAINERS["peft"].locate(str(base)).licence == "llama3.2"
    (base / "README.md").write_text("# No header\nlicense: mit\n", encoding="utf-8")
    assert bases.licence(base) == ""
    assert bases.licence(locate("auto")[1]) == "apache-2.0"


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
    settings = json.dumps({"chat_template": "{{ messages }}"})
    (base / "tokenizer_config.json").write_text(settings, encoding="utf-8")
    locate(str(base))
    for path in base.glob("*.safetensors"):
        path.rename(path.with_suffix(".bin"))
    with pytest.raises(InputError, match="no weights in safetensors"):
        locate(str(base))


def test_a_template_that_takes_no_system_message(base: Path) -> None:
    refusing = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}"
    refusing += "{% endif %}{{ m.content }}{% endfor %}"
    (base / "chat_template.jinja").write_text(refusing, encoding="utf-8")
    with pytest.raises(InputError, match=r"refuses a system message \(no\)"):
        locate(str(base))


def test_weights_that_are_quantized_already(base: Path) -> None:
    config = {"quantization_config": {"load_in_4bit": True}}
    (base / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(InputError, match="quantized already: take the 16-bit ones"):
        locate(str(base))


def test_a_context_that_the_base_has_not(base: Path) -> None:
    choices = StudentSpec(base=str(base), context_tokens=4096).model_dump()
    assert lora.check(choices) == ""
    (base / "config.json").write_text('{"max_position_embeddings": 2048}', encoding="utf-8")
    with pytest.raises(InputError, match=r"the base can look at no more than 2,048"):
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
    assert pipeline.run(workspace, "pets").done_now == ()
    with pytest.raises(InputError, match="is neither auto nor a folder"):
        pipeline.run(workspace, "pets", pipeline.Way(new=True))


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
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def ask_hub(url: str, cache: Path, **environment: str) -> str:
    """What the real client of the hub makes of it, in a process of its own."""
    code = "from distill.backends.bases import locate; locate('meta-llama/Llama-3.2-1B-Instruct')"
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
        assert "the hub has no 'meta-llama/Llama-3.2-1B-Instruct'" in ask_hub(url, tmp_path)


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
