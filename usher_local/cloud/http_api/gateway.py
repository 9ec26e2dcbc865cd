"""An HTTP API: SAM CLI's local API server with the routes of an OpenAPI document, answering as API Gateway does.

SAM CLI's differences (1.170.0), which are repaired here: it supports neither IAM authorisation nor tokens; an unknown
route is 403 "Missing Authentication Token"; a failing function is 502; header names keep their case; the event's time
is the time of the import; there are no limits of time, size or rate; parameters of the path are decoded once, while an
HTTP API decodes the path for routing and then each parameter again, so that only `%2525` arrives as `%`; repeated
slashes are merged, and a final one is ignored; HEAD is accepted for a GET route, and fails; a body that is not UTF-8
ends in an error, while AWS passes binary bodies in base64.

AWS documents neither its answer to a `%` that is not an escape (404 here), nor whether IAM checks the path as sent or
as decoded (here, policies must allow both). The server class is not a public API, hence the pinned version.
"""

import base64
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from flask import Response, g, request
from moto.core import DEFAULT_ACCOUNT_ID
from samcli.lib.providers.provider import Api
from samcli.local.apigw.local_apigw_service import LocalApigwService
from samcli.local.apigw.route import Route
from werkzeug.exceptions import InternalServerError, ServiceUnavailable

from usher_local.cloud.access import credentials, iam, sigv4
from usher_local.cloud.aws_lambda.limits import ThrottledError, TooLargeError
from usher_local.cloud.http_api.authorizers import Authorizer, AuthorizerRequest, RefusedError, authorizers, required
from usher_local.cloud.http_api.cors import Cors
from usher_local.cloud.http_api.stages import Stage, Throttle, write_access_log

log = logging.getLogger(__name__)

TIME = "%d/%b/%Y:%H:%M:%S +0000"
STAGE = "$default"
ANY_METHOD = "x-amazon-apigateway-any-method"

Invoke = Callable[[str, str, str, str], tuple[str, bool]]
"""Invokes a function with an event, by a role ("": by the function's own policy), for a source: answer, and errored."""

# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
PAYLOAD_BYTES = 10 * 1024 * 1024
HEADER_BYTES = 10_240
INTEGRATION_SECONDS = 30.0
AUTHORIZER_SECONDS = 10.0
TOO_LARGE = "Request Entity Too Large"  # since Python 3.13, HTTPStatus has another phrase for it


def routes(body: Mapping[str, Any]) -> Iterator[Route]:
    """The routes of an API's OpenAPI document, each with the ARN of its integration's function."""
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


def roles(body: Mapping[str, Any]) -> dict[str, str]:
    """The role with which the API invokes its function, by route; "" without one."""
    return {
        f"{method.upper()} {path}": operation["x-amazon-apigateway-integration"].get("credentials", "")
        for path, methods in body.get("paths", {}).items()
        for method, operation in methods.items()
    }


def guarded(body: Mapping[str, Any], name: str) -> dict[tuple[str, str], list[str]]:
    """The scopes of every route with a given security scheme, by method and path."""
    return {
        (verb, path): scopes
        for method, path, scopes in required(body, name)
        for verb in (Route.ANY_HTTP_METHODS if method == ANY_METHOD.upper() else [method])
    }


def arn(api_id: str, route: str) -> str:
    """The ARN of a route, `METHOD/path`, in the form of policies.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
    """
    place = f"{credentials.REGION}:{DEFAULT_ACCOUNT_ID}"
    return f"arn:{credentials.PARTITION}:execute-api:{place}:{api_id}/{STAGE}/{route}"


class Refusal(Response):
    """An answer of API Gateway itself."""

    def __init__(self, status: HTTPStatus, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f'{{"message":"{text}"}}', status, dict(headers or {}), mimetype="application/json")
        self.text = text


def message(status: HTTPStatus, text: str | None = None, headers: Mapping[str, str] | None = None) -> Refusal:
    """An answer of API Gateway itself, with AWS's words."""
    return Refusal(status, text or status.phrase, headers)


def failed(status: HTTPStatus, error: Exception) -> Response:
    """The answer for a failed integration."""
    log.warning("%s %s: %s", request.method, request.path, error)
    return message(status)


def nothing_found(environ: Any, start_response: Any) -> Any:
    """The WSGI application of a host without an API."""
    return message(HTTPStatus.NOT_FOUND)(environ, start_response)


