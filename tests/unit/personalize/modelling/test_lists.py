"""Lists with more than the best items: new ones, promoted ones, reasons, metadata."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.personalize.conftest import Served, deployed, service, trained
from usher_local.personalize.modelling.reranking import explore, promote, shares, top

NOW = 1_700_000_000


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, trainer: ThreadPoolExecutor) -> Iterator[Served]:
    """Three comedies without events: two new ones, and an old one."""
    with service(tmp_path_factory.mktemp("models"), trainer):
        made = trained("user-personalization", "user-personalization-v2", "similar-items", "personalized-ranking")
        arn = next(
            found["datasetArn"]
            for found in made.world.personalize.list_datasets(datasetGroupArn=made.group)["datasets"]
            if found["datasetType"] == "ITEMS"
        )
        for name, more in (
            ("new1", {}),
            ("new2", {"creationTimestamp": NOW}),
            ("old", {"creationTimestamp": NOW - 90 * 86400}),
        ):
            record = {"itemId": name, "properties": json.dumps({"genres": "Comedy", "year": 2023} | more)}
            made.world.events.put_items(datasetArn=arn, items=[record])
        yield deployed(made)


def ask(shop: Served, campaign: str, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.world.runtime.get_recommendations(campaignArn=campaign, **more)["itemList"]
    return found


def exploring(shop: Served, weight: str, cut: str = "30.0") -> str:
    config = {"explorationWeight": weight, "explorationItemAgeCutOff": cut}
    version = shop.versions["user-personalization"]
    campaigns = shop.world.personalize.list_campaigns()["campaigns"]
    if len(campaigns) >= 5:  # the quota of a group
        shop.world.personalize.delete_campaign(campaignArn=campaigns[0]["campaignArn"])
    return shop.world.campaign(version, campaignConfig={"itemExplorationConfig": config})


def everyone(shop: Served, campaign: str) -> list[set[str]]:
    return [{item["itemId"] for item in ask(shop, campaign, userId=f"u{n}")} for n in range(60)]


def test_new_items_are_tried_and_old_unknown_ones_are_not(shop: Served) -> None:
    lists = everyone(shop, exploring(shop, "1"))
    assert sum("new1" in found for found in lists) > 30
    assert not any("old" in found for found in lists)
    assert any("old" in found for found in everyone(shop, exploring(shop, "1", "100")))
    assert not any({"new1", "new2"} & found for found in everyone(shop, exploring(shop, "1", "0")))


def test_more_weight_tries_more_and_none_tries_nothing(shop: Served) -> None:
    counts = [
        sum(len(found & {"new1", "new2"}) for found in everyone(shop, exploring(shop, weight)))
        for weight in ("0", "0.1", "1")
    ]
    assert counts[0] == 0 < counts[1] < counts[2]


def test_new_items_similar_to_the_users_come_first(shop: Served) -> None:
    world = shop.world
    arn = next(
        found["datasetArn"]
        for found in world.personalize.list_datasets(datasetGroupArn=shop.group)["datasets"]
        if found["datasetType"] == "ITEMS"
    )
    properties = {"genres": "Action", "year": 2023, "creationTimestamp": NOW}
    world.events.put_items(datasetArn=arn, items=[{"itemId": "new-action", "properties": json.dumps(properties)}])
    campaign = exploring(shop, "1", "20")
    for user, first in (("u1", "new1"), ("u0", "new-action")):  # of comedy and of action
        names = [item["itemId"] for item in ask(shop, campaign, userId=user, numResults=43)]
        assert next(name for name in names if name.startswith("new")) == first


def test_trying_is_the_same_for_the_same_question_and_scores_fall(shop: Served) -> None:
    arn = exploring(shop, "1")
    for user in ("u1", "u2", "u3"):
        found = ask(shop, arn, userId=user, numResults=40)
        assert found == ask(shop, arn, userId=user, numResults=40)
        scores = [item["score"] for item in found]
        assert scores == sorted(scores, reverse=True)


@pytest.fixture(scope="module")
def cold(shop: Served) -> Served:
    """Versions of aws-hrnn-coldstart by the rules for what is new, each with a campaign."""
    rules = {
        "few": {"cold_start_max_interactions": "25", "cold_start_max_duration": "10000"},
        "young": {"cold_start_max_interactions": "1000", "cold_start_max_duration": "1"},
        "now": {"cold_start_max_interactions": "1000", "cold_start_relative_from": "currentTime"},
    }
    world, versions = shop.world, {}
    for name, parameters in rules.items():
        config = {"featureTransformationParameters": parameters}
        made = world.version(world.solution(shop.group, "hrnn-coldstart", solutionConfig=config))
        versions[name] = made["solutionVersionArn"]
    return Served(world, shop.group, versions, {})


def tried_by(cold: Served, name: str) -> set[str]:
    """The items that lists explore: those whose places change with the exploration's weight."""
    source = cold.world.put("in/one.json", '{"userId":"u1"}\n')
    lists = []
    for weight in ("0", "1"):
        config = {"itemExplorationConfig": {"explorationWeight": weight, "explorationItemAgeCutOff": "30"}}
        made = cold.world.personalize.create_batch_inference_job(
            jobName=next(cold.world.names),
            solutionVersionArn=cold.versions[name],
            roleArn=cold.world.role,
            numResults=43,
            jobInput={"s3DataSource": {"path": source}},
            jobOutput={"s3DataDestination": {"path": source.replace("in/one.json", f"{name}-{weight}/")}},
            batchInferenceJobConfig=config,
        )
        assert cold.world.settled("batchInferenceJob", made["batchInferenceJobArn"])["status"] == "ACTIVE"
        output = json.loads(cold.world.text(f"{name}-{weight}/one.json.out"))["output"]["recommendedItems"]
        lists.append(output)
    return set(lists[1]) - set(lists[0])


