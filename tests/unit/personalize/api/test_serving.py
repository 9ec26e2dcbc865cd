"""Answers of the runtime, and the effects of events on them."""

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID

from tests.unit.personalize.conftest import Served
from tests.unit.personalize.world import World
from usher_local.personalize.models import personalize_backends

GENRE = 'INCLUDE ItemID WHERE Items.GENRES IN ("Comedy")'


def recommended(served: Served, recipe: str = "user-personalization", **more: Any) -> list[str]:
    answer = served.world.runtime.get_recommendations(campaignArn=served.campaigns[recipe], **more)
    return [item["itemId"] for item in answer["itemList"]]


def test_scores_of_the_whole_catalogue_sum_to_one(served: Served) -> None:
    answer = served.world.runtime.get_recommendations(
        campaignArn=served.campaigns["user-personalization"], userId="u1", numResults=500, context={"DEVICE": "tv"}
    )
    scores = [item["score"] for item in answer["itemList"]]
    assert len(scores) == 40
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-4)
    uuid.UUID(answer["recommendationId"].removeprefix("RID-"))


def test_25_items_are_the_default_and_500_the_most(served: Served) -> None:
    assert len(recommended(served, userId="u1")) == 25
    with pytest.raises(served.world.runtime.exceptions.InvalidInputException, match="at most 500"):
        recommended(served, userId="u1", numResults=501)


def test_an_unknown_user_gets_popular_items(served: Served) -> None:
    assert recommended(served, userId="nobody", numResults=3) == recommended(served, "popularity-count", numResults=3)


def test_similar_items_have_no_scores_and_are_others(served: Served) -> None:
    answer = served.world.runtime.get_recommendations(campaignArn=served.campaigns["sims"], itemId="i1", numResults=40)
    assert "i1" not in {item["itemId"] for item in answer["itemList"]}
    assert all("score" not in item for item in answer["itemList"])
    assert len(recommended(served, "sims", itemId="unknown")) == 25


def test_each_recipe_needs_its_own_parameter(served: Served) -> None:
    for recipe, given, needed in (("user-personalization", "itemId", "userId"), ("sims", "userId", "itemId")):
        with pytest.raises(served.world.runtime.exceptions.InvalidInputException, match=f"{needed} is required"):
            recommended(served, recipe, **{given: "u1"})
    with pytest.raises(served.world.runtime.exceptions.InvalidInputException, match="does not support GetRecomm"):
        recommended(served, "personalized-ranking", userId="u1")


def test_a_ranking_sums_to_one_and_puts_unknown_items_last(served: Served) -> None:
    rank = served.world.runtime.get_personalized_ranking
    arn = served.campaigns["personalized-ranking"]
    answer = rank(campaignArn=arn, userId="u1", inputList=["what", "i2", "i1", "i5"])["personalizedRanking"]
    assert {item["itemId"] for item in answer[:3]} == {"i1", "i2", "i5"}
    assert answer[3] == {"itemId": "what", "score": 0.0}
    assert sum(item["score"] for item in answer) == pytest.approx(1, abs=1e-4)
    with pytest.raises(served.world.runtime.exceptions.InvalidInputException, match="1 to 500 items, not 501"):
        rank(campaignArn=arn, userId="u1", inputList=["i1"] * 501)
    with pytest.raises(served.world.runtime.exceptions.InvalidInputException, match="does not support GetPersonalized"):
        rank(campaignArn=served.campaigns["sims"], userId="u1", inputList=["i1"])


def test_unknown_and_unready_things_have_the_right_errors(served: Served) -> None:
    runtime = served.world.runtime
    unknown = "arn:aws:personalize:us-east-1:123456789012:campaign/nobody"
    with pytest.raises(runtime.exceptions.ResourceNotFoundException) as error:
        runtime.get_recommendations(campaignArn=unknown, userId="u1")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    with pytest.raises(runtime.exceptions.InvalidInputException, match="Exactly one of"):
        runtime.get_recommendations(userId="u1")
    with pytest.raises(runtime.exceptions.ResourceNotFoundException):
        recommended(served, userId="u1", filterArn=unknown.replace("campaign", "filter"))


