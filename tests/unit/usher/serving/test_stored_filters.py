"""Requests with a filter while Personalize does not answer: no item is shown that the filter may forbid."""

import io
import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from usher.catalogue.entries import Catalogues, Facts, entry_of
from usher.catalogue.known import Known
from usher.errors import RequestError
from usher.filters.compiled import compiled
from usher.filters.grammar import parse_filter
from usher.routes import ROUTES
from usher.serving.campaigns import Campaigns, OutageError
from usher.serving.catalogue_check import CatalogueCheck
from usher.serving.demand import Demand
from usher.serving.export_store import ExportStore
from usher.serving.health import group_health
from usher.serving.pages import Pages
from usher.serving.popular_lists import PopularLists
from usher.serving.reading import Reader
from usher.serving.serving_map import ServingMaps
from usher.serving.stored_filters import StoredFilters
from usher.storage.table import Table

from tests.unit.usher.world import TABLE, World

FILTERS = {
    "genre": "INCLUDE ItemID WHERE Items.GENRES IN ($G)",
    "recent": "INCLUDE ItemID WHERE Items.RELEASE_YEAR >= 2000",
    "studio": 'INCLUDE ItemID WHERE Items.STUDIO_NAME IN ("A24")',
    "either": 'INCLUDE ItemID WHERE Items.GENRES IN ("Drama") OR Items.STUDIO_NAME IN ("A24")',
    "bought": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("buy")',
    "drama": 'INCLUDE ItemID WHERE Items.GENRES IN ("Drama") | EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("buy")',
    "older": "INCLUDE ItemID WHERE Items.RELEASE_YEAR < CurrentItem.RELEASE_YEAR",
    "adults": 'EXCLUDE ItemID WHERE Items.GENRES IN ("Horror") IF CurrentUser.AGE < 18',
    "few": 'INCLUDE ItemID WHERE Items.ITEM_ID IN ("i3", "i9")',
    "taken": 'EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("taken")',
}
ITEMS = {
    f"i{number}": {"GENRES": "Drama|Horror" if number % 2 else "Comedy", "RELEASE_YEAR": 1990 + number}
    for number in range(40)
}
SOLUTIONS = {
    "for-you": {"type": "USER_PERSONALIZATION", "campaignArn": "arn:c"},
    "similar": {"type": "RELATED_ITEMS", "campaignArn": "arn:s"},
    "ranking": {"type": "PERSONALIZED_RANKING", "campaignArn": "arn:r"},
    "offline": {"type": "USER_PERSONALIZATION", "campaignArn": None},
    "next": {"type": "PERSONALIZED_ACTIONS", "campaignArn": None},
}
SERVED: Any = {
    "solutions": SOLUTIONS,
    "filters": {**{name: f"arn:{name}" for name in FILTERS}, "old": "arn:old"},
    "filterRules": {f"arn:{name}": compiled(parse_filter(text)) for name, text in FILTERS.items()},
    "exports": {name: {"table": True} for name in ("for-you", "offline", "next")},
}


