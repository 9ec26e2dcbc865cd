"""From callers' names to Personalize's: the map, its cache, and the messages about wrong options."""

from contextlib import suppress
from typing import Any

import botocore.session
import pytest
from usher.errors import RequestError
from usher.planning.next_serving_map import next_map
from usher.resources.plan import Plan
from usher.routes import ROUTES
from usher.serving.requests import MAX_VALUE_LENGTH, READERS, checked_id, checked_ids
from usher.serving.serving_map import CACHE_SECONDS, ServingMaps
from usher.storage.table import Table

from tests.unit.usher.reads import call_members
from tests.unit.usher.world import TABLE, World

PLAN = Plan(
    "films",
    solutions={
        "for-you": {"type": "USER_PERSONALIZATION", "campaign": True},
        "offline": {"type": "USER_PERSONALIZATION", "campaign": False},
    },
    filters=["seen"],
    exports={"for-you": {"table": True}},
    events={"columns": {"interactions": {"USER_ID": "string"}}, "eventTypes": {}},
)


def ready(name: str, **details: str) -> dict[str, Any]:
    return {"id": name, "status": "READY", "arn": f"arn:{name}", "details": details}


STATES: Any = [
    ready("event_tracker/films", trackingId="t-1"),
    ready("dataset/action_interactions", trackingId="t-2"),
    ready("filter/seen"),
    ready("solution_version/for-you"),
    ready("campaign/for-you"),
    ready("solution_version/offline"),
]
FULL: Any = {
    "solutions": {
        "for-you": {
            "type": "USER_PERSONALIZATION",
            "campaignArn": "arn:campaign/for-you",
            "solutionVersionArn": "arn:solution_version/for-you",
        },
        "offline": {
            "type": "USER_PERSONALIZATION",
            "campaignArn": None,
            "solutionVersionArn": "arn:solution_version/offline",
        },
    },
    "recommenders": {},
    "filters": {"seen": "arn:filter/seen"},
    "trackingId": "t-1",
    "actionTrackingId": "t-2",
    "exports": {"for-you": {"table": True}},
    "events": {"columns": {"interactions": {"USER_ID": "string"}}, "eventTypes": {}},
}


def test_only_the_api_reads_inconsistently(world: World) -> None:
    reads: list[bool] = []
    world.listen(
        world.dynamodb,
        "before-parameter-build.dynamodb.GetItem",
        lambda params, **_: reads.append(params["ConsistentRead"]),
    )
    serving = ServingMaps(Table(world.dynamodb, TABLE))
    serving.write("films", FULL)
    serving.read("films")
    serving.groups()
    serving.cached("films")
    assert reads == [True, True, False]


def test_a_ready_version_is_live() -> None:
    assert next_map(PLAN, STATES, {}) == FULL


def test_a_failed_resource_leaves_its_predecessor_live() -> None:
    before: Any = {
        "solutions": {"for-you": {"type": "USER_PERSONALIZATION", "campaignArn": "old"}},
        "recommenders": {},
        "filters": {"seen": "old", "gone": "x"},
        "trackingId": "t-0",
    }
    failed: Any = [state | {"status": "FAILED"} for state in STATES]
    assert next_map(PLAN, failed, before) == {
        **before,
        "actionTrackingId": None,
        "exports": {"for-you": {"table": True}},
        "events": PLAN.events,
    }


def test_a_version_without_its_campaign_does_not_replace_the_live_one() -> None:
    before: Any = {"solutions": {"for-you": {"type": "USER_PERSONALIZATION", "campaignArn": "old"}}}
    states: Any = [state for state in STATES if state["id"] != "campaign/for-you"]
    assert next_map(PLAN, states, before)["solutions"]["for-you"] == before["solutions"]["for-you"]


def test_a_version_that_was_never_live_is_not_served() -> None:
    assert next_map(PLAN, [], {}) == {
        "solutions": {}, "recommenders": {}, "filters": {}, "trackingId": None, "actionTrackingId": None,
        "exports": {"for-you": {"table": True}}, "events": PLAN.events,
    }  # fmt: skip


