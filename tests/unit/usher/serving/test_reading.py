"""Reads while Personalize or the table does not answer: an hour of work in moments, on a clock that the test sets."""

import io
import json
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from usher.catalogue.entries import Catalogues, Entry, Facts
from usher.catalogue.known import CACHE_SECONDS as KNOWN_SECONDS
from usher.catalogue.known import Known
from usher.errors import RequestError
from usher.routes import ROUTES
from usher.serving.breaker import MAX_PAUSE_SECONDS, Breakers, RetryBudget
from usher.serving.campaigns import Campaigns, OutageError
from usher.serving.catalogue_check import CatalogueCheck
from usher.serving.demand import Demand
from usher.serving.export_store import ExportStore
from usher.serving.health import all_health, group_health
from usher.serving.pages import Pages
from usher.serving.popular_lists import PopularLists
from usher.serving.reading import Reader
from usher.serving.serving_map import CACHE_SECONDS, ServingMaps
from usher.serving.stored_filters import StoredFilters
from usher.storage.table import Table

from tests.unit.usher.world import TABLE, World

ARN = "arn:aws:personalize:us-east-1:123456789012"
KINDS = {"for-you": "USER_PERSONALIZATION", "similar": "RELATED_ITEMS", "ranking": "PERSONALIZED_RANKING",
         "next": "PERSONALIZED_ACTIONS"}  # fmt: skip
SERVED: Any = {
    "solutions": {
        name: {"type": kind, "campaignArn": f"{ARN}:campaign/{name}", "solutionVersionArn": f"{ARN}:solution/{name}/v1"}
        for name, kind in KINDS.items()
    },
    "filters": {"seen": f"{ARN}:filter/seen"},
}
POPULAR = ["a", "b", "c"]
DEADLINE, USUAL = 0.25, 0.02
"""Seconds of a call that times out, and of one that is answered."""


class Stage:
    """A Personalize, a table and a clock that the test controls."""

    def __init__(self, world: World) -> None:
        self.now, self.is_table_down, self.calls = 0.0, False, 0
        self.failure: Callable[[], Exception] | None = None
        self.seconds = USUAL
        table = Table(world.dynamodb, TABLE)
        ServingMaps(table).write("films", SERVED)
        PopularLists(table).write("films", POPULAR, "top", "v7")
        dynamodb: Any = SimpleNamespace(get_item=self._get_item)
        self.table = Table(dynamodb, TABLE)
        self._dynamodb = world.dynamodb

    def clock(self) -> float:
        return self.now

    def _get_item(self, **members: Any) -> Any:
        if self.is_table_down:
            self.now += DEADLINE
            raise ReadTimeoutError(endpoint_url="x")
        return self._dynamodb.get_item(**members)

    def _call(self, **_: Any) -> Any:
        self.calls += 1
        self.now += self.seconds
        if self.failure:
            raise self.failure()
        entry = [{"itemId": "own"}]
        return {
            "itemList": entry,
            "personalizedRanking": entry,
            "actionList": [{"actionId": "x"}],
            "recommendationId": "r",
        }

    def reader(self) -> Reader:
        """The reader of a new environment of the function."""
        operations = {route.operation: self._call for route in ROUTES.values()}
        runtime: Any = SimpleNamespace(**operations)
        campaigns = Campaigns(runtime, Breakers(self.clock), RetryBudget(), self.clock)
        catalogue = CatalogueCheck(Known(Catalogues(self.table), self.clock), Breakers(self.clock))
        maps, popular = ServingMaps(self.table, self.clock), PopularLists(self.table, self.clock)
        exports, pages, demand = ExportStore(self.table), Pages(self.table), Demand(self.table)
        filters = StoredFilters(catalogue, lambda *_: {})
        return Reader(maps, exports, pages, popular, campaigns, catalogue, demand, filters)


@pytest.fixture
def stage(world: World) -> Stage:
    return Stage(world)


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "Its own words."}}, "GetRecommendations")


def down() -> Exception:
    return refusal("ServiceUnavailableException")


def late() -> Exception:
    return ReadTimeoutError(endpoint_url="x")


