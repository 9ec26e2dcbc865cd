"""Lambda's runtime API, from which AWS's runtime interface client takes work and to which it returns results.

Each worker has one.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

On AWS nobody else is in the execution environment. Here every user and every browser of the machine reaches the port,
and AWS's client sends no secret. So the runtime's own process must hold each connection, as Linux shows in `/proc`.
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
    """What a runtime reports: it asks for work (`next`), answers, failed in the handler, or failed before (`init`)."""

    kind: Literal["next", "response", "error", "init"]
    body: str = ""


class RuntimeApi:
    """Has an `address`; serves one process there, from `serve` on, until it is closed."""

    def __init__(self) -> None:
        self.reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._requests: queue.SimpleQueue[tuple[Mapping[str, str], bytes] | None] = queue.SimpleQueue()
        self._closed = False
        self._server = Server(("127.0.0.1", 0), type("Handler", (Handler,), {"api": self}))
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def serve(self, pid: int) -> None:
        """Answer a process, and no other."""
        self._server.pid = pid
        self._thread.start()

    def send(self, headers: Mapping[str, str], event: bytes) -> None:
        """Give the runtime an event, with Lambda's headers."""
        self._requests.put((headers, event))

    def next_request(self) -> tuple[Mapping[str, str], bytes] | None:
        """The next event, once there is one; None when the API is closed."""
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
    """Serves the process `pid`. Quiet about connections that end early: that is how a killed runtime looks."""

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
        """invocation/next, which is answered when there is an event."""
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
    """Where a symbolic link leads; "" where it is gone."""
    with suppress(OSError):
        return str(link.readlink())
    return ""


def hexadecimal(host: str, port: int) -> str:
    """An address as the kernel writes it."""
    number = int.from_bytes(socket.inet_aton(host), sys.byteorder)
    return f"{number:08X}:{port:04X}"