def test_maps_are_written_and_read_and_groups_listed(world: World) -> None:
    serving = ServingMaps(Table(world.dynamodb, TABLE))
    assert (serving.read("films"), serving.groups()) == ({}, [])
    serving.write("films", FULL)
    serving.write("art", {})
    serving.write("films", FULL)
    assert (serving.read("films"), serving.groups()) == (FULL, ["art", "films"])


@pytest.mark.parametrize("former", [{}, FULL])
def test_a_map_replaced_by_another_writer_is_unchanged(world: World, former: Any) -> None:
    serving = ServingMaps(Table(world.dynamodb, TABLE))
    if former:
        serving.write("films", former)
    first, second = FULL | {"trackingId": "t-1st"}, FULL | {"trackingId": "t-2nd"}
    assert serving.replace("films", first, former)
    assert not serving.replace("films", second, former)
    assert (serving.read("films"), serving.groups()) == (first, ["films"])


def test_a_map_is_read_once_while_it_is_fresh(world: World) -> None:
    time = [0.0]
    serving = ServingMaps(Table(world.dynamodb, TABLE), clock=lambda: time[0])
    serving.write("films", FULL)
    assert serving.cached("films") == FULL
    serving.write("films", FULL | {"trackingId": "t-2"})
    time[0] = CACHE_SECONDS
    assert serving.cached("films")["trackingId"] == "t-1"
    time[0] += 1
    assert serving.cached("films")["trackingId"] == "t-2"


def test_items_missing_in_the_copy_are_read_from_the_table(world: World) -> None:
    serving = ServingMaps(Table(world.dynamodb, TABLE), clock=lambda: 0.0)
    before: Any = {name: value for name, value in FULL.items() if name != "trackingId"}
    contents = list[Any]()

    def tracking_id(content: Any) -> Any:
        contents.append(content)
        if "trackingId" not in content:
            raise RequestError(404, "NoTracker", "There is none.")
        return content["trackingId"]

    serving.write("films", before)
    with pytest.raises(RequestError, match="There is none"):
        serving.resolve("films", tracking_id)
    serving.write("films", FULL)
    assert serving.resolve("films", tracking_id) == "t-1"
    assert serving.resolve("films", tracking_id) == "t-1"
    assert contents == [before, before, before, FULL, FULL]


def test_a_mistake_of_the_caller_reads_no_map_again(world: World) -> None:
    serving = ServingMaps(Table(world.dynamodb, TABLE), clock=lambda: 0.0)
    serving.write("films", FULL)
    contents = list[Any]()

    def refuse(content: Any) -> None:
        contents.append(content)
        raise RequestError(400, "BadRecord", "It is wrong.")

    with pytest.raises(RequestError, match="It is wrong"):
        serving.resolve("films", refuse)
    assert len(contents) == 1


def test_a_group_that_comes_live_is_served_at_once(world: World) -> None:
    serving = ServingMaps(Table(world.dynamodb, TABLE), clock=lambda: 0.0)
    with pytest.raises(RequestError, match="There is no group films, or none of its runs") as caught:
        serving.cached("films")
    assert (caught.value.status, caught.value.code) == (404, "UnknownGroup")
    serving.write("films", FULL)
    assert serving.cached("films") == FULL
    with pytest.raises(RequestError, match="There is no group music, or") as caught:
        serving.cached("music")
    assert "films" not in str(caught.value)


def test_groups_that_do_not_exist_leave_nothing_in_the_cache(world: World) -> None:
    serving = ServingMaps(Table(world.dynamodb, TABLE))
    serving.write("films", FULL)
    for name in ("films", *(f"g{number}" for number in range(5))):
        with suppress(RequestError):
            serving.cached(name)
    assert set(serving.copies._copies) == {"films"}