def test_a_cold_start_tries_new_items_and_those_hardly_met(cold: Served) -> None:
    assert {"new1", "new2", "old"} <= tried_by(cold, "few")
    assert {"new1", "new2"} <= tried_by(cold, "young")
    assert "old" not in tried_by(cold, "young")
    assert tried_by(cold, "now") <= {"new1"}


def test_the_second_version_gives_reasons(shop: Served) -> None:
    promoted = shop.world.make_filter(shop.group, 'INCLUDE ItemID WHERE Items.GENRES IN ("Classic")')
    promotion = {"name": "classics", "percentPromotedItems": 20, "filterArn": promoted}
    reasons = set[str]()
    for user in range(20):
        for item in ask(shop, shop.campaigns["user-personalization-v2"], userId=f"u{user}", promotions=[promotion]):
            reasons.update(item.get("reason", []))
            assert ("Promoted item" in item.get("reason", [])) == ("promotionName" in item)
    assert reasons == {"Promoted item", "Exploration"}


def test_a_new_item_has_related_items_and_is_one(shop: Served) -> None:
    related = ask(shop, shop.campaigns["similar-items"], itemId="new1", numResults=8)
    assert sum(int(item["itemId"].strip("inew")) % 4 == 1 or "new" in item["itemId"] for item in related) >= 5
    whole = ask(shop, shop.campaigns["similar-items"], itemId="i1", numResults=43)
    assert {"new1", "new2", "old"} < {item["itemId"] for item in whole}


def test_a_new_item_is_ranked_by_similar_items(shop: Served) -> None:
    ranked = shop.world.runtime.get_personalized_ranking(
        campaignArn=shop.campaigns["personalized-ranking"], userId="u1", inputList=["nothing", "new1"]
    )["personalizedRanking"]
    assert [item["itemId"] for item in ranked] == ["new1", "nothing"]
    assert ranked[0]["score"] == 1.0


def test_promoted_items_have_their_share_and_their_filter(shop: Served) -> None:
    usual, promoted = (
        shop.world.make_filter(shop.group, f"INCLUDE ItemID WHERE Items.GENRES IN ({genre})")
        for genre in ('"Drama"', "$G")
    )
    promotion = {
        "name": "fright",
        "percentPromotedItems": 30,
        "filterArn": promoted,
        "filterValues": {"G": '"Horror"'},
    }
    found = ask(
        shop,
        shop.campaigns["similar-items"],
        itemId="i0",
        numResults=10,
        filterArn=usual,
        promotions=[promotion],
    )
    marked = [item["itemId"] for item in found if item.get("promotionName") == "fright"]
    assert len(found) == 10
    assert len(marked) == 3
    assert {int(name[1:]) % 4 for name in marked} == {3}
    assert {int(item["itemId"][1:]) % 4 for item in found if "promotionName" not in item} == {2}


def test_a_request_may_have_one_promotion_with_a_percentage(shop: Served) -> None:
    invalid = shop.world.runtime.exceptions.InvalidInputException
    with pytest.raises(invalid, match="less than or equal to 1"):
        ask(shop, shop.campaigns["similar-items"], itemId="i0", promotions=[{"percentPromotedItems": 5}] * 2)
    with pytest.raises(invalid, match="percentPromotedItems is required"):
        ask(shop, shop.campaigns["similar-items"], itemId="i0", promotions=[{"name": "x"}])


