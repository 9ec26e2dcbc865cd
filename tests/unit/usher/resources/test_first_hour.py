"""The first hour of a shop, and the edits after it: everything within the quotas is done, and every route keeps an
answer.

At every boundary of a run (before and after each function and each call of a service), all requests that were answered
before are sent again, by the current serving map and by each that a function may still have in its cache.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from usher.errors import RequestError
from usher.serving.serving_map import CACHE_SECONDS

from tests.unit.usher.planning.test_changes import Shop, quickly
from tests.unit.usher.planning.test_changes import shop as shop
from tests.unit.usher.reads import COUNTED, call_members
from tests.unit.usher.world import interactions
from usher_local.personalize.core import environment
from usher_local.simulation.stack import Boundary, Stack, StoppedError

POPULAR = {"recipe": "aws-popularity-count"}
FOUR = {
    "for-you": {"recipe": "aws-user-personalization-v2"},
    "popular": POPULAR,
    "related": {"recipe": "aws-sims"},
    "rank": {"recipe": "aws-personalized-ranking-v2"},
}
FIVE = {**FOUR, "best": {"recipe": "aws-trending-now"}}
QUICK = {name: {"recipe": "aws-sims" if name == "related" else "aws-popularity-count"} for name in (*FOUR, "best")}
"""The same number of solutions, with instant trainings."""
FEW = {name: QUICK[name] for name in ("for-you", "related", "rank")}
ANSWERING = ("Campaign", "Recommender")
A_CAMPAIGN = 144.1152
"""US dollars for 30 days of a campaign that is not paid by request."""


def renamed(solutions: dict[str, Any]) -> dict[str, Any]:
    return {f"new-{name}": settings for name, settings in solutions.items()}


@dataclass
class Callers:
    """Callers that repeat every request that was answered once."""

    shop: Shop
    unanswered: list[tuple[str, str, Any, str]] = field(default_factory=list)
    """Route, name, the map without it, and the time."""
    instead: set[tuple[str, str]] = field(default_factory=set)
    """The names that answered instead, by the requested name."""
    most: Counter[str] = field(default_factory=Counter)
    """The maximum number of resources of each kind."""
    _maps: list[tuple[float, Any, set[tuple[str, str]]]] = field(default_factory=list)
    """The time since when a map is valid, the map, and the requests answered until then."""
    _last: tuple[str, set[str]] = ("", set())
    """The last requests: the map, and the possible answers."""

    def ask(self, boundary: Boundary | None = None) -> None:
        there = self.shop.stack.personalize.resources
        alive = {arn for arn, one in there.items() if one.kind.name in ANSWERING and one.status == "ACTIVE"}
        item = self.shop.stack.item("shop", "serving").get("map", {}).get("S", "")
        if (item, alive) == self._last:
            return
        self._last = item, alive
        self.most |= self.shop.count()
        if item and (not self._maps or self._maps[-1][1] != json.loads(item)):
            content, before = json.loads(item), self._maps[-1][2] if self._maps else set()
            self._maps.append((time.time(), content, before | self._answers(content).keys()))
        for number, (_, known, answered) in enumerate(self._maps, start=1):
            if number == len(self._maps) or time.time() - self._maps[number][0] < CACHE_SECONDS:
                answers = {key for key, arn in self._answers(known).items() if arn in alive}
                self.unanswered += [(*key, known, str(boundary)) for key in answered - answers]

    def _answers(self, content: Any) -> dict[tuple[str, str], str]:
        answers = {}
        for route in COUNTED:
            for name in ("", *content["solutions"], *content["recommenders"]):
                with suppress(RequestError):
                    who, members = call_members(content, route, {"solution": name} if name else {})
                    answers[route, name] = members.get("campaignArn") or members["recommenderArn"]
                    self.instead |= {(name, who)} if name and name != who else set()
        return answers

    def give_up(self, names: Collection[str]) -> None:
        """Stop requesting these names, which the config no longer has: the last map may lack them."""
        *_, (since, content, answered) = self._maps
        self._maps = [(since, content, {(route, name) for route, name in answered if name not in names})]
        self.unanswered = [one for one in self.unanswered if one[1] not in names or one[2] != content]


@pytest.fixture
def few(stack: Stack) -> Shop:
    """A shop with three campaigns."""
    stack.begin(make_few)
    stack.stretch = quickly
    return Shop(stack)


def make_few(stack: Stack) -> None:
    stack.put("shop/interactions.csv", interactions())
    assert Shop(stack).drop({"solutions": FEW, "prune": True})["outcome"] == "SUCCEEDED"


@pytest.fixture
def callers_of_few(few: Shop) -> Callers:
    """Callers of everything, at every boundary of the runs; the quota of campaigns is exhausted."""
    environment.current.quotas["Campaign"] = len(FEW)
    made = Callers(few)
    made.ask()
    few.stack.disturb = lambda boundary: made.ask(boundary)
    return made


@pytest.fixture
def callers(shop: Shop) -> Callers:
    """Callers at every boundary of the runs."""
    made = Callers(shop)

    def disturb(boundary: Boundary) -> None:
        made.ask(boundary)

    shop.stack.disturb = disturb
    return made


def edit(shop: Shop, callers: Callers, solutions: Any, **more: Any) -> dict[str, Any]:
    """Drop a config with `prune`; once it is live, callers use its names."""
    names = {*solutions, *more.get("recommenders", {})}
    record = shop.drop({"solutions": solutions, "prune": True, **more})
    callers.ask()
    if record["outcome"] == "SUCCEEDED":
        before = {
            name for _, content, _ in callers._maps for name in {**content["solutions"], **content["recommenders"]}
        }
        callers.give_up(before - names)
    assert callers.unanswered == []
    return record


def trained(shop: Shop) -> Counter[str]:
    """The number of trainings of each solution, by its ARN."""
    there = shop.stack.personalize.resources.values()
    return Counter(one.values["solutionArn"] for one in there if one.kind.name == "SolutionVersion")


def paid_by_hour(shop: Shop) -> float:
    """The cost of the existing campaigns in 30 days."""
    there = shop.stack.personalize.resources
    campaigns = [one for one in there.values() if one.kind.name == "Campaign"]
    solutions = [there[one.values["solutionVersionArn"].rpartition("/")[0]] for one in campaigns]
    return A_CAMPAIGN * sum(not one.values["recipeArn"].endswith("-v2") for one in solutions)


def test_the_first_hour_ends_well_with_five_campaigns_as_the_limit(shop: Shop, callers: Callers) -> None:
    """Data alone; then a config with other names, which has no room without `prune`; then all five renamed."""
    first = shop.drop(files={"interactions.csv": interactions()})
    assert (first["outcome"], set(shop.served["solutions"])) == (
        "SUCCEEDED", {"user-personalization", "similar-items", "personalized-ranking"},
    )  # fmt: skip
    refused = shop.drop({"solutions": FOUR})
    assert refused["outcome"] == "FAILED"
    (problem,) = refused["problems"]
    assert problem["message"].startswith("has no room for campaign/related, campaign/rank: a dataset group may have 5")
    assert "prune: true" in problem["remedy"]
    assert shop.count()["Solution"] == 3, "nothing is created"
    for solutions in (FOUR, FIVE, renamed(FIVE)):
        record = edit(shop, callers, solutions)
        assert record["outcome"] == "SUCCEEDED", record["summary"]
        assert list(shop.served["solutions"]) == list(solutions)
        assert record["cost"]["monthlyCost"] == pytest.approx(paid_by_hour(shop))
        assert set(trained(shop).values()) == {1}
    assert callers.most["Campaign"] == 5
    assert ("new-best", "new-best") not in callers.instead
    assert {name for name, _ in callers.instead} >= {"best", "popular", "for-you"}, "others answered meanwhile"


def test_a_failed_creation_leaves_every_answer_and_the_next_run_continues(few: Shop, callers_of_few: Callers) -> None:
    created = Counter[str]()

    def disturb(boundary: Boundary) -> str | None:
        """Refuse campaigns from the second on."""
        callers_of_few.ask(boundary)
        is_new = boundary.name == "personalize:CreateCampaign"
        created[boundary.when] += is_new and len(few.names("Campaign")) < len(FEW)
        return "InvalidInputException" if is_new and created["before"] > 1 else None

    few.stack.disturb = disturb
    record = edit(few, callers_of_few, renamed(FEW))
    assert record["outcome"] == "FAILED"
    assert set(FEW) <= set(few.served["solutions"]), "no name goes while something is missing"
    assert record["cost"]["monthlyCost"] == pytest.approx(paid_by_hour(few))
    few.stack.disturb = lambda boundary: callers_of_few.ask(boundary)
    assert edit(few, callers_of_few, renamed(FEW))["outcome"] == "SUCCEEDED"
    assert list(few.served["solutions"]) == list(renamed(FEW))
    assert set(trained(few).values()) == {1}


@pytest.mark.parametrize("call", [4, 8])
def test_a_run_that_is_stopped_while_it_makes_room_takes_nothing_away(
    few: Shop, callers_of_few: Callers, call: int
) -> None:
    """Stopped after some calls that create or delete a campaign, or change the map."""
    changes = Counter[str]()

    def disturb(boundary: Boundary) -> None:
        callers_of_few.ask(boundary)
        if boundary.when == "after" and boundary.name.endswith(("CreateCampaign", "DeleteCampaign", "UpdateItem")):
            changes["all"] += 1
            if changes["all"] == call:
                raise StoppedError

    few.stack.disturb = disturb
    edit(few, callers_of_few, renamed(FEW))
    assert edit(few, callers_of_few, renamed(FEW))["outcome"] == "SUCCEEDED"
    assert set(trained(few).values()) == {1}
    assert callers_of_few.most["Campaign"] == len(FEW)


def test_recommenders_are_replaced_one_by_one(shop: Shop, callers: Callers) -> None:
    recipes = {
        "for-you": "aws-ecomm-recommended-for-you",
        "viewed": "aws-ecomm-popular-items-by-views",
        "bought": "aws-ecomm-popular-items-by-purchases",
        "also-viewed": "aws-ecomm-customers-who-viewed-x-also-viewed",
        "together": "aws-ecomm-frequently-bought-together",
    }
    head, *rows = interactions(users=100, each=60).splitlines()
    events = [f"{row},{'View' if number % 2 else 'Purchase'}" for number, row in enumerate(rows)]
    shop.stack.put("shop/interactions.csv", "\n".join([f"{head},EVENT_TYPE", *events]))
    shop.stack.put("shop/items.csv", "ITEM_ID,CATEGORY_L1,PRICE\n" + "".join(f"i{n},c,{n}.5\n" for n in range(40)))
    wanted = {name: {"recipe": recipe} for name, recipe in recipes.items()}
    domain = {"domain": "ECOMMERCE"}
    assert edit(shop, callers, {}, group=domain)["outcome"] == "SUCCEEDED"
    for recommenders in (wanted, renamed(wanted)):
        record = edit(shop, callers, {}, group=domain, recommenders=recommenders)
        assert record["outcome"] == "SUCCEEDED", record["summary"]
        assert list(shop.served["recommenders"]) == list(recommenders)
    assert callers.most["Recommender"] == 5


def test_former_solutions_make_room_the_oldest_first(shop: Shop, callers: Callers) -> None:
    """The quota is ten; others have made eight."""
    names: list[str] = []
    for number in range(4):
        factor = {"solutionConfig": {"algorithmHyperParameters": {"popularity_discount_factor": f"0.{number + 1}"}}}
        record = edit(shop, callers, {"related": {"recipe": "aws-sims", **factor}}, prune=False)
        assert record["outcome"] == "SUCCEEDED", record["summary"]
        names += shop.names("Solution") - {*names}
        if number == 0:
            names = [*(foreign(shop, "Solution", f"theirs-{one}") for one in range(8)), *names]
        assert shop.names("Solution") == {*names[:8], *names[8:][-2:]}
    assert callers.most["Solution"] == 10


def foreign(shop: Shop, kind: str, name: str) -> str:
    """Make a resource in the group as a person would, and return its name."""
    there = shop.stack.personalize.find("Solution")[0].values
    version = shop.stack.personalize.find("SolutionVersion")[0].arn
    members = {member: there[member] for member in ("datasetGroupArn", "recipeArn")}
    shop.stack.personalize.create(
        kind, {"name": name, **(members if kind == "Solution" else {"solutionVersionArn": version})}
    )
    return name


def raise_the_quota(_: Shop) -> None:
    environment.current.quotas["Campaign"] = 6


def delete_the_foreign_one(shop: Shop) -> None:
    arn = next(arn for arn, one in shop.stack.personalize.resources.items() if one.values.get("name") == "theirs")
    shop.stack.personalize.resources.pop(arn)


SIX = {**QUICK, "sixth": {"recipe": "aws-popularity-count"}}


@pytest.mark.parametrize(
    ("config", "remedy", "follow", "then"),
    [
        ({"solutions": renamed(FEW)}, "Set prune: true, which deletes ", None,
         {"solutions": renamed(FEW), "prune": True}),
        ({"solutions": SIX}, "Take 1 of them out of usher.yaml", None, {"solutions": QUICK}),
        ({"solutions": SIX}, "ask AWS for a higher quota", raise_the_quota, {"solutions": SIX}),
    ],
)  # fmt: skip
def test_the_remedy_of_a_missing_room_works(
    few: Shop, config: Any, remedy: str, follow: Callable[[Shop], None] | None, then: Any
) -> None:
    versions = few.count()["SolutionVersion"]
    refused = few.drop(config)
    assert (refused["outcome"], few.count()["SolutionVersion"]) == ("FAILED", versions)
    assert remedy in refused["problems"][0]["remedy"]
    if follow:
        follow(few)
    record = few.drop(then)
    assert record["outcome"] == "SUCCEEDED", record["summary"]


def test_foreign_resources_are_reported_if_they_take_the_room(shop: Shop) -> None:
    """No resource of ours may be deleted for the only campaign of a route: it is refused, and the foreign one is
    named."""
    only = {"for-you": QUICK["for-you"], "related": QUICK["related"], "rank": {"recipe": "aws-personalized-ranking"}}
    shop.drop({"solutions": only})
    for name in ("theirs", "theirs-too"):
        foreign(shop, "Campaign", name)
    refused = shop.drop({"solutions": renamed(only), "prune": True})
    (problem,) = refused["problems"]
    assert problem["message"].startswith("has no room for campaign/new-for-you")
    assert "Delete campaign/theirs, campaign/theirs-too, which Usher did not make" in problem["remedy"].replace(
        "campaign/theirs-too, campaign/theirs,", "campaign/theirs, campaign/theirs-too,"
    )
    delete_the_foreign_one(shop)
    assert shop.drop({"solutions": renamed(only), "prune": True})["outcome"] == "SUCCEEDED"


def test_a_region_without_room_for_a_dataset_group_is_named_before_anything_is_made_and_its_remedy_works(
    shop: Shop,
) -> None:
    others = [shop.stack.personalize.create("DatasetGroup", {"name": f"other-{number}"}) for number in range(5)]
    (problem,) = shop.drop({"solutions": {"popular": POPULAR}})["problems"]
    assert problem["message"].startswith("has no room for dataset_group/shop: a region may have 5 dataset groups")
    assert problem["remedy"].startswith("Delete dataset groups that nobody needs, or ask AWS for a higher quota")
    assert (shop.count()["DatasetGroup"], shop.count()["Schema"]) == (5, 0)
    shop.stack.personalize.resources.pop(others[0].arn)
    assert shop.drop({"solutions": {"popular": POPULAR}})["outcome"] == "SUCCEEDED"