class Shop:
    """A group whose campaigns do not answer. `anna` is in its files."""

    def __init__(self, world: World) -> None:
        self.table = Table(world.dynamodb, TABLE)
        self.met: dict[str, Any] = {}
        self.is_table_down = False
        ServingMaps(self.table).write("shop", json.loads(json.dumps(SERVED)))
        PopularLists(self.table).write("shop", [*ITEMS], "top", "v7")
        self.stock("GENRES", "RELEASE_YEAR")

    def stock(self, *columns: str, of_users: Mapping[str, Any] = {}) -> None:
        """Store a catalogue with these columns, and with these attributes of anna."""
        catalogues = Catalogues(self.table)
        catalogues.set_facts(
            "shop", Facts(columns=[*columns], available="", items=bool(columns), users=True, userColumns=[*of_users])
        )
        catalogues.put("shop", entry_of("users", "anna", of_users, [*of_users]), 1)
        for id_, values in ITEMS.items():
            catalogues.put("shop", entry_of("items", id_, values, columns), 1)

    def export(self, solution: str, user: str, items: list[str], made_with: str = "") -> None:
        answer = {"answer": json.dumps({"recommendedItems": items}), "expires": 1 << 40}
        more = {"filter": made_with} if made_with else {}
        self.table.put(f"shop#{solution}#{user}", "export", {**answer, **more})

    def down(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ServiceUnavailableException", "Message": "x"}}, "GetRecommendations")

    def get_item(self, **members: Any) -> Any:
        if self.is_table_down:
            raise ReadTimeoutError(endpoint_url="x")
        return self.table.dynamodb.get_item(**members)

    def reader(self) -> Reader:
        names = ("batch_get_item", "update_item", "query", "exceptions")
        calls = {name: getattr(self.table.dynamodb, name) for name in names}
        dynamodb: Any = SimpleNamespace(get_item=self.get_item, **calls)
        table = Table(dynamodb, TABLE)
        catalogue = CatalogueCheck(Known(Catalogues(table)))
        runtime: Any = SimpleNamespace(**{route.operation: self.down for route in ROUTES.values()})
        filters = StoredFilters(catalogue, lambda _group, user, _kind: self.met.get(user, {}))
        sources = ServingMaps(table), ExportStore(table), Pages(table), PopularLists(table), Campaigns(runtime)
        return Reader(*sources, catalogue, Demand(table), filters)

    def ask(self, route: str = "recommendations", /, reader: Reader | None = None, **options: Any) -> dict[str, Any]:
        with redirect_stdout(io.StringIO()):
            return (reader or self.reader()).answer("shop", ROUTES[route], options)

    def ids(self, route: str = "recommendations", /, **options: Any) -> list[str]:
        return [one["itemId"] for one in self.ask(route, **options)[ROUTES[route].list_name]]


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world)


def why_none(shop: Shop, **options: Any) -> str:
    """The message to the caller of a request without an answer."""
    with pytest.raises(OutageError) as caught:
        shop.ask(**options)
    return caught.value.why_no_stored


def test_the_popular_list_keeps_to_the_filter_and_stays_full(shop: Shop) -> None:
    answer = shop.ask(userId="anna", filter="genre", filterValues={"G": "Drama"}, numResults=3)
    assert [one["itemId"] for one in answer["itemList"]] == ["i1", "i3", "i5"]
    assert (answer["source"], answer["degraded"]) == ("popular", {"reason": "ServerError", "filter": "applied"})
    assert shop.ids(userId="anna", filter="recent", numResults=2) == ["i10", "i11"]


def test_pages_of_a_filtered_list_have_no_item_twice(shop: Shop) -> None:
    reader, found, more = shop.reader(), list[str](), dict[str, str]()
    while not found or more:
        answer = shop.ask(
            reader=reader, userId="anna", filter="genre", filterValues={"G": "Drama"}, numResults=8, **more
        )
        found += [one["itemId"] for one in answer["itemList"]]
        more = {"next": answer["next"]} if "next" in answer else {}
    assert found == [f"i{number}" for number in range(1, 40, 2)]


def test_an_export_is_filtered_before_it_is_cut_and_the_popular_list_follows_one_of_which_nothing_is_left(
    shop: Shop,
) -> None:
    shop.export("for-you", "anna", ["i2", "i4", "i7", "i9", "i11"])
    answer = shop.ask(userId="anna", filter="genre", filterValues={"G": "Drama"}, numResults=2)
    assert ([one["itemId"] for one in answer["itemList"]], answer["source"]) == (["i7", "i9"], "export")
    shop.export("for-you", "anna", ["i2", "i4"])
    assert shop.ask(userId="anna", filter="genre", filterValues={"G": "Drama"})["source"] == "popular"


