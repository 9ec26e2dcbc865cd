"""A drop into the bucket, end to end."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.integration.conftest import Site, interactions, items, wait_until
from usher_local.demo.caller import CallError

ALL_KINDS_ONCE = {
    "dataset_group": 1,
    "schema": 1,
    "dataset": 1,
    "dataset_import_job": 1,
    "filter": 0,
    "solution": 3,
    "solution_version": 3,
    "campaign": 3,
    "event_tracker": 1,
}


def counts(site: Site, group: str) -> dict[str, int]:
    return {kind: len(arns) for kind, arns in site.resources(group).items()}


def test_a_dropped_csv_becomes_live_recommendations(site: Site, group: str) -> None:
    site.drop(f"{group}/interactions.csv", interactions())
    assert {one["status"] for one in site.settle(group)} == {"SUCCEEDED"}  # S3 may report a drop twice
    assert counts(site, group) == ALL_KINDS_ONCE
    answer = site.api.get(f"/{group}/recommendations/u1")
    assert len(answer["itemList"]) == 25
    assert answer["solution"] == "user-personalization"
    assert len(site.api.get(f"/{group}/similar-items/i1", numResults=5)["itemList"]) == 5
    ranked = site.api.post(f"/{group}/rankings", {"userId": "u1", "items": ["i1", "i2", "i3"]})["personalizedRanking"]
    assert {one["itemId"] for one in ranked} == {"i1", "i2", "i3"}
    with pytest.raises(CallError) as refused:
        replace(site.api, credentials=None).get(f"/{group}/recommendations/u1")
    assert refused.value.status == 403


def test_new_data_is_imported_and_trained_on_behind_the_same_campaigns(site: Site, group: str) -> None:
    site.drop(f"{group}/interactions/one.csv", interactions())
    site.settle(group)
    before = site.resources(group)
    site.drop(f"{group}/interactions/two.csv", interactions(seed=1))
    site.settle(group)
    assert counts(site, group) == ALL_KINDS_ONCE | {"dataset_import_job": 2, "solution_version": 6}
    after = site.resources(group)
    assert after["campaign"] == before["campaign"]
    for arn in after["campaign"]:
        campaign = site.personalize.describe_campaign(campaignArn=arn)["campaign"]
        assert campaign["solutionVersionArn"] not in before["solution_version"]


def test_a_burst_of_files_makes_one_run_and_at_most_one_follow_up(site: Site, group: str) -> None:
    for number in range(12):
        site.drop(f"{group}/interactions/{number}.csv", interactions(users=30, events=40, seed=number))
    site.settle(group)
    assert len(site.records(group)) <= 2
    assert counts(site, group)["solution"] == 3
    assert site.records(group)[-1]["data"]["interactions"]["rows"] == 12 * 30 * 40


def test_a_failure_does_not_stop_the_rest(site: Site, group: str, messages: Callable[[], list[str]]) -> None:
    config = """
        solutions:
          for-you: {recipe: aws-user-personalization-v2}
          bought: {recipe: aws-sims, solutionConfig: {eventValueThreshold: "3"}, eventType: watch}
        filters:
          seen: EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")
    """
    site.drop(f"{group}/usher.yaml", config)
    site.drop(f"{group}/interactions.csv", interactions())
    record = site.run(group)
    states = {state["id"]: state["status"] for state in record["resources"]}
    assert record["outcome"] == "FAILED"
    assert states["campaign/for-you"] == states["filter/seen"] == "READY"
    assert states["solution_version/bought"] == "FAILED"
    assert states["campaign/bought"] == "SKIPPED"
    notifications = messages()
    assert notifications
    assert all("solution_version/bought: failed" in one for one in notifications)
    assert counts(site, group)["solution_version"] == 2
    assert len(site.api.get(f"/{group}/recommendations/u1", filter="seen")["itemList"]) == 20


def test_columns_that_a_dataset_cannot_take_on_are_refused_before_anything_changes(site: Site, group: str) -> None:
    site.drop(f"{group}/items.csv", items())
    site.drop(f"{group}/interactions.csv", interactions())
    site.settle(group)
    before = site.resources(group)
    site.drop(f"{group}/interactions.csv", interactions().replace("EVENT_TYPE", "DEVICE"))
    record = site.run(group)
    assert record["outcome"] == "FAILED"
    assert f"{group}/interactions.csv: has other columns" in record["summary"]
    assert "no EVENT_TYPE, a new DEVICE" in record["summary"]
    assert "a new folder" in record["summary"]
    assert site.resources(group) == before


def test_items_may_gain_a_column(site: Site, group: str) -> None:
    site.drop(f"{group}/items.csv", items())
    site.drop(f"{group}/interactions.csv", interactions())
    site.settle(group)
    lines = items().splitlines()
    more = [f"{lines[0]},YEAR", *(f"{line},{1990 + number % 9}" for number, line in enumerate(lines[1:]))]
    site.drop(f"{group}/interactions.csv", interactions())
    site.drop(f"{group}/items.csv", "\n".join(more))
    assert site.run(group)["outcome"] == "SUCCEEDED"
    assert counts(site, group)["dataset"] == 2
    assert counts(site, group)["schema"] == 2, "the former one is gone"


def test_config_before_data_waits_for_the_data(site: Site, group: str) -> None:
    site.drop(f"{group}/usher.yaml", "filters: {}")
    record = site.run(group)
    assert record["outcome"] == "SUCCEEDED"
    assert f"{group}/interactions.csv" in record["summary"]
    assert counts(site, group)["dataset_group"] == 0


def test_a_schedule_of_the_config_retrains_without_new_data(site: Site, group: str) -> None:
    config = "solutions: {popular: {recipe: aws-popularity-count}}\nschedules: {retrain: %s}"
    site.drop(f"{group}/interactions.csv", interactions())
    site.drop(f"{group}/usher.yaml", config % "rate(2 days)")
    assert site.run(group)["outcome"] == "SUCCEEDED"
    site.days[0] += 2
    wait_until(lambda: len(site.causes(group)) == 3)
    assert site.run(group)["outcome"] == "SUCCEEDED"
    assert counts(site, group)["solution_version"] == 2
    site.drop(f"{group}/usher.yaml", "solutions: {popular: {recipe: aws-popularity-count}}")
    schedules = site.cloud.client("scheduler")
    wait_until(lambda: not schedules.list_schedules(NamePrefix=f"{group}.")["Schedules"])
    site.settle(group)