LIVE: Any = {
    "solutions": {
        name: {"type": kind, "campaignArn": f"arn:{name}", "solutionVersionArn": "v"}
        for name, kind in {
            "for-you": "USER_PERSONALIZATION",
            "similar": "RELATED_ITEMS",
            "ranking": "PERSONALIZED_RANKING",
        }.items()
    }
    | {"popular": {"type": "POPULAR_ITEMS", "campaignArn": "arn:popular", "metadata": False}}
    | {"offline": {"type": "USER_PERSONALIZATION", "campaignArn": None, "solutionVersionArn": "v"}},
    "filters": {"genre": "arn:filter"},
}


@pytest.mark.parametrize(
    ("route", "solution"),
    [("recommendations", "for-you"), ("similar-items", "similar"), ("rankings", "ranking")],
)
def test_the_first_live_solution_that_can_do_it_answers(route: str, solution: str) -> None:
    assert call_members(LIVE, route, {}) == (solution, {"campaignArn": f"arn:{solution}"})


def test_a_request_may_name_another_solution() -> None:
    assert call_members(LIVE, "recommendations", {"solution": "popular"})[0] == "popular"


@pytest.mark.parametrize(
    ("given", "members"),
    [
        ({"numResults": "25"}, {"numResults": 25}),
        ({"numResults": 500}, {"numResults": 500}),
        ({"numResults": None}, {}),
        ({"filter": "genre"}, {"filterArn": "arn:filter"}),
        (
            {"filter": "genre", "filterValues": '{"GENRE": "Drama", "YEAR": 1999, "IDS": ["a", "b\\"c"]}'},
            {"filterArn": "arn:filter", "filterValues": {"GENRE": '"Drama"', "YEAR": "1999", "IDS": '"a","b\\"c"'}},
        ),
        ({"filter": "genre", "filterValues": {"GENRE": '"é"'}},
         {"filterArn": "arn:filter", "filterValues": {"GENRE": '"é"'}}),
        ({"promotions": '[{"filter": "genre", "percent": 20, "filterValues": {"GENRE": "Drama"}}]'},
         {"promotions": [{"name": "genre", "percentPromotedItems": 20, "filterArn": "arn:filter",
                          "filterValues": {"GENRE": '"Drama"'}}]}),
        ({"metadataColumns": '["TITLE", "GENRES"]'}, {"metadataColumns": {"ITEMS": ["TITLE", "GENRES"]}}),
        ({"metadataColumns": "TITLE,GENRES", "numResults": 50},
         {"metadataColumns": {"ITEMS": ["TITLE", "GENRES"]}, "numResults": 50}),
        ({"context": '{"DEVICE": "phone", "HOUR": 5}'}, {"context": {"DEVICE": "phone", "HOUR": "5"}}),
    ],
)  # fmt: skip
def test_options_become_members_of_the_call(given: dict[str, Any], members: dict[str, Any]) -> None:
    assert call_members(LIVE, "recommendations", given) == ("for-you", {"campaignArn": "arn:for-you", **members})


def test_a_ranking_takes_a_user_and_items() -> None:
    _, members = call_members(LIVE, "rankings", {"userId": 7, "items": ["a", 5]})
    assert members == {"campaignArn": "arn:ranking", "userId": "7", "inputList": ["a", "5"]}


BAD_PROMOTIONS = (
    'promotions must be JSON such as [{"filter": "new", "percent": 20}], with one promotion; '
    "it has filter, percent and, if need be, filterValues."
)
BAD_NUMBER = "numResults must be a number from 1 to 500, not {}."


