"""The dispatch of requests: the function that answers each operation of the three APIs.

botocore's model validates bodies before anything else, and shapes the answers.
"""

import base64
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import camelcase_to_underscores, get_service_model

from usher_local.personalize.api import events_api, runtime_api
from usher_local.personalize.api.validation import decoded, validate
from usher_local.personalize.control import solutions
from usher_local.personalize.control.kinds import KINDS
from usher_local.personalize.core import environment, faults
from usher_local.personalize.core.errors import (
    InvalidInputError,
    InvalidNextTokenError,
    ResourceNotFoundError,
    TooManyTagKeysError,
)
from usher_local.personalize.core.resources import Kind, Values
from usher_local.personalize.models import MAX_TAGS, PersonalizeBackend, personalize_backends

T = TypeVar("T")
PAGE = 100
Answer = Callable[[PersonalizeBackend, Values], Values | None]


# Operations of every kind


def _create(kind: Kind, members: list[str]) -> Answer:
    def answer(backend: PersonalizeBackend, params: Values) -> Values:
        resource = backend.create(kind.name, params)
        return {kind.arn_member: resource.arn} | {m: resource.values[m] for m in members if m in resource.values}

    return answer


def _describe(kind: Kind, _: list[str]) -> Answer:
    return lambda backend, params: {kind.member: backend.describe(backend.get(kind.name, params[kind.arn_member]))}


def _update(kind: Kind, _: list[str]) -> Answer:
    def answer(backend: PersonalizeBackend, params: Values) -> Values:
        _require(params, kind.arn_member)
        return {kind.arn_member: backend.update(kind.name, params).arn}

    return answer


def _delete(kind: Kind, _: list[str]) -> Answer:
    return lambda backend, params: backend.delete(kind.name, params[kind.arn_member])


def _list(kind: Kind, members: list[str]) -> Answer:
    result = next(member for member in members if member != "nextToken")  # "Filters"; in lower case for other kinds

    def answer(backend: PersonalizeBackend, params: Values) -> Values:
        filters = {name: value for name, value in params.items() if name not in ("maxResults", "nextToken")}
        parent = next((filters.pop(member) for member in list(filters) if member.endswith("Arn")), None)
        found, more = _page(result, backend.find(kind.name, parent, **filters), params)
        return {result: [backend.describe(resource) for resource in found]} | more

    return answer


def _page(name: str, found: list[T], params: Values) -> tuple[list[T], Values]:
    """The part of a list that a request asks for, and the token for the next part."""
    start, size = _offset(name, params.get("nextToken")), params.get("maxResults", PAGE)
    more = {"nextToken": _token(name, start + size)} if start + size < len(found) else {}
    return found[start : start + size], more


def _token(name: str, offset: int) -> str:
    return base64.b64encode(f"{name}:{offset}".encode()).decode()


def _offset(name: str, token: str | None) -> int:
    if token is None:
        return 0
    try:
        owner, _, offset = base64.b64decode(token, validate=True).decode().partition(":")
        start = int(offset)
    except ValueError:
        raise InvalidNextTokenError from None
    if owner != name or start < 0:
        raise InvalidNextTokenError
    return start


# Special operations


def _metrics(backend: PersonalizeBackend, params: Values) -> Values:
    version = backend.get("SolutionVersion", params["solutionVersionArn"])
    if version.status != "ACTIVE":
        raise version.refusal("is not ACTIVE")
    return {"solutionVersionArn": version.arn, "metrics": version.values["modelMetrics"]}


def _attributed(backend: PersonalizeBackend, params: Values) -> Values:
    _require(params, "metricAttributionArn")
    try:
        resource = backend.get("MetricAttribution", params["metricAttributionArn"])
    except ResourceNotFoundError as error:  # an error that this operation does not have
        raise InvalidInputError(error.message) from None
    found, more = _page("metrics", resource.values["metrics"], params)
    return {"metrics": found} | more


def _require(params: Values, member: str) -> None:
    """Raise InvalidInputError if an ARN is missing that the model calls optional."""
    if member not in params:
        raise InvalidInputError(f"{member} is required")


def _list_versions(backend: PersonalizeBackend, params: Values) -> Values | None:
    if "solutionArn" in params:
        backend.get("Solution", params["solutionArn"])
    return _list(KINDS["SolutionVersion"], ["solutionVersions"])(backend, params)


def _tag(backend: PersonalizeBackend, params: Values) -> None:
    backend.tag(params["resourceArn"], {tag["tagKey"]: tag["tagValue"] for tag in params["tags"]})


def _untag(backend: PersonalizeBackend, params: Values) -> None:
    if len(params["tagKeys"]) > MAX_TAGS:
        raise TooManyTagKeysError(f"A request can remove no more than {MAX_TAGS} tags.")
    backend.untag(params["resourceArn"], params["tagKeys"])


def _tags(backend: PersonalizeBackend, params: Values) -> Values:
    tags = backend.taggable(params["resourceArn"]).tags
    return {"tags": [{"tagKey": key, "tagValue": value} for key, value in tags.items()]}