def test_items_that_the_catalogue_does_not_describe_are_left_out(shop: Shop) -> None:
    answer = shop.ask(userId="anna", filter="either", numResults=2)
    assert [one["itemId"] for one in answer["itemList"]] == ["i1", "i3"]
    assert answer["degraded"] == {"reason": "ServerError", "filter": "strict"}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"filter": "studio"}, "without knowing Items.STUDIO_NAME."),
        ({"filter": "bought"}, "without knowing Interactions.EVENT_TYPE."),
        ({"filter": "older"}, "without knowing Items.RELEASE_YEAR."),
        ({"filter": "old"}, "Stored answers can't apply the filter before the group's next run."),
        (
            {"filter": "genre", "filterValues": {"G": "Western"}},
            "No item of the stored answers passes the filter.",
        ),
    ],
)
def test_without_an_item_that_surely_passes_the_outage_says_why(
    shop: Shop, options: Mapping[str, Any], why: str
) -> None:
    assert why_none(shop, userId="anna", **options).endswith(why)


def test_without_a_catalogue_only_ids_are_shown(shop: Shop) -> None:
    shop.stock()
    assert shop.ids(userId="anna", filter="few") == ["i3", "i9"]
    assert "Items.GENRES" in why_none(shop, userId="anna", filter="genre", filterValues={"G": "Drama"})


def test_bought_items_are_not_shown_and_users_in_the_files_may_have_bought_anything(shop: Shop) -> None:
    shop.met = {"guest": {"buy": {"i1"}, "view": {"i3"}}, "anna": {"buy": {"i1"}}}
    answer = shop.ask(userId="guest", filter="drama", numResults=2)
    assert [one["itemId"] for one in answer["itemList"]] == ["i3", "i5"]
    assert answer["degraded"]["filter"] == "applied"
    assert "Interactions.EVENT_TYPE" in why_none(shop, userId="anna", filter="drama")
    shop.met["guest"] = None
    assert "Interactions.EVENT_TYPE" in why_none(shop, userId="guest", filter="drama")


def test_event_types_missing_in_the_files_are_known_from_the_events(shop: Shop) -> None:
    rules: Any = {"arn:bought": compiled(parse_filter(FILTERS["bought"]), {"INTERACTIONS": ["view"]})}
    ServingMaps(shop.table).write("shop", SERVED | {"filterRules": rules})
    shop.met = {"anna": {"buy": {"i0"}}}
    answer = shop.ask(userId="anna", filter="bought", numResults=2)
    assert [one["itemId"] for one in answer["itemList"]] == ["i1", "i2"]
    assert answer["degraded"]["filter"] == "applied"
    assert group_health(shop.reader(), "shop")["filters"] == {"bought": []}
    shop.met["anna"] = None
    assert "Interactions.EVENT_TYPE" in why_none(shop, userId="anna", filter="bought")


def test_a_filtered_export_lacks_items_bought_since(shop: Shop) -> None:
    shop.export("for-you", "anna", ["i1", "i2", "i3"], made_with="arn:bought")
    shop.met = {"anna": {"buy": {"i2"}}}
    answer = shop.ask(userId="anna", filter="bought")
    assert [one["itemId"] for one in answer["itemList"]] == ["i1", "i3"]
    assert answer["degraded"] == {"reason": "ServerError", "filter": "exported"}
    assert "Interactions.EVENT_TYPE" in why_none(shop, userId="anna", filter="drama"), "another filter's"


def test_another_solutions_export_answers_where_the_first_has_nothing_that_passes(shop: Shop) -> None:
    shop.export("for-you", "anna", ["i1"])
    shop.export("offline", "anna", ["i2"], made_with="arn:bought")
    assert shop.ids(userId="anna") == ["i1"]
    assert shop.ids(userId="anna", filter="bought") == ["i2"]


def test_an_export_by_a_filter_with_values_may_be_of_other_values(shop: Shop) -> None:
    shop.stock("RELEASE_YEAR")
    shop.export("for-you", "anna", ["i1"], made_with="arn:genre")
    assert "Items.GENRES" in why_none(shop, userId="anna", filter="genre", filterValues={"G": "Drama"})


def test_a_rule_for_some_users_holds_for_everybody_of_whom_nothing_is_known(shop: Shop) -> None:
    answer = shop.ask(userId="anna", filter="adults", numResults=3)
    assert [one["itemId"] for one in answer["itemList"]] == ["i0", "i2", "i4"]
    assert answer["degraded"]["filter"] == "strict"


