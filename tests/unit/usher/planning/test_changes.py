"""The effects of a change of the files, the config or the time: the whole stack, in process, on a clock of its own."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.scheduler.models import scheduler_backends
from usher.formats.typed_json import as_type
from usher.planning.removal import REMOVED
from usher.resources.kinds import KINDS
from usher.serving.serving_map import ServingMap

from tests.unit.usher.run_files import check_documents
from tests.unit.usher.world import interactions
from usher_local.cloud.access.credentials import REGION
from usher_local.personalize.control.kinds import KINDS as LOCAL_KINDS
from usher_local.personalize.core import faults
from usher_local.personalize.core.faults import Faults
from usher_local.simulation.stack import Boundary, Execution, Stack

POPULAR = {"popular": {"recipe": "aws-popularity-count"}}
DAY = 86400
JOB = "batch_inference_job/letter"
LEARNT = {
    "dataset_import_job": "DatasetImportJob",
    "filter": "Filter",
    "solution_version": "SolutionVersion",
    "campaign": "Campaign",
}
"""Kinds whose durations are learnt, by the names of Usher and of the local Personalize."""


@dataclass
class Shop:
    """A group of the stack, with the actions of a user."""

    stack: Stack

    def drop(self, config: Any = None, files: dict[str, str] | None = None) -> dict[str, Any]:
        """Drop files, let the last one start a run, and return its record."""
        dropped = dict(files or {})
        if config is not None:
            dropped["usher.yaml"] = yaml.safe_dump(config, sort_keys=False)
        for name, content in dropped.items():
            self.stack.put(f"shop/{name}", content)
        self.stack.drop(f"shop/{next(iter(dropped))}")
        return self.record

    def start(self, **given: str) -> tuple[Execution, dict[str, Any]]:
        """Start the pipeline by hand, or as a schedule does."""
        execution, waits = self.stack.start({"group": "shop", **given})
        for seconds in waits:
            self.stack.clock.shift(seconds)
        return execution, self.record

    @property
    def record(self) -> dict[str, Any]:
        """The record of the last run."""
        *_, (key, record) = self.stack.read(r"shop/out/runs/.*/run\.json").items()
        check_documents({key: record, **self.stack.read(key.replace("run.json", "plan.json"))})
        return dict(record)

    def actions(self, record: dict[str, Any] | None = None) -> dict[str, str]:
        """The planned actions of the last run for each resource that does not stay."""
        plan = (record or self.record)["estimate"]["resources"]
        return {name: one["action"] for name, one in plan.items() if one["action"] != "reuse"}

    def states(self) -> dict[str, str]:
        return {state["id"]: state["status"] for state in self.record["resources"]}

    def count(self) -> Counter[str]:
        """The number of resources of each kind in Personalize that are not being deleted."""
        there = self.stack.personalize.resources.values()
        return Counter(one.kind.name for one in there if not one.values.get("name", "").startswith("aws-"))

    def names(self, kind: str) -> set[str]:
        there = self.stack.personalize.resources.values()
        return {str(one.values.get("name")) for one in there if one.kind.name == kind}

    @property
    def schedules(self) -> dict[str, Any]:
        groups = scheduler_backends[ACCOUNT][REGION].schedule_groups.values()
        return {
            name.removeprefix("shop."): one
            for group in groups
            for name, one in group.schedules.items()
            if name.startswith("shop.")
        }

    @property
    def served(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.stack.item("shop", "serving")["map"]["S"])
        as_type(ServingMap, content)
        return content


@pytest.fixture
def shop(stack: Stack) -> Shop:
    stack.reset()
    stack.put("shop/interactions.csv", interactions())
    stack.stretch = quickly
    return Shop(stack)


@pytest.fixture
def live(stack: Stack) -> Shop:
    """A shop with one live solution."""
    stack.begin(popular)
    stack.stretch = quickly
    return Shop(stack)


def quickly(_: str) -> float:
    """Use fewer passes, so that a run takes less of the tests' time."""
    return 0.05


def popular(stack: Stack) -> None:
    stack.put("shop/interactions.csv", interactions())
    assert Shop(stack).drop({"solutions": POPULAR})["outcome"] == "SUCCEEDED"


