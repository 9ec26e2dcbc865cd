"""Calls to Usher's HTTP API, signed for API Gateway's IAM authorizer."""

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SECONDS = 30


class CallError(Exception):
    """The API answered with an error: its `status`, and its `body` (parsed, if it is JSON)."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller of the API at `url`. Without credentials its calls are unsigned, and the API refuses them."""

    url: str
    region: str
    credentials: Credentials | None

    def get(self, path: str, **query: str | int) -> Any:
        """The JSON answer to a GET. Raises CallError."""
        text = urllib.parse.urlencode(query, quote_via=urllib.parse.quote)
        return self._call("GET", f"{path}?{text}" if text else path, None)

    def post(self, path: str, body: object) -> Any:
        """The JSON answer to a POST. Raises CallError."""
        return self._call("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode())

    def put(self, path: str, body: object) -> Any:
        """The JSON answer to a PUT. Raises CallError."""
        return self._call("PUT", path, json.dumps(body).encode())

    def _call(self, method: str, path: str, body: bytes | None) -> Any:
        request = AWSRequest(method, self.url + path, data=body, headers={"Content-Type": "application/json"})
        if self.credentials:
            SigV4Auth(self.credentials, "execute-api", self.region).add_auth(request)
        sent = urllib.request.Request(self.url + path, body, dict(request.headers), method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(sent, timeout=SECONDS) as answer:  # noqa: S310
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise CallError(error.code, _parsed(error.read())) from None


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode("utf-8", "replace")