def test_metadata_are_texts_under_the_requested_names(shop: Served) -> None:
    columns = {"ITEMS": ["genres", "YEAR"]}
    found = ask(shop, shop.campaigns["user-personalization-v2"], userId="u1", metadataColumns=columns)
    known = next(item for item in found if item["itemId"].startswith("i"))
    number = int(known["itemId"][1:])
    assert known["metadata"]["YEAR"] == str(1980 + number)
    assert set(known["metadata"]) == {"genres", "YEAR"}
    with pytest.raises(shop.world.runtime.exceptions.InvalidInputException, match="at most 50"):
        ask(shop, shop.campaigns["user-personalization-v2"], userId="u1", metadataColumns=columns, numResults=51)


@pytest.mark.parametrize(
    ("recipe", "columns", "message"),
    [
        ("user-personalization", {"ITEMS": ["YEAR"]}, "not enabled to return metadata"),
        ("user-personalization-v2", {"ITEMS": ["PRICE"]}, "has no columns PRICE"),
        ("user-personalization-v2", {"USERS": ["AGE"]}, "only name columns of ITEMS"),
    ],
)
def test_unavailable_metadata_are_refused(shop: Served, recipe: str, columns: Any, message: str) -> None:
    arn = exploring(shop, "0") if recipe == "user-personalization" else shop.campaigns[recipe]
    with pytest.raises(shop.world.runtime.exceptions.InvalidInputException, match=message):
        ask(shop, arn, userId="u1", metadataColumns=columns)


def test_freshness_lifts_new_items(shop: Served) -> None:
    world = shop.world
    job = {"rankingInfluence": {"FRESHNESS": 1.0}}
    source = world.put("in/items.json", '{"itemId":"i1"}')
    positions = []
    for folder, more in (("plain", {}), ("fresh", {"batchInferenceJobConfig": job})):
        made = world.personalize.create_batch_inference_job(
            jobName=next(world.names),
            solutionVersionArn=shop.versions["similar-items"],
            roleArn=world.role,
            numResults=43,
            jobInput={"s3DataSource": {"path": source}},
            jobOutput={"s3DataDestination": {"path": source.replace("in/items.json", f"{folder}/")}},
            **more,
        )
        assert world.settled("batchInferenceJob", made["batchInferenceJobArn"])["status"] == "ACTIVE"
        output = json.loads(world.text(f"{folder}/items.json.out"))["output"]
        positions.append(output["recommendedItems"].index("new2"))
    assert positions[0] > 0 == positions[1]


places = st.lists(st.integers(0, 99), unique=True, max_size=30).map(lambda some: np.array(some, np.intp))


@given(places, places, st.floats(0, 1), st.integers(1, 40), st.integers())
def test_trying_keeps_both_orders_and_loses_nothing(
    best: Any, young: Any, rate: float, results: int, seed: int
) -> None:
    young = young[~np.isin(young, best)]
    mixed = explore(best, young, rate, results, Random(seed))
    for part in (best, young):
        kept = [place for place in mixed.tolist() if place in part]
        assert kept == part.tolist()[: len(kept)]
    assert len(mixed) == min(results, len(best) + (len(young) if rate else 0))


@given(places, places, st.floats(0, 1), st.floats(0, 1), st.integers(1, 40), st.integers())
def test_for_the_same_request_more_weight_never_tries_less(
    best: Any, young: Any, one: float, other: float, results: int, seed: int
) -> None:
    young = young[~np.isin(young, best)]

    def tried(rate: float) -> int:
        return int(np.isin(explore(best, young, rate, results, Random(seed)), young).sum())

    assert tried(0) == 0
    assert tried(min(one, other)) <= tried(max(one, other)) <= tried(1) == min(results, len(young))


@given(st.lists(st.integers(-3, 3), max_size=40), st.data(), st.integers(0, 45))
def test_the_best_are_those_of_a_stable_sort(values: list[int], data: st.DataObject, count: int) -> None:
    scores = np.array(values, np.float32)
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))), np.bool_)
    wanted = [place for place in np.argsort(-scores, kind="stable").tolist() if allowed[place]]
    assert top(scores, allowed, count).tolist() == wanted[:count]


@given(places, places, st.integers(1, 40), st.integers())
def test_promoting_keeps_both_orders(usual: Any, promoted: Any, results: int, seed: int) -> None:
    promoted = promoted[~np.isin(promoted, usual)][:results]
    mixed, marks = promote(usual, promoted, results, Random(seed))
    assert [place for place, mark in zip(mixed.tolist(), marks, strict=True) if mark] == promoted.tolist()
    assert len(mixed) == min(results, len(usual) + len(promoted))


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50))
def test_shares_sum_to_one_and_keep_the_order(values: list[float]) -> None:
    scores = np.array(values, np.float32)
    found = shares(scores)
    assert found.sum() == pytest.approx(1)
    assert (found > 0).all()
    assert (np.diff(found[np.argsort(scores, kind="stable")]) >= 0).all()


def test_no_single_item_takes_everything() -> None:
    scores = np.zeros(1000, np.float32)
    scores[0] = 1
    assert shares(scores)[0] < 0.1
