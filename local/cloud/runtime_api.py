"""Lambda's runtime API, which AWS's runtime interface client asks for work and tells of results; one for each worker.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import queue
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

PREFIX = "/2018-06-01/runtime/"


@dataclass(frozen=True, slots=True)
class Report:
    """What a runtime tells: it asks for work (`next`), answers, failed in the handler, or failed before (`init`)."""

    kind: Literal["next", "response", "error", "init"]
    body: str = ""


class RuntimeApi:
    """Serves one runtime on `address` until it is closed."""

    def __init__(self) -> None:
        self.reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._requests: queue.SimpleQueue[tuple[Mapping[str, str], bytes] | None] = queue.SimpleQueue()
        self._closed = False
        self._server = Server(("127.0.0.1", 0), type("Handler", (Handler,), {"api": self}))
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
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
    """Quiet about connections that end early: that is how a killed runtime looks."""

    def handle_error(self, *_: Any) -> None:
        """Tell nobody."""


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