def test_filters_apply_to_recommendations_and_rankings(served: Served) -> None:
    arn = served.world.make_filter(served.group, GENRE)
    assert set(recommended(served, userId="u1", filterArn=arn)) == {f"i{n}" for n in range(1, 40, 4)}
    answer = served.world.runtime.get_personalized_ranking(
        campaignArn=served.campaigns["personalized-ranking"], userId="u1", inputList=["i1", "i2"], filterArn=arn
    )
    assert [item["itemId"] for item in answer["personalizedRanking"]] == ["i1"]


def test_filter_values_come_with_the_request(served: Served) -> None:
    arn = served.world.make_filter(served.group, "INCLUDE ItemID WHERE Items.GENRES IN ($GENRE) AND Items.YEAR > $YEAR")
    found = recommended(served, userId="u1", filterArn=arn, filterValues={"GENRE": '"Drama"', "YEAR": "2010"})
    assert set(found) == {"i34", "i38"}
    with pytest.raises(served.world.runtime.exceptions.InvalidInputException, match="Missing filter value"):
        recommended(served, userId="u1", filterArn=arn)


def test_a_filter_naming_an_unknown_field_is_refused(served: Served) -> None:
    with pytest.raises(served.world.personalize.exceptions.InvalidInputException, match="Could not create filter"):
        served.world.make_filter(served.group, 'INCLUDE ItemID WHERE Items.COLOUR IN ("red")')


def test_a_filter_of_another_group_is_refused(served: Served) -> None:
    other = served.world.loaded()
    arn = served.world.make_filter(other, 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")')
    with pytest.raises(served.world.runtime.exceptions.InvalidInputException, match="another dataset group"):
        recommended(served, userId="u1", filterArn=arn)


@pytest.fixture(scope="module")
def tracking(served: Served) -> str:
    made = served.world.personalize.create_event_tracker(name="tracker", datasetGroupArn=served.group)
    return str(made["trackingId"])


def send(world: World, tracking: str, item: str, **more: Any) -> None:
    user = {"userId": more.pop("userId")} if "userId" in more else {}
    event = {"sentAt": time.time(), "eventType": "watch", "itemId": item} | more
    world.events.put_events(trackingId=tracking, sessionId=more.pop("session", "s"), eventList=[event], **user)


def test_events_change_the_next_answer_for_that_user_alone(served: Served, tracking: str) -> None:
    before, other = (recommended(served, userId=user) for user in ("fresh", "u7"))
    for item in ("i3", "i7", "i11"):
        send(served.world, tracking, item, userId="fresh")
    after = recommended(served, userId="fresh")
    assert after != before
    assert sum(int(item[1:]) % 4 == 3 for item in after[:5]) >= 3  # the watched genre
    assert recommended(served, userId="u7") == other


def test_an_anonymous_session_is_remembered(served: Served, tracking: str) -> None:
    for item in ("i3", "i7", "i11"):
        served.world.events.put_events(
            trackingId=tracking,
            sessionId="visit",
            eventList=[{"sentAt": 1_700_000_000, "eventType": "watch", "properties": json.dumps({"itemId": item})}],
        )
    assert recommended(served, userId="visit") == recommended(served, userId="fresh")


def test_an_event_filter_sees_streamed_events(served: Served, tracking: str) -> None:
    arn = served.world.make_filter(served.group, 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("bought")')
    assert recommended(served, userId="u5", filterArn=arn) == []
    send(served.world, tracking, "i9", userId="u5", eventType="Bought")
    assert recommended(served, userId="u5", filterArn=arn) == ["i9"]


def test_an_event_id_counts_once(served: Served, tracking: str) -> None:
    arn = served.world.make_filter(served.group, 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("liked")')
    for item in ("i1", "i2"):
        send(served.world, tracking, item, userId="u6", eventType="liked", eventId="same")
    assert recommended(served, userId="u6", filterArn=arn) == ["i1"]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"properties": "{"}, "Error parsing properties json"),
        ({"properties": "[]"}, "Error parsing properties json"),
        ({"properties": '{"userId": "x"}'}, "must not have the keys userId"),
        ({"properties": json.dumps({"x": "y" * 2000})}, "length less than or equal to 1024"),
        ({"recommendationId": "x" * 41}, "length less than or equal to 40"),
        ({"impression": ["\N{GRINNING FACE}" * 256] * 25}, "larger than 10240 bytes"),
        ({"sentAt": datetime(6000, 1, 1, tzinfo=UTC)}, "must be in Unix epoch time in seconds"),
        ({"impression": ["i" * 256] * 26}, "length less than or equal to 25"),
    ],
)
def test_a_bad_event_is_refused(served: Served, tracking: str, event: dict[str, Any], message: str) -> None:
    with pytest.raises(served.world.events.exceptions.InvalidInputException, match=message):
        send(served.world, tracking, "i1", userId="u1", **event)


