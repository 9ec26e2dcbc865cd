"""Custom resources of CloudFormation: a function gets a request, and PUTs its answer to an address in it.

On AWS, the address is a presigned one of S3; here, it is a port of this machine, with a secret path.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

import json
import secrets
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import uuid4

from moto.awslambda.models import lambda_backends

from usher_local.cloud.cloudformation.provider import Place, Properties, Provider, Resource, ResourceError

CUSTOM = "AWS::CloudFormation::CustomResource"
TIMEOUT_SECONDS = 3600
"""The default of ServiceTimeout."""
MAX_RESPONSE_BYTES = 4096


def family(kind: str) -> str:
    """The type whose provider handles a type: all types of `Custom::` are custom resources."""
    return CUSTOM if kind.startswith("Custom::") else kind


@dataclass
class Made(Resource):
    """A custom resource, with the properties of its creation."""

    properties: Properties = field(default_factory=dict)


class _Answers(HTTPServer):
    """A server that receives one answer at a secret path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.path = f"/{secrets.token_urlsafe()}"
        self.answer: dict[str, Any] = {}

    def wait(self, seconds: float) -> dict[str, Any]:
        """The answer; empty if none has come in time."""
        deadline = time.perf_counter() + seconds
        while not self.answer and (rest := deadline - time.perf_counter()) > 0:
            self.timeout = min(rest, 1.0)
            self.handle_request()
        return self.answer


class _Taking(BaseHTTPRequestHandler):
    server: _Answers

    def do_PUT(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        is_fit = self.path == self.server.path and size <= MAX_RESPONSE_BYTES
        if is_fit:
            self.server.answer = json.loads(self.rfile.read(size))
        self.send_response(200 if is_fit else 403)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def ask(kind: str, place: Place, properties: Properties, **members: Any) -> dict[str, Any]:
    """The function's answer to a request. Raises ResourceError if it fails, or if none comes."""
    arn = str(properties["ServiceToken"])
    function = lambda_backends[place.account][place.region].get_function(arn)
    request = {
        "RequestType": kind,
        "RequestId": str(uuid4()),
        "StackId": place.stack_id,
        "LogicalResourceId": place.logical_id,
        "ResourceType": CUSTOM,
        "ServiceToken": arn,
        "ResourceProperties": properties,
        **members,
    }
    with _Answers() as answers:
        request["ResponseURL"] = f"http://127.0.0.1:{answers.server_port}{answers.path}"
        place.submit(function, json.dumps(request), arn)
        answer = answers.wait(float(properties.get("ServiceTimeout", TIMEOUT_SECONDS)))
    if not answer:
        raise ResourceError(
            "CloudFormation did not receive a response from your Custom Resource. Please check your "
            f"logs for requestId [{request['RequestId']}]."
        )
    if answer["Status"] != "SUCCESS":
        raise ResourceError(
            "Received response status [FAILED] from custom resource. Message returned: "
            f"{answer.get('Reason')} (RequestId: {request['RequestId']})"
        )
    return answer


def create(_: str, properties: Properties, place: Place) -> Made:
    """Create the resource with the ID and attributes of the function's answer."""
    answer = ask("Create", place, properties)
    return Made(answer["PhysicalResourceId"], answer.get("Data", {}), properties)


def update(made: Made, old: Properties, new: Properties, place: Place) -> Made:
    """Update the resource with the ID and attributes of the function's answer."""
    answer = ask("Update", place, new, PhysicalResourceId=made.physical_resource_id, OldResourceProperties=old)
    return Made(answer["PhysicalResourceId"], answer.get("Data", {}), new)


def delete(made: Made, place: Place) -> None:
    """Delete the resource; the function may refuse it."""
    ask("Delete", place, made.properties, PhysicalResourceId=made.physical_resource_id)


PROVIDER = Provider(create, delete, update)