VERBS = {"Create": _create, "Describe": _describe, "Update": _update, "Delete": _delete, "List": _list}
SPECIAL: dict[str, Answer] = {
    "GetSolutionMetrics": _metrics,
    "ListMetricAttributionMetrics": _attributed,
    "ListSolutionVersions": _list_versions,
    "ListTagsForResource": _tags,
    "StartRecommender": solutions.start_recommender,
    "StopRecommender": solutions.stop_recommender,
    "StopSolutionVersionCreation": solutions.stop_version,
    "TagResource": _tag,
    "UntagResource": _untag,
}
RUNTIME: dict[str, Answer] = {
    "GetActionRecommendations": runtime_api.recommend_actions,
    "GetPersonalizedRanking": runtime_api.rank,
    "GetRecommendations": runtime_api.recommend,
}
EVENTS: dict[str, Answer] = {
    "PutActionInteractions": events_api.put_action_interactions,
    "PutActions": lambda backend, params: events_api.put_records(backend, params, "actions"),
    "PutEvents": events_api.put_events,
    "PutItems": lambda backend, params: events_api.put_records(backend, params, "items"),
    "PutUsers": lambda backend, params: events_api.put_records(backend, params, "users"),
}


def _control() -> dict[str, Answer]:
    """Answers by operation: each operation that the model has for a kind of the table, and the special ones."""
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


def _decoded(body: bytes) -> Values:
    params = decoded(body or b"{}")
    if not isinstance(params, dict):
        raise _error("SerializationException", "The request body is not a JSON object.")
    return params


def _error(code: str, message: str, status: int = 400) -> JsonRESTError:
    """An error of AWS's front end; PersonalizeError covers only errors in the models."""
    error = JsonRESTError(code, message)
    error.code = status
    return error


class _Answer(ActionResult):  # type: ignore[misc]
    """An answer as JSON, cut to the model's shape; the three APIs need no more."""

    def execute_result(self, context: Any) -> tuple[int, dict[str, str], str]:
        shape = context.operation_model.output_shape
        body = json.dumps(_cut(shape, self.result)) if shape and self.result else "{}"
        kind = "x-amz-json-1.1" if context.service_model.metadata["protocol"] == "json" else "json"
        return 200, {"Content-Type": f"application/{kind}"}, body


def _cut(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure":
        return {name: _cut(part, value[name]) for name, part in shape.members.items() if value.get(name) is not None}
    if shape.type_name == "list":
        return [_cut(shape.member, part) for part in value]
    return value.timestamp() if shape.type_name == "timestamp" else value


class _Response(BaseResponse):  # type: ignore[misc]
    """The base of the responses of all three APIs."""

    service = ""
    operations: Mapping[str, Answer] = MappingProxyType({})
    use_raw_body = True
    """Stock moto decodes the body, which need not be UTF-8, and parses it as a form."""

    def __init__(self) -> None:
        super().__init__(self.service)

    def _get_action(self) -> str:
        # Stock moto looks for an Action parameter first.
        target = self.headers.get("X-Amz-Target")
        if target or self.path == "/":
            return str(target or "").rpartition(".")[2]
        return str(self._get_action_from_method_and_request_uri(self.normalized_request))

    def call_action(self) -> Any:
        operation = self._get_action()
        if operation not in self.operations and operation != SET_FAULTS:
            error = _error("UnknownOperationException", f"There is no operation {operation}.")
            return 400, dict(error.get_headers()), error.get_body()
        return super().call_action()

    def _answer(self, operation: str, answer: Answer) -> ActionResult:
        pacing, backend = environment.current.pacing, personalize_backends[self.current_account][self.region]
        pacing.delay(self.service)
        if self.service != "personalize":
            self._apply_faults()
        shape = get_service_model(self.service).operation_model(operation).input_shape
        params = _decoded(self.body)
        validate(shape, params)
        known = {name: params[name] for name in shape.members if params.get(name) is not None}
        if faults.current.throttles() or pacing.throttles(backend, self.service, operation, known):
            raise _error("ThrottlingException", "Rate exceeded")
        return _Answer(answer(backend, known))

    def _apply_faults(self) -> None:
        """Apply the faults of the runtime and events APIs."""
        is_down, seconds = faults.current.serving()
        if seconds:
            environment.current.pacing.sleep(seconds)
        if is_down:
            raise _error("ServiceUnavailableException", "The service is unavailable.", 503)

    def set_faults(self) -> str:
        """The operation that sets the faults, which the service does not have; see `faults`."""
        try:
            faults.use(faults.Faults.parse(_decoded(self.body)))
        except ValueError as error:
            raise InvalidInputError(str(error)) from None
        return "{}"


SET_FAULTS = "SetFaults"


def _api(service: str, operations: dict[str, Answer]) -> type[_Response]:
    """A response class with one method per operation, as moto dispatches."""

    def method(operation: str, answer: Answer) -> Callable[[_Response], ActionResult]:
        return lambda self: self._answer(operation, answer)

    methods = {camelcase_to_underscores(name): method(name, answer) for name, answer in operations.items()}
    members = {"service": service, "operations": operations}
    return type(f"{service.title().replace('-', '')}Response", (_Response,), members | methods)


PersonalizeResponse = _api("personalize", _control())
PersonalizeRuntimeResponse = _api("personalize-runtime", RUNTIME)
PersonalizeEventsResponse = _api("personalize-events", EVENTS)
