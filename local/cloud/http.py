"""An HTTP API: SAM CLI's local API server with the routes of an OpenAPI document, answering as API Gateway does.

What SAM CLI (1.170.0) does otherwise, and is put right here: it does not know IAM authorisation; an unknown route is
403 "Missing Authentication Token"; a failing function is 502; header names keep their case; the event's time is the
moment of the import. The server class is no public API, hence the pinned version.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from flask import Response, g, request
from moto.core import DEFAULT_ACCOUNT_ID
from samcli.lib.providers.provider import Api
from samcli.local.apigw.local_apigw_service import LocalApigwService
from samcli.local.apigw.route import Route
from werkzeug.exceptions import InternalServerError

from local.cloud import credentials, iam, signatures
from local.cloud.lambda_limits import ThrottledError, TooLargeError

log = logging.getLogger(__name__)

ANY_METHOD = "x-amazon-apigateway-any-method"

Invoke = Callable[[str, str], tuple[str, bool]]


def routes(body: Mapping[str, Any]) -> Iterator[Route]:
    """The routes of an API's OpenAPI document; each one's function is the ARN that its integration invokes."""
    for path, methods in body.get("paths", {}).items():
        for method, operation in methods.items():
            integration = operation["x-amazon-apigateway-integration"]
            yield Route(
                function_name=integration["uri"].partition("/functions/")[2].removesuffix("/invocations"),
                path=path,
                methods=["ANY" if method == ANY_METHOD else method],
                event_type=Route.HTTP,
                payload_format_version=integration.get("payloadFormatVersion", "2.0"),
            )


def signed_routes(body: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Method and path of every route that takes only signed requests."""
    return {
        (verb, path)
        for path, methods in body.get("paths", {}).items()
        for method, operation in methods.items()
        for verb in (Route.ANY_HTTP_METHODS if method == ANY_METHOD else [method.upper()])
        if any("AWS_IAM" in requirement for requirement in operation.get("security", ()))
    }


def message(status: HTTPStatus) -> Response:
    """An answer of API Gateway itself."""
    return Response(f'{{"message":"{status.phrase}"}}', status, mimetype="application/json")


def nothing_found(environ: Any, start_response: Any) -> Any:
    """The WSGI application of a host without an API."""
    return message(HTTPStatus.NOT_FOUND)(environ, start_response)


class HttpApi(LocalApigwService):  # type: ignore[misc]
    """An API as a WSGI application (`app`); `invoke` runs a function by its ARN: event -> (answer, errored)."""

    def __init__(self, api_id: str, body: Mapping[str, Any], invoke: Invoke, port: int) -> None:
        runner = SimpleNamespace(is_debugging=lambda: False)
        super().__init__(Api([*routes(body)]), runner, port=port, host="127.0.0.1")
        self._id = api_id
        self._signed = signed_routes(body)
        self._invoke = invoke
        self.create()
        self.app = self._app
        self.app.after_request(tell)

    def _construct_error_handling(self) -> None:
        for status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
            self._app.register_error_handler(status, lambda _: message(HTTPStatus.NOT_FOUND))
        failed = HTTPStatus.INTERNAL_SERVER_ERROR
        self._app.register_error_handler(failed, lambda _: message(failed))
        self._app.register_error_handler(ThrottledError, lambda _: message(HTTPStatus.SERVICE_UNAVAILABLE))
        self._app.register_error_handler(TooLargeError, lambda _: message(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))

    def _request_handler(self, **path_parameters: Any) -> Any:
        g.caller = None
        if (request.method, self._get_current_route(request).path) in self._signed:
            try:
                g.caller = caller()
            except signatures.SignatureError as error:
                log.warning("%s %s refused: %s", request.method, request.path, error)
                return message(HTTPStatus.FORBIDDEN)
            if not iam.may_invoke_api(g.caller["accessKey"], request.method, request.path):
                return message(HTTPStatus.FORBIDDEN)
        return super()._request_handler(**path_parameters)

    def _generate_lambda_event(self, flask_request: Any, route: Any, method: str, endpoint: str) -> dict[str, Any]:
        """Payload 2.0; https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html"""
        event = super()._generate_lambda_event(flask_request, route, method, endpoint)
        now = datetime.now(UTC)
        headers = {name.lower(): value for name, value in event["headers"].items()}
        event["headers"] = headers
        event["requestContext"]["http"]["userAgent"] = headers.get("user-agent", "")
        event["requestContext"] |= {
            "accountId": DEFAULT_ACCOUNT_ID,
            "apiId": self._id,
            "domainName": flask_request.host,
            "requestId": str(uuid4()),
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now.timestamp() * 1000),
        }
        if g.caller:
            event["requestContext"]["authorizer"] = {"iam": g.caller}
        optional = ("body", "cookies", "pathParameters", "queryStringParameters", "stageVariables")
        return {name: value for name, value in event.items() if value or name not in optional}

    def _invoke_lambda_function(self, lambda_function_name: str, event: dict[str, Any], _: Any = None) -> str:
        answer, errored = self._invoke(lambda_function_name, json.dumps(event))
        if errored:
            raise InternalServerError
        return answer


def caller() -> dict[str, Any]:
    """Who signed the current request, as the event tells it; SignatureError where nobody did."""
    url = request.environ["RAW_URI"]
    target = url if urlsplit(url).scheme else f"http://{request.host}{url}"
    headers = {name.lower(): value for name, value in request.headers.items()}
    key, arn = signatures.check(
        request.method, target, headers, request.get_data(), credentials.find, datetime.now(UTC)
    )
    return {"accessKey": key, "accountId": DEFAULT_ACCOUNT_ID, "userArn": arn}


def tell(response: Response) -> Response:
    """Log one line per request."""
    log.info("%s %s -> %s", request.method, request.full_path.rstrip("?"), response.status_code)
    return response
