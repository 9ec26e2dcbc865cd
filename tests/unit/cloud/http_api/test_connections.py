"""Connections to AWS's port: one serves many requests, and none survives the cloud."""

import io
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import BadStatusLine, HTTPConnection
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from usher_local.cloud.http_api.apis import listening, serving
from usher_local.cloud.http_api.connections import Connection


def app(environ: dict[str, Any], start_response: Any) -> Any:
    """Reads a request, as the signature check does, unless its path is `/refused`."""
    request = Request(environ)
    if request.path == "/refused":
        return Response("no", 403)(environ, start_response)
    body = request.get_data()
    environ["wsgi.input"] = io.BytesIO(body)
    if request.path == "/broken":
        raise LookupError
    if request.path == "/no-delay":
        body = b"%d" % environ["werkzeug.socket"].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    return Response(body, 204 if request.path == "/empty" else 200)(environ, start_response)


@pytest.fixture
def server() -> Iterator[tuple[HTTPConnection, ExitStack]]:
    """A connection before its start, and a function that ends the server."""
    with ExitStack() as stack:
        listener = stack.enter_context(listening(0))
        stack.enter_context(serving(listener, app, Connection))
        with closing(HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=10)) as connection:
            yield connection, stack


def ask(connection: HTTPConnection, method: str, path: str, body: bytes | Iterator[bytes] = b"") -> tuple[int, bytes]:
    connection.request(method, path, body)
    with connection.getresponse() as answer:
        return answer.status, answer.read()


def test_a_connection_serves_one_request_after_the_other(server: tuple[HTTPConnection, ExitStack]) -> None:
    connection, _ = server
    assert ask(connection, "PUT", "/", b"one") == (200, b"one")
    mine = connection.sock
    assert ask(connection, "PUT", "/", iter([b"in ", b"chunks"])) == (200, b"in chunks")
    assert ask(connection, "PUT", "/empty", b"two") == (204, b"")
    assert ask(connection, "HEAD", "/") == (200, b"")
    assert ask(connection, "PUT", "/broken", b"three")[0] == 500
    assert ask(connection, "PUT", "/", b"four") == (200, b"four")
    assert connection.sock is mine, "a new one was made"


def test_the_rest_of_an_answer_does_not_wait_for_an_acknowledgement(server: tuple[HTTPConnection, ExitStack]) -> None:
    """With Nagle's algorithm, each answer of more than 8 KB took 40 ms."""
    assert int(ask(server[0], "GET", "/no-delay")[1]) > 0


def test_a_request_refused_unread_is_answered_and_its_rest_is_no_request(
    server: tuple[HTTPConnection, ExitStack],
) -> None:
    connection, _ = server
    hidden = b"PUT / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n" * 100_000
    connection.request("PUT", "/refused", hidden)
    answer = connection.getresponse()
    assert (answer.status, answer.read(), answer.headers["Connection"]) == (403, b"no", "close")


def test_a_connection_does_not_outlive_the_server(server: tuple[HTTPConnection, ExitStack]) -> None:
    connection, stack = server
    assert ask(connection, "PUT", "/", b"one") == (200, b"one")
    stack.close()
    with pytest.raises((ConnectionError, BadStatusLine)):
        ask(connection, "PUT", "/", b"two")
