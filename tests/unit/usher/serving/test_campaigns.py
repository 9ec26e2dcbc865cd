"""Failures of Personalize, by a server of our own: every call ends in time, with a reason."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from usher.aws import within
from usher.serving.breaker import MAX_FAILURES, Breakers, RetryBudget
from usher.serving.campaigns import Campaigns, OutageError, outage_reason

ARN = "arn:aws:personalize:us-east-1:123456789012:campaign/c"
SECONDS = 0.25
LIST = b'{"itemList": [{"itemId": "a"}], "recommendationId": "r"}'


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An answer after which the server closes: its header tells the client not to reuse the connection."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def refusal(code: str, status: str) -> bytes:
    return http(b'{"message": "Its own words."}', status, f"x-amzn-ErrorType: {code}")


class Server:
    """Answers each request with the next bytes; None: never."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.answers: list[bytes | None] = []
        self.requests = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self._open.append(connection)
            self._read(connection)
            answer = self.answers[min(self.requests, len(self.answers) - 1)]
            self.requests += 1
            if answer is not None:
                connection.sendall(answer)
                connection.close()

    def _read(self, connection: socket.socket) -> None:
        """Read a whole request: a connection that is closed before that is reset, and its answer lost."""
        head = body = b""
        while not head.endswith(b"\r\n\r\n") and (byte := connection.recv(1)):
            head += byte
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        while len(body) < int(length[1] if length else 0):
            body += connection.recv(65536)

    def close(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # otherwise the thread would take one more request
        for one in (self.socket, *self._open):
            one.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def campaigns_at(url: str, saved: int = 100) -> Campaigns:
    """Campaigns at an address, with the budget that so many requests have saved."""
    make: Any = boto3.client
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    runtime = make("personalize-runtime", "us-east-1", endpoint_url=url, config=within(SECONDS), **keys)
    budget = RetryBudget()
    for _ in range(saved):
        budget.count_request()
    return Campaigns(runtime, budget=budget)


def ask(campaigns: Campaigns) -> Mapping[str, Any]:
    return campaigns.ask("get_recommendations", ARN, "itemList", {"campaignArn": ARN, "userId": "u"})


GOOD = http(LIST)
WRONG: Mapping[str, tuple[bytes | None, str]] = {
    "never": (None, "Timeout"),
    "500": (http(b"", "500 Oops"), "ServerError"),
    "503": (refusal("ServiceUnavailableException", "503 x"), "ServerError"),
    "503 in HTML": (http(b"<html>", "503 x"), "ServerError"),
    "throttled": (refusal("ThrottlingException", "400 x"), "Throttled"),
    "throttled by 429": (refusal("TooManyRequestsException", "429 x"), "Throttled"),
    "gone": (refusal("ResourceNotFoundException", "404 x"), "NotFound"),
    "denied": (refusal("AccessDeniedException", "403 x"), "Refused"),
    "keys that have expired": (refusal("ExpiredTokenException", "403 x"), "Refused"),
    "elsewhere": (http(b"", "301 x", "Location: http://127.0.0.1:1/"), "Refused"),
    "closed": (b"", "Unreachable"),
    "no HTTP": (b"\x00\x01garbage\r\n\r\n", "Unreachable"),
    "chunks that are none": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}", "Unreachable"),
    "cut": (GOOD[:-9], "Malformed"),
    "nothing": (http(b""), "Malformed"),
    "no JSON": (http(b"not json"), "Malformed"),
    "no UTF-8": (http(b"\xff\xfe"), "Malformed"),
    "no gzip": (http(b"abc", "200 OK", "Content-Encoding: gzip"), "Malformed"),
    **{
        body: (http(body.encode()), "Malformed")
        for body in (
            "[]",
            "null",
            "5",
            '"text"',
            "{}",
            '{"itemList": null}',
            '{"itemList": "x"}',
            '{"itemList": {"itemId": "x"}}',
            '{"itemList": [5, null]}',
            '{"itemList": [{}]}',
            '{"itemList": [{"itemId": 5}]}',
            '{"itemList": [{"itemId": ["x"]}]}',
        )
    },
    "a refusal that is none": (http(b"[]", "400 x"), "Malformed"),
}