def ask(reader: Reader, route: str = "recommendations", **options: Any) -> dict[str, Any]:
    subject = {ROUTES[route].subject: "a"} if ROUTES[route].subject else {}
    with redirect_stdout(io.StringIO()):
        return reader.answer("films", ROUTES[route], {**subject, **options})


@pytest.mark.exhaustive
@pytest.mark.parametrize(("failure", "seconds", "reason"), [(down, 0.005, "ServerError"), (late, DEADLINE, "Timeout")])
def test_no_read_fails_in_a_minute_without_personalize_at_50_requests_a_second(
    stage: Stage, failure: Callable[[], Exception], seconds: float, reason: str
) -> None:
    environments, took, answers = [stage.reader() for _ in range(8)], list[float](), list[dict[str, Any]]()
    for number in range(50 * 180):
        stage.now = number / 50
        is_out = 60 <= stage.now < 120
        stage.failure, stage.seconds = (failure, seconds) if is_out else (None, USUAL)
        before = stage.calls
        answers.append(ask(environments[number % 8]))
        took.append(stage.now - number / 50)
        assert stage.calls - before <= 2
    outage, took_then = answers[3000:6000], sorted(took[3000:6000])
    assert {answer["source"] for answer in answers[:3000]} == {"campaign"}
    assert all(one["degraded"] == {"reason": reason} and one["itemList"] for one in outage)
    assert took_then[int(len(took_then) * 0.99)] < 0.3
    assert max(took) < 0.3
    after = 6000 + int(50 * MAX_PAUSE_SECONDS) + 8
    assert {answer["source"] for answer in answers[after:]} == {"campaign"}


@pytest.mark.parametrize(
    ("route", "options", "items"),
    [
        ("recommendations", {}, ["a", "b", "c"]),
        ("recommendations", {"numResults": "2"}, ["a", "b"]),
        ("similar-items", {}, ["b", "c"]),
        ("rankings", {"items": ["z", "c", "y", "a"]}, ["a", "c", "z", "y"]),
    ],
)
def test_the_popular_list_stands_in_on_every_route_of_items(
    stage: Stage, route: str, options: dict[str, Any], items: list[str]
) -> None:
    stage.failure = down
    answer = ask(stage.reader(), route, **options)
    assert [one["itemId"] for one in answer.pop(ROUTES[route].list_name)] == items
    assert ("next" in answer) == ("numResults" in options)
    answer.pop("next", None)
    assert answer == {
        "source": "popular", "solution": "top", "solutionVersion": "v7", "degraded": {"reason": "ServerError"},
    }  # fmt: skip


def test_popular_items_are_answered_from_the_list_without_a_campaign(stage: Stage) -> None:
    answer = ask(stage.reader(), "popular")
    assert (answer["source"], "degraded" in answer, stage.calls) == ("popular", False, 0)
    with pytest.raises(RequestError) as caught:
        ask(stage.reader(), "trending")
    assert caught.value.code == "UnknownSolution"


@pytest.mark.parametrize(("route", "options"), [("actions", {}), ("recommendations", {"filter": "seen"})])
def test_a_request_beyond_the_popular_list_is_an_outage(stage: Stage, route: str, options: dict[str, str]) -> None:
    stage.failure, reader = down, stage.reader()
    for _ in range(3):
        with pytest.raises(OutageError) as caught:
            ask(reader, route, **options)
    assert caught.value.retry_after > 0


def test_a_campaign_that_fails_costs_others_nothing(stage: Stage) -> None:
    stage.failure, reader = down, stage.reader()
    for _ in range(3):
        ask(reader)
    stage.failure = None
    assert ask(reader, "similar-items")["source"] == "campaign"
    assert ask(reader)["source"] == "popular"


def test_reads_go_on_while_the_table_does_not_answer(stage: Stage) -> None:
    reader, took = stage.reader(), list[float]()
    ask(reader)
    stage.failure = down
    ask(reader)
    stage.failure, stage.is_table_down = None, True
    for second in range(100, 700):
        stage.now = float(second)
        assert ask(reader, "similar-items")["source"] == "campaign"
        took.append(stage.now - second)
    assert sum(one > DEADLINE for one in took) <= 600 / CACHE_SECONDS, "each read would wait for the table"
    stage.failure = down
    assert ask(reader, "similar-items")["source"] == "popular"
    assert group_health(reader, "films")["mapAgeSeconds"] > 600
    with pytest.raises(ReadTimeoutError):
        ask(stage.reader())