def test_more_than_ten_events_or_an_unknown_tracker_are_refused(served: Served, tracking: str) -> None:
    event = {"sentAt": 1, "eventType": "watch", "itemId": "i1"}
    put = served.world.events.put_events
    with pytest.raises(ClientError, match="less than or equal to 10"):
        put(trackingId=tracking, sessionId="s", eventList=[event] * 11)
    with pytest.raises(served.world.events.exceptions.InvalidInputException, match="no event tracker"):
        put(trackingId="nobody", sessionId="s", eventList=[event])


def test_put_items_and_users_changes_the_results_of_filters(served: Served) -> None:
    world = served.world
    arns = {
        d["datasetType"]: d["datasetArn"]
        for d in world.personalize.list_datasets(datasetGroupArn=served.group)["datasets"]
    }
    arn = world.make_filter(
        served.group,
        'INCLUDE ItemID WHERE Items.GENRES IN ("New") | EXCLUDE ItemID WHERE Items.YEAR > 0 IF CurrentUser.AGE < 18',
    )
    world.events.put_items(
        datasetArn=arns["ITEMS"], items=[{"itemId": "i4", "properties": json.dumps({"genres": "New", "year": 2020})}]
    )
    assert recommended(served, userId="u9", filterArn=arn) == ["i4"]
    world.events.put_users(datasetArn=arns["USERS"], users=[{"userId": "u9", "properties": '{"age": 12}'}])
    assert recommended(served, userId="u9", filterArn=arn) == []
    with pytest.raises(world.events.exceptions.InvalidInputException, match="not a dataset of type USERS"):
        world.events.put_users(datasetArn=arns["ITEMS"], users=[{"userId": "u9"}])
    with pytest.raises(world.events.exceptions.ResourceNotFoundException):
        world.events.put_users(datasetArn=f"{arns['ITEMS']}X", users=[{"userId": "u9"}])


def test_a_user_s_list_neglects_an_item(served: Served) -> None:
    campaign = served.campaigns["user-personalization"]
    expected = served.world.runtime.get_recommendations(campaignArn=campaign, userId="u1")["itemList"]
    assert (
        served.world.runtime.get_recommendations(campaignArn=campaign, userId="u1", itemId="i7")["itemList"] == expected
    )


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"itemId": "other"}, "The property itemId must be the record's itemId, new"),
        ({"genres": ["Action", "Western"]}, "The property genres must be of type string"),
        ({"genres": {"a": 1}}, "The property genres must be of type string"),
        ({"genres": True}, "The property genres must be of type string"),
        ({"year": True}, "The property year must be of type int"),
        ({"year": "old"}, "The property year must be of type int"),
        ({"year": 1.5}, "The property year must be of type int"),
        ({"cast": ["a"]}, "The property cast must be of type string"),
    ],
)
def test_a_property_has_the_type_of_its_field(served: Served, properties: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        put_item(served, "new", properties)


def test_a_record_is_kept_as_its_schema_has_it(served: Served) -> None:
    put_item(served, "new", {"itemId": "new", "genres": "Action|Western", "year": "1999", "DESCRIPTION": None})
    backend = personalize_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    exported = backend.data(backend.get("DatasetGroup", served.group)).export("ITEMS", "PUT", ["ITEM_ID", "YEAR"])
    assert "new,1999" in exported.splitlines()


def put_item(served: Served, item: str, properties: dict[str, Any]) -> None:
    datasets = served.world.personalize.list_datasets(datasetGroupArn=served.group)["datasets"]
    (arn,) = (one["datasetArn"] for one in datasets if one["datasetType"] == "ITEMS")
    served.world.events.put_items(datasetArn=arn, items=[{"itemId": item, "properties": json.dumps(properties)}])
