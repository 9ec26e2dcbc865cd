"""A run updates the table from the items and the users of the group's files."""

import json
from collections.abc import Iterator
from typing import Any

from tests.unit.fuzz.requests import Request
from tests.unit.usher.world import interactions
from usher_local.simulation.stack import Boundary, Stack, StoppedError

SHOP = "catalogue: {columns: [TITLE], available: IN_STOCK}\nsolutions: {popular: {recipe: aws-popularity-count}}\n"
USERS = "USER_ID,AGE\n" + "".join(f"u{user},{20 + user}\n" for user in range(60))
ITEMS = "ITEM_ID,TITLE,IN_STOCK\n" + "".join(f"i{number},Title {number},yes\n" for number in range(30))


def dropped(stack: Stack, config: str, items: str) -> dict[str, Any]:
    """The record of the run for these files."""
    stack.put("shop/interactions.csv", interactions())
    stack.put("shop/items.csv", items)
    stack.put("shop/usher.yaml", config)
    assert stack.drop("shop/usher.yaml").status == "SUCCEEDED"
    return newest(stack)


def shop(stack: Stack) -> None:
    """A group with a catalogue."""
    dropped(stack, SHOP, ITEMS)


def newest(stack: Stack) -> dict[str, Any]:
    """The newest record."""
    records = stack.read(r"shop/out/runs/.*/run\.json")
    return dict(records[max(records)])


def entry(stack: Stack, id_: str, item: str = "catalogue") -> Any:
    """The entry of an item or a user in the table."""
    found = stack.items(f"shop#{id_}").get(item)
    return json.loads(found["values"]["S"]) if found and "values" in found else found


def test_a_run_writes_items_and_users_and_its_plan_says_how_many(stack: Stack) -> None:
    record = dropped(stack, SHOP, ITEMS.replace("i3,Title 3,yes", "i3,Title 3,no"))
    table = record["estimate"]["table"]
    assert table["items"] == 30
    assert table["writes"] == 30 + table["users"] > 30
    assert entry(stack, "i1") == {"TITLE": "Title 1"}
    assert stack.items("shop#i3")["catalogue"]["unavailable"] == {"BOOL": True}
    assert entry(stack, "u1", "user")
    assert stack.items("shop")["catalogue"]["columns"] == {"L": [{"S": "TITLE"}]}


def test_a_run_that_has_nothing_else_to_do_loads_a_new_column_and_another_one_loads_nothing(stack: Stack) -> None:
    stack.begin(shop)
    record = dropped(stack, SHOP.replace("[TITLE]", "[TITLE, IN_STOCK]"), ITEMS)
    assert record["estimate"]["table"]["users"] == 0
    assert entry(stack, "i1") == {"TITLE": "Title 1", "IN_STOCK": "yes"}
    assert "table" not in dropped(stack, SHOP.replace("[TITLE]", "[TITLE, IN_STOCK]"), ITEMS)["estimate"]


def test_a_load_that_is_stopped_is_made_good_by_the_next_run(stack: Stack) -> None:
    stack.begin(shop)
    assert newest(stack)["outcome"] == "SUCCEEDED"
    facts = stack.items("shop")["catalogue"]
    # Before the items are written, before the users, and before the facts.
    stops = (("dynamodb:BatchWriteItem", 0), ("dynamodb:BatchWriteItem", 2), ("dynamodb:PutItem", 0))
    for loaded, (call, earlier) in enumerate(stops):
        stack.reset()
        skipped = iter([False] * earlier)

        def stop_load(boundary: Boundary, call: str = call, skipped: Iterator[bool] = skipped) -> None:
            if (boundary.name, boundary.when) == (call, "before") and next(skipped, True):
                raise StoppedError

        stack.put("shop/interactions.csv", interactions())
        stack.put("shop/items.csv", ITEMS)
        stack.put("shop/usher.yaml", SHOP)
        stack.disturb = stop_load
        assert stack.drop("shop/usher.yaml").status == "ABORTED"
        assert (bool(entry(stack, "i1")), bool(entry(stack, "u1", "user"))) == (loaded >= 1, loaded >= 2)
        stack.disturb = lambda _: None
        assert stack.drop("shop/usher.yaml").status == "SUCCEEDED"
        assert stack.items("shop")["catalogue"] == facts
        assert entry(stack, "i1") == {"TITLE": "Title 1"}


def test_a_config_without_a_catalogue_leaves_the_items_unused_and_false_the_users(stack: Stack) -> None:
    stack.begin(shop)
    plain = SHOP.partition("\n")[2]
    dropped(stack, plain, ITEMS)
    facts = stack.items("shop")["catalogue"]
    assert (facts["items"]["BOOL"], facts["users"]["BOOL"]) == (False, True)
    dropped(stack, f"catalogue: false\n{plain}", ITEMS)
    assert stack.items("shop")["catalogue"]["users"]["BOOL"] is False


