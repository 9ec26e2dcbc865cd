"""No request breaks the API or harms its group: each is answered, or refused with the reason.

FUZZ_SECONDS=600 python -m pytest tests/unit/fuzz/test_requests.py tests for ten minutes
"""

import copy
import json
import math
import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws
from usher.aws import client
from usher.catalogue.entries import Catalogues, Facts, entry_of
from usher.routes import ROUTES_BY_KEY, SHORT_NAMES, short_name
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

from tests.unit.fuzz.requests import BODIES_OF, CORPUS, ORDINARY, ROUTES, Request
from tests.unit.personalize.modelling.test_actions import ACTIONS, ANSWERS
from tests.unit.personalize.world import BUCKET, SCHEMAS, World, items, users
from tests.unit.usher.world import ACCOUNT, KEPT, PENDING, load_function
from usher_local.clock import Clock
from usher_local.personalize import install, shutdown

pytestmark = pytest.mark.exhaustive


SECONDS = float(os.environ.get("FUZZ_SECONDS", 1))
SEED = int(os.environ.get("FUZZ_SEED", 13))
TABLE = "usher-table"
CONTEXT = SimpleNamespace(function_name="f", aws_request_id="r")
PRIVATE = re.compile(rf"arn:|{ACCOUNT}|\bart\b")
"""ARNs, accounts, and the other group."""
VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        1e308,
        float("nan"),
        float("inf"),
        2**63,
        -(2**64),
        10**400,
        "",
        " ",
        "null",
        "\x00",
    ),
    *("\ud800", "\U0001f3ac", "\u2028\u202e", "a" * 257, "€" * 70_000, "*", "../x", '"', '"a","b"', "NaN", "null"),
    *([], {}, [[]], [None], ["i1"] * 501, {"": None}, {"a": {"b": {}}}, {"eventAttributionSource": []}, "[" * 999),
]


RECIPES = {
    "popularity-count": "POPULAR_ITEMS", "sims": "RELATED_ITEMS", "personalized-ranking": "PERSONALIZED_RANKING"
}  # fmt: skip
"""Recipes with a fast training for each of the routes."""
SIGNED: Mapping[str, Any] = {"iam": {}}
UNSERVED = {"actions"}
"""Options for which the group has no campaign."""
BYTES = [b"", b"%", b"%00", b"\\ud800", b'"', b"{", b"]", b",", b"9", b"&", b"=", b"/"]


@dataclass
class Api:
    """The functions, with a live group `films`, and a group `art`."""

    world: World
    group: str
    functions: dict[str, Any]

    def ask(self, request: Request, authorizer: Mapping[str, Any] = SIGNED) -> tuple[int, dict[str, Any]]:
        """The status and the JSON of an answer. Raises an error if the answer has not the API's form."""
        event = request.as_event()
        event["requestContext"]["authorizer"] = authorizer
        answer = self.functions[ROUTES[request.route]].lambda_handler(event, CONTEXT)
        assert answer["headers"]["Content-Type"] == "application/json"
        status, body = answer["statusCode"], json.loads(answer["body"])
        json.dumps(answer, ensure_ascii=False).encode()  # as Lambda passes it
        assert 200 <= status < 500, body
        assert not PRIVATE.search(answer["body"])
        if status >= 400:
            assert body.keys() == {"code", "message"}
        return status, body


@pytest.fixture(scope="module")
def trainer() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, trainer: ThreadPoolExecutor) -> Iterator[Api]:
    with mock_aws():
        install(Clock(math.inf), tmp_path_factory.mktemp("models"), trainer)
        yield from serve(World())
        shutdown()


def serve(world: World) -> Iterator[Api]:
    group = world.loaded()
    world.loaded(items(), "ITEMS", group)
    world.loaded(users(), "USERS", group)
    texts = {**SCHEMAS, "ACTIONS": ACTIONS, "ACTION_INTERACTIONS": ANSWERS}
    for kind in ("ACTIONS", "ACTION_INTERACTIONS"):
        world.dataset(group, kind, texts[kind])
    datasets = {
        one["datasetType"]: one["datasetArn"]
        for one in world.personalize.list_datasets(datasetGroupArn=group)["datasets"]
    }
    versions = {name: world.version(world.solution(group, name))["solutionVersionArn"] for name in RECIPES}
    tracker = world.personalize.create_event_tracker(name="films", datasetGroupArn=group)
    genre = world.personalize.create_filter(
        name="genre", datasetGroupArn=group, filterExpression="INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)"
    )["filterArn"]
    world.settled("filter", genre)
    solutions: Any = {
        name: {"type": kind, "campaignArn": world.campaign(versions[name])} for name, kind in RECIPES.items()
    }
    content: Any = {
        "solutions": {**solutions, "trending": {**solutions["popularity-count"], "recipe": "aws-trending-now"}},
        "filters": {"genre": genre},
        "trackingId": tracker["trackingId"],
        "actionTrackingId": world.describe("dataset", datasets["ACTION_INTERACTIONS"])["trackingId"],
        "exports": {"popularity-count": {"table": True}},
        "context": {"DEVICE": "device", "HOUR": "hour", "COUNTRY": "country"},
        "datasets": {
            kind.lower(): {"arn": datasets[kind], "fields": json.loads(texts[kind])["fields"]}
            for kind in ("ITEMS", "USERS", "ACTIONS")
        },
    }
    names = {"group": "HASH", "item": "RANGE"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TABLE_NAME", TABLE)
        patched.setenv("PERSONALIZE_MILLISECONDS", "1000")
        sqs: Any = client("sqs")
        for name, queue, more in (("KEPT", KEPT, {}), ("PENDING", PENDING, {"FifoQueue": "true"})):
            patched.setenv(f"{name}_QUEUE_URL", sqs.create_queue(QueueName=queue, Attributes=more)["QueueUrl"])
        dynamodb: Any = client("dynamodb")
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in names.items()],
        )
        table = Table(dynamodb, TABLE)
        for name in ("films", "art"):
            ServingMaps(table).write(name, content)
        catalogues = Catalogues(table)
        columns = ["GENRES", "YEAR"]
        facts = Facts(columns=columns, available="", items=True, users=True, userColumns=["AGE"])
        catalogues.set_facts("films", facts)
        for number in range(40):
            catalogues.put("films", entry_of("items", f"i{number}", {"YEAR": 1980 + number}, ["YEAR"]), at=0)
        yield Api(world, group, {name: load_function(name) for name in set(ROUTES.values())})


