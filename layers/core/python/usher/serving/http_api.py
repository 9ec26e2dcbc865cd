"""The base of the API functions: routes, answers, and errors as JSON `{code, message}` with a status."""

import json
import os
import re
from collections.abc import Callable
from functools import cached_property
from math import ceil
from traceback import extract_tb
from typing import Any
from urllib.parse import parse_qsl, quote

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from usher.access.callers import Caller, caller_of
from usher.access.key_limits import KeyLimits
from usher.aws import client, error_code, error_kind, within
from usher.errors import RequestError
from usher.formats.strict_json import parse_strict
from usher.routes import ROUTES, ROUTES_BY_KEY, Route
from usher.serving.caching import cached
from usher.serving.campaigns import OutageError
from usher.storage.layout import GROUP_NAME
from usher.storage.table import Table

logger = Logger()
Handler = Callable[..., Any]

STATUSES = {
    "InvalidInputException": (400, "InvalidInput"),
    "ResourceNotFoundException": (404, "NotFound"),
    "ThrottlingException": (429, "TooManyRequests"),
    "ValidationException": (400, "InvalidInput"),
}
"""The status of each of Personalize's errors that the caller causes. Others get 503."""
OUTAGES = {
    "NotFound": (404, "NotFound", "Personalize no longer has the resource. Try again later."),
    "Throttled": (429, "TooManyRequests", "Personalize throttles. Try again later."),
}
"""The status of each reason why a campaign does not answer, if nothing else does either. Others get 503."""
PASSING = {429, 503}
PRIVATE = re.compile(r"\barn:[^\s\"',;)\]}]+|(?<![0-9])[0-9]{12}(?![0-9])")
"""The parts of a service's message that are private to the account: ARNs, and the account's number."""
FOR_ALL = {key for key, route in ROUTES_BY_KEY.items() if route.is_for_all}
MAX_ANSWER_LENGTH = 6_000_000
"""The most characters as a text of JSON. A function's answer has 6 MB at most, with its headers (Lambda quotas)."""
TOO_LONG = {"code": "TooLong", "message": "The answer is too long. Request fewer results, users or columns."}
GZIP = b"\x1f\x8b"
"""The first bytes of compressed content."""
PARAMETER = re.compile(r"{(\w+)}")
SIGNATURE = "X-Amz-"
"""The prefix of the parameters of a pre-signed URL."""


