"""A strict OpenAI-shaped server on loopback: it answers by rules, counts what it is asked, and
refuses what it does not know with a 400, as the real ones do."""

import json
import math
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMON = {"model", "max_tokens", "temperature", "min_p", "seed", "stop", "structured_outputs"}
SURE = 0.75  # a student's probability for its answer
WANTED = re.compile(r"\b(people|day|name) is \w+")
BOOKING: dict[str, Any] = {
    "type": "object",
    "properties": {
        "people": {"type": "integer", "description": "how many come"},
        "day": {"type": "string", "description": "when they come", "x-normalize": ["case"]},
        "name": {"type": "string", "description": "who books", "x-verbatim": True},
    },
}
COUNTED = re.compile(r"\bcount\D*(\d+)")
SHUTDOWN_SECONDS = 0.02  # how often the server looks whether it is to end
ANIMALS = ("cats", "dogs", "birds")  # what a student says without being held to it
PATHS = {
    "/v1/completions": {"prompt", "cache_salt"},
    "/v1/chat/completions": {"messages", "logprobs", "cache_salt"},
}
NEEDED = {"prompt", "messages", "model", "max_tokens"}

Body = dict[str, Any]


@dataclass
class StandIn:
    """The server's address, what it was asked, and the faults it is told to show."""

    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    load: list[str] = field(default_factory=list)  # salts of load tests, whose bodies come again
    most_at_once: int = 0
    fail_after: int | None = None
    fail_next: int = 0
    fail_status: int = 500
    failed: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    odd_once: Body = field(default_factory=dict)  # takes the place of parts of one response
    short: tuple[str, int] = ("", 0)  # a model, by the start of its name, that takes so many words
    gather: int = 0  # requests of a load test are answered once so many are there
    _at_once: int = 0
    _gathered: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    @contextmanager
    def started(cls) -> Iterator["StandIn"]:
        """A server on a free port, stopped at the end."""
        standin = cls()
        handler = type("Handler", (_Handler,), {"standin": standin})
        server = _Server(("127.0.0.1", 0), handler)
        standin.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(SHUTDOWN_SECONDS,))
        thread.start()
        try:
            yield standin
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    @property
    def total(self) -> int:
        """How many requests were answered."""
        return sum(self.asked.values())

    def answer(self, path: str, body: Body) -> tuple[int, Body]:
        """(status, response) to a request."""
        if problem := _problem(path, body):
            return 400, {"error": {"message": problem, "type": "invalid_request_error"}}
        model, most = self.short
        if most and body["model"].startswith(model) and len(_asked(body).split()) > most:
            too_long = f"This model's maximum context length is {most} tokens"
            return 400, {"error": {"message": too_long, "type": "invalid_request_error"}}
        with self._lock:
            late = self.fail_after is not None and self.total >= self.fail_after
            self.fail_next -= (passes := self.fail_next > 0)
            if late or passes:
                self.failed += 1
                return self.fail_status, {
                    "error": {"message": "told to fail", "type": "server_error"}
                }
            if salt := body.get("cache_salt"):
                self.load.append(salt)
            else:
                self.asked[json.dumps([path, body], sort_keys=True)] += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            if self._at_once >= self.gather:
                self._gathered.set()
        if self.gather and len(self.load) > 1:
            self._gathered.wait(timeout=60)
        time.sleep(0.001)  # lets requests overlap; nothing waits for it
        with self._lock:
            self._at_once -= 1
            odd, self.odd_once = self.odd_once, {}
        return 200, _response(path, body) | odd


def _problem(path: str, body: Body) -> str | None:
    if path not in PATHS:
        return f"no such path {path}"
    own = PATHS[path]
    if unknown := set(body) - COMMON - own:
        return f"unknown parameters {sorted(unknown)}"
    if missing := NEEDED & (own | COMMON) - set(body):
        return f"missing parameters {sorted(missing)}"
    constraint = body.get("structured_outputs", {"choice": ["x"]})
    if len(constraint) != 1 or not (constraint.get("choice") or constraint.get("json")):
        return "structured_outputs needs exactly one constraint"
    return None