class HttpApi(LocalApigwService):  # type: ignore[misc]
    """An API as a WSGI application (`app`); `invoke` runs its functions."""

    def __init__(
        self,
        api_id: str,
        body: Mapping[str, Any],
        invoke: Invoke,
        port: int,
        stage: Stage = Stage(),  # noqa: B008 - immutable
        seconds: float = INTEGRATION_SECONDS,
    ) -> None:
        runner = SimpleNamespace(is_debugging=lambda: False)
        super().__init__(Api([*routes(body)]), runner, port=port, host="127.0.0.1")
        self._id = api_id
        self._signed, self._roles, self._cors = guarded(body, "AWS_IAM"), roles(body), Cors.of(body)
        self._guards: dict[tuple[str, str], tuple[Authorizer, list[str]]] = {
            route: (authorizer, scopes)
            for name, authorizer in authorizers(body, self._ask).items()
            for route, scopes in guarded(body, name).items()
        }
        self._invoke = invoke
        self._stage, self._throttle = stage, Throttle(stage)
        self._seconds = seconds
        self.create()
        self.app = self._app
        self.app.config["MAX_CONTENT_LENGTH"] = PAYLOAD_BYTES + 1  # one byte more shows `begin` that it is too much
        self.app.url_map.merge_slashes = False
        self.app.before_request(begin)
        self.app.before_request(self._preflight)
        self.app.after_request(self._log)

    def _construct_error_handling(self) -> None:
        self._app.register_error_handler(HTTPStatus.BAD_REQUEST, lambda _: message(HTTPStatus.BAD_REQUEST))
        for status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
            self._app.register_error_handler(status, lambda _: message(HTTPStatus.NOT_FOUND))
        for status in (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE):
            self._app.register_error_handler(status, partial(failed, status))
        self._app.register_error_handler(PermissionError, partial(failed, HTTPStatus.INTERNAL_SERVER_ERROR))
        self._app.register_error_handler(ThrottledError, partial(failed, HTTPStatus.SERVICE_UNAVAILABLE))
        self._app.register_error_handler(
            TooLargeError, lambda _: message(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)
        )

    def _request_handler(self, **path_parameters: Any) -> Any:
        try:
            route = self._get_current_route(request).path
        except KeyError:
            return message(HTTPStatus.NOT_FOUND)
        g.route_key = f"{request.method} {route}"
        if not self._throttle.admits(g.route_key):
            return message(HTTPStatus.TOO_MANY_REQUESTS)
        sent, taken = sent_path(), route.format_map(path_parameters)
        if malformed(path_parameters.values()) or not unquote(sent) == request.path == taken:
            return message(HTTPStatus.NOT_FOUND)
        if (request.method, route) in self._signed:
            try:
                g.caller = caller()
            except sigv4.SignatureError as error:
                log.warning("%s %s refused: %s", request.method, request.path, error)
                return message(HTTPStatus.FORBIDDEN)
            resources = [arn(self._id, request.method + path) for path in {sent, request.path}]
            if not iam.may_invoke_api(g.caller["accessKey"], resources):
                return message(HTTPStatus.FORBIDDEN)
            g.authorizer = {"iam": g.caller}
        elif (request.method, route) in self._guards:
            try:
                g.authorizer = self._admitted(*self._guards[request.method, route])
            except RefusedError as error:
                log.warning("%s %s refused: %s", request.method, request.path, error)
                return message(error.status, headers=error.headers)
        return self._with_cors(super()._request_handler(**path_parameters))

    def _admitted(self, authorizer: Authorizer, scopes: list[str]) -> dict[str, Any]:
        """The authorizer's result for the current request."""
        method, endpoint = self.get_request_methods_endpoints(request)
        route = self._get_current_route(request)
        variables = {**context(self._id, Response()), "routeArn": arn(self._id, request.method + request.path)}
        headers = {name: ",".join(request.headers.getlist(name)) for name in request.headers.keys()}  # noqa: SIM118
        event = partial(self._generate_lambda_event, request, route, method, endpoint)
        return authorizer.admit(AuthorizerRequest(headers, request.args, variables, event), scopes)

    def _ask(self, function: str, event: str, role: str) -> tuple[str, bool]:
        """Invoke an authorizer's function, within ten seconds."""
        try:
            return within(AUTHORIZER_SECONDS, lambda: self._invoke(function, event, role, arn(self._id, "authorizers")))
        except (TimeoutError, PermissionError, ThrottledError, TooLargeError) as error:
            return str(error), True

    def _preflight(self) -> Response | None:
        """The answer to a preflight, which precedes any authorizer."""
        if request.method != "OPTIONS" or not self._cors.origins:
            return None
        return Response(status=HTTPStatus.NO_CONTENT, headers=self._cors.preflight(request.headers.get("Origin")))

    def _with_cors(self, response: Response) -> Response:
        """An integration's answer with the API's own CORS headers, if it has any."""
        if self._cors.origins:
            for name in [name for name in response.headers.keys() if name.lower().startswith("access-control-")]:  # noqa: SIM118
                del response.headers[name]
            response.headers.update(self._cors.answer(request.headers.get("Origin")))
        return response

    def _generate_lambda_event(self, flask_request: Any, route: Any, method: str, endpoint: str) -> dict[str, Any]:
        """Payload 2.0; https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html"""
        is_text = is_utf8(body := flask_request.get_data())
        if not is_text:
            flask_request._cached_data = base64.b64encode(body)
        event = super()._generate_lambda_event(flask_request, route, method, endpoint)
        event["isBase64Encoded"] = not is_text
        now = datetime.now(UTC)
        headers = {name.lower(): value for name, value in event["headers"].items()}
        event["headers"] = headers
        event["requestContext"]["http"]["userAgent"] = headers.get("user-agent", "")
        event["pathParameters"] = {name: unquote(text) for name, text in (event.get("pathParameters") or {}).items()}
        event["requestContext"] |= {
            "accountId": DEFAULT_ACCOUNT_ID,
            "apiId": self._id,
            "domainName": flask_request.host,
            "requestId": g.request_id,
            "stage": STAGE,
            "time": now.strftime(TIME),
            "timeEpoch": int(now.timestamp() * 1000),
        }
        if g.authorizer:
            event["requestContext"]["authorizer"] = g.authorizer
        optional = ("body", "cookies", "pathParameters", "queryStringParameters", "stageVariables")
        return {name: value for name, value in event.items() if value or name not in optional}

    def _invoke_lambda_function(self, lambda_function_name: str, event: dict[str, Any], _: Any = None) -> str:
        began = time.monotonic()
        try:
            role, source = self._roles[event["routeKey"]], arn(self._id, event["routeKey"].replace(" ", "", 1))
            answer, errored = within(
                self._seconds, lambda: self._invoke(lambda_function_name, json.dumps(event), role, source)
            )
        except TimeoutError:
            raise ServiceUnavailable from None
        finally:
            g.integration_milliseconds = round((time.monotonic() - began) * 1000)
        if errored:
            raise InternalServerError
        return answer

    def _log(self, response: Response) -> Response:
        """Write two lines per request: in our log, and in the stage's access log."""
        log.info("%s %s -> %s", request.method, request.full_path.rstrip("?"), response.status_code)
        write_access_log(self._stage, context(self._id, response))
        return response