@pytest.mark.parametrize(("age", "answered"), [(16, ["i0", "i2", "i4"]), (18, ["i0", "i1", "i2"])])
def test_a_rule_for_some_users_holds_for_those_of_whom_the_catalogue_says_so(
    shop: Shop, age: int, answered: list[str]
) -> None:
    shop.stock("GENRES", of_users={"AGE": age})
    answer = shop.ask(userId="anna", filter="adults", numResults=3)
    assert [one["itemId"] for one in answer["itemList"]] == answered
    assert answer["degraded"]["filter"] == "applied"
    assert shop.ids(userId="guest", filter="adults", numResults=3) == ["i0", "i2", "i4"], "nothing is known of guest"
    assert group_health(shop.reader(), "shop")["filters"]["adults"] == []


def test_a_ranking_keeps_to_the_filter_and_similar_items_know_their_item(shop: Shop) -> None:
    items = [*ITEMS][::-1]
    ranked = shop.ids("rankings", userId="anna", items=items, filter="genre", filterValues={"G": "Comedy"})
    assert ranked == [f"i{number}" for number in range(0, 40, 2)]
    answer = shop.ask("similar-items", itemId="i4", filter="older", userId="anna")
    assert [one["itemId"] for one in answer["itemList"]] == ["i0", "i1", "i2", "i3"]
    assert answer["degraded"] == {"reason": "ServerError", "filter": "applied"}, "the user is not ignored"


def test_a_solution_without_a_campaign_is_filtered_and_not_degraded(shop: Shop) -> None:
    shop.export("offline", "anna", ["i1", "i2", "i3"])
    answer = shop.ask(userId="anna", solution="offline", filter="genre", filterValues={"G": "Drama"})
    assert answer == {
        "itemList": [{"itemId": "i1"}, {"itemId": "i3"}], "source": "export", "solution": "offline",
    }  # fmt: skip
    assert shop.ask(userId="anna", solution="offline", filter="either")["degraded"] == {"filter": "strict"}
    with pytest.raises(RequestError) as caught:
        shop.ask(userId="anna", solution="offline", filter="studio")
    assert caught.value.code == "NoCampaign"
    why = "Stored answers can't apply the filter without knowing Items.STUDIO_NAME."
    assert str(caught.value) == f"There is no campaign of offline. {why}"


def test_actions_are_filtered_by_their_interactions(shop: Shop) -> None:
    shop.export("next", "guest", ["i1", "i2"])
    shop.met = {"guest": {"taken": {"i1"}}}
    answer = shop.ask("actions", userId="guest", filter="taken")
    assert [one["itemId"] for one in answer["actionList"]] == ["i2"]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"filter": "genre"}, "missing filter value for parameter G"),
        ({"filter": "genre", "filterValues": {"G": '"Drama'}}, "unexpected input at column 1"),
        ({"filter": "taken"}, "a filter on ActionID cannot be used here"),
    ],
)
def test_values_that_personalize_would_refuse_are_refused(shop: Shop, options: Mapping[str, Any], fault: str) -> None:
    with pytest.raises(RequestError) as caught:
        shop.ask(userId="anna", **options)
    assert (caught.value.status, caught.value.code) == (400, "InvalidInput")
    assert fault in str(caught.value)


def test_without_the_tables_answer_no_item_is_known_to_pass(shop: Shop) -> None:
    reader = shop.reader()
    reader.maps.cached("shop")
    shop.is_table_down = True
    with pytest.raises(OutageError) as caught:
        shop.ask(reader=reader, userId="anna", filter="genre", filterValues={"G": "Drama"})
    assert caught.value.why_no_stored == "Stored answers can't apply the filter while the table does not answer."


def test_health_says_which_filters_nothing_stored_can_apply(shop: Shop) -> None:
    filters = group_health(shop.reader(), "shop")["filters"]
    assert filters["genre"] == filters["older"] == filters["few"] == []
    assert filters["drama"] == ["Interactions.EVENT_TYPE"]
    assert (filters["either"], filters["adults"]) == (["Items.STUDIO_NAME"], ["CurrentUser.AGE"])
    assert "old" not in filters, "its map does not have the expression"