@pytest.mark.parametrize(
    ("route", "given", "status", "code", "message"),
    [
        ("recommendations", {"numresults": "1"}, 400, "UnknownOption",
         "numresults is unknown here; allowed: userId, solution, filter, filterValues, context, promotions, "
         "metadataColumns, details, numResults, next."),
        ("rankings", {"numResults": 1}, 400, "UnknownOption",
         "numResults is unknown here; allowed: userId, solution, filter, filterValues, context, metadataColumns, "
         "details, items."),
        ("recommendations", {"solution": "similar"}, 404, "UnknownSolution",
         "There is no solution similar; available: for-you, popular."),
        ("recommendations", {"solution": ""}, 404, "UnknownSolution",
         "There is no solution without a name; available: for-you, popular."),
        ("rankings", {"solution": []}, 404, "UnknownSolution",
         "There is no solution []; available: ranking."),
        ("recommendations", {"filter": ""}, 404, "UnknownFilter",
         "There is no filter without a name; available: genre."),
        ("recommendations", {"solution": "offline"}, 404, "NoCampaign",
         "There is no campaign of offline."),
        ("rankings", {"solution": ["a"]}, 404, "UnknownSolution",
         "There is no solution ['a']; available: ranking."),
        ("recommendations", {"filter": "gnre"}, 404, "UnknownFilter",
         "There is no filter gnre; available: genre."),
        ("rankings", {"filter": {}}, 404, "UnknownFilter", "There is no filter {}; available: genre."),
        ("recommendations", {"numResults": "0"}, 400, "BadNumResults", BAD_NUMBER.format("0")),
        ("recommendations", {"numResults": "501"}, 400, "BadNumResults", BAD_NUMBER.format("501")),
        ("recommendations", {"numResults": "-1"}, 400, "BadNumResults", BAD_NUMBER.format("-1")),
        ("recommendations", {"numResults": "ten"}, 400, "BadNumResults", BAD_NUMBER.format("ten")),
        ("recommendations", {"numResults": "²"}, 400, "BadNumResults", BAD_NUMBER.format("²")),
        ("recommendations", {"numResults": "0000000011"}, 400, "BadNumResults", BAD_NUMBER.format("0000000011")),
        ("recommendations", {"numResults": "9" * 5000}, 400, "BadNumResults", BAD_NUMBER.format("9" * 99)),
        ("recommendations", {"filter": "genre", "filterValues": "GENRE=Drama"}, 400, "BadFilterValues",
         'filterValues must be JSON such as {"NAME": "value"}: Expecting value: line 1 column 1 (char 0).'),
        ("recommendations", {"filterValues": "{}"}, 400, "BadFilterValues", "filterValues need a filter."),
        ("recommendations", {"context": "[]"}, 400, "BadContext", 'context must be JSON such as {"NAME": "value"}.'),
        ("recommendations", {"context": '{"D": 1e999}'}, 400, "BadContext",
         'context must be JSON such as {"NAME": "value"}: a number is too large.'),
        ("rankings", {"context": {"D": True}}, 400, "BadContext", "context: D must be a text or a number."),
        ("rankings", {"context": {"D": ["a"]}}, 400, "BadContext", "context: D must be a text or a number."),
        ("rankings", {"context": {f"D{n}": "" for n in range(151)}}, 400, "BadContext",
         "context has 151 names; 150 are allowed."),
        ("rankings", {"context": {"D": "x" * 1001}}, 400, "BadContext",
         "context: D must have at most 1000 characters, not 1001."),
        ("rankings", {"filter": "genre", "filterValues": {"G" * 51: "x"}}, 400, "BadFilterValues",
         f"filterValues has the name '{'G' * 51}'; a name has 1 to 50 letters, digits and underscores."),
        ("rankings", {"filter": "genre", "filterValues": {"GENRE": []}}, 400, "BadFilterValues",
         "filterValues: GENRE must be a text or a number, or a list of these."),
        ("rankings", {"filter": "genre", "filterValues": {"GENRE": ["x" * 498] * 2}}, 400, "BadFilterValues",
         "filterValues: GENRE must have at most 1000 characters, not 1001."),
        ("recommendations", {"promotions": "[]"}, 400, "BadPromotions", BAD_PROMOTIONS),
        ("recommendations", {"promotions": '[{"filter": "genre", "percent": 5}, {"filter": "genre", "percent": 5}]'},
         400, "BadPromotions", BAD_PROMOTIONS),
        ("recommendations", {"promotions": '[{"filter": "genre", "percent": 5, "name": "x"}]'},
         400, "BadPromotions", BAD_PROMOTIONS),
        ("recommendations", {"promotions": '[{"filter": "genre", "percent": 101}]'}, 400, "BadPromotions",
         "percent of a promotion must be a number from 1 to 100, not 101."),
        ("recommendations", {"promotions": '[{"filter": "new", "percent": 5}]'}, 404, "UnknownFilter",
         "There is no filter new; available: genre."),
        ("recommendations", {"metadataColumns": "TITLE", "numResults": 51}, 400, "BadNumResults",
         "numResults: 50 are allowed with metadataColumns, not 51."),
        ("rankings", {"metadataColumns": ["TITLE"], "items": ["a"] * 51}, 400, "BadList",
         "items: 50 are allowed with metadataColumns, not 51."),
        ("recommendations", {"metadataColumns": "[1]"}, 400, "BadMetadataColumns",
         "metadataColumns must name 1 to 10 columns of the items, such as TITLE,GENRES."),
        ("recommendations", {"metadataColumns": "TITLE,"}, 400, "BadMetadataColumns",
         "metadataColumns must name 1 to 10 columns of the items, such as TITLE,GENRES."),
        ("recommendations", {"metadataColumns": "TITLE", "solution": "popular"}, 400, "BadMetadataColumns",
         "popular does not return metadata: in usher.yaml, enable enableMetadataWithRecommendations for it."),
        ("rankings", {"items": []}, 400, "BadList", "items must be a list of 1 to 500 IDs, not 0."),
        ("rankings", {"items": "abc"}, 400, "BadList", "items must be a list of 1 to 500 IDs."),
        ("rankings", {"items": ["a"] * 501}, 400, "BadList", "items must be a list of 1 to 500 IDs, not 501."),
        ("rankings", {"items": ["a", None]}, 400, "BadId", "ID 2 of items must be a text of 1 to 256 characters."),
        ("similar-items", {"userId": ""}, 400, "BadId", "userId must be a text of 1 to 256 characters."),
        *(("similar-items", {"userId": f"a{one}"}, 400, "BadId",
           "userId must not have control characters or unpaired surrogates.") for one in "\x00\n\x7f\x9f\ud800"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_reported_with_the_allowed_values(
    route: str, given: dict[str, Any], status: int, code: str, message: str
) -> None:
    with pytest.raises(RequestError) as caught:
        call_members(LIVE, route, given)
    assert (caught.value.status, caught.value.code, str(caught.value)) == (status, code, message)


@pytest.mark.parametrize("option", ["filterValues", "context"])
def test_the_limits_of_names_and_values_are_those_of_the_service(option: str) -> None:
    model: Any = botocore.session.get_session().get_service_model("personalize-runtime")
    shape = model.operation_model("GetRecommendations").input_shape.members[option]
    values = READERS[option].__self__  # type: ignore[attr-defined]
    assert values.max_count == shape.metadata["max"]
    assert values.max_name_length == shape.key.metadata["max"]
    assert shape.value.metadata["max"] == MAX_VALUE_LENGTH


def test_a_route_that_no_solution_serves_says_so() -> None:
    with pytest.raises(RequestError, match=r"No solution answers this; available: none yet") as caught:
        call_members({"solutions": {}, "filters": {}}, "recommendations", {})
    assert caught.value.status == 404


@pytest.mark.parametrize("value", ["", "x" * 257, None, True, 1.5, ["a"]])
def test_an_invalid_id_is_refused(value: object) -> None:
    with pytest.raises(RequestError):
        checked_id(value, "userId")
    with pytest.raises(RequestError):
        checked_ids([value], "items")


def test_every_option_of_every_route_is_understood() -> None:
    from usher.serving.requests import READERS

    reads = [route for route in ROUTES.values() if route.operation.startswith("get_")]
    assert {option for route in reads for option in route.options} == {
        "solution",
        "details",
        "next",
        "userIds",
        *READERS,
    }