def test_the_same_bytes_again_do_nothing(live: Shop) -> None:
    before = live.count()
    record = live.drop(files={"interactions.csv": interactions()})
    assert (record["outcome"], live.actions()) == ("SUCCEEDED", {})
    assert "stage" not in record
    assert live.count() == before


def test_a_changed_hyperparameter_is_another_solution_and_the_former_campaign_goes(live: Shop) -> None:
    (before,) = live.names("Campaign")
    record = live.drop({"solutions": {"popular": {"recipe": "aws-popularity-count", "eventType": "watch"}}})
    assert record["outcome"] == "FAILED", "there are no events of that type"
    assert live.names("Campaign") == {before}, "what serves stays"
    changed = {
        "popular": {
            "recipe": "aws-sims",
            "solutionConfig": {"algorithmHyperParameters": {"popularity_discount_factor": "0.4"}},
        }
    }
    record = live.drop({"solutions": changed})
    assert live.actions(record) == {
        "solution/popular": "replace", "solution_version/popular": "create", "campaign/popular": "replace",
    }  # fmt: skip
    assert record["outcome"] == "SUCCEEDED"
    assert before not in live.names("Campaign")
    assert len(live.names("Campaign")) == 1
    assert len(live.names("Solution")) == 2, "solutions cost nothing, and their versions come back with the settings"
    assert live.drop({"solutions": POPULAR})["outcome"] == "SUCCEEDED"
    assert live.actions() == {"campaign/popular": "replace"}, "nothing is trained"


def test_a_changed_filter_replaces_the_old_one(shop: Shop) -> None:
    for number in range(2):
        record = shop.drop(
            {"solutions": {}, "filters": {"some": f'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("{number}")'}}
        )
        assert record["outcome"] == "SUCCEEDED"
    assert shop.actions() == {"filter/some": "replace"}
    (name,) = shop.names("Filter")
    assert shop.served["filters"]["some"].endswith(name)
    assert [state["status"] for state in record["deletions"]] == ["DELETED"]


def test_new_data_is_trained_on_by_the_policy(shop: Shop) -> None:
    policies = {"always": "always", "manual": "manual", "daily": {"atMost": "1 day"}}
    solutions = {name: {"recipe": "aws-popularity-count", "retrain": policy} for name, policy in policies.items()}
    shop.drop({"solutions": solutions})
    record = shop.drop(files={"interactions.csv": interactions(users=61)})
    assert record["outcome"] == "SUCCEEDED"
    actions = shop.actions()
    assert {name: actions[f"solution_version/{name}"] for name in policies} == {
        "always": "retrain", "manual": "keep", "daily": "keep",
    }  # fmt: skip
    assert actions["dataset_import_job/interactions"] == "create"
    assert shop.count()["SolutionVersion"] == len(policies) + 1
    assert set(shop.schedules) == {"resume"}
    assert [one["id"] for one in record["resources"] if one.get("resume_at")] == ["solution_version/daily"]


def test_a_rest_ends_by_itself_and_its_schedule_goes(shop: Shop) -> None:
    shop.drop({"solutions": {"popular": {"recipe": "aws-popularity-count", "retrain": {"atMost": "1 day"}}}})
    shop.drop(files={"interactions.csv": interactions(users=61)})
    resume = shop.schedules["resume"]
    assert resume.schedule_expression.startswith("at(2023-11-15T")
    shop.stack.clock.shift(DAY)
    shop.start(**{name: text for name, text in json.loads(resume.target["Input"]).items() if name != "group"})
    assert shop.count()["SolutionVersion"] == 2
    assert not shop.schedules
    assert not shop.actions(shop.drop(files={"interactions.csv": interactions(users=61)}))


