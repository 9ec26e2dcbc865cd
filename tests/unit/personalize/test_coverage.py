"""All operations of the three APIs: each is answered, in the model's shape, and each of its errors occurs."""

import copy
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.moto_server.werkzeug_app import create_backend_app

from tests.unit.personalize.conftest import service
from tests.unit.personalize.coverage import coverage
from tests.unit.personalize.samples import ACCOUNT, broken, operation, smallest
from tests.unit.personalize.whole import METRIC, Whole
from tests.unit.personalize.world import REGION
from usher_local.clock import Clock
from usher_local.personalize.api.validation import validate
from usher_local.personalize.core import environment
from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.core.lifecycle import Lifecycle
from usher_local.personalize.models import PersonalizeBackend, personalize_backends

STANDING = Clock(1e-6)
"""A clock on which nothing that takes minutes ever ends."""
ROWS = [(row.service, row.operation) for row in coverage()]
ERRORS = [(service, name, error.name) for service, name in ROWS for error in operation(service, name).error_shapes]
IMPOSSIBLE = {
    ("CreateDataset", "LimitExceededException"): "a second dataset of a type exists already, before any limit",
    ("TagResource", "LimitExceededException"): "the limit of tags has an error of its own",
    ("UpdateSolution", "LimitExceededException"): "no limit is known",
}
"""Errors of the model without a known cause."""
JSON = st.recursive(
    st.sampled_from([None, True, f"{ACCOUNT}:nothing/nobody"]) | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=8,
)
ALWAYS = {"name", "jobName", "status", "creationDateTime", "lastUpdatedDateTime"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, trainer: ThreadPoolExecutor) -> Iterator[Whole]:
    with service(tmp_path_factory.mktemp("models"), trainer):
        yield Whole()


@pytest.fixture
def backend() -> PersonalizeBackend:
    found: PersonalizeBackend = personalize_backends["123456789012"][REGION]
    return found