def _asked(body: Body) -> str:
    text: str = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
    return text


def _response(path: str, body: Body) -> Body:
    text = _asked(body)
    if "structured_outputs" in body:
        constraint = body["structured_outputs"]
        choices, schema = constraint.get("choice"), constraint.get("json")
        answer = _label(text, choices) if choices else _object(text, schema)
        if choices and choices[0].strip() == "A":
            answer = _verdict(text, choices)
    elif text.endswith("=>") or COUNTED.search(text.splitlines()[-1]):
        answer = _count(text.splitlines()[-1])
    elif WANTED.search(text.splitlines()[-1]):
        answer = _object(text, BOOKING)
    else:
        answer = _invent(text, body) if "prompt" in body else _label(text, ANIMALS)
    usage = {"prompt_tokens": len(text.split()), "completion_tokens": len(answer.split())}
    usage["total_tokens"] = sum(usage.values())
    choice: Body = {"index": 0, "finish_reason": "stop"}
    if "prompt" in body:
        choice["text"] = answer
    else:
        choice["message"] = {"role": "assistant", "content": answer}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [{"token": answer, "logprob": math.log(SURE)}]}
    kind = "text_completion" if "prompt" in body else "chat.completion"
    identity = {"id": "x", "object": kind, "created": 0, "model": body["model"]}
    return identity | {"choices": [choice], "usage": usage}


def _label(text: str, choices: Sequence[str]) -> str:
    """The label whose word stands in the last line, else the first."""
    last = text.splitlines()[-1]
    return next((choice for choice in choices if choice[:-1] in last), choices[0])


def _object(text: str, schema: Body) -> str:
    """The schema's fields that the last line gives a value, as "people is 4"; no whole object for
    what says "break off"."""
    if "break off" in text.splitlines()[-1]:
        return '{"people":'
    found: Body = {}
    for name, part in schema["properties"].items():
        if said := re.search(rf"\b{name} is (\w+)", text.splitlines()[-1]):
            found[name] = int(said[1]) if part["type"] == "integer" else said[1]
    return json.dumps(found, separators=(",", ":"))


def _count(line: str) -> str:
    """The number of what is counted, as a text; a student (its line has no "=>") fails at what
    comes badly, and everybody has nothing to say to what is silent."""
    found = COUNTED.search(line)
    if "silent" in line:
        return " "
    if "badly" in line and not line.endswith("=>"):
        return "it is 0"
    return f"it is {found[1]}" if found else "it is none"


def _verdict(text: str, choices: Sequence[str]) -> str:
    """Which of two answers in "input | answer | answer" has the number; the first one of a judge
    that is told to like it."""
    line = text.splitlines()[-1]
    asked, first, second = (part.strip() for part in line.split("|"))
    right = _count(f"{asked} =>")
    better = (first == right) - (second == right)
    if "biased" in text:
        better = 1
    return next(c for c in choices if c.strip() == {1: "A", 0: "same", -1: "B"}[better])


def _invent(text: str, body: Body) -> str:
    """A new message about the label in the prompt's first line; now and then about another one, an
    empty one or a copy, so that curation has work."""
    seed = int(body["seed"])
    if fields := re.search(r"^With ([\w, ]+):", text):
        names = [] if seed % 10 == 1 else fields[1].split(", ")
        said = (f"{name} is {seed % 9 if name == 'people' else f'x{seed}'}" for name in names)
        return f" hello from {seed}, " + ", ".join(said)
    found = re.search(r"About (\w+)s:", text)
    assert found is not None, text
    variants = {0: "", 1: "the wrong one is a dog", 2: f"a {found[1]}  twice SEEN"}
    return " " + variants.get(seed % 10, f"my {found[1]} has the number {seed}")


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a client that finds the queue full waits a second


class _Handler(BaseHTTPRequestHandler):
    standin: StandIn
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each body waits 40 ms for the ACK of its headers

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, response = self.standin.answer(self.path, body)
        data = json.dumps(response).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in self.standin.headers.items():
            self.send_header(name, value)
        with suppress(ConnectionError):  # whoever asked may have ended at another's failure
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""
