"""What the API functions share: routing, and every error as JSON `{code, message}` with the right status."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from usher.aws import error_code
from usher.errors import RequestError
from usher.formats.strict_json import parse
from usher.serving.serving_map import Serving, exported, identifier, request
from usher.storage.layout import GROUP_NAME

logger = Logger()
Call = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Asks Personalize with the members that name what serves."""
LookUp = Callable[[str, str], Mapping[str, Any]]
"""What the table has of a group's solution for the subject of a request; empty for nothing."""

# Personalize's errors, as a caller of this API should see them. Anything else is not the caller's fault: 503.
STATUSES = {
    "InvalidInputException": (400, "InvalidInput"),
    "ResourceNotFoundException": (404, "NotFound"),
    "ThrottlingException": (429, "TooManyRequests"),
    "ValidationException": (400, "InvalidInput"),
}
PRIVATE = re.compile(r"\barn:[^\s\"',;)\]}]+|\b[0-9]{12}\b")
"""What a service's own words may tell of the account: ARNs, and the account's number."""


def resolver() -> APIGatewayHttpResolver:
    """A router for an API function."""
    app = APIGatewayHttpResolver()
    for kind, handler in HANDLERS.items():
        app.exception_handler(kind)(handler)
    return app


def problem(status: int, code: str, message: str) -> Response[Any]:
    """An error as callers see it."""
    return Response(status, content_type="application/json", body={"code": code, "message": message})


def answer_request(app: APIGatewayHttpResolver, event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request of the HTTP API.

    The gateway has found the route already, and hands over a decoded path in which an ID may hold any character.
    Encoded again, it matches that route and no other.
    """
    _, _, route = event["routeKey"].partition(" ")
    given = event.get("pathParameters") or {}
    parts = {name: quote(value, safe="", errors="replace") for name, value in given.items()}
    asked = {**event, "rawPath": route.format_map(parts), "plain": _is_plain(event["rawPath"], route.format_map(given))}
    return app.resolve(asked, context)


def _is_plain(path: str, read: str) -> bool:
    """Whether a path can be read in one way only.

    An HTTP API decodes a path once to find the route, and each parameter once more for the function; AWS does not say
    which of them IAM is asked about. Where they are the same, the caller may do what the function does. `path`: decoded
    once (a custom domain may put a prefix in front); `read`: the route with the function's parameters.
    """
    return path.endswith(read) and not {"", ".", ".."} & {*path.split("/")[1:]}


def group(app: APIGatewayHttpResolver) -> str:
    """The group that a request is about."""
    name = str((app.current_event.path_parameters or {})["group"])
    if not app.current_event["plain"]:
        said = "This path can be read in two ways. Send an ID with %, / or ? in it, or of dots alone, in the query."
        raise RequestError(400, "BadPath", said)
    if not GROUP_NAME.match(name):
        raise RequestError(404, "UnknownGroup", "There is no group of this name.")
    return name


def subject(app: APIGatewayHttpResolver, name: str) -> tuple[str, Mapping[str, Any]]:
    """The ID that a request is about, from the path or else from the query; and the rest of the query.

    An HTTP API joins the values of an option that is given twice by commas: another ID than either.
    """
    event = app.current_event
    options = [option for option, _ in parse_qsl(event.raw_query_string or "", keep_blank_values=True)]
    if len(options) > len(set(options)):
        raise RequestError(400, "RepeatedOption", "An option stands in the query more than once.")
    given, parts = dict(event.query_string_parameters or {}), event.path_parameters or {}
    return identifier(parts[name] if name in parts else given.pop(name, None), name), given


def body(app: APIGatewayHttpResolver) -> dict[str, Any]:
    """The JSON object that was posted."""
    try:
        content = parse(app.current_event.decoded_body or "")
    except ValueError as error:
        raise RequestError(400, "BadBody", f"The body must be a JSON object: {error}.") from None
    if not isinstance(content, dict):
        raise RequestError(400, "BadBody", "The body must be a JSON object.")
    return content


def answer(solution: str, response: Mapping[str, Any]) -> dict[str, Any]:
    """Personalize's answer, with the solution it came from."""
    return {"solution": solution, **{name: value for name, value in response.items() if name != "ResponseMetadata"}}


def ask_or_look_up(
    serving: Serving, group: str, route: str, given: Mapping[str, Any], call: Call, look_up: LookUp
) -> dict[str, Any]:
    """Answer by `call`, or, where no campaign is there or it fails, by the newest export in the table."""
    try:
        return ask(serving, group, route, given, call)
    except (ClientError, BotoCoreError, RequestError) as error:
        solutions, results = exported(serving.of(group), route, given) if _is_outage(error) else ([], 0)
        for solution in solutions:
            if output := look_up(group, solution):
                logger.warning("Answered from the export", solution=solution, reason=str(error))
                return answer(solution, {"source": "export", "itemList": _listed(output)[:results]})
        if solutions and isinstance(error, RequestError):
            raise RequestError(404, "NotFound", "No campaign answers this, and no export has it.") from None
        raise


def _is_outage(error: Exception) -> bool:
    """Whether it is no fault of the request that a campaign does not answer."""
    if isinstance(error, RequestError):
        return error.code == "NoCampaign"
    return not isinstance(error, ParamValidationError) and error_code(error) != "InvalidInputException"


def _listed(output: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A batch job's output as GetRecommendations would tell it."""
    items, scores = output["recommendedItems"], output.get("scores") or []
    scored = [{"itemId": item, "score": score} for item, score in zip(items, scores, strict=False)]
    return scored + [{"itemId": item} for item in items[len(scored) :]]


def ask(
    serving: Serving,
    group: str,
    route: str,
    given: Mapping[str, Any],
    call: Call,
) -> dict[str, Any]:
    """Answer by `call`, which gets the members for what serves a route.

    Asked once more if Personalize does not know it: what this function remembers may have been replaced meanwhile.
    """
    try:
        return _ask(serving.of(group), route, given, call)
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
    serving.forget(group)
    return _ask(serving.of(group), route, given, call)


def _ask(
    content: Mapping[str, Any],
    route: str,
    given: Mapping[str, Any],
    call: Call,
) -> dict[str, Any]:
    solution, members = request(content, route, given)
    return answer(solution, call(members))


def _refuse(error: RequestError) -> Response[Any]:
    return problem(error.status, error.code, str(error))


def _report(error: ClientError) -> Response[Any]:
    known = STATUSES.get(error_code(error))
    return problem(*known, _public(error.response["Error"]["Message"])) if known else _give_up(error)


def _correct(error: ParamValidationError) -> Response[Any]:
    return problem(400, "InvalidInput", _public(str(error)))


def _public(message: str) -> str:
    return PRIVATE.sub("...", message)[:1000]


def _give_up(_: Exception) -> Response[Any]:
    logger.exception("A service refuses or does not answer")
    return problem(503, "Unavailable", "This can't be had now. Try again later.")


def _miss(_: Exception) -> Response[Any]:
    return problem(404, "NotFound", "There is nothing at this path.")


def _hide(_: Exception) -> Response[Any]:
    logger.exception("A request failed")
    return problem(500, "InternalError", "This is a fault of the service; its log has the details.")


HANDLERS: dict[type[Exception], Any] = {
    RequestError: _refuse,
    ClientError: _report,
    ParamValidationError: _correct,
    BotoCoreError: _give_up,
    NotFoundError: _miss,
    Exception: _hide,
}
