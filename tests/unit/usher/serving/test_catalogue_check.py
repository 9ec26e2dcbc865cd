"""No answer has an item that is deleted or unavailable, from any source; lists stay full; details are joined."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usher.catalogue.entries import Catalogues, Entry, Facts, entry_of
from usher.catalogue.known import CACHE_SECONDS, MAX_CACHED, USER_SECONDS, Cache, Known
from usher.errors import RequestError
from usher.routes import ROUTES
from usher.serving.campaigns import Campaigns
from usher.serving.catalogue_check import CatalogueCheck
from usher.serving.demand import Demand
from usher.serving.export_store import ExportStore
from usher.serving.pages import Pages
from usher.serving.popular_lists import PopularLists
from usher.serving.reading import Reader
from usher.serving.serving_map import ServingMaps
from usher.serving.stored_filters import StoredFilters
from usher.storage.table import Table

from tests.unit.usher.world import TABLE, World

FACTS = Facts(columns=["TITLE", "PRICE"], available="STOCK", items=True, users=True, userColumns=[])


RECIPES = {
    "for-you": "aws-user-personalization-v2",
    "similar": "aws-similar-items",
    "ranking": "aws-personalized-ranking-v2",
    "next": "aws-next-best-action",
    "top": "aws-popularity-count",
}
SERVED: Any = {
    "solutions": {name: {"type": "", "recipe": recipe, "campaignArn": name} for name, recipe in RECIPES.items()},
    "exports": {"for-you": {"table": True}},
}


class Api:
    """A reader, and a Personalize that recommends the items i0, i1, ... in this order."""

    def __init__(self, world: World) -> None:
        self.world, self.now, self.table = world, 0.0, Table(world.dynamodb, TABLE)
        self.catalogues, self.maps = Catalogues(self.table), ServingMaps(self.table, lambda: 0.0)
        self.maps.write("films", SERVED)
        self.maps.cached("films")
        operations = {route.operation: self._call for route in ROUTES.values()}
        runtime: Any = SimpleNamespace(**operations)
        self.catalogue = CatalogueCheck(Known(self.catalogues, lambda: self.now))
        lists = ExportStore(self.table), Pages(self.table), PopularLists(self.table)
        filters, demand = StoredFilters(self.catalogue, lambda *_: {}), Demand(self.table)
        self.reader = Reader(self.maps, *lists, Campaigns(runtime), self.catalogue, demand, filters)
        self.lengths: list[Any] = []
        self.length, self.is_down = 500, False

    def _call(self, **members: Any) -> Any:
        self.lengths.append(members.get("numResults"))
        if self.is_down:
            raise ConnectTimeoutError(endpoint_url="https://personalize-runtime")
        ids = members.get("inputList") or [f"i{number}" for number in range(min(self.length, members["numResults"]))]
        items = [{"itemId": id_, "score": 0.5} for id_ in ids]
        actions = [{"actionId": id_, "score": 0.5} for id_ in ids]
        return {"itemList": items, "personalizedRanking": items, "actionList": actions}

    def stock(self, **items: Mapping[str, Any]) -> None:
        """The entries of the catalogue."""
        self.catalogues.set_facts("films", FACTS)
        for id_, values in items.items():
            self.catalogues.put("films", entry_of("items", id_, values, ("TITLE", "PRICE"), "STOCK"), 1)
        self.now += CACHE_SECONDS + 1

    def ask(self, name: str = "recommendations", **options: Any) -> dict[str, Any]:
        self.lengths.clear()
        return self.reader.answer("films", ROUTES[name], options)

    def ids(self, name: str = "recommendations", **options: Any) -> list[str]:
        return [item["itemId"] for item in self.ask(name, **options)[ROUTES[name].list_name]]


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def test_without_a_catalogue_an_answer_is_its_sources(api: Api) -> None:
    assert api.ids(userId="u", numResults=3) == ["i0", "i1", "i2"]
    assert api.lengths == [3]
    assert "known" not in api.ask(userId="u", numResults=3)


def test_items_that_are_not_available_or_not_in_the_catalogue_are_not_answered_and_the_list_stays_full(
    api: Api,
) -> None:
    api.stock(**{f"i{number}": {"STOCK": 0 if number == 1 else 5} for number in range(10) if number != 3})
    assert api.ids(userId="u", numResults=4) == ["i0", "i2", "i4", "i5"]
    assert api.lengths == [9]


def test_a_source_with_many_such_items_gives_its_longest_list(api: Api) -> None:
    api.stock(i100={}, i200={}, i499={})
    assert api.ids(userId="u", numResults=2) == ["i100", "i200"]
    assert api.lengths == [7, 500]
    api.length = 5
    assert api.ids(userId="u", numResults=2) == []
    assert api.lengths == [7]


def test_a_ranking_keeps_its_order_without_them_and_actions_are_not_items(api: Api) -> None:
    api.stock(a={}, c={}, b={"STOCK": "no"})
    assert api.ids("rankings", userId="u", items=["c", "b", "x", "a"]) == ["c", "a"]
    assert [one["actionId"] for one in api.ask("actions", userId="u", numResults=2)["actionList"]] == ["i0", "i1"]


@pytest.mark.parametrize(
    ("wanted", "details"),
    [
        ("true", {"TITLE": "Alien", "PRICE": 9.5}),
        (True, {"TITLE": "Alien", "PRICE": 9.5}),
        ("PRICE", {"PRICE": 9.5}),
        (["TITLE"], {"TITLE": "Alien"}),
        ('["TITLE", "PRICE"]', {"TITLE": "Alien", "PRICE": 9.5}),
    ],
)
def test_details_are_joined(api: Api, wanted: Any, details: Any) -> None:
    api.stock(i0={"TITLE": "Alien", "PRICE": 9.5})
    [item] = api.ask(userId="u", numResults=1, details=wanted)["itemList"]
    assert item == {"itemId": "i0", "score": 0.5, "details": details}


@pytest.mark.parametrize("wanted", ["COLOUR", "TITLE,COLOUR", "", [], 5, {"TITLE": 1}, [5], "[", "[1]", "[]"])
def test_details_that_the_catalogue_does_not_have_are_refused_before_any_call(api: Api, wanted: Any) -> None:
    api.stock(i0={})
    with pytest.raises(RequestError) as refused:
        api.ask(userId="u", numResults=1, details=wanted)
    assert (refused.value.status, refused.value.code, api.lengths) == (400, "BadDetails", [])


def test_a_stored_list_loses_items_that_have_left_and_gets_current_details(api: Api) -> None:
    api.stock(**{f"i{number}": {"PRICE": 1} for number in range(5)})
    wanted: dict[str, Any] = {"userId": "u", "numResults": 2, "details": "PRICE"}
    later = {**wanted, "next": api.ask(**wanted)["next"]}
    assert [one["itemId"] for one in api.ask(**later)["itemList"]] == ["i2", "i3"]
    api.stock(i2={"PRICE": 1, "STOCK": 0}, i3={"PRICE": 2})
    api.catalogues.remove("films", Entry("items", "i4"), 2)
    answer = api.ask(**later)
    assert answer["itemList"] == [{"itemId": "i3", "score": 0.5, "details": {"PRICE": 2}}]
    assert (api.ask(**{**later, "next": answer["next"]})["itemList"], api.lengths) == ([], [])


def test_details_without_a_catalogue_give_a_remedy(api: Api) -> None:
    with pytest.raises(RequestError, match=r"has no columns\. List them as `catalogue` in usher\.yaml"):
        api.ask(userId="u", numResults=1, details="true")


def test_a_user_who_has_an_export_is_known_by_it(api: Api) -> None:
    api.stock(i0={})
    api.is_down = True
    api.reader.popular.write("films", ["i0"], "top", "v1")
    answer = api.ask(userId="nobody", numResults=1)
    assert (answer["source"], answer["known"]) == ("popular", False)
    export = {"answer": json.dumps({"recommendedItems": ["i0"]}), "expires": 1 << 40}
    api.table.put("films#for-you#nobody", "export", export)
    answer = api.ask(userId="nobody", numResults=1)
    assert (answer["source"], "known" in answer) == ("export", False)


def test_an_unknown_user_or_item_is_marked(api: Api) -> None:
    api.stock(i0={}, gone={"STOCK": 0})
    api.catalogues.put("films", Entry("users", "u"), 1)
    for item in ("event#e1", "session#abc"):
        key = {"group": {"S": f"films#{item[:4]}"}, "item": {"S": item}}
        api.world.dynamodb.put_item(TableName=TABLE, Item=key)
    for user in ("u", "even", "sess"):
        assert "known" not in api.ask(userId=user, numResults=1), user
    assert api.ask(userId="nobody", numResults=1)["known"] is False
    assert api.ask("rankings", userId="nobody", items=["i0"])["known"] is False
    assert api.ask("similar-items", itemId="nothing", numResults=1)["known"] is False
    for item in ("i0", "gone"):
        assert "known" not in api.ask("similar-items", itemId=item, numResults=1)
    assert "known" not in api.ask("popular", numResults=1)


def test_a_new_user_is_known_within_seconds_and_a_known_one_is_read_once_in_minutes(api: Api) -> None:
    api.stock(i0={})
    queries: list[str] = []
    api.world.listen(api.world.dynamodb, "before-call.dynamodb.Query", lambda model, **_: queries.append(model.name))
    assert api.ask(userId="u", numResults=1)["known"] is False
    api.catalogues.put("films", Entry("users", "u"), 1)
    for passed, reads in ((0, 1), (CACHE_SECONDS + 1, 2), (USER_SECONDS, 2)):
        api.now += passed
        api.ask(userId="u", numResults=1)
        assert len(queries) == reads
    assert "known" not in api.ask(userId="u", numResults=1)
    api.catalogues.remove("films", Entry("users", "u"), 2)
    api.now += 1
    assert api.ask(userId="u", numResults=1)["known"] is False


def test_an_item_is_not_a_user_of_the_same_id(api: Api) -> None:
    api.stock(i0={})
    assert api.ask(userId="i0", numResults=1)["known"] is False


def test_a_change_is_seen_within_seconds_and_items_are_read_once_until_then(api: Api) -> None:
    api.stock(**{f"i{number}": {} for number in range(9)})
    assert api.ids(userId="u", numResults=2) == ["i0", "i1"]
    api.catalogues.put("films", Entry("items", "i0", unavailable=True), 2)
    assert api.ids(userId="u", numResults=2) == ["i0", "i1"]
    api.now += CACHE_SECONDS + 1
    assert api.ids(userId="u", numResults=2) == ["i1", "i2"]


def test_the_memory_is_bounded_and_the_oldest_are_forgotten() -> None:
    cache, entries = Cache(lambda: 0.0), range(MAX_CACHED + 100)
    for entry in entries:
        cache.keep({entry: entry})
    assert [entry for entry in entries if cache.get(entry)[0]] == [*entries[100:]]


def fail(*_: Any, **__: Any) -> Any:
    raise ConnectTimeoutError(endpoint_url="https://dynamodb")


@pytest.mark.parametrize("operation", ["GetItem", "BatchGetItem", "Query"])
def test_an_answer_goes_out_marked_when_the_table_does_not_answer(api: Api, operation: str) -> None:
    api.stock(i0={}, i1={})
    api.world.listen(api.world.dynamodb, f"before-call.dynamodb.{operation}", fail)
    answer = api.ask(userId="u", numResults=2, details="true")
    assert [item["itemId"] for item in answer["itemList"]] == ["i0", "i1"]
    assert answer["degraded"]


def test_unprocessed_keys_are_read_again(api: Api) -> None:
    api.stock(**{f"i{number}": {} for number in range(300)})
    most, left = 1, list[Any]()

    def divide(params: Any, **_: Any) -> Any:
        keys = params["RequestItems"][TABLE]["Keys"]
        left[:] = keys[most:]
        return {"RequestItems": {TABLE: {"Keys": keys[:most] or keys}}}

    def leave(parsed: Any, **_: Any) -> None:
        parsed["UnprocessedKeys"] = {TABLE: {"Keys": [*left]}} if left else {}

    api.world.listen(api.world.dynamodb, "provide-client-params.dynamodb.BatchGetItem", divide)
    api.world.listen(api.world.dynamodb, "after-call.dynamodb.BatchGetItem", leave)
    assert api.ids("rankings", userId="u", items=["i0", "i1"]) == ["i0", "i1"]
    most = 0
    assert api.ask("rankings", userId="u", items=["i5"])["degraded"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.integers(0, 60), st.sampled_from(["yes", "no"]), max_size=40),
    st.integers(1, 30),
    st.integers(0, 60),
)
def test_a_list_is_the_sources_without_items_missing_in_the_catalogue(
    api: Api, stock: dict[int, str], results: int, length: int
) -> None:
    for one in api.world.dynamodb.scan(TableName=TABLE)["Items"]:
        if one["item"]["S"] != "serving":
            api.world.dynamodb.delete_item(TableName=TABLE, Key={name: one[name] for name in ("group", "item")})
    api.length = length
    api.stock(**{f"i{number}": {"STOCK": text} for number, text in stock.items()})
    wanted = [f"i{number}" for number in range(length) if stock.get(number) == "yes"]
    assert api.ids(userId="u", numResults=results) == wanted[:results]


def test_events_with_items_unknown_to_the_catalogue_are_reported(api: Api) -> None:
    assert api.catalogue.known.unknown_items("films", {"i0"}) == set()
    api.stock(i0={}, i1={"STOCK": 0})
    assert api.catalogue.known.unknown_items("films", {"i0", "i1", "i2"}) == {"i2"}
