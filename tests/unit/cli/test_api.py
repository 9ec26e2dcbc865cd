"""The command's requests to the HTTP API, and its output of the answers."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from rich.console import Console

from usher_cli.__main__ import main
from usher_cli.api import UNKNOWN, show_list
from usher_cli.deployed_stack import DeployedStack

ANSWER = {
    "itemList": [
        {"itemId": "i/1", "score": 0.5, "details": {"TITLE": "Alien", "GENRES": ["Horror", "Sci-Fi"]}},
        {"itemId": "i2", "score": 0.25, "details": {"TITLE": "Big"}},
    ],
    "source": "campaign",
    "solution": "for-you",
    "solutionVersion": "v1",
}


@dataclass
class RecordedApi:
    """An API, and the requests that it got."""

    url: str = ""
    requests: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def command(self, *arguments: str) -> int:
        """The exit status of the command, for a stack with this API."""
        url = self.url

        class Stack(DeployedStack):
            @property
            def outputs(self) -> dict[str, str]:
                return {"ApiUrl": url}

            def groups(self) -> list[str]:
                return ["films", "none"]

        return main(arguments, Stack)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordedApi]:
    """An API that answers each request with ANSWER, or with an error for the group `none`."""
    api = RecordedApi()

    class Api(BaseHTTPRequestHandler):
        def answer(self) -> None:
            assert self.headers["Authorization"].startswith("AWS4-HMAC-SHA256")
            url, length = urlsplit(self.path), int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else dict(parse_qsl(url.query))
            api.requests.append((self.command, url.path, body))
            is_known = not url.path.startswith("/none/")
            error = {"error": {"code": "UnknownGroup", "message": "There is no group none."}}
            events = {"accepted": 2, "queued": 0, "duplicates": 0, "warnings": [{"message": "i9 is unknown."}]}
            self.send_response(200 if is_known else 404)
            self.end_headers()
            answer = events if url.path.endswith("/events") else ANSWER
            self.wfile.write(json.dumps(answer if is_known else error).encode())

        do_GET = do_POST = answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with HTTPServer(("127.0.0.1", 0), Api) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        api.url = f"http://127.0.0.1:{server.server_port}"
        yield api
        server.shutdown()


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("recommend films u%1", ("GET", "/films/recommendations", {"userId": "u%1"})),
        (
            "recommend films u1 --results 3 --filter genre --value GENRE=Sci=Fi --details TITLE --context DEVICE=tv",
            (
                "GET",
                "/films/recommendations",
                {
                    "userId": "u1",
                    "numResults": "3",
                    "filter": "genre",
                    "filterValues": '{"GENRE": "Sci=Fi"}',
                    "details": "TITLE",
                    "context": '{"DEVICE": "tv"}',
                },
            ),
        ),
        ("similar films i/1 --user u1", ("GET", "/films/similar-items", {"itemId": "i/1", "userId": "u1"})),
        ("rank films u1 i2 i/1", ("POST", "/films/rankings", {"userId": "u1", "items": ["i2", "i/1"]})),
    ],
)
def test_lists_are_requested_and_shown(
    api: RecordedApi, capsys: pytest.CaptureFixture[str], line: str, request_: tuple[str, str, dict[str, Any]]
) -> None:
    assert api.command(*line.split()) == 0
    assert api.requests == [request_]
    text = capsys.readouterr().out
    assert [row.split() for row in text.splitlines()[:2]] == [
        ["itemId", "score", "TITLE", "GENRES"],
        ["1", "i/1", "0.5000", "Alien", "Horror,", "Sci-Fi"],
    ]
    assert "From: campaign for-you, version v1" in text
    assert api.command(*line.split(), "--json") == 0
    assert json.loads(capsys.readouterr().out) == ANSWER


def test_events_are_sent_in_the_order_in_which_they_are_typed(
    api: RecordedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert api.command("events", "send", "films", "u1", "watch", "i9", "i2") == 0
    events = [{"eventType": "watch", "itemId": item} for item in ("i9", "i2")]
    assert api.requests == [("POST", "/films/events", {"userId": "u1", "events": events})]
    assert "2 accepted" in (text := capsys.readouterr().out)
    assert "Warning: i9 is unknown." in text


def test_an_error_of_the_api_is_reported_in_its_words(api: RecordedApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert api.command("recommend", "none", "u1") == 1
    assert capsys.readouterr().err == "The API answers 404: There is no group none.\n"
    with pytest.raises(SystemExit):
        api.command("recommend", "films", "u1", "--value", "Comedy")
    assert "such as GENRE=Comedy" in capsys.readouterr().err


def test_a_list_for_an_unknown_user_says_so() -> None:
    text = io.StringIO()
    show_list(Console(file=text, width=200), ANSWER | {"known": False})
    assert UNKNOWN in text.getvalue()
