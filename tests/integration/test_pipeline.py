"""A drop into the bucket, end to end."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from local.demo.caller import CallError
from tests.integration.conftest import Site, interactions, items

ALL_KINDS_ONCE = {
    "dataset_group": 1,
    "schema": 1,
    "dataset": 1,
    "dataset_import_job": 1,
    "filter": 0,
    "solution": 3,
    "solution_version": 3,
    "campaign": 3,
}


def counts(site: Site, group: str) -> dict[str, int]:
    return {kind: len(arns) for kind, arns in site.resources(group).items()}


def test_a_dropped_csv_becomes_live_recommendations(site: Site) -> None:
    site.drop("first/interactions.csv", interactions())
    executions = site.settle("first")
    assert [one["status"] for one in executions] == ["SUCCEEDED"]
    assert counts(site, "first") == ALL_KINDS_ONCE
    answer = site.api.get("/first/recommendations/u1")
    assert len(answer["itemList"]) == 25
    assert answer["solution"] == "user-personalization"
    assert len(site.api.get("/first/similar-items/i1", numResults=5)["itemList"]) == 5
    ranked = site.api.post("/first/rankings", {"userId": "u1", "items": ["i1", "i2", "i3"]})["personalizedRanking"]
    assert {one["itemId"] for one in ranked} == {"i1", "i2", "i3"}
    with pytest.raises(CallError) as refused:
        replace(site.api, credentials=None).get("/first/recommendations/u1")
    assert refused.value.status == 403


def test_the_same_bytes_again_cost_nothing(site: Site) -> None:
    site.drop("again/interactions.csv", interactions())
    site.settle("again")
    before = site.resources("again")
    site.drop("again/interactions.csv", interactions())
    record = site.run("again")
    assert [one["status"] for one in site.settle("again")] == ["SUCCEEDED", "SUCCEEDED"]
    assert site.resources("again") == before
    assert {state["action"] for state in record["resources"]} == {"none"}


def test_new_data_is_imported_and_trained_on_behind_the_same_campaigns(site: Site) -> None:
    site.drop("fresh/interactions/one.csv", interactions())
    site.settle("fresh")
    before = site.resources("fresh")
    site.drop("fresh/interactions/two.csv", interactions(seed=1))
    site.settle("fresh")
    assert counts(site, "fresh") == ALL_KINDS_ONCE | {"dataset_import_job": 2, "solution_version": 6}
    after = site.resources("fresh")
    assert after["campaign"] == before["campaign"]
    for arn in after["campaign"]:
        campaign = site.personalize.describe_campaign(campaignArn=arn)["campaign"]
        assert campaign["solutionVersionArn"] not in before["solution_version"]


def test_a_burst_of_files_makes_one_run_and_at_most_one_follow_up(site: Site) -> None:
    for number in range(12):
        site.drop(f"burst/interactions/{number}.csv", interactions(users=30, events=40, seed=number))
    site.settle("burst")
    assert len(site.records("burst")) <= 2
    assert counts(site, "burst")["solution"] == 3
    assert site.records("burst")[-1]["data"]["interactions"]["rows"] == 12 * 30 * 40


def test_what_fails_does_not_stop_the_rest(site: Site, messages: Callable[[], list[str]]) -> None:
    config = """
        solutions:
          for-you: {recipe: aws-user-personalization-v2}
          bought: {recipe: aws-sims, solutionConfig: {eventValueThreshold: "3"}, eventType: bought}
        filters:
          seen: EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")
          odd: EXCLUDE ItemID WHERE Items.NO_SUCH_FIELD IN ("x")
    """
    site.drop("partly/usher.yaml", config)
    site.drop("partly/interactions.csv", interactions())
    record = site.run("partly")
    states = {state["id"]: state["status"] for state in record["resources"]}
    assert record["outcome"] == "FAILED"
    assert states["campaign/for-you"] == states["filter/seen"] == "READY"
    assert states["solution_version/bought"] == states["filter/odd"] == "FAILED"
    assert states["campaign/bought"] == "SKIPPED"
    [message] = [one for one in messages() if "partly" in one]
    assert "solution_version/bought" in message
    assert "filter/odd" in message
    assert len(site.api.get("/partly/recommendations/u1", filter="seen")["itemList"]) == 20


def test_a_changed_filter_is_replaced_and_served_under_its_name(site: Site) -> None:
    site.drop("change/items.csv", items())
    site.drop("change/interactions.csv", interactions())
    for genre in ("Comedy", "Horror"):
        site.drop("change/usher.yaml", f'filters: {{kind: INCLUDE ItemID WHERE Items.GENRES IN ("{genre}")}}')
        site.settle("change")
        answer = site.api.get("/change/recommendations/u1", filter="kind", numResults=10)
        odd = {int(one["itemId"][1:]) % 2 for one in answer["itemList"]}
        assert odd == {1 if genre == "Comedy" else 0}
    assert counts(site, "change")["filter"] == 2
    assert counts(site, "change")["solution_version"] == 3


def test_config_before_data_waits_for_the_data(site: Site) -> None:
    site.drop("early/usher.yaml", "filters: {}")
    record = site.run("early")
    assert record["outcome"] == "SUCCEEDED"
    assert "early/interactions.csv" in record["summary"]
    assert counts(site, "early")["dataset_group"] == 0