@pytest.fixture
def whole(built: Whole, backend: PersonalizeBackend, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    """A world whose resources are restored after each test; models are never deleted."""
    monkeypatch.setattr(backend.models, "drop", lambda _: None)
    kept = [
        (resource, {name: copy.copy(getattr(resource, name)) for name in ("values", "life", "tags", "update")})
        for resource in backend.resources.values()
    ]
    yield built
    for resource, before in kept:
        for name, value in before.items():
            setattr(resource, name, value)
    backend.resources = {resource.arn: resource for resource, _ in kept}


def test_every_operation_is_answered() -> None:
    assert [row for row in coverage() if not row.implemented] == []
    assert len(ROWS) == 79


@pytest.mark.parametrize(("service", "name"), ROWS)
def test_an_answer_has_the_shape_of_the_model(
    whole: Whole, monkeypatch: pytest.MonkeyPatch, service: str, name: str
) -> None:
    request = whole.request(name)
    if name == "StopSolutionVersionCreation":
        monkeypatch.setattr(environment.current, "clock", STANDING)
        made = whole.call("CreateSolutionVersion", **whole.request("CreateSolutionVersion"))
        request = {"solutionVersionArn": made["solutionVersionArn"]}
    whole.call(name, **request)
    shape = operation(service, name).output_shape
    if shape is None or not shape.members:
        assert whole.body in (b"", b"{}")
        return
    answer = json.loads(whole.body)
    assert misfits(shape, answer) == []
    assert unknown(shape, answer) == []
    found = answer
    if name.startswith(("Describe", "List")):
        member = next(member for member in shape.members if member != "nextToken")
        found, shape = answer[member], shape.members[member]
    assert found, answer
    if name.startswith("Describe"):
        assert ALWAYS & shape.members.keys() <= found.keys()


def misfits(shape: Any, answer: Any) -> list[str]:
    """The violations of a shape, except in roles, which the model declares as Personalize's own in some answers."""
    try:
        validate(shape, answer)
    except InvalidInputError as error:
        return [problem for problem in error.message.split("; ") if "roleArn' failed" not in problem]
    return []


def unknown(shape: Any, value: Any, path: str = "") -> list[str]:
    """Members that the model does not have."""
    match shape.type_name:
        case "structure":
            extra = [f"{path}.{name}" for name in value if name not in shape.members]
            inner = [unknown(shape.members[n], v, f"{path}.{n}") for n, v in value.items() if n in shape.members]
            return extra + [found for some in inner for found in some]
        case "list":
            return [found for one in value for found in unknown(shape.member, one, f"{path}[]")]
        case _:
            return []


@pytest.mark.parametrize(("service", "name", "code"), [row for row in ERRORS if row[1:] not in IMPOSSIBLE])
def test_an_error_of_the_model_can_be_had(
    whole: Whole, backend: PersonalizeBackend, monkeypatch: pytest.MonkeyPatch, service: str, name: str, code: str
) -> None:
    error = getattr(whole.clients[service].exceptions, code)
    with pytest.raises(error) as raised:
        PROVOKE[code](whole, backend, monkeypatch, service, name)
    assert (
        raised.value.response["ResponseMetadata"]["HTTPStatusCode"]
        == {
            shape.name: (shape.metadata.get("error") or {}).get("httpStatusCode", 400)
            for shape in operation(service, name).error_shapes
        }[code]
    )
    assert raised.value.response["Error"]["Message"]


def test_errors_listed_as_impossible_are_in_the_model() -> None:
    assert IMPOSSIBLE.keys() <= {row[1:] for row in ERRORS}


def _invalid(whole: Whole, _: Any, __: Any, service: str, name: str) -> None:
    whole.call(name, **broken(operation(service, name).input_shape))


def _not_found(whole: Whole, _: Any, __: Any, service: str, name: str) -> None:
    shape = operation(service, name).input_shape
    request = smallest(shape)
    if not any(member.endswith(("Arn", "Id")) for member in request):  # the model leaves it optional
        member = next(member for member in shape.members if member.endswith("Arn"))
        request[member] = smallest(shape.members[member])
    whole.call(name, **request)


def _bad_token(whole: Whole, _: Any, __: Any, ___: str, name: str) -> None:
    whole.call(name, **whole.request(name) | {"nextToken": "nonsense"})


def _exists(whole: Whole, _: Any, __: Any, ___: str, name: str) -> None:
    request = whole.request(name)
    if name == "UpdateMetricAttribution":
        request["addMetrics"] = [METRIC]
    for _ in range(2):
        whole.call(name, **request)


def _limit(whole: Whole, _: Any, monkeypatch: pytest.MonkeyPatch, __: str, name: str) -> None:
    monkeypatch.setattr(environment.current, "clock", STANDING)
    for _ in range(501):
        whole.call(name, **whole.request(name))


def _in_use(whole: Whole, backend: PersonalizeBackend, _: Any, __: str, name: str) -> None:
    request = whole.request(name)
    pending = Lifecycle(STANDING, 60)
    if "resourceArn" in request or name in ("CreateSolutionVersion", "StopSolutionVersionCreation"):
        pending.begin("DELETE")  # these accept resources in creation
    arns = [value for member, value in request.items() if member.endswith("Arn") and value in backend.resources]
    if name == "PutActionInteractions":
        arns = [whole.arns["ACTION_INTERACTIONS"]]
    backend.resources[arns[0]].life = pending
    whole.call(name, **request)


def _many_tags(whole: Whole, _: Any, __: Any, ___: str, name: str) -> None:
    whole.call(name, **whole.request(name) | {"tags": [{"tagKey": f"k{n}", "tagValue": ""} for n in range(51)]})


def _many_keys(whole: Whole, _: Any, __: Any, ___: str, name: str) -> None:
    whole.call(name, **whole.request(name) | {"tagKeys": [f"k{n}" for n in range(51)]})


PROVOKE = {
    "InvalidInputException": _invalid,
    "InvalidNextTokenException": _bad_token,
    "LimitExceededException": _limit,
    "ResourceAlreadyExistsException": _exists,
    "ResourceInUseException": _in_use,
    "ResourceNotFoundException": _not_found,
    "TooManyTagKeysException": _many_keys,
    "TooManyTagsException": _many_tags,
}


def test_an_unknown_operation_is_refused(built: Whole) -> None:
    client = built.clients["personalize"]

    def rename(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["X-Amz-Target"] = "AmazonPersonalize.DescribeUnicorn"

    client.meta.events.register_first("before-call.personalize.ListRecipes", rename, unique_id="rename")
    try:
        with pytest.raises(ClientError, match="UnknownOperationException"):
            client.list_recipes()
    finally:
        client.meta.events.unregister("before-call.personalize.ListRecipes", rename, unique_id="rename")


@pytest.mark.exhaustive
@pytest.mark.usefixtures("built")
@given(service_and_name=st.sampled_from(ROWS), body=JSON | st.binary(max_size=50))
@settings(max_examples=300, deadline=None)
def test_no_body_is_a_fault_of_ours(service_and_name: tuple[str, str], body: Any) -> None:
    service, name = service_and_name
    shape = operation(service, name).input_shape
    if isinstance(body, dict):  # under names that the operation has, so that some get past the first look
        body = dict(zip(shape.members, body.values(), strict=False))
    http = operation(service, name).http
    headers = {"Authorization": f"AWS4 Credential=x/1/{REGION}/personalize/x"}
    if service == "personalize":
        headers["X-Amz-Target"] = f"AmazonPersonalize.{name}"
    data = body if isinstance(body, bytes) else json.dumps(body)
    answer = create_backend_app("personalize").test_client().post(http["requestUri"], data=data, headers=headers)
    assert answer.status_code in (200, 400, 404, 409)
    if answer.status_code != 200:
        assert answer.headers["X-Amzn-ErrorType"] or answer.get_json(force=True)["__type"]


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"\xff", b"null", b'{"maxResults": 1' + b"0" * 400 + b"}", b'{"maxResults": NaN}']
)
def test_a_malformed_body_is_a_bad_request(body: bytes) -> None:
    headers = {
        "Authorization": f"AWS4 Credential=x/1/{REGION}/personalize/x",
        "X-Amz-Target": "AmazonPersonalize.ListSchemas",
    }
    answer = create_backend_app("personalize").test_client().post("/", data=body, headers=headers)
    assert answer.status_code == 400
    assert answer.get_json(force=True)["__type"] in ("SerializationException", "InvalidInputException")