class Api:
    """The routes of an API function. `user_claim`: the claim of a token that holds its user's ID."""

    def __init__(self, user_claim: str = os.environ.get("JWT_USER_CLAIM", "sub")) -> None:
        self._user_claim = user_claim
        self.routes: list[str] = []
        """The routes in API Gateway's form, as in template.yaml: `GET /{group}/recommendations/{userId}`."""
        self._app = APIGatewayHttpResolver()
        for kind, handler in HANDLERS.items():
            self._app.exception_handler(kind)(handler)

    def route(self, *names: str) -> Callable[[Handler], Handler]:
        """A decorator for the function that answers some routes. Its arguments are the decoded values of the path, by
        name.

        `userId` in a path is the function's argument `user_id`.
        """
        keys = [key for name in names for key in ROUTES[name].keys]

        def register(handler: Handler) -> Handler:
            def with_decoded_path(**_encoded: str) -> Any:
                return handler(**self._admitted())

            for key in keys:
                method, _, path = key.partition(" ")
                self._app.route(PARAMETER.sub(r"<\1>", path), method=method)(with_decoded_path)
            self.routes.extend(keys)
            return handler

        return register

    def resolve(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer a request of the HTTP API.

        The gateway has found the route already, and passes a decoded path in which an ID may have any character.
        Encoded again, it matches only that route.
        """
        _, _, route = event["routeKey"].partition(" ")
        values = event.get("pathParameters") or {}
        encoded = {name: quote(value, safe="", errors="replace") for name, value in values.items()}
        is_plain = _is_plain(event["rawPath"], route.format_map(values))
        answer = self._app.resolve({**event, "rawPath": route.format_map(encoded), "plain": is_plain}, context)
        if _length_as_json(answer["body"]) > MAX_ANSWER_LENGTH:
            answer = {**answer, "statusCode": 400, "body": json.dumps(TOO_LONG), "isBase64Encoded": False}
        for_all = event["routeKey"] in FOR_ALL and "userId" not in (event.get("queryStringParameters") or {})
        method = event["requestContext"]["http"]["method"]
        return cached(answer, method, event.get("headers") or {}, for_all=for_all)

    def route_and_options(self) -> tuple[Route, dict[str, Any]]:
        """The route of the request, and its options: of the path and the query, or of the body.

        An HTTP API joins the values of a repeated option by commas, which would be another ID than either.
        """
        event = self._app.current_event
        route = ROUTES_BY_KEY[event["routeKey"]]
        if route.method != "GET":
            return route, self.body()
        in_path = {name: value for name, value in (event.path_parameters or {}).items() if name != "group"}
        names = [*in_path, *self._names_in_query()]
        if len(names) > len(set(names)):
            raise RequestError(400, "RepeatedOption", "An option occurs more than once in the request.")
        in_query = (event.query_string_parameters or {}).items()
        return route, {**{name: value for name, value in in_query if not name.startswith(SIGNATURE)}, **in_path}

    def _names_in_query(self) -> list[str]:
        """The options in the query, without the signature of a pre-signed URL."""
        pairs = parse_qsl(self._app.current_event.raw_query_string or "", keep_blank_values=True)
        return [name for name, _ in pairs if not name.startswith(SIGNATURE)]

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the request."""
        return dict(self._app.current_event.headers or {})

    def body(self) -> dict[str, Any]:
        """The JSON object of the body. An option in the query is refused, as it would have no effect."""
        if names := self._names_in_query():
            raise RequestError(400, "UnknownOption", f"{names[0][:99]} is in the query. Send it in the body.")
        try:
            content = parse_strict(self._app.current_event.decoded_body or "")
        except ValueError as error:
            raise RequestError(400, "BadBody", f"The body must be a JSON object: {_fault_of(error)}.") from None
        if not isinstance(content, dict):
            raise RequestError(400, "BadBody", "The body must be a JSON object.")
        caller = self._caller()
        caller.check_users(content)
        return caller.with_own_user(self._app.current_event["routeKey"], content)

    def _caller(self) -> Caller:
        return caller_of(self._app.current_event["requestContext"].get("authorizer"), self._user_claim)

    @cached_property
    def _limits(self) -> KeyLimits:
        """The limits of keys, made for the first key with one."""
        return KeyLimits(Table(client("dynamodb", within(1)), os.environ["TABLE_NAME"]))

    def _check_limit(self, caller: Caller) -> None:
        """Raise RequestError (429) if the caller's key has no request left in this minute."""
        if caller.per_minute and (
            wait := self._limits.seconds_to_wait(caller.group or "", caller.key, caller.per_minute)
        ):
            message = f"This key may make {caller.per_minute} requests a minute. Try again in {ceil(wait)} seconds."
            raise RequestError(429, "TooManyRequests", message, wait)

    def _admitted(self) -> dict[str, str]:
        """The values of the path, if the caller may call it with this query; a body is checked as it is read."""
        event, values = self._app.current_event, self._path_values()
        caller = self._caller()
        caller.check_route(event["routeKey"], values.get("group"))
        self._check_limit(caller)
        caller.check_users(event.path_parameters or {})
        caller.check_users(event.query_string_parameters or {})
        return {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name): text for name, text in values.items()}

    def _path_values(self) -> dict[str, str]:
        event = self._app.current_event
        values = dict(event.path_parameters or {})
        if not event["plain"]:
            message = "This path is ambiguous. Send an ID that has %, / or ?, or only dots, in the query."
            raise RequestError(400, "BadPath", message)
        if "group" in values and not GROUP_NAME.match(values["group"]):
            raise RequestError(404, "UnknownGroup", "There is no group of this name.")
        return values


