"""No request makes the API fail or harms the group that it is about: each is answered, or refused with what is wrong.

FUZZ_SECONDS=600 python -m pytest tests/unit/fuzz/test_requests.py    goes on for ten minutes
"""

import copy
import json
import math
import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws
from usher.aws import client
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

from tests.unit.fuzz.requests import CORPUS, EVENTS, ORDINARY, RANKING, ROUTES, Request
from tests.unit.personalize.world import BUCKET, World, items
from tests.unit.usher.world import ACCOUNT, KEPT, PENDING, load_function
from usher_local.clock import Clock
from usher_local.personalize import install, shutdown

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
"""What is quickly trained for each of the routes."""
BYTES = [b"", b"%", b"%00", b"\\ud800", b'"', b"{", b"]", b",", b"9", b"&", b"=", b"/"]


@dataclass
class Api:
    """The functions, before a live group `films`; there is a group `art`, too."""

    world: World
    group: str
    functions: dict[str, Any]

    def ask(self, request: Request) -> tuple[int, dict[str, Any]]:
        """The status and the JSON of an answer; what is no answer as the API's fails."""
        answer = self.functions[ROUTES[request.route]].lambda_handler(request.as_event(), CONTEXT)
        assert answer["headers"]["Content-Type"] == "application/json"
        status, body = answer["statusCode"], json.loads(answer["body"])
        json.dumps(answer, ensure_ascii=False).encode()  # as Lambda hands it over
        assert 200 <= status < 500, body
        if status >= 400:
            assert body.keys() == {"code", "message"}
            assert not PRIVATE.search(body["message"])
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
    versions = {name: world.version(world.solution(group, name))["solutionVersionArn"] for name in RECIPES}
    tracker = world.personalize.create_event_tracker(name="films", datasetGroupArn=group)
    genre = world.personalize.create_filter(
        name="genre", datasetGroupArn=group, filterExpression="INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)"
    )["filterArn"]
    world.settled("filter", genre)
    content: Any = {
        "solutions": {
            name: {"type": kind, "campaignArn": world.campaign(versions[name])} for name, kind in RECIPES.items()
        },
        "filters": {"genre": genre},
        "trackingId": tracker["trackingId"],
        "exports": {},
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
        for name in ("films", "art"):
            ServingMaps(Table(dynamodb, TABLE)).write(name, content)
        yield Api(world, group, {name: load_function(name) for name in set(ROUTES.values())})


def is_well(api: Api) -> None:
    """The group answers; what was streamed can be exported, and models are trained of it."""
    for request in ORDINARY.values():
        status, body = api.ask(request)
        assert status in {200, 202}, body
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


def mutated(chance: random.Random) -> Request:
    """A request with one to three things wrong."""
    return with_other_values(chance) if chance.random() < 0.6 else with_other_bytes(chance)


def with_other_values(chance: random.Random) -> Request:
    """An ordinary body in which other values stand."""
    name, ordinary = chance.choice([("events", EVENTS), ("ranking", RANKING)])
    content = copy.deepcopy(ordinary)
    for _ in range(chance.randint(1, 3)):
        place, key = chance.choice([*places(content)])
        place[key] = copy.deepcopy(chance.choice(VALUES))
    text = json.dumps(content, ensure_ascii=chance.random() < 0.5)
    return replace(ORDINARY[name], body=text.encode("utf-8", "surrogatepass"))


def with_other_bytes(chance: random.Random) -> Request:
    """A path, a query or a body that is cut, or in which something else stands."""
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
    """Every value in objects and lists, as what it lies in and its name or number."""
    for key, value in list(content.items() if isinstance(content, dict) else enumerate(content)):
        yield content, key
        if isinstance(value, dict | list):
            yield from places(value)
