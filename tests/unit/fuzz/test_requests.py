"""No request makes the API fail or harms the group that it is about: each is answered, or refused with what is wrong.

FUZZ_SECONDS=600 python -m pytest tests/unit/fuzz/test_requests.py    goes on for ten minutes
"""

import copy
import json
import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from usher.aws import client
from usher.serving import Serving

from tests.unit.fuzz.requests import CORPUS, EVENTS, ORDINARY, RANKING, ROUTES, Request
from tests.unit.personalize.conftest import Served, served, trainer  # noqa: F401 - fixtures
from tests.unit.personalize.world import BUCKET
from tests.unit.usher.world import ACCOUNT, load_function

SECONDS = float(os.environ.get("FUZZ_SECONDS", 3))
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


BYTES = [b"", b"%", b"%00", b"\\ud800", b'"', b"{", b"]", b",", b"9", b"&", b"=", b"/"]


@dataclass
class Api:
    """The functions, before a live group `films`; there is a group `art`, too."""

    served: Served
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
def api(served: Served) -> Iterator[Api]:  # noqa: F811
    world, campaigns = served.world, served.campaigns
    tracker = world.personalize.create_event_tracker(name="films", datasetGroupArn=served.group)
    genre = world.personalize.create_filter(
        name="genre", datasetGroupArn=served.group, filterExpression="INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)"
    )["filterArn"]
    world.settled("filter", genre)
    kinds = {
        "user-personalization": "USER_PERSONALIZATION",
        "sims": "RELATED_ITEMS",
        "personalized-ranking": "PERSONALIZED_RANKING",
    }
    content = {
        "solutions": {name: {"type": kind, "campaignArn": campaigns[name]} for name, kind in kinds.items()},
        "filters": {"genre": genre},
        "trackingId": tracker["trackingId"],
        "exports": {},
    }
    names = {"group": "HASH", "item": "RANGE"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TABLE_NAME", TABLE)
        dynamodb = client("dynamodb")
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in names.items()],
        )
        for group in ("films", "art"):
            Serving(dynamodb, TABLE).write(group, content)
        yield Api(served, {name: load_function(name) for name in set(ROUTES.values())})


def is_well(api: Api) -> None:
    """The group answers; what was streamed can be exported, and models are trained of it."""
    for request in ORDINARY.values():
        status, body = api.ask(request)
        assert status in {200, 202}, body
    world, group = api.served.world, api.served.group
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
    assert world.version(world.solution(group, "user-personalization"))["status"] == "ACTIVE"


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
    """An ordinary request with one to three things wrong: values and names in its body, or bytes anywhere."""
    if chance.random() < 0.6:
        content = copy.deepcopy(chance.choice([EVENTS, RANKING]))
        for _ in range(chance.randint(1, 3)):
            place, key = chance.choice([*places(content)])
            place[key] = copy.deepcopy(chance.choice(VALUES))
        whole = ORDINARY["events" if "events" in content else "ranking"]
        return replace(
            whole, body=json.dumps(content, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
        )
    request = chance.choice([*ORDINARY.values(), *CORPUS.values()])
    part = chance.choice(["path", "query", "body"])
    value = getattr(request, part) or b""
    content = bytearray(value if isinstance(value, bytes) else value.encode())[:20_000]
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(content) + 1)
        content[at : at + chance.randint(0, 2)] = chance.choice(BYTES)
    return replace(request, **{part: bytes(content) if part == "body" else content.decode("ascii", "replace")})


def places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every value in objects and lists, as what it lies in and its name or number."""
    for key, value in list(content.items() if isinstance(content, dict) else enumerate(content)):
        yield content, key
        if isinstance(value, dict | list):
            yield from places(value)
