"""Lambda's runtime API: AWS's runtime interface client fetches events there and returns results. Each worker has one.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

On AWS, the execution environment has no other processes. Here, every user and every browser of the machine can reach
the port, and AWS's client sends no secret. So the runtime's own process must hold each connection, as Linux shows in
`/proc`.
"""

import queue
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

PREFIX = "/2018-06-01/runtime/"


@dataclass(frozen=True, slots=True)
class Report:
    """A report of a runtime: a request for work (`next`), an answer, or an error in the handler or before (`init`)."""

    kind: Literal["next", "response", "error", "init"]
    body: str = ""


class RuntimeApi:
    """A server at `address` that serves one process, from `serve` until `close`."""

    def __init__(self) -> None:
        self.reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._requests: queue.SimpleQueue[tuple[Mapping[str, str], bytes] | None] = queue.SimpleQueue()
        self._closed = False
        self._server = Server(("127.0.0.1", 0), type("Handler", (Handler,), {"api": self}))
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def serve(self, pid: int) -> None:
        """Answer the requests of this process only."""
        self._server.pid = pid
        self._thread.start()

    def send(self, headers: Mapping[str, str], event: bytes) -> None:
        """Give the runtime an event, with Lambda's headers."""
        self._requests.put((headers, event))

    def next_request(self) -> tuple[Mapping[str, str], bytes] | None:
        """The next event, after it arrives; None if the API is closed."""
        self.reports.put(Report("next"))
        return self._requests.get()

    def _serve(self) -> None:
        while not self._closed:
            self._server.handle_request()

    def close(self) -> None:
        """Stop serving."""
        self._closed = True
        self._requests.put(None)
        self._server.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.server_close()


class Server(ThreadingHTTPServer):
    """Serves the process `pid`. It ignores connections that end early, as those of a killed runtime do."""

    pid: int

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the base class's signature
        """Whether the process holds the other end of a connection."""
        return holds(self.pid, request)

    def handle_error(self, *_: Any) -> None:
        """Print nothing."""


class Handler(BaseHTTPRequestHandler):
    """The four operations that a runtime uses."""

    api: RuntimeApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """invocation/next, answered when there is an event."""
        request = self.api.next_request() if self.path == f"{PREFIX}invocation/next" else None
        if request is None:
            self.close_connection = True
            return
        headers, event = request
        self._answer(HTTPStatus.OK, event, headers)

    def do_POST(self) -> None:
        """init/error, invocation/{request id}/response and /error."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")
        path = self.path.removeprefix(PREFIX)
        kind: Literal["response", "error", "init"] = "response" if path.endswith("/response") else "error"
        self.api.reports.put(Report("init" if path == "init/error" else kind, body))
        self._answer(HTTPStatus.ACCEPTED, b'{"status":"OK"}', {})

    def _answer(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def holds(pid: int, connection: socket.socket) -> bool:
    """Whether a process holds the other end of an IPv4 connection of this machine.

    https://docs.kernel.org/networking/proc_net_tcp.html
    """
    ends = f" {hexadecimal(*connection.getpeername())} {hexadecimal(*connection.getsockname())} "
    with suppress(OSError, StopIteration):
        line = next(line for line in Path("/proc/net/tcp").read_text().splitlines() if ends in line)
        wanted = f"socket:[{line.split()[9]}]"
        return any(target(link) == wanted for link in Path(f"/proc/{pid}/fd").iterdir())
    return False


def target(link: Path) -> str:
    """The target of a symbolic link; "" if the link does not exist."""
    with suppress(OSError):
        return str(link.readlink())
    return ""


def hexadecimal(host: str, port: int) -> str:
    """An address in the kernel's notation."""
    number = int.from_bytes(socket.inet_aton(host), sys.byteorder)
    return f"{number:08X}:{port:04X}"
