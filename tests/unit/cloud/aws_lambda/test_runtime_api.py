"""The processes that may fetch a function's events, and answer them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, RemoteDisconnected

import pytest

from usher_local.cloud.aws_lambda.runtime_api import PREFIX, RuntimeApi


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with closing(RuntimeApi()) as api:
        yield api


@pytest.fixture
def other() -> Iterator[int]:
    """Another process of the same user."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid


@pytest.mark.parametrize(("method", "path"), [("GET", "invocation/next"), ("POST", "invocation/1/response")])
def test_another_process_gets_no_event_and_answers_none(api: RuntimeApi, other: int, method: str, path: str) -> None:
    api.serve(other)
    api.send({}, b"an event")
    refused = pytest.raises((RemoteDisconnected, ConnectionResetError))
    with closing(HTTPConnection(api.address)) as connection, refused:
        connection.request(method, PREFIX + path)
        connection.getresponse()
    assert api.reports.empty()


def test_the_runtimes_own_process_gets_the_event(api: RuntimeApi) -> None:
    api.serve(os.getpid())
    api.send({"Lambda-Runtime-Aws-Request-Id": "1"}, b"an event")
    with closing(HTTPConnection(api.address)) as connection:
        connection.request("GET", f"{PREFIX}invocation/next")
        assert connection.getresponse().read() == b"an event"
