"""`distill serve`: whose student, where it is reached, and by whom."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from distill import pipeline
from distill.core.errors import DistillError, InputError
from distill.core.hosts import is_loopback
from distill.core.requests import Endpoint, Model, ServerProcess
from distill.core.workspace import Workspace
from distill.estimate.run_start import RunOptions
from distill.llm import student_endpoint
from distill.pricing.token_prices import MachinePrice
from distill.serve import ServerSettings, http_child, vllm
from distill.store import open_store
from tests.conftest import WriteTask
from tests.support.standin import StandIn


def test_the_newest_student_or_a_runs(
    workspace: Workspace, pets: WriteTask, scripted_backends: StandIn
) -> None:
    task = pets()
    first = pipeline.run(workspace, "pets", RunOptions("train")).context.run_id
    second = pipeline.run(workspace, "pets", RunOptions("train", new=True)).context.run_id
    with open_store(workspace.database("pets")) as store:
        students = {run: store.student(run) for run in (first, second)}
    assert student_endpoint.chosen_student(workspace, task) == students[second]
    assert student_endpoint.chosen_student(workspace, task, first) == students[first]
    with pytest.raises(InputError, match=r"no run 'x' of task pets; `distill runs` lists them"):
        student_endpoint.chosen_student(workspace, task, "x")


def test_what_others_reach_needs_a_key(
    workspace: Workspace,
    pets: WriteTask,
    scripted_backends: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    task = pets()
    pipeline.run(workspace, "pets", RunOptions("train"))
    student = student_endpoint.chosen_student(workspace, task)
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    with (
        pytest.raises(InputError, match=r"--host 0\.0\.0\.0 can be reached .* set VLLM_API_KEY"),
        student_endpoint.serving(task, student, tmp_path / "log", None, "0.0.0.0"),
    ):
        pass
    with student_endpoint.serving(task, student, tmp_path / "log", None) as endpoint:
        assert "Authorization" not in student_endpoint.curl_line(task, endpoint)
        beyond = Endpoint(endpoint.url, endpoint.model, 8, endpoint.price, "VLLM_API_KEY")
    line = student_endpoint.curl_line(task, beyond)
    assert '-H "Authorization: Bearer $VLLM_API_KEY" -d ' in line


@pytest.mark.parametrize(
    ("host", "loopback", "at"),
    [
        ("127.0.0.1", True, "127.0.0.1"),
        ("localhost", True, "localhost"),
        ("0.0.0.0", False, "127.0.0.1"),
        ("192.0.2.7", False, "192.0.2.7"),
        ("::1", True, "[::1]"),
        ("::", False, "[::1]"),
        ("127.example.com", False, "127.example.com"),
    ],
)
def test_only_servers_that_others_reach_know_the_key(
    host: str, loopback: bool, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "a key")
    assert is_loopback(host) is loopback
    assert http_child.reached_at(host) == at
    assert vllm._environment("/scratch", host)["VLLM_API_KEY"] == ("" if loopback else "a key")


def test_a_port_that_is_taken_is_no_server_of_ours(tmp_path: Path) -> None:
    settings = ServerSettings(1, Decimal(1), tmp_path / "log")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = replace(settings, port=port)
        with pytest.raises(InputError, match=f"port {port} of 127.0.0.1 is taken"):
            vllm.serve(Model("m", tmp_path, "chat"), taken).__enter__()
    assert not (tmp_path / "log").exists(), "nothing was started"


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_our_own_server_is_asked_for_its_health_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with answering(502) as proxy, answering(200) as healthy, answering(503) as unwell:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
        assert http_child.is_healthy("127.0.0.1", healthy.server_port)
        assert not http_child.is_healthy("127.0.0.1", unwell.server_port)
    assert healthy.asked == unwell.asked == ["/health"]
    assert proxy.asked == []
    assert not http_child.is_healthy("127.0.0.1", http_child.free_port())


class Answering(ThreadingHTTPServer):
    """A server that keeps the paths that it was asked for."""

    asked: list[str]


@contextmanager
def answering(status: int) -> Iterator[Answering]:
    """A server on loopback with one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing to stderr."""

    server = Answering(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_server_that_ends_is_not_waited_for() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    machine = MachinePrice(Decimal(1), 1)
    endpoint = Endpoint(
        "", Model("m", None, "chat"), 1, machine, server=ServerProcess(child.pid, 1.0)
    )
    with pytest.raises(DistillError, match="the server has ended"):
        student_endpoint.wait(endpoint)
    child.wait()