def test_a_column_that_the_items_do_not_have_is_named_before_anything_is_made(stack: Stack) -> None:
    stack.put("shop/interactions.csv", interactions())
    stack.put("shop/items.csv", ITEMS)
    stack.put("shop/usher.yaml", SHOP.replace("TITLE", "TITEL").replace("IN_STOCK", "INSTOCK"))
    assert stack.drop("shop/usher.yaml").status == "FAILED"
    said = [f"{one['place']} {one['message']} {one['remedy']}" for one in newest(stack)["problems"]]
    assert said == [
        "shop/usher.yaml: catalogue.columns names TITEL, which is not a column of items. Did you mean TITLE?",
        "shop/usher.yaml: catalogue.available names INSTOCK, which is not a column of items. Did you mean IN_STOCK?",
    ]


def test_columns_of_users_need_users_that_have_them(stack: Stack) -> None:
    stack.put("shop/interactions.csv", interactions())
    stack.put("shop/usher.yaml", "catalogue: {users: [AGE]}\n")
    assert stack.drop("shop/usher.yaml").status == "FAILED"
    [one] = newest(stack)["problems"]
    assert (one["place"], one["message"], one["remedy"]) == (
        "shop/usher.yaml: catalogue.users",
        "needs shop/users.csv, which does not exist.",
        "Put it there, or remove users.",
    )
    stack.put("shop/users.csv", USERS)
    stack.put("shop/usher.yaml", "catalogue: {users: [AG]}\n")
    assert stack.drop("shop/usher.yaml").status == "FAILED"
    [one] = newest(stack)["problems"]
    assert one["message"] == "names AG, which is not a column of users."


def test_the_removal_of_a_group_leaves_nothing_of_its_catalogue(stack: Stack) -> None:
    stack.begin(shop)
    assert stack.run({"group": "shop", "task": "remove"}).status == "SUCCEEDED"
    assert not stack.items("shop#i1")
    assert not stack.items("shop#u1")
    assert "catalogue" not in stack.items("shop")
    assert not stack.keys("shop/out/catalogue/.*")


class Api:
    """Requests of the stack's API."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def put(self, kind: str, *records: Any, group: str = "shop") -> tuple[int, Any]:
        """The status and the answer of a PUT."""
        body = json.dumps({kind: records}).encode()
        event = Request(f"PUT /{{group}}/{kind}", f"/{group}/{kind}", body=body).as_event()
        [function] = [name for name in self.stack.folders if "-Catalogue-" in name]
        answer = self.stack.invoke(function, event)
        return answer["statusCode"], json.loads(answer["body"])


def test_an_item_that_is_put_is_in_the_dataset_and_in_the_catalogue_until_its_row_changes(stack: Stack) -> None:
    stack.begin(shop)
    new = {"itemId": "n", "properties": {"title": "New", "IN_STOCK": "yes"}}
    changed = {"itemId": "i1", "properties": {"TITLE": "Put", "IN_STOCK": "no"}}
    stack.clock.shift(60)
    assert Api(stack).put("items", new, changed) == (202, {"accepted": 2})
    assert entry(stack, "n") == {"TITLE": "New"}
    assert stack.items("shop#i1")["catalogue"]["unavailable"] == {"BOOL": True}
    stack.clock.shift(60)
    dropped(stack, SHOP, ITEMS.replace("Title 2,", "Other,"))
    assert entry(stack, "i1") == {"TITLE": "Put"}
    assert entry(stack, "n") == {"TITLE": "New"}
    dropped(stack, SHOP, ITEMS.replace("Title 1,", "Newer,"))
    assert entry(stack, "i1") == {"TITLE": "Newer"}


def test_users_that_are_put_are_known(stack: Stack) -> None:
    stack.put("shop/users.csv", USERS)
    record = dropped(stack, SHOP.replace("IN_STOCK}", "IN_STOCK, users: [AGE]}"), ITEMS)
    assert record["estimate"]["table"]["writes"] == 30 + record["estimate"]["table"]["users"]
    assert entry(stack, "u7", "user") == {"AGE": 27}
    assert Api(stack).put("users", {"userId": "n", "properties": {"age": 30}}) == (202, {"accepted": 1})
    assert entry(stack, "n", "user") == {"AGE": 30}
    dropped(stack, SHOP, ITEMS)
    assert "values" not in stack.items("shop#u7")["user"]


def test_a_request_with_a_mistake_changes_nothing(stack: Stack) -> None:
    stack.begin(shop)
    good, bad = ({"itemId": name, "properties": {"TITLE": "x", column: "yes"}} for name, column in (
        ("a", "IN_STOCK"), ("b", "INSTOCKS")))  # fmt: skip
    status, refused = Api(stack).put("items", good, bad)
    assert (status, refused["code"]) == (400, "BadRecord")
    assert refused["message"] == "Item 2 has INSTOCKS, which is not a column of items; the nearest is IN_STOCK."
    assert not stack.items("shop#a")
    assert Api(stack).put("actions", {"actionId": "a"}) == (
        404,
        {"code": "NoDataset", "message": "The group has no actions yet: put actions.csv into its folder first."},
    )
    assert Api(stack).put("items", good, group="nobody")[0] == 404
