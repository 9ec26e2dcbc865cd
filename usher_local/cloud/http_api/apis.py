"""The HTTP APIs of all stacks: each has a port of 127.0.0.1 of its own, as each has a host name on AWS."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from usher_local.cloud.http_api.connections import hang_up
from usher_local.cloud.http_api.cors import Cors
from usher_local.cloud.http_api.gateway import HttpApi, Invoke, nothing_found
from usher_local.cloud.http_api.request_gate import local_only
from usher_local.cloud.http_api.stages import Stage, metered

MAX_CONNECTIONS = 2000
"""The maximum of open connections per port: one for each concurrent function, and one for each of its requests."""


class PortTakenError(Exception):
    """Another program listens on a port."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} of 127.0.0.1 is taken")
        self.port = port


class Server(ThreadedWSGIServer):
    """Serves each connection in a thread and reuses threads: a start takes longer than reading a request."""

    pool: ThreadPoolExecutor

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread."""
        self.pool.submit(self.process_request_thread, request, client_address)


class Site:
    """A port with an exchangeable application; without one, every path is unknown."""

    def __init__(self, listener: socket.socket) -> None:
        self.port: int = listener.getsockname()[1]
        self.body: Mapping[str, Any] = {}
        self.stage: Stage | None = None
        self.app: Any = nothing_found
        self.closing = ExitStack()
        self.closing.enter_context(listener)
        self.closing.enter_context(
            serving(listener, lambda *request: self.app(*request), WSGIRequestHandler, lambda: Cors.of(self.body))
        )


class Apis:
    """Opens, changes and closes APIs by their IDs. The first port stays open, and is reused first.

    As on AWS, an API without a stage answers nothing.
    """

    def __init__(self, first: socket.socket, invoke: Invoke) -> None:
        self._invoke = invoke
        self._first = Site(first)
        self._sites: dict[str, Site] = {}
        self._lock = threading.Lock()

    def open(self, api_id: str, body: Mapping[str, Any]) -> str:
        """Serve an OpenAPI document. Returns the URL."""
        with self._lock:
            taken = self._first in self._sites.values()
            site = Site(socket.create_server(("127.0.0.1", 0), backlog=128)) if taken else self._first
            self._sites[api_id] = site
            site.body = body
        return f"http://127.0.0.1:{site.port}"

    def change(self, api_id: str, body: Mapping[str, Any]) -> None:
        """Serve another document at the same URL."""
        self._sites[api_id].body = body
        self.stage(api_id, self._sites[api_id].stage)

    def stage(self, api_id: str, stage: Stage | None) -> None:
        """Serve an API with a stage's settings; with None, stop serving it."""
        site = self._sites[api_id]
        site.stage, site.app = stage, nothing_found
        if stage:
            site.app = metered(HttpApi(api_id, site.body, self._invoke, site.port, stage).app, api_id)

    def close(self, api_id: str) -> None:
        """Stop serving an API."""
        with self._lock:
            site = self._sites.pop(api_id)
        site.app, site.stage = nothing_found, None
        if site is not self._first:
            site.closing.close()

    def shut(self) -> None:
        """Close every port."""
        for api_id in list(self._sites):
            self.close(api_id)
        self._first.closing.close()


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A listening socket on a port of 127.0.0.1. PortTakenError if the port is not free."""
    try:
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
    except OSError as error:
        raise PortTakenError(port) from error
    with listener:
        yield listener


@contextmanager
def serving(
    listener: socket.socket, app: Any, handler: type[WSGIRequestHandler], cors: Callable[[], Cors] = Cors
) -> Iterator[None]:
    """Serve a WSGI application, `local_only`; `cors` returns the CORS settings, with the pages that may call it.

    Each connection has a thread, since requests nest (task -> function -> service).
    """
    host, port = listener.getsockname()
    connections = set[socket.socket]()
    # Nagle's algorithm holds back the rest of an answer for 40 ms, until the client acknowledges the beginning.
    members = {"log_request": lambda *_: None, "connections": connections, "disable_nagle_algorithm": True}
    quiet = type("Quiet", (handler,), members)
    server = Server(host, port, local_only(app, port, cors), quiet, fd=listener.fileno())
    server.pool = ThreadPoolExecutor(MAX_CONNECTIONS, "request")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        hang_up(connections)
        server.pool.shutdown(wait=False)
        thread.join()