def is_well(api: Api) -> None:
    """Check that the group answers, that streamed data can be exported, and that models can be trained."""
    for name, request in ORDINARY.items():
        status, body = api.ask(request)
        assert status in {200, 202} or name in UNSERVED, (name, body)
    world, group = api.world, api.group
    listed = world.personalize.list_datasets(datasetGroupArn=group)["datasets"]
    (dataset,) = (one["datasetArn"] for one in listed if one["datasetType"] == "INTERACTIONS")
    job = world.personalize.create_dataset_export_job(
        jobName=next(world.names),
        datasetArn=dataset,
        ingestionMode="ALL",
        roleArn=world.role,
        jobOutput={"s3DataDestination": {"path": f"s3://{BUCKET}/exported/"}},
    )["datasetExportJobArn"]
    assert world.settled("datasetExportJob", job)["status"] == "ACTIVE"
    assert world.version(world.solution(group, "popularity-count"))["status"] == "ACTIVE"


def test_the_corpus_is_answered_or_refused_and_the_group_is_well(api: Api) -> None:
    for name, request in CORPUS.items():
        try:
            api.ask(request)
        except Exception as error:
            raise AssertionError(name) from error
    is_well(api)


def test_mutations_are_answered_or_refused_and_the_group_is_well(api: Api) -> None:
    chance, end = random.Random(SEED), time.process_time() + SECONDS
    statuses: Counter[int] = Counter()
    while time.process_time() < end:
        request = mutated(chance)
        if request.is_of_its_route():
            status, _ = api.ask(request)
            statuses[status] += 1
    assert {202, 400} <= statuses.keys()
    is_well(api)


def token(user: str, **claims: str) -> dict[str, Any]:
    return {"jwt": {"claims": {"sub": user, **claims}, "scopes": None}}


def key(group: str, *routes: str) -> dict[str, Any]:
    return {"lambda": {"group": group, "routes": [*routes], "key": "k1"}}


@pytest.mark.parametrize("name", ORDINARY)
def test_no_caller_reaches_another_callers_data_by_any_route(api: Api, name: str) -> None:
    request, route = ORDINARY[name], short_name(ORDINARY[name].route)
    is_open, is_of_a_group = not ROUTES_BY_KEY[request.route].needs_scope, "{group}" in request.route
    names_u1 = b'"u1"' in (request.body or b"") or "u1" in request.path + request.query
    others = {*SHORT_NAMES} - {route}
    refusals = {
        "a token of another user": (token("u9"), names_u1 or not is_open),
        "a token of the user": (token("u1"), not is_open or b"u2" in (request.body or b"")),
        "a token of nobody": (token(""), True),
        "a token of a program": (token("", scope="usher/all"), False),
        "a key": (key("films", route), False),
        "a key of another group": (key("art", route), is_of_a_group),
        "a key of a group whose name begins alike": (key("film", *SHORT_NAMES), is_of_a_group),
        "a key of other routes": (key("films", *others), True),
        "a key of no route": (key("films"), True),
        "nobody": ({}, True),
    }
    refused = {who: api.ask(request, authorizer)[0] == 403 for who, (authorizer, _) in refusals.items()}
    assert refused == {who: is_refused for who, (_, is_refused) in refusals.items()}


def mutated(chance: random.Random) -> Request:
    """A request with one to three errors."""
    return with_other_values(chance) if chance.random() < 0.6 else with_other_bytes(chance)


def with_other_values(chance: random.Random) -> Request:
    """An ordinary body with other values."""
    name, ordinary = chance.choice([*BODIES_OF.items()])
    content = copy.deepcopy(ordinary)
    for _ in range(chance.randint(1, 3)):
        place, key = chance.choice([*places(content)])
        place[key] = copy.deepcopy(chance.choice(VALUES))
    text = json.dumps(content, ensure_ascii=chance.random() < 0.5)
    return replace(ORDINARY[name], body=text.encode("utf-8", "surrogatepass"))


def with_other_bytes(chance: random.Random) -> Request:
    """A path, a query or a body that is cut, or that contains other bytes."""
    request = chance.choice([*ORDINARY.values(), *CORPUS.values()])
    path, query, body = (
        bytearray(request.path.encode()),
        bytearray(request.query.encode()),
        bytearray(request.body or b""),
    )
    part = chance.choice([path, query, body])
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(part) + 1)
        part[at : at + chance.randint(0, 2)] = chance.choice(BYTES)
    return replace(request, path=path.decode(), query=query.decode(), body=bytes(body) or None)


def places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every value in objects and lists, as its container and its name or number."""
    for key, value in list(content.items() if isinstance(content, dict) else enumerate(content)):
        yield content, key
        if isinstance(value, dict | list):
            yield from places(value)
