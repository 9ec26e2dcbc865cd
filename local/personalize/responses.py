"""Between wire and backend: which function answers which operation of the three APIs.

Bodies are validated against botocore's model before anything else, and answers are shaped by it.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import camelcase_to_underscores, get_service_model

from local.personalize import answers, checks, events
from local.personalize.exceptions import (
    InvalidNextTokenError,
    ResourceInUseError,
)
from local.personalize.kinds import KINDS
from local.personalize.models import PersonalizeBackend, personalize_backends
from local.personalize.resources import Kind, Values
from local.personalize.validation import validate

PAGE = 100
Answer = Callable[[PersonalizeBackend, Values], Values | None]


# Operations that every kind has in the same way


def _create(kind: Kind, members: list[str]) -> Answer:
    def answer(backend: PersonalizeBackend, params: Values) -> Values:
        resource = backend.create(kind, params)
        return {kind.arn_member: resource.arn} | {m: resource.values[m] for m in members if m in resource.values}

    return answer


def _describe(kind: Kind, _: list[str]) -> Answer:
    return lambda backend, params: {kind.member: backend.describe(backend.get(kind.name, params[kind.arn_member]))}


def _update(kind: Kind, _: list[str]) -> Answer:
    return lambda backend, params: {kind.arn_member: backend.update(kind, params).arn}


def _delete(kind: Kind, _: list[str]) -> Answer:
    return lambda backend, params: backend.delete(kind, params[kind.arn_member])


def _list(kind: Kind, members: list[str]) -> Answer:
    result = next(member for member in members if member != "nextToken")  # "Filters", the others in lower case

    def answer(backend: PersonalizeBackend, params: Values) -> Values:
        asked = dict(params)
        size, token = asked.pop("maxResults", PAGE), asked.pop("nextToken", None)
        parent = next((asked.pop(member) for member in list(asked) if member.endswith("Arn")), None)
        start = _offset(kind, token)
        found = backend.found(kind.name, parent, **asked)
        more = {"nextToken": _token(kind, start + size)} if start + size < len(found) else {}
        return {result: [backend.describe(resource) for resource in found[start : start + size]]} | more

    return answer


def _token(kind: Kind, offset: int) -> str:
    return base64.b64encode(f"{kind.name}:{offset}".encode()).decode()


def _offset(kind: Kind, token: str | None) -> int:
    if token is None:
        return 0
    try:
        name, _, offset = base64.b64decode(token, validate=True).decode().partition(":")
        start = int(offset)
    except ValueError:
        raise InvalidNextTokenError from None
    if name != kind.name or start < 0:
        raise InvalidNextTokenError
    return start


# The others


def _metrics(backend: PersonalizeBackend, params: Values) -> Values:
    version = backend.get("SolutionVersion", params["solutionVersionArn"])
    if version.status != "ACTIVE":
        raise ResourceInUseError(f"{version.arn} is not ACTIVE; its status is {version.status}.")
    return {"solutionVersionArn": version.arn, "metrics": version.metrics}


def _list_versions(backend: PersonalizeBackend, params: Values) -> Values | None:
    if "solutionArn" in params:
        backend.get("Solution", params["solutionArn"])
    return _list(KINDS["SolutionVersion"], ["solutionVersions"])(backend, params)


def _tag(backend: PersonalizeBackend, params: Values) -> None:
    backend.tag(params["resourceArn"], {tag["tagKey"]: tag["tagValue"] for tag in params["tags"]})


def _untag(backend: PersonalizeBackend, params: Values) -> None:
    tags = backend.taggable(params["resourceArn"]).tags
    for key in params["tagKeys"]:
        tags.pop(key, None)


def _tags(backend: PersonalizeBackend, params: Values) -> Values:
    tags = backend.taggable(params["resourceArn"]).tags
    return {"tags": [{"tagKey": key, "tagValue": value} for key, value in tags.items()]}


VERBS = {"Create": _create, "Describe": _describe, "Update": _update, "Delete": _delete, "List": _list}
SPECIAL: dict[str, Answer] = {
    "GetSolutionMetrics": _metrics,
    "ListSolutionVersions": _list_versions,
    "StopSolutionVersionCreation": lambda backend, params: checks.stop_version(backend, params["solutionVersionArn"]),
    "TagResource": _tag,
    "UntagResource": _untag,
    "ListTagsForResource": _tags,
}
RUNTIME: dict[str, Answer] = {"GetRecommendations": answers.recommend, "GetPersonalizedRanking": answers.rank}
EVENTS: dict[str, Answer] = {
    "PutEvents": events.put_events,
    "PutItems": lambda backend, params: events.put_records(backend, params, "items"),
    "PutUsers": lambda backend, params: events.put_records(backend, params, "users"),
}


def _control() -> dict[str, Answer]:
    """Answers by operation: every verb that the model knows for a kind of the table, and the special ones."""
    model = get_service_model("personalize")
    nouns = {f"{kind.name}{ending}": kind for kind in KINDS.values() for ending in ("", "s")}
    found: dict[str, Answer] = {}
    for name in model.operation_names:
        verb = next((verb for verb in VERBS if name.startswith(verb)), "")
        kind = nouns.get(name.removeprefix(verb))
        if verb and kind:
            output = model.operation_model(name).output_shape
            found[name] = VERBS[verb](kind, list(output.members) if output else [])
    return found | SPECIAL


def _decoded(body: str) -> Values:
    try:
        params = json.loads(body)
    except ValueError:
        params = None
    if not isinstance(params, dict):
        # No model knows this error, so it cannot be one of our own.
        raise JsonRESTError("SerializationException", "The request body is not a JSON object.")
    return params


class _Plain(ActionResult):  # type: ignore[misc]
    """An answer that is JSON as it stands: moto's serialiser takes a tenth of a millisecond per recommended item."""

    def execute_result(self, _: Any) -> tuple[int, dict[str, str], str]:
        return 200, {"Content-Type": "application/json"}, json.dumps(self.result)


class _Response(BaseResponse):  # type: ignore[misc]
    """What the three APIs share."""

    service = ""
    result = ActionResult

    def __init__(self) -> None:
        super().__init__(self.service)

    def _get_action(self) -> str:
        # Stock moto looks for an Action parameter first, for which it takes the JSON body apart as a form.
        target = self.headers.get("X-Amz-Target")
        return str(
            target.rpartition(".")[2]
            if target
            else self._get_action_from_method_and_request_uri(self.normalized_request)
        )

    def _answer(self, operation: str, answer: Answer) -> ActionResult:
        shape = get_service_model(self.service).operation_model(operation).input_shape
        params = _decoded(self.body or "{}")
        validate(shape, params)
        known = {name: params[name] for name in shape.members if params.get(name) is not None}
        return self.result(answer(personalize_backends[self.current_account][self.region], known))


def _api(service: str, operations: dict[str, Answer], result: type[ActionResult] = ActionResult) -> type[_Response]:
    """A response class with one method per operation, as moto dispatches."""

    def method(operation: str, answer: Answer) -> Callable[[_Response], ActionResult]:
        return lambda self: self._answer(operation, answer)

    methods = {camelcase_to_underscores(name): method(name, answer) for name, answer in operations.items()}
    return type(
        f"{service.title().replace('-', '')}Response", (_Response,), {"service": service, "result": result, **methods}
    )


PersonalizeResponse = _api("personalize", _control())
PersonalizeRuntimeResponse = _api("personalize-runtime", RUNTIME, _Plain)
PersonalizeEventsResponse = _api("personalize-events", EVENTS)
