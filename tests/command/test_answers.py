"""Answers for a group that a run has made: filtered in an outage, and with the context of the headers."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.client import BaseClient

from tests.unit.fuzz.requests import get_request
from tests.unit.usher.world import interactions
from usher_local.simulation.stack import Boundary, Stack

CONFIG = """
catalogue: [GENRES]
context: {DEVICE: device, HOUR: hour, WEEKDAY: weekday, COUNTRY: country}
solutions: {popular: {recipe: aws-popularity-count}}
filters:
  genre: INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)
  unseen: EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")
  unbought: EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("buy")
exports: {popular: {table: true, filter: unseen}}
"""
ITEMS = "ITEM_ID,GENRES\n" + "".join(f"i{number},{'Drama|War' if number % 2 else 'Comedy'}\n" for number in range(40))
HEADERS = {
    "user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148",
    "x-time-zone": "Asia/Tokyo",
    "cloudfront-viewer-country": "DE",
}


@pytest.fixture(scope="module")
def group(deployment: Stack) -> Stack:
    """A group that serves."""
    deployment.reset()
    deployment.put("films/items.csv", ITEMS)
    deployment.put("films/interactions.csv", interactions())
    deployment.put("films/usher.yaml", CONFIG)
    assert deployment.drop("films/usher.yaml").status == "SUCCEEDED"
    return deployment


@pytest.fixture
def films(group: Stack) -> Iterator[Stack]:
    """The group, with faults and breakers reset after each test."""
    yield group
    group.disturb = lambda _: None
    group.restart_functions()


def answer(stack: Stack, headers: Mapping[str, str] | None = None, **options: Any) -> Any:
    """The API's answer for u1."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in options.items()}
    event = get_request(urlencode(texts), headers=dict(headers or {})).as_event()
    [function] = [name for name in stack.folders if "-Recommendations-" in name]
    return json.loads(stack.invoke(function, event)["body"])


def ids(found: Any) -> list[str]:
    return [one["itemId"] for one in found["itemList"]]


def down(boundary: Boundary) -> str | None:
    return "ServiceUnavailableException" if boundary.name == "personalize-runtime:GetRecommendations" else None


def test_an_outage_leaves_a_filter_in_force(films: Stack) -> None:
    wanted = answer(films, filter="genre", filterValues={"GENRE": "War"}, numResults=30)
    assert wanted["source"] == "campaign"
    films.disturb = down
    stored = answer(films, filter="genre", filterValues={"GENRE": "War"}, numResults=30)
    assert (stored["source"], stored["degraded"]) == ("popular", {"reason": "Refused", "filter": "applied"})
    assert {*ids(stored)} == {*ids(wanted)}
    assert answer(films, filter="unbought")["degraded"]["filter"] == "applied", "the files have no such events"
    refused = answer(films, filter="unseen")
    assert refused["code"] == "Unavailable"
    assert refused["message"].endswith("without knowing Interactions.EVENT_TYPE.")


def test_an_export_with_the_filter_answers_for_it(films: Stack) -> None:
    assert films.run({}, "Exports").status == "SUCCEEDED"
    wanted = answer(films, filter="unseen")
    films.disturb = down
    stored = answer(films, filter="unseen")
    assert (stored["source"], stored["degraded"]["filter"]) == ("export", "exported")
    assert ids(stored) == ids(wanted)[: len(ids(stored))]


def test_personalize_gets_the_context_of_the_headers_and_the_clock(
    films: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, call = list[Any](), BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(self: Any, operation: str, members: Any) -> Any:
        sent.extend([members["context"]] if operation == "GetRecommendations" else [])
        return call(self, operation, members)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    films.clock.move_to(1_767_569_400)  # 2026-01-04, a Sunday, at 23:30 in UTC
    first = answer(films, HEADERS)
    answer(films, HEADERS, context={"DEVICE": "fridge"})
    expected = {"DEVICE": "phone", "HOUR": "8", "WEEKDAY": "Monday", "COUNTRY": "DE"}
    assert sent == [expected, {**expected, "DEVICE": "fridge"}]
    assert first["source"] == "campaign"
    assert ids(first)