@pytest.mark.parametrize("name", WRONG)
def test_every_failure_ends_in_time_with_a_reason(server: Server, name: str) -> None:
    answer, reason = WRONG[name]
    server.answers = [answer]
    campaigns, start = campaigns_at(server.url, saved=0), time.monotonic()
    with pytest.raises(OutageError) as caught:
        ask(campaigns)
    assert caught.value.reason == reason
    assert time.monotonic() - start < 10 * SECONDS  # botocore alone would wait for a minute
    assert server.requests == 1, "botocore does not retry"


def test_an_unreachable_server_is_a_reason_too(server: Server) -> None:
    server.close()
    with pytest.raises(OutageError) as caught:
        ask(campaigns_at(server.url))
    assert caught.value.reason == "Unreachable"


def test_the_callers_fault_is_no_outage_and_closes_the_breaker(server: Server) -> None:
    server.answers = [http(b"", "500 x"), refusal("InvalidInputException", "400 x"), http(b"", "500 x")]
    campaigns = campaigns_at(server.url, saved=0)
    with pytest.raises(OutageError):
        ask(campaigns)
    with pytest.raises(ClientError, match="Its own words"):
        ask(campaigns)
    assert campaigns.breakers.reason(ARN) == ""
    with pytest.raises(ParamValidationError):
        campaigns.ask("get_recommendations", ARN, "itemList", {"campaignArn": ARN, "numResults": "x"})


def scripted(*outcomes: Exception | float | Mapping[str, Any]) -> tuple[Campaigns, list[float]]:
    """Campaigns whose calls end as the script says, after so many seconds on the clock that precede an outcome."""
    clock, script, calls = [0.0], iter(outcomes), list[float]()

    def call(**_: Any) -> Any:
        calls.append(clock[0])
        outcome = next(script)
        if isinstance(outcome, float):
            clock[0] += outcome
            outcome = next(script)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    now: Callable[[], float] = lambda: clock[0]  # noqa: E731
    runtime: Any = SimpleNamespace(get_recommendations=call)
    return Campaigns(runtime, Breakers(now), RetryBudget(), now), calls


BROKEN = ClientError({"Error": {"Code": "InternalFailure", "Message": ""}}, "GetRecommendations")
BUSY = ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "GetRecommendations")
ANSWER = {"itemList": [{"itemId": "a"}]}


def test_a_fast_failure_is_tried_again_once_within_the_budget() -> None:
    campaigns, calls = scripted(*[ANSWER] * 9, BROKEN, ANSWER, BROKEN, ANSWER)
    for _ in range(10):
        assert ask(campaigns) == ANSWER
    assert len(calls) == 11
    with pytest.raises(OutageError):
        ask(campaigns)  # the budget is used up
    assert ask(campaigns) == ANSWER


@pytest.mark.parametrize("outcomes", [(0.06, BROKEN), (BUSY,)], ids=["slow", "throttled"])
def test_a_failure_that_another_call_would_make_worse_is_not_tried_again(outcomes: tuple[Any, ...]) -> None:
    campaigns, calls = scripted(*[ANSWER] * 20, *outcomes)
    for _ in range(20):
        ask(campaigns)
    with pytest.raises(OutageError):
        ask(campaigns)
    assert len(calls) == 21


def test_an_open_breaker_keeps_the_reason_and_makes_no_call() -> None:
    campaigns, calls = scripted(*[BUSY] * MAX_FAILURES)
    reasons = []
    for _ in range(MAX_FAILURES + 3):
        with pytest.raises(OutageError) as caught:
            ask(campaigns)
        reasons.append(caught.value.reason)
    assert len(calls) == MAX_FAILURES
    assert reasons == ["Throttled"] * (MAX_FAILURES + 3)


def test_a_campaign_that_is_gone_opens_no_breaker() -> None:
    gone = ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "GetRecommendations")
    campaigns, calls = scripted(*[gone] * 5)
    for _ in range(5):
        with pytest.raises(OutageError):
            ask(campaigns)
    assert len(calls) == 5
    assert outage_reason(gone) == "NotFound"