def test_each_degraded_answer_is_counted_by_group_solution_and_reason(stage: Stage) -> None:
    stage.failure, log, reader = down, io.StringIO(), stage.reader()
    with redirect_stdout(log):
        for _ in range(3):
            reader.answer("films", ROUTES["recommendations"], {"userId": "jane"})
    assert "jane" not in log.getvalue()
    lines = [json.loads(line) for line in log.getvalue().splitlines() if "_aws" in line]
    assert [one["DegradedAnswers"] for one in lines] == [[1.0]] * 6
    grouped = [one for one in lines if "Group" in one]
    assert [(one["Group"], one["Solution"], one["Reason"]) for one in grouped] == [
        ("films", "for-you", "ServerError")
    ] * 3


def test_each_failed_probe_logs_how_long_the_breaker_has_been_open(stage: Stage) -> None:
    stage.failure, log, reader = down, io.StringIO(), stage.reader()
    with redirect_stdout(log):
        for _ in range(100):
            reader.answer("films", ROUTES["recommendations"], {"userId": "jane"})
            stage.now += 0.1
    lines = [json.loads(line) for line in log.getvalue().splitlines() if "BreakerOpenSeconds" in line]
    assert [one["BreakerOpenSeconds"][0] for one in lines if "Group" not in one] == pytest.approx([1, 3, 7], abs=0.5)
    breakers = {(one["Group"], one["Solution"], one["Reason"]) for one in lines if "Group" in one}
    assert breakers == {("films", "for-you", "ServerError")}


def test_health_names_working_and_failing_parts_without_arns(stage: Stage) -> None:
    reader = stage.reader()
    ask(reader)
    assert group_health(reader, "films")["status"] == "ok"
    assert all_health(reader) == {"status": "ok", "breakers": {"closed": 4}}
    stage.failure = late
    for _ in range(3):
        ask(reader)
    health = group_health(reader, "films")
    solution: Mapping[str, Any] = health["solutions"]["for-you"]
    assert solution == {"source": "campaign", "breaker": "open", "reason": "Timeout", "retryAfterSeconds": 1.0}
    assert health["solutions"]["similar"] == {"source": "campaign", "breaker": "closed"}
    assert (health["status"], health["exports"], health["popular"]["items"]) == ("degraded", [], 3)
    assert all_health(reader) == {"status": "degraded", "breakers": {"open": 1, "closed": 3}}
    assert "arn" not in json.dumps(health)
    stage.is_table_down = True
    with pytest.raises(ReadTimeoutError):
        all_health(reader)


def test_a_later_part_of_a_list_lacks_items_that_have_left_the_catalogue(stage: Stage, world: World) -> None:
    table, stage.failure = Table(world.dynamodb, TABLE), down
    catalogues = Catalogues(table)
    catalogues.set_facts("films", Facts(columns=[], available="", items=True, users=False, userColumns=[]))
    for item in POPULAR:
        catalogues.put("films", Entry("items", item), 1)
    reader = replace(stage.reader(), pages=Pages(table), catalogue=CatalogueCheck(Known(catalogues, stage.clock)))
    first = ask(reader, numResults=1)
    second = ask(reader, numResults=1, next=first["next"])
    catalogues.remove("films", Entry("items", "b"), 2)
    stage.now += KNOWN_SECONDS + 1
    again = ask(reader, numResults=1, next=first["next"])
    third = ask(reader, numResults=1, next=again["next"])
    assert [[one["itemId"] for one in part["itemList"]] for part in (first, second, again, third)] == [
        ["a"], ["b"], [], ["c"]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("route", "options"), [("actions", {"details": "true"}), ("rankings", {"items": ["a"], "next": "MQ"})]
)
def test_no_option_is_ignored(stage: Stage, route: str, options: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="is unknown here") as caught:
        ask(stage.reader(), route, **options)
    assert caught.value.code == "UnknownOption"
