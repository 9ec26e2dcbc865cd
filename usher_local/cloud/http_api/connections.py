"""Persistent connections to AWS's port: one request after the other, as with AWS.

Werkzeug's server closes a connection after each answer, since it can't know whether the whole request was read. But a
function makes dozens of requests, and a new connection for each took a fifth of its time and of the server's.
"""

import io
import socket
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.exceptions import InternalServerError

BODYLESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
LINGER_SECONDS = 1.0
"""The longest pause of a client that still sends the rest of a refused request."""
READ_BYTES = 1 << 16

Head = tuple[str, list[tuple[str, str]]]
"""The status and the headers of an answer."""


class Connection(MotoRequestHandler):  # type: ignore[misc]
    """Answers the requests of a connection, until one is refused before it is read."""

    connections: set[socket.socket]
    """All open connections of a server; each server's handler is a subclass with a set of its own."""
    wbufsize = -1  # head and small bodies are sent together

    def setup(self) -> None:  # noqa: D102 - as in the base class
        super().setup()
        self.connections.add(self.connection)

    def finish(self) -> None:  # noqa: D102
        self.connections.discard(self.connection)
        super().finish()

    def run_wsgi(self) -> None:
        """Answer a request, unless the server has hung up."""
        if self.connection not in self.connections:
            self.close_connection = True
            return
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        self.environ = environ = self.make_environ()
        try:
            head, body = answer(self.server.app, environ)
        except Exception as error:
            self.server.log("error", f"Error on request: {error!r}")
            head, body = answer(InternalServerError(), environ)
        # `signed_only` reads each accepted request, and replaces the input by its content.
        is_read = isinstance(environ["wsgi.input"], io.BytesIO)
        self._send(head, body, keep=is_read)
        if not is_read:
            self._drain()

    def _send(self, head: Head, body: bytes, *, keep: bool) -> None:
        status, headers = head
        number, _, phrase = status.partition(" ")
        self.send_response(int(number), phrase)
        for name, value in headers:
            self.send_header(name, value)
        named = {name.lower() for name, _ in headers}
        if "content-length" not in named and self.command != "HEAD" and int(number) not in BODYLESS:
            self.send_header("Content-Length", str(len(body)))
        if not keep:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _drain(self) -> None:
        """Read the rest of the client's request: otherwise, the client would see a reset connection, not the answer."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(LINGER_SECONDS)
            while self.connection.recv(READ_BYTES):
                pass


def answer(app: Any, environ: dict[str, Any]) -> tuple[Head, bytes]:
    """The answer of a WSGI application."""
    heads: list[Head] = []

    def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
        heads.append((status, headers))

    chunks = app(environ, start)
    try:
        body = b"".join(chunks)
        return heads[-1], body
    finally:
        getattr(chunks, "close", lambda: None)()


def hang_up(connections: set[socket.socket]) -> None:
    """Take no more requests. Running ones are answered."""
    while connections:
        with suppress(OSError):
            connections.pop().shutdown(socket.SHUT_RD)  # Linux still delivers data that arrives after that
