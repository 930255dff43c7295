"""A W&B server on the loopback interface that keeps what the real client sends it."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal


@dataclass
class Received:
    """What the client has sent so far."""

    url: str = ""
    errors: list[str] = field(default_factory=list)
    operations: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    streamed: list[dict[str, Any]] = field(default_factory=list)
    uploads: dict[str, bytes] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    sweeps: dict[str, str] = field(default_factory=dict)
    fault: int | Literal["", "hang", "reset"] = ""
    """What is wrong with the server: a status that it answers with, or no answer, or connections that it breaks off."""
    commands: list[dict[str, Any]] = field(default_factory=list)
    """What the agents of sweeps are still to do; each heartbeat hands out the first one."""

    @property
    def history(self) -> list[dict[str, Any]]:
        """The rows of the history, in order of arrival."""
        lines = [line for body in self.streamed for line in self._lines(body, "wandb-history.jsonl")]
        return [json.loads(line) for line in lines]

    @property
    def summary(self) -> dict[str, Any]:
        """The last summary."""
        lines = [line for body in self.streamed for line in self._lines(body, "wandb-summary.json")]
        return json.loads(lines[-1]) if lines else {}

    def of(self, run: str) -> Received:
        """What concerns one run of the history, the summary and the exit codes."""
        return dataclasses.replace(self, streamed=[body for body in self.streamed if body["run"] == run])

    @property
    def exit_codes(self) -> list[int]:
        """The exit codes with which runs were completed."""
        return [body["exitcode"] for body in self.streamed if body.get("complete")]

    @staticmethod
    def _lines(body: dict[str, Any], name: str) -> list[str]:
        return body.get("files", {}).get(name, {}).get("content", [])


@contextlib.contextmanager
def serve() -> Iterator[Received]:
    """Answer the W&B client on a free loopback port until the context ends."""
    received = Received()

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Keep the errors for the test; a client that hangs up is none."""
            error = sys.exception()
            if not isinstance(error, ConnectionError):
                received.errors.append(repr(error))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

        def parse_request(self) -> bool:
            return super().parse_request() and not self._troubled()

        def do_GET(self) -> None:
            self._body()
            self._answer({})

        def do_PUT(self) -> None:
            received.uploads[self.path.removeprefix("/upload/")] = self._body()
            self._answer({})

        def do_POST(self) -> None:
            content = self._body()
            if self.path == "/graphql":
                body = json.loads(content)
                name = body.get("operationName") or body["query"].split("(")[0].split()[-1].rstrip("{").strip()
                received.operations.append((name, body.get("variables") or {}))
                self._answer({"data": _graphql(received, name, body.get("variables") or {})})
            else:
                if self.path.endswith("/file_stream"):
                    received.streamed.append({**json.loads(content), "run": self.path.split("/")[-2]})
                self._answer({})

        def _troubled(self) -> bool:
            """Do what is wrong with the server instead of an answer."""
            fault = received.fault
            if isinstance(fault, int):
                self._body()
                self.send_response(fault)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return True
            while received.fault == "hang":
                time.sleep(0.05)
            if fault == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = bool(fault)
            return bool(fault)

        def _body(self) -> bytes:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return gzip.decompress(content) if self.headers.get("Content-Encoding") == "gzip" else content

        def _answer(self, content: dict[str, Any]) -> None:
            encoded = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

    server = Server(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _graphql(received: Received, name: str, variables: dict[str, Any]) -> dict[str, Any]:
    if name == "UpsertBucket":
        return {"upsertBucket": {"bucket": _bucket(received, variables), "inserted": True}}
    if name == "RunResumeStatus":
        return {
            "model": {
                "name": variables["project"],
                "entity": {"name": "tester"},
                "bucket": _resume(received, variables),
            }
        }
    if name == "Viewer":
        return {"viewer": {"id": "1", "entity": "tester", "username": "tester", "flags": "{}", "teams": {"edges": []}}}
    if name == "CreateRunFiles":
        files = [
            {"name": file, "uploadUrl": f"{received.url}/upload/{file}", "uploadHeaders": []}
            for file in variables["files"]
        ]
        return {"createRunFiles": {"runID": "1", "uploadHeaders": [], "files": files}}
    return _sweep_graphql(received, name, variables)


def _sweep_graphql(received: Received, name: str, variables: dict[str, Any]) -> dict[str, Any]:
    if name == "UpsertSweep":
        sweep = f"sweep{len(received.sweeps)}"
        received.sweeps[sweep] = variables["config"]
        project = {"id": "p", "name": variables["projectName"], "entity": {"id": "e", "name": "tester"}}
        return {"upsertSweep": {"sweep": {"name": sweep, "project": project}, "configValidationWarnings": []}}
    if name == "SweepWithRuns":
        sweep = variables["sweep"]
        found = {"id": sweep, "name": sweep, "state": "RUNNING", "config": received.sweeps[sweep]}
        return {"project": {"sweep": {**found, "runs": {"edges": []}}}}
    if name == "CreateAgent":
        return {"createAgent": {"agent": {"id": "agent"}}}
    if name == "Heartbeat":
        commands = [received.commands.pop(0)] if received.commands else []
        return {"agentHeartbeat": {"agent": {"id": "agent"}, "commands": json.dumps(commands)}}
    return {}


def _resume(received: Received, variables: dict[str, Any]) -> dict[str, Any] | None:
    if variables["name"] not in received.runs:
        return None
    return {
        "id": f"id-{variables['name']}",
        "name": variables["name"],
        "historyLineCount": len(received.history),
        "eventsLineCount": 0,
        "logLineCount": 0,
        "historyTail": json.dumps([json.dumps(row) for row in received.history[-1:]]),
        "summaryMetrics": json.dumps(received.summary),
        "config": received.runs[variables["name"]]["config"],
        "eventsTail": "[]",
        "tags": [],
        "wandbConfig": json.dumps({"t": 1}),
    }


def _bucket(received: Received, variables: dict[str, Any]) -> dict[str, Any]:
    name = variables["name"]
    received.runs.setdefault(name, {}).update({key: value for key, value in variables.items() if value is not None})
    return {
        "id": f"id-{name}",
        "name": name,
        "displayName": variables.get("displayName") or name,
        "description": None,
        "config": variables.get("config"),
        "sweepName": None,
        "historyLineCount": 0,
        "project": {"id": "p", "name": variables["project"], "entity": {"id": "e", "name": "tester"}},
    }