def is_utf8(content: bytes) -> bool:
    """Whether bytes are text in UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def begin() -> Response | None:
    """Store the facts of a request, and refuse one that is too large."""
    g.began, g.request_id, g.caller, g.authorizer = datetime.now(UTC), str(uuid4()), None, None
    line = f"{request.method} {request.environ['RAW_URI']}"
    if len(line) + sum(len(name) + len(value) for name, value in request.headers.items()) > HEADER_BYTES:
        return message(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    if (request.content_length or 0) > PAYLOAD_BYTES or len(request.get_data()) > PAYLOAD_BYTES:
        return message(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)
    return None


def context(api_id: str, response: Response) -> dict[str, Any]:
    """The `$context` variables of the current request that are known here."""
    began, iam = g.began, g.caller or {}
    error = response.text if isinstance(response, Refusal) else None
    latency = round((datetime.now(UTC) - began).total_seconds() * 1000)
    milliseconds = g.get("integration_milliseconds")
    return {
        "accountId": DEFAULT_ACCOUNT_ID,
        "apiId": api_id,
        "domainName": request.host,
        "error.message": error,
        "error.messageString": error and json.dumps(error),
        "httpMethod": request.method,
        "identity.accountId": iam.get("accountId"),
        "identity.sourceIp": request.remote_addr,
        "identity.userAgent": request.headers.get("User-Agent"),
        "identity.userArn": iam.get("userArn"),
        "integrationLatency": milliseconds,
        "integration.latency": milliseconds,
        "path": request.path,
        "protocol": request.environ["SERVER_PROTOCOL"],
        "requestId": g.request_id,
        "requestTime": began.strftime(TIME),
        "requestTimeEpoch": int(began.timestamp()),
        "responseLatency": latency,
        "responseLength": response.content_length,
        "routeKey": g.get("route_key"),
        "stage": STAGE,
        "status": response.status_code,
    }


def sent_path() -> str:
    """The path of the current request as sent, still encoded."""
    target = str(request.environ["RAW_URI"]).partition("?")[0]
    return target if target.startswith("/") else "/" + target.partition("://")[2].partition("/")[2]


def malformed(parameters: Iterable[str]) -> bool:
    """Whether a parameter, which the server has decoded once, can't be decoded again."""
    return any(re.search(r"%(?![0-9A-Fa-f]{2})", text) for text in parameters)


def within(seconds: float, call: Callable[[], tuple[str, bool]]) -> tuple[str, bool]:
    """The result of `call`. TimeoutError if it takes longer; the call continues."""
    done: Future[tuple[str, bool]] = Future()

    def run() -> None:
        try:
            done.set_result(call())
        except BaseException as error:  # like an executor, whose threads would delay the end of the process
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return done.result(seconds)


def caller() -> dict[str, Any]:
    """The signer of the current request, in the form of an event. SignatureError without a valid signature."""
    signer = sigv4.check(sigv4.Received.of(request), credentials.find, datetime.now(UTC), "execute-api")
    return {"accessKey": signer.access_key, "accountId": DEFAULT_ACCOUNT_ID, "userArn": signer.arn}