def test_a_plan_expects_the_last_durations_and_costs(shop: Shop) -> None:
    """Imports, versions and campaigns by their own; what is new by the others of its kind; all else by the table."""
    shop.stack.stretch = lambda _: 0.25
    solutions = {name: {"recipe": "aws-popularity-count"} for name in ("popular", "other")}
    filters = {"some": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("x")'}
    first = shop.drop({"solutions": solutions, "filters": filters})
    assert minutes(first) == {name: KINDS[name.partition("/")[0]].minutes for name in shop.actions(first)}
    third = {"third": {"recipe": "aws-sims"}}
    more = {**filters, "more": filters["some"].replace("x", "y")}
    config = yaml.safe_dump({"solutions": {**solutions, **third}, "filters": more})
    shop.stack.stretch = lambda _: 0.5
    record = shop.drop(files={"usher.yaml": config, "interactions.csv": interactions(users=61)})
    quarter = {kind: round(LOCAL_KINDS[name].minutes / 4, 1) for kind, name in LEARNT.items()}
    expected = minutes(record)
    for name, action in shop.actions(record).items():
        kind = name.partition("/")[0]
        assert expected[name] == quarter.get(kind, KINDS[kind].minutes), (name, action)
    hours = next(one["trainingHours"] for one in first["versions"] if one["solution"] == "popular")
    assert hours != 1, "which is what the table says"
    assert record["estimate"]["resources"]["solution_version/popular"]["cost"] == pytest.approx(hours * 0.24)
    assert record["estimate"]["resources"]["solution_version/third"]["cost"] == pytest.approx(0.24)
    record = shop.drop(files={"interactions.csv": interactions(users=62)})
    assert minutes(record)["campaign/popular"] == quarter["campaign"] * 2, "the last update counts, not the creation"


def minutes(record: dict[str, Any]) -> dict[str, float]:
    plan = record["estimate"]["resources"]
    return {name: one["minutes"] for name, one in plan.items() if one["action"] != "reuse"}


def test_a_requested_training_happens_once(shop: Shop) -> None:
    shop.drop({"solutions": {**POPULAR, "similar": {"recipe": "aws-sims", "retrain": "manual"}}})
    at = "2023-11-20T02:00:00Z"
    for _ in range(2):
        shop.start(task="retrain", at=at)
        assert shop.count()["SolutionVersion"] == 4
    shop.start(task="retrain", solution="similar", at="2023-11-19T02:00:00Z")
    assert shop.count()["SolutionVersion"] == 4, "the request is older than the last training"
    shop.start(task="retrain", solution="similar", at="2023-11-21T02:00:00Z")
    assert shop.count()["SolutionVersion"] == 5
    assert not shop.actions(shop.drop(files={"interactions.csv": interactions()}))


def test_a_task_that_does_not_exist_is_refused(live: Shop) -> None:
    execution, record = live.start(task="tidy")
    assert (execution.status, record["outcome"]) == ("FAILED", "FAILED")
    assert "start the pipeline with" in record["summary"]


def test_resources_missing_in_the_config_are_reported_and_deleted_only_on_request(shop: Shop) -> None:
    two = {**POPULAR, "similar": {"recipe": "aws-sims"}}
    shop.drop({"solutions": two, "filters": {"some": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("x")'}})
    record = shop.drop({"solutions": POPULAR})
    assert [(one["id"], one["deleted"]) for one in record["unmanaged"]] == [
        ("campaign/similar", False), ("solution/similar", False), ("filter/some", False),
    ]  # fmt: skip
    assert (shop.count()["Campaign"], shop.count()["Filter"]) == (2, 1)
    assert set(shop.served["solutions"]) == {"popular", "similar"}, "nothing else answers its route"
    assert [one["message"] for one in record["notes"]] == [
        "has no campaign for similar-items in the config; the campaign of similar still answers it, and costs money."
    ]
    record = shop.drop({"solutions": POPULAR, "prune": True})
    assert [one["message"] for one in record["notes"]] == [
        "will have no answer to similar-items: the config names nothing for it, and similar goes."
    ]
    assert set(shop.served["solutions"]) == {"popular"}
    assert {state["status"] for state in record["deletions"]} == {"DELETED"}
    assert (shop.count()["Campaign"], shop.count()["Solution"], shop.count()["Filter"]) == (1, 1, 0)
    assert "unmanaged" not in shop.drop({"solutions": POPULAR, "prune": True}) or not shop.record["unmanaged"]


def test_foreign_resources_in_the_group_are_never_pruned(live: Shop) -> None:
    group = live.stack.personalize.resources
    arn = next(arn for arn, one in group.items() if one.kind.name == "DatasetGroup")
    live.stack.personalize.create(
        "Filter",
        {
            "name": "theirs",
            "datasetGroupArn": arn,
            "filterExpression": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("x")',
        },
    )
    record = live.drop({"solutions": POPULAR, "prune": True})
    assert [(one["reason"], one["deleted"]) for one in record["unmanaged"]] == [("not made by Usher", False)]
    assert "theirs" in live.names("Filter")


def test_a_group_that_is_removed_leaves_nothing_and_comes_back(live: Shop) -> None:
    live.drop({"solutions": POPULAR, "schedules": {"retrain": "rate(7 days)"}})
    kept = set(live.stack.keys("shop/(?!out/).*|shop/out/runs/.*"))
    for key in ("out/export/popular/1/csv/part-0001.csv", "out/batch/letter/1/letter.jsonl.out", "out/checks/1.json"):
        live.stack.put(f"shop/{key}", "u1")
        live.stack.put(f"shop-eu/{key}", "u1")
    execution, record = live.start(task="remove")
    files = set(live.stack.keys("shop/.*"))
    assert kept <= files
    assert [key for key in files - kept if "/out/runs/" not in key] == []
    assert len(live.stack.keys("shop-eu/.*")) == 3
    assert (execution.status, record["outcome"]) == ("SUCCEEDED", "SUCCEEDED")
    assert {state["status"] for state in record["deletions"]} == {"DELETED"}
    left = live.count()
    assert not {name for name in left if not name.endswith("Job")} - {
        "Recipe",
        "Algorithm",
        "FeatureTransformation",
        "SolutionVersion",
    }
    assert not live.schedules
    assert "serving" not in live.stack.items("shop")
    assert live.drop({"solutions": POPULAR})["outcome"] == "SUCCEEDED"
    assert live.served["solutions"]["popular"]["campaignArn"]


def test_a_file_in_a_wrong_folder_is_noted_with_or_without_data(live: Shop) -> None:
    live.stack.put("shop/new/interactions.csv", interactions())
    place = "shop/new/interactions.csv"
    assert [one["place"] for one in live.drop({"solutions": POPULAR})["notes"]] == [place]
    live.stack.put("empty/new/interactions.csv", interactions())
    live.stack.drop("empty/usher.yaml")
    (record,) = live.stack.read(r"empty/out/runs/.*/run\.json").values()
    assert record["note"].startswith("Nothing to do until")
    assert [one["remedy"] for one in record["notes"]] == ["Move it up to empty/."]


def test_a_removal_is_carried_out_once_even_if_nothing_is_there(live: Shop) -> None:
    live.start(task="remove")
    execution, record = live.start(task="remove")
    assert execution.status == "SUCCEEDED"
    assert record["summary"].startswith("Personalize has no dataset group of shop.")
    assert live.drop({"solutions": POPULAR})["outcome"] == "SUCCEEDED"
    assert live.count()["Campaign"] == 1


def test_a_group_whose_config_cannot_be_read_is_removed_when_it_can(live: Shop) -> None:
    live.stack.put("shop/usher.yaml", "solutions: {popular: 5}")
    execution, record = live.start(task="remove")
    assert execution.status == "FAILED"
    assert "shop/: can't be removed: its config can't be read" in record["summary"]
    assert live.count()["Campaign"] == 1
    assert live.drop({"solutions": POPULAR})["note"] == REMOVED
    assert live.count()["DatasetGroup"] == 0
    assert live.drop({"solutions": POPULAR})["outcome"] == "SUCCEEDED"
    assert live.count()["DatasetGroup"] == 1


def test_resources_that_a_removal_cannot_delete_are_reported(live: Shop) -> None:
    (schema,) = (arn for arn in live.stack.personalize.resources if ":schema/" in arn)
    theirs = live.stack.personalize.create("DatasetGroup", {"name": "theirs"})
    live.stack.clock.shift(DAY)
    members = {"name": "theirs", "datasetType": "INTERACTIONS", "datasetGroupArn": theirs.arn, "schemaArn": schema}
    live.stack.personalize.create("Dataset", members)
    execution, record = live.start(task="remove")
    assert execution.status == "FAILED"
    (problem,) = record["problems"]
    assert problem["place"] == f"schema/{schema.rpartition('/')[2]}"
    assert problem["message"].startswith("is still there:")
    assert problem["remedy"].startswith("Delete the resources that still use it")
    assert live.count()["DatasetGroup"] == 1, "only theirs"


def test_schedules_come_change_and_go(live: Shop) -> None:
    berlin = {"ScheduleExpression": "cron(0 2 ? * SUN *)", "ScheduleExpressionTimezone": "Europe/Berlin"}
    config: dict[str, Any] = {"solutions": POPULAR, "schedules": {"retrain": berlin, "export": "rate(1 day)"}}
    assert live.drop(config)["outcome"] == "SUCCEEDED"
    assert {name: one.schedule_expression for name, one in live.schedules.items()} == {
        "retrain": "cron(0 2 ? * SUN *)", "export": "rate(1 day)",
    }  # fmt: skip
    assert live.schedules["retrain"].schedule_expression_timezone == "Europe/Berlin"
    assert live.schedules["export"].target["Arn"].endswith("-export")
    config["schedules"] = {"retrain": "rate(2 days)"}
    live.drop(config)
    assert live.actions() == {"schedule/retrain": "update"}
    assert {name: one.schedule_expression for name, one in live.schedules.items()} == {"retrain": "rate(2 days)"}
    given = json.loads(live.schedules["retrain"].target["Input"])
    assert given == {"group": "shop", "task": "retrain", "at": "<aws.scheduler.scheduled-time>"}
    del config["schedules"]
    live.drop(config)
    assert not live.schedules


def test_data_waits_for_the_schedule_of_imports(live: Shop) -> None:
    live.drop({"solutions": POPULAR, "schedules": {"import": "rate(1 day)"}})
    record = live.drop(files={"interactions.csv": interactions(users=61)})
    assert live.actions(record) == {"dataset_import_job/interactions": "keep"}
    for _ in range(2):
        live.start(task="import", at="2023-11-20T02:00:00Z")
        assert (live.count()["DatasetImportJob"], live.count()["SolutionVersion"]) == (2, 2)
    live.drop(files={"interactions.csv": interactions(users=62)})
    assert live.count()["DatasetImportJob"] == 2, "the request is done, and the next data waits again"


def test_a_changed_tag_throughput_or_timer_changes_in_place(live: Shop) -> None:
    live.drop({
        "solutions": {"popular": {"recipe": "aws-popularity-count", "performAutoTraining": True,
                                  "campaign": {"minProvisionedTPS": 2, "tags": [{"tagKey": "a", "tagValue": "c"}]}}},
        "tags": [{"tagKey": "a", "tagValue": "b"}],
    })  # fmt: skip
    changed = live.actions()
    assert set(changed.values()) == {"update"}
    assert {"solution/popular", "campaign/popular", "dataset_group/shop"} <= set(changed)
    assert live.count()["SolutionVersion"] == 1
    assert not live.actions(live.drop(files={"interactions.csv": interactions()}))
    tags = {name: one.tags for name, one in live.stack.personalize.resources.items() if "campaign/" in name}
    assert "'c'" in str(tags) or "c" in str(tags)


def test_a_campaign_that_follows_the_latest_version_is_left_to_it(shop: Shop) -> None:
    follows = {"campaignConfig": {"syncWithLatestSolutionVersion": True}}
    shop.drop({"solutions": {"popular": {"recipe": "aws-popularity-count", "campaign": follows}}})
    record = shop.drop(files={"interactions.csv": interactions(users=61)})
    assert record["outcome"] == "SUCCEEDED"
    assert shop.count()["SolutionVersion"] == 2
    assert "campaign/popular" not in shop.actions()


def test_the_first_training_is_full_and_the_next_may_be_an_update(shop: Shop) -> None:
    shop.drop({"solutions": {"for-you": {"recipe": "aws-user-personalization", "trainingMode": "UPDATE"}}})
    shop.drop(files={"interactions.csv": interactions(users=61)})
    there = [one for one in shop.stack.personalize.resources.values() if one.kind.name == "SolutionVersion"]
    assert [one.values["trainingMode"] for one in there] == ["FULL", "UPDATE"]


def test_a_domain_group_has_recommenders_and_serves_them(shop: Shop) -> None:
    rows = interactions().replace("TIMESTAMP\n", "TIMESTAMP,EVENT_TYPE\n", 1).splitlines()
    watched = "\n".join([rows[0], *(f"{row},Watch" for row in rows[1:])]) + "\n"
    config = {"group": {"domain": "VIDEO_ON_DEMAND"}, "recommenders": {"top": {"recipe": "aws-vod-most-popular"}}}
    record = shop.drop(config, {"interactions.csv": watched})
    assert (record["outcome"], record["problems"]) == ("SUCCEEDED", [])
    assert shop.served["recommenders"]["top"]["recommenderArn"].endswith(next(iter(shop.names("Recommender"))))
    config["recommenders"]["top"]["recommenderConfig"] = {"minRecommendationRequestsPerSecond": 2}  # type: ignore[index]
    shop.drop(config)
    assert shop.actions() == {"recommender/top": "update"}
    del config["group"]["domain"]  # type: ignore[attr-defined]
    record = shop.drop({"solutions": POPULAR})
    assert "can't be changed" in record["summary"]


def test_a_site_of_exports_and_jobs_has_a_gate_and_promotions_too(shop: Shop) -> None:
    gate = {"metric": "normalized_discounted_cumulative_gain_at_25", "versusLive": 1000}
    silent = {"popular": {"recipe": "aws-popularity-count", "campaign": False, "gate": gate}}
    shop.stack.put("shop/batch/letter.jsonl", '{"userId": "u1"}')
    first = shop.drop({"solutions": silent, "batch": {"letter": {"solution": "popular"}}})
    served = shop.served["solutions"]["popular"]["solutionVersionArn"]
    assert [(one["arn"], one["live"]) for one in first["versions"]] == [(served, True)]
    held = shop.drop(files={"interactions.csv": interactions(users=61)})
    assert (held["outcome"], shop.states()["solution_version/popular"]) == ("HELD", "HELD")
    assert held["cost"]["cost"] > 0, "the training has been paid for"
    assert shop.served["solutions"]["popular"]["solutionVersionArn"] == served
    assert shop.count()["BatchInferenceJob"] == 1
    newest = next(one["arn"] for one in held["versions"] if not one["live"])
    _, record = shop.start(solution="popular", version="latest", who="Ann", why="New catalogue")
    assert (record["outcome"], shop.actions()) == ("SUCCEEDED", {JOB: "create"})
    assert record["pins"]["popular"]["who"] == "Ann"
    assert shop.served["solutions"]["popular"]["solutionVersionArn"] == newest
    assert shop.count()["BatchInferenceJob"] == 2
    _, record = shop.start(solution="popular", version="previous", who="Ann", why="Odd")
    assert (record["outcome"], shop.actions()) == ("SUCCEEDED", {})
    assert "rolled back popular to" in shop.stack.notifications()[-1], "people are notified"
    assert shop.served["solutions"]["popular"]["solutionVersionArn"] == served
    shop.start()
    assert shop.actions() == {}
    assert shop.served["solutions"]["popular"]["solutionVersionArn"] == served


def test_jobs_run_for_each_version_or_on_request(live: Shop) -> None:
    jobs = {
        "weekly": {"solution": "popular", "schedule": "rate(7 days)"},
        "each": {"solution": "popular", "numResults": 3},
    }
    record = live.drop({"solutions": POPULAR, "batch": jobs})
    assert "batch/each.jsonl: does not exist, but the job each needs it" in record["summary"]
    for name in jobs:
        live.stack.put(f"shop/batch/{name}.jsonl", '{"userId": "u1"}\n{"userId": "u2"}')
    record = live.drop({"solutions": POPULAR, "batch": jobs})
    assert (record["outcome"], record["estimate"]["unpriced"]) == ("SUCCEEDED", [])
    assert record["estimate"]["resources"]["batch_inference_job/each"]["cost"] == pytest.approx(2 * 0.067 / 1000)
    assert live.count()["BatchInferenceJob"] == 1
    for _ in range(2):
        live.start(task="batch", job="weekly", at="2023-11-20T02:00:00Z")
        assert live.count()["BatchInferenceJob"] == 2
    live.drop(files={"interactions.csv": interactions(users=61)})
    assert live.count()["BatchInferenceJob"] == 3


def test_metrics_are_attributed_and_changed_in_place(shop: Shop) -> None:
    one = {"eventType": "watch", "metricName": "watched", "expression": "SAMPLECOUNT()"}
    two = {"eventType": "buy", "metricName": "bought", "expression": "SAMPLECOUNT()"}
    assert shop.drop({"solutions": {}, "metricAttribution": {"metrics": [one]}})["outcome"] == "SUCCEEDED"
    record = shop.drop({"solutions": {}, "metricAttribution": {"metrics": [{**one, "eventType": "see"}, two]}})
    assert (record["outcome"], shop.actions()) == ("SUCCEEDED", {"metric_attribution/shop": "update"})
    assert not shop.actions(shop.drop(files={"interactions.csv": interactions()}))
    shop.drop({"solutions": {}, "prune": True})
    assert not shop.count()["MetricAttribution"]


def test_a_failed_resource_is_explained_and_made_again_by_the_next_drop(shop: Shop) -> None:
    faults.use(Faults(fail={"shop": "The role was gone."}))
    record = shop.drop({"solutions": POPULAR})
    assert record["outcome"] == "FAILED"
    assert "dataset_group/shop: failed: The role was gone." in record["summary"]
    assert shop.states()["campaign/popular"] == "SKIPPED"
    faults.use(Faults())
    record = shop.drop(files={"users_old.csv": "USER_ID"})  # it is only named
    assert record["outcome"] == "FAILED", "a file that is not read builds nothing"
    record = shop.drop(files={"interactions.csv": interactions()})
    assert (record["outcome"], shop.actions(record)["dataset_group/shop"]) == ("SUCCEEDED", "rebuild")
    assert "The role was gone." in record["estimate"]["resources"]["dataset_group/shop"]["reason"]


def test_a_foreign_deletion_or_update_in_progress_is_waited_for(live: Shop) -> None:
    there = live.stack.personalize
    arn = next(arn for arn, one in there.resources.items() if one.kind.name == "Campaign")

    def delete_after_settling(boundary: Boundary) -> None:
        if boundary.name == "personalize:ListRecipes" and there.resources[arn].status == "ACTIVE":
            there.delete("Campaign", arn)

    live.stack.disturb = delete_after_settling
    record = live.drop(files={"interactions.csv": interactions()})
    assert record["outcome"] == "SUCCEEDED"
    assert live.actions(record) == {"campaign/popular": "wait"}
    assert len(live.names("Campaign")) == 1


def test_a_file_of_increments_is_imported_on_its_own_and_once(live: Shop) -> None:
    rows = interactions(start=1_700_000_000)
    record = live.drop(files={"interactions/incremental/monday.csv": rows})
    assert record["outcome"] == "SUCCEEDED"
    assert live.actions(record) == {
        "dataset_import_job/interactions/monday.csv": "create",
        "solution_version/popular": "retrain",
        "campaign/popular": "update",
    }
    jobs = [one for one in live.stack.personalize.resources.values() if one.kind.name == "DatasetImportJob"]
    assert [one.values["importMode"] for one in jobs] == ["FULL", "INCREMENTAL"]
    assert not live.actions(live.drop(files={"interactions/incremental/monday.csv": rows}))
    live.drop(files={"interactions.csv": interactions(users=61)})
    assert live.count()["DatasetImportJob"] == 4, "a new base asks for all that is added to it"
    wrong = live.drop(files={"interactions/incremental/tuesday.csv": "USER_ID,ITEM_ID,TIMESTAMP\nu,i,soon\n"})
    assert "tuesday.csv line 2: TIMESTAMP is neither a number nor a date." in wrong["summary"]
