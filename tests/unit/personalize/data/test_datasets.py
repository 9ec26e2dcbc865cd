"""Stored data: imported, streamed, exported, deleted, saved."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import time_machine

from tests.unit.personalize.world import World
from usher_local.personalize.api.validation import decoded
from usher_local.personalize.data.datasets import GroupData
from usher_local.personalize.data.interactions import Event, Interaction
from usher_local.personalize.data.kept import Kept
from usher_local.store import Store

ROWS = pd.DataFrame(
    {
        "USER_ID": ["b", "a", "a"],
        "ITEM_ID": ["x", "y", "x"],
        "TIMESTAMP": [3, 2, 1],
        "EVENT_TYPE": ["watch", None, "click"],
        "DEVICE": ["tv", None, "phone"],
    }
)
NAMES = ["USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE", "DEVICE"]


def event(user: str | None, item: str, at: int = 9, session: str = "s", **more: Any) -> Event:
    return Event(user, session, Interaction(at, item, "watch", 2.5), **more)


def filled(kept: Kept | None = None) -> GroupData:
    data = GroupData(kept=kept)
    data.load("INTERACTIONS", ROWS, append=False)
    data.stream("INTERACTIONS", [event("a", "z", more={"DEVICE": "car"}), event(None, "w", session="late")])
    data.load("USERS", pd.DataFrame({"USER_ID": ["a", "b"], "AGE": [1, 2]}), append=False)
    data.stream("USERS", {"a": {"age": 7}})
    data.load("ITEMS", pd.DataFrame({"ITEM_ID": ["x"], "TITLE": ['said "no" \\ done, twice']}), append=False)
    return data


@pytest.fixture
def data() -> GroupData:
    return filled()


def test_a_history_is_sorted_and_holds_both_kinds_of_rows(data: GroupData) -> None:
    assert data.interactions.of("a") == [
        Interaction(1, "x", "click", None),
        Interaction(2, "y", None, None),
        Interaction(9, "z", "watch", 2.5),
    ]
    assert data.interactions.of("nobody") == []


def test_appending_collapses_exact_duplicates_and_replacing_keeps_streamed_events(data: GroupData) -> None:
    data.load("INTERACTIONS", ROWS.assign(TIMESTAMP=[3, 2, 7]), append=True)
    assert data.interactions.size == 6
    data.load("INTERACTIONS", ROWS[:1], append=False)
    assert data.interactions.size == 3


def test_an_export_has_the_rows_of_its_mode_under_the_schema_s_names(data: GroupData) -> None:
    bulk, put, everything = (data.export("INTERACTIONS", mode, NAMES) for mode in ("BULK", "PUT", "ALL"))
    assert bulk.splitlines() == [",".join(NAMES), "a,x,1,click,,phone", "a,y,2,,,", "b,x,3,watch,,tv"]
    assert put.splitlines()[1:] == ["a,z,9,watch,2.5,car", "late,w,9,watch,2.5,"]
    assert everything.splitlines() == bulk.splitlines() + put.splitlines()[1:]


def test_exported_records_are_whole(data: GroupData) -> None:
    assert data.export("USERS", "ALL", ["USER_ID", "AGE"]) == "USER_ID,AGE\na,7\nb,2\n"
    assert data.export("USERS", "PUT", ["USER_ID", "AGE"]) == "USER_ID,AGE\na,7\n"
    assert data.export("ACTIONS", "ALL", ["ACTION_ID", "VALUE"]) == "ACTION_ID,VALUE\n"


def test_an_export_can_be_imported_again(data: GroupData) -> None:
    from usher_local.personalize.core.schemas import parse_schema
    from usher_local.personalize.jobs.import_jobs import read_csv

    text = data.export("ITEMS", "ALL", ["ITEM_ID", "TITLE"])
    fields = [{"name": "ITEM_ID", "type": "string"}, {"name": "TITLE", "type": "string", "textual": True}]
    frame = read_csv(text.encode(), parse_schema(json.dumps({"type": "record", "fields": fields})))
    assert frame["TITLE"].tolist() == ['said "no" \\ done, twice']


def test_deleted_users_are_gone_from_everywhere(data: GroupData) -> None:
    data.interactions.add([event("a", "w", session="late", at=10)])  # now the anonymous event is a's as well
    assert data.remove_users(["a", "nobody"]) == 2 + 3 + 2
    assert data.interactions.of("a") == data.interactions.of("late") == []
    assert data.users.table.index == {"b": 0}
    assert data.interactions.size == 1


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    store = Store(tmp_path / "documents.db")
    yield Kept(tmp_path / "data", store, "films")
    store.close()


def test_stored_values_survive_a_round_trip(kept: Kept) -> None:
    data = filled(kept)
    restored = GroupData.restore(kept)
    for kind, names in (("INTERACTIONS", NAMES), ("USERS", ["USER_ID", "AGE"]), ("ITEMS", ["ITEM_ID", "TITLE"])):
        for mode in ("BULK", "PUT"):
            assert restored.export(kind, mode, names) == data.export(kind, mode, names)
    assert restored.interactions.of("a") == data.interactions.of("a")


def test_an_event_id_is_known_after_a_restart(kept: Kept) -> None:
    GroupData.restore(kept).stream("INTERACTIONS", [event("a", "q", id="once")])
    restored = GroupData.restore(kept)
    restored.stream("INTERACTIONS", [event("a", "r", id="once")])
    assert [row.item for row in restored.interactions.of("a")] == ["q"]


def test_filters_forget_users_of_whom_nothing_came_for_three_months(data: GroupData) -> None:
    now = datetime.now(UTC)
    for days, is_forgotten in ((89, False), (91, True)):
        with time_machine.travel(now + timedelta(days)):
            assert data.interactions.forgotten("a") == is_forgotten


def test_a_cleared_dataset_is_empty(data: GroupData) -> None:
    for kind in ("INTERACTIONS", "USERS", "ACTION_INTERACTIONS"):
        data.clear(kind)
    assert data.interactions.size == 0
    assert data.users.table.index == {}


def test_properties_impressions_and_recommendations_are_kept(world: World) -> None:
    from usher_local.personalize.models import personalize_backends

    group = world.group()
    world.dataset(group)
    tracking = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    world.events.put_events(
        trackingId=tracking,
        sessionId="s",
        userId="u",
        eventList=[
            {
                "eventType": "click",
                "itemId": "i",
                "sentAt": 5,
                "properties": '{"deviceType": "tv", "nothing": null}',
                "impression": ["i", "j"],
                "recommendationId": "RID-1",
                "metricAttribution": {"eventAttributionSource": "home"},
            }
        ],
    )
    backend = personalize_backends["123456789012"]["us-east-1"]
    stored = backend.data(backend.get("DatasetGroup", group))
    names = ["USER_ID", "DEVICE_TYPE", "IMPRESSION", "RECOMMENDATION_ID", "EVENT_ATTRIBUTION_SOURCE"]
    assert stored.export("INTERACTIONS", "PUT", names).splitlines()[1] == "u,tv,i|j,RID-1,home"


def test_a_property_in_another_spelling_replaces_no_field(world: World) -> None:
    group = world.loaded()
    tracking = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    properties = {"TIME_STAMP": "never", "Timestamp": "x", "ITEM_ID": ["i"], "userID": 1, "event_value": "much"}
    event = {"eventType": "watch", "itemId": "i3", "sentAt": 5, "properties": json.dumps(properties)}
    world.events.put_events(trackingId=tracking, userId="new", sessionId="s", eventList=[event])
    from usher_local.personalize.models import personalize_backends

    backend = personalize_backends["123456789012"]["us-east-1"]
    stored = backend.data(backend.get("DatasetGroup", group))
    names = ["USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE"]
    assert stored.export("INTERACTIONS", "ALL", names).splitlines()[-1].startswith("new,i3,5,watch,")


@pytest.mark.parametrize("properties", ['{"x": NaN}', '{"x": -Infinity}', '{"x": "\\ud800"}', "[" * 1000])
def test_properties_that_are_no_json_are_refused(world: World, properties: str) -> None:
    group = world.group()
    world.dataset(group)
    tracking = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    event = {"eventType": "watch", "sentAt": 5, "properties": properties}
    with pytest.raises(world.events.exceptions.InvalidInputException):
        world.events.put_events(trackingId=tracking, userId="new", sessionId="s", eventList=[event])


@pytest.mark.parametrize("body", [b'{"eventValue": NaN}', b'{"userId": "\\ud800"}', b"[" * 100_000, b"\xff"])
def test_a_request_that_is_no_json_is_not_read(body: bytes) -> None:
    assert decoded(body) is None
