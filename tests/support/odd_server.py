"""A server of OpenAI's chat shape on loopback whose every answer a test writes."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]
# body → (status, what comes back: an object as JSON, bytes as they are, pieces one by one, headers)
Answer = Callable[[Body], tuple[int, Any, Mapping[str, str]]]


@dataclass
class OddServer:
    """Its address, and the bodies that it was asked."""

    url: str = ""
    asked: list[Body] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


def completion(text: object = "fine", reason: object = "stop", **changes: object) -> Body:
    """A chat completion as OpenAI writes it; a change replaces a key at the top, None leaves it
    out."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    payload: Body = {
        "id": "c",
        "object": "chat.completion",
        "model": "m",
        "choices": [choice | {"finish_reason": reason}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
    }
    return {key: value for key, value in (payload | changes).items() if value is not ...}


@contextmanager
def odd_server(answer: Answer) -> Iterator[OddServer]:
    """A server that answers as the function says, stopped at the end."""
    server = OddServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.asked.append(body)
            server.headers.append(dict(self.headers))
            server.paths.append(self.path)
            status, found, headers = answer(body)
            pieces = _pieces(found)
            self.send_response(status)
            length = {"Content-Length": str(sum(map(len, pieces)))}
            for key, value in {"Content-Type": "application/json", **length, **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            try:
                for piece in pieces:
                    self.wfile.write(piece)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client had enough

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    server.url = f"http://127.0.0.1:{listener.server_port}/v1"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def always(found: object, status: int = 200, **headers: str) -> Answer:
    """The same answer to every request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda body: (status, found, named)


def in_turn(answers: Sequence[tuple[int, object]]) -> Answer:
    """One answer after another, the last for ever."""
    left = list(answers)

    def answer(body: Body) -> tuple[int, Any, Mapping[str, str]]:
        status, found = left.pop(0) if len(left) > 1 else left[0]
        return status, found, {}

    return answer


def _pieces(found: object) -> Sequence[bytes]:
    if isinstance(found, bytes):
        return [found]
    if isinstance(found, list) and found and isinstance(found[0], bytes):
        return found
    return [json.dumps(found).encode()]
