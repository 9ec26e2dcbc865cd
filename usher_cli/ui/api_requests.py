"""Requests of the HTTP API: the pages send them, and people copy them as curl or Python."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import boto3
from usher.errors import UsherError

from usher_cli.deployed_stack import DeployedStack
from usher_local.demo.caller import Caller, CallError

CURL = """\
API={url}
curl -sS --aws-sigv4 aws:amz:{region}:execute-api --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\
    ${{AWS_SESSION_TOKEN:+-H "X-Amz-Security-Token: $AWS_SESSION_TOKEN"}} \\
    {rest}
"""
PYTHON = """\
import json
from urllib.parse import quote, urlencode

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

url = {address!r}
query = {query!r}
body = {body!r}

url += "?" + urlencode(query, quote_via=quote) if query else ""
data = None if body is None else json.dumps(body)
request = AWSRequest({method!r}, url, data=data, headers={{"Content-Type": "application/json"}})
SigV4Auth(boto3.Session().get_credentials(), "execute-api", {region!r}).add_auth(request)
print(URLLib3Session().send(request.prepare()).text)
"""


class RefusedError(UsherError):
    """The API refuses a request, with its reason."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request. IDs are in the query or in the body, where every character is allowed."""

    method: str
    path: str
    """A path such as `/films/recommendations`."""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    def __str__(self) -> str:
        """The request's line without signature."""
        return f"{self.method} {self.path}" + (f"?{urlencode(self.query)}" if self.query else "")

    def as_curl(self, url: str, region: str) -> str:
        """A command for a shell. `url`: the API's address."""
        # curl signs the query as it is written: AWS requires alphabetical order.
        pairs = sorted(f"{name}={text}" for name, text in self.query.items())
        options = "".join(f" \\\n    --data-urlencode {shlex.quote(pair)}" for pair in pairs)
        rest = f'-G "$API{self.path}"{options}' if self.query else f'"$API{self.path}"'
        if self.body is not None:
            text = shlex.quote(json.dumps(self.body, ensure_ascii=False))
            rest += f" -H 'Content-Type: application/json' \\\n    -d {text}"
        return CURL.format(url=shlex.quote(url), region=region, rest=rest)

    def as_python(self, url: str, region: str) -> str:
        """A program that needs only boto3."""
        parts = {"query": dict(self.query), "body": self.body, "method": self.method}
        return PYTHON.format(address=url + self.path, region=region, **parts)


def ask(stack: DeployedStack, request: ApiRequest) -> Any:
    """The API's answer. Raises RefusedError, and OSError if it does not answer."""
    caller = Caller(stack.outputs["ApiUrl"], region_of(stack), boto3.Session().get_credentials())
    try:
        if request.method == "GET":
            return caller.get(request.path, **request.query)
        return caller.post(request.path, request.body)
    except CallError as error:
        answer = error.body if isinstance(error.body, dict) else {}
        code, message = answer.get("code", error.status), answer.get("message", error.body)
        raise RefusedError(f"{request.method} {request.path} answers {error.status} {code}: {message}") from None


def region_of(stack: DeployedStack) -> str:
    """The region of a stack."""
    region: str = stack.bucket.s3.meta.region_name
    return region


def recommendations(group: str, user: str, **options: str) -> ApiRequest:
    """Items for a user."""
    return ApiRequest("GET", f"/{group}/recommendations", {"userId": user, **_given(options)})


def similar_items(group: str, item: str, **options: str) -> ApiRequest:
    """Items similar to an item."""
    return ApiRequest("GET", f"/{group}/similar-items", {"itemId": item, **_given(options)})


def actions(group: str, user: str, **options: str) -> ApiRequest:
    """Actions for a user."""
    return ApiRequest("GET", f"/{group}/actions", {"userId": user, **_given(options)})


def rankings(group: str, user: str, items: list[str], **options: str) -> ApiRequest:
    """Items in a user's order."""
    return ApiRequest("POST", f"/{group}/rankings", body={"userId": user, "items": items, **_given(options)})


def send_events(group: str, user: str, event_type: str, items: list[str]) -> ApiRequest:
    """Events of a user, in a session of the page's own."""
    events = [{"eventType": event_type, "itemId": item} for item in items]
    return ApiRequest(
        "POST", f"/{group}/events", body={"userId": user, "sessionId": f"ui-{user}"[:256], "events": events}
    )


def events_of(group: str, user: str) -> ApiRequest:
    """A user's arrived events of the last 30 days."""
    return ApiRequest("GET", f"/{group}/users/events", {"userId": user, "numResults": "100"})


def _given(options: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in options.items() if text}