def _is_plain(path: str, read: str) -> bool:
    """Whether a path has only one reading.

    An HTTP API decodes a path once to find the route, and each parameter once more for the function; AWS does not
    document which of them IAM checks. If both are the same, the caller's rights fit the function's action. `path`:
    decoded once (a custom domain may add a prefix); `read`: the route with the function's parameters.
    """
    return path.endswith(read) and not {"", ".", ".."} & {*path.split("/")[1:]}


def _length_as_json(text: str) -> int:
    """The length of a text in JSON, which escapes quotes and backslashes. An answer's body is such a text."""
    return len(text) + text.count('"') + text.count("\\")


def _fault_of(error: ValueError) -> str:
    """The reason why a body can't be read."""
    if not isinstance(error, UnicodeDecodeError):
        return str(error)
    if error.object.startswith(GZIP):
        return "it is compressed; send it as it is, without Content-Encoding"
    return f"its byte {error.start + 1} is not UTF-8"


def problem(status: int, code: str, message: str, retry_after: float = 0.0) -> Response[Any]:
    """An error in the form for callers. `retry_after`: seconds, for temporary errors."""
    later = {"Retry-After": str(max(ceil(retry_after), 1))} if status in PASSING else {}
    return Response(status, content_type="application/json", body={"code": code, "message": message}, headers=later)


def _public(message: str) -> str:
    return PRIVATE.sub("...", message)[:1000]


def on_request_error(error: RequestError) -> Response[Any]:
    """A request that can't be answered."""
    return problem(error.status, error.code, str(error), error.retry_after)


def on_client_error(error: ClientError) -> Response[Any]:
    """An error of Personalize or DynamoDB."""
    known = STATUSES.get(error_code(error))
    return problem(*known, _public(error.response["Error"]["Message"])) if known else on_outage(error)


def on_invalid_parameters(error: ParamValidationError) -> Response[Any]:
    """A call that botocore refuses."""
    return problem(400, "InvalidInput", _public(str(error)))


def _log_failure(message: str, error: BaseException) -> None:
    """Log an error and its place."""
    places = [f"{one.filename}:{one.lineno} {one.name}" for one in extract_tb(error.__traceback__)]
    logger.error(message, error=type(error).__name__, reason=error_kind(error), places=places)


def on_outage(error: Exception, retry_after: float = 0.0, more: str = "") -> Response[Any]:
    """A service that refuses or does not answer. `more`: the end of the message, from a space on."""
    _log_failure("A service refuses or does not answer", error.__cause__ or error)
    return problem(503, "Unavailable", f"The service is temporarily unavailable. Try again later.{more}", retry_after)


def on_personalize_outage(error: OutageError) -> Response[Any]:
    """Personalize does not answer, and no stored answer exists."""
    more = f" {error.why_no_stored}" if error.why_no_stored else ""
    if error.reason not in OUTAGES:
        return on_outage(error, error.retry_after, more)
    status, code, message = OUTAGES[error.reason]
    return problem(status, code, message + more, error.retry_after)


def on_not_found(_: Exception) -> Response[Any]:
    """A path without a route."""
    return problem(404, "NotFound", "This path does not exist.")


def on_bug(error: Exception) -> Response[Any]:
    """Any other error, which is a bug."""
    _log_failure("A request failed", error)
    return problem(500, "InternalError", "Internal error. The log of the function has the details.")


def error_document(error: Exception) -> dict[str, str]:
    """`{code, message}` of an error."""
    handler = next(HANDLERS[kind] for kind in type(error).__mro__ if kind in HANDLERS)
    document: dict[str, str] = handler(error).body
    return document


HANDLERS: dict[type[Exception], Any] = {
    OutageError: on_personalize_outage,
    RequestError: on_request_error,
    ClientError: on_client_error,
    ParamValidationError: on_invalid_parameters,
    BotoCoreError: on_outage,
    NotFoundError: on_not_found,
    Exception: on_bug,
}
