"""The API matches its OpenAPI document: valid and invalid cases that schemathesis makes from it.

CASES=5000 python -m pytest tests/unit/fuzz/test_api_document.py

Only routes of a live group are called, in process. The document must name each answer, and no answer may be a server
error.
"""

import copy
import os
from collections import Counter
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from moto.core import DEFAULT_ACCOUNT_ID
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.unit.fuzz.requests import ORDINARY, ROUTES, Request
from tests.unit.fuzz.test_requests import CONTEXT, Api
from tests.unit.fuzz.test_requests import api as api
from tests.unit.fuzz.test_requests import trainer as trainer
from usher_cli.api_document import api_document

pytestmark = pytest.mark.exhaustive


CASES = int(os.environ.get("CASES", "150"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
KNOWN = {"filter": ["genre"], "solution": ["sims", "popularity-count"], "userId": ["u1", "u2"], "itemId": ["i1", "i2"]}
"""Values with a meaning here, which random ones hardly ever have."""
SKIPPED = {"GET /docs"}
"""A page, which has a test of its own."""


def unnamed(value: Any, schema: Any) -> Iterator[str]:
    """The members of an answer that its schema lacks, if the schema names any."""
    while "$ref" in schema:
        schema = reduce(getitem, schema["$ref"].removeprefix("#/").split("/"), api_document())
    for name, part in value.items() if isinstance(value, dict) else ():
        if name in schema.get("properties", {}):
            yield from unnamed(part, schema["properties"][name])
        elif "properties" in schema:
            yield name
    for part in value if isinstance(value, list) else ():
        yield from unnamed(part, schema.get("items", {}))


@pytest.mark.parametrize("name", ORDINARY)
def test_the_document_names_every_member_of_an_answer(api: Api, name: str) -> None:
    request = ORDINARY[name]
    method, _, path = request.route.partition(" ")
    status, body = api.ask(request)
    answers = api_document()["paths"][path][method.lower()]["responses"][str(status)]
    answers = api_document()["components"]["responses"][str(status)] if "$ref" in answers else answers
    assert [*unnamed(body, answers["content"]["application/json"]["schema"])] == []


def with_known_values() -> dict[str, Any]:
    """The document, with the known values for options."""

    def known(name: str, schema: Any) -> Any:
        return {"anyOf": [{"enum": KNOWN[name]}, schema]} if name in KNOWN else schema

    document = copy.deepcopy(api_document())
    for methods in document["paths"].values():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                if "schema" in parameter:
                    parameter["schema"] = known(parameter["name"], parameter["schema"])
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            for name in body.get("properties", {}):
                body["properties"][name] = known(name, body["properties"][name])
    return document


def cases() -> st.SearchStrategy[Any]:
    """Requests of every operation."""
    schema = schemathesis.openapi.from_dict(with_known_values())
    operations = [found.ok() for found in schema.get_all_operations()]
    tested = [one for one in operations if one.label in ROUTES and one.label not in SKIPPED]
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    return st.one_of([one.as_strategy(generation_mode=mode) for one in tested for mode in modes])


def answer(api: Api, case: Any) -> Response | None:
    """The function's answer; None if API Gateway would find no route for the request, or another one."""
    if "group" in case.path_parameters:
        case.path_parameters["group"] = "films"
    sent = requests.Request(**case.as_transport_kwargs(base_url="http://api")).prepare()
    url = urlsplit(str(sent.url))
    body: Any = sent.body.encode() if isinstance(sent.body, str) else sent.body
    request = Request(case.operation.label, url.path, url.query, body)
    if not request.is_of_its_route():
        return None
    event = request.as_event() | {"headers": {name.lower(): value for name, value in sent.headers.items()}}
    raw = api.functions[ROUTES[case.operation.label]].lambda_handler(event, CONTEXT)
    headers = {name.lower(): [value] for name, value in raw["headers"].items()}
    return Response(raw["statusCode"], headers, raw["body"].encode(), sent, elapsed=0.0, verify=False)


def test_the_documents_description_of_answers_is_true(api: Api) -> None:
    statuses = Counter[int]()

    @settings(
        max_examples=CASES, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    @given(cases())
    def check(case: Any) -> None:
        response = answer(api, case)
        if response is None:
            statuses[0] += 1
            return
        statuses[response.status_code] += 1
        assert "arn:" not in response.text
        assert DEFAULT_ACCOUNT_ID not in response.text
        case.validate_response(response, checks=CHECKS)

    check()
    print(dict(sorted(statuses.items())))  # noqa: T201
    assert {200, 400} <= statuses.keys()
