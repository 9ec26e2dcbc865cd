"""Evaluations: predictions are compared with held-out events, and all temporary resources are deleted."""

import json
from typing import Any

from tests.integration.conftest import Site, interactions, items, slowed, wait_until

CONFIG = {
    "solutions": {
        "popular": {"recipe": "aws-popularity-count"},
        "similar": {"recipe": "aws-sims", "campaign": False},
        "ranked": {"recipe": "aws-personalized-ranking", "campaign": False},
    },
    "exports": False,
}


def start(site: Site, group: str, **given: Any) -> str:
    machine, task = site.cloud.outputs["EvaluationArn"], json.dumps({"group": group, **given})
    return str(site.stepfunctions.start_execution(stateMachineArn=machine, input=task)["executionArn"])


def evaluate(site: Site, group: str, **given: Any) -> dict[str, Any]:
    """Start an evaluation and wait until it has ended; return its record."""
    arn = start(site, group, **given)
    wait_until(lambda: site.stepfunctions.describe_execution(executionArn=arn)["status"] != "RUNNING")
    return record_of(site, group, arn)


def record_of(site: Site, group: str, execution: str) -> dict[str, Any]:
    keys = [key for key in site.keys(f"{group}/out/runs/") if key.endswith(f"{execution[-4:]}-evaluation/run.json")]
    return dict(site.read_json(keys[-1]))


def left(site: Site) -> list[str]:
    """The resources of an evaluation that remain in Personalize."""
    return [arn for arns in site.resources("-eval-").values() for arn in arns if "import-job" not in arn]


def report_of(site: Site, group: str) -> dict[str, Any]:
    latest = site.read_json(f"{group}/out/evaluation/latest.json")
    return dict(site.read_json(latest["report"].replace(".html", ".json")))


def test_solutions_and_live_versions_are_compared_with_popularity_and_nothing_is_left(site: Site, group: str) -> None:
    site.drop(f"{group}/usher.yaml", json.dumps(CONFIG))
    site.drop(f"{group}/items.csv", items())
    site.drop(f"{group}/interactions.csv", interactions())
    assert site.run(group)["outcome"] == "SUCCEEDED"
    before = site.resources(group)
    record = evaluate(site, group, requestsPerSecond=1000)
    assert (record["outcome"], record["problems"]) == ("SUCCEEDED", [])
    report = report_of(site, group)
    kinds: dict[str, set[str]] = {}
    for one in report["contenders"]:
        kinds.setdefault(one["name"].partition(" (live")[0], set()).add(one["kind"])
    assert kinds == {
        "popularity": {"baseline"}, "recent-popularity": {"baseline"},
        **{name: {"trained", "live"} for name in CONFIG["solutions"]},  # type: ignore[attr-defined]
    }  # fmt: skip
    assert {(one["users"], one["form"]) for one in report["scores"]} == {(60, "raw"), (60, "dedup")}
    assert all(one["missing"] == 0 for one in report["contenders"])
    live = [one for one in report["contenders"] if one["kind"] == "live"]
    assert all("It may know them" in one["notes"][0] for one in live)
    assert [(one["ranked"], one["marks"]) for one in live] == [(False, ["may know 100% of the held-out events"])] * 3
    assert report["split"]["heldOut"] == 60 * 2
    assert left(site) == []
    after = {kind: [arn for arn in arns if "-eval-" not in arn] for kind, arns in site.resources(group).items()}
    assert after == before, "what serves is as it was"
    files = {key.rpartition("/")[2] for key in site.keys(f"{group}/out/evaluation/")}
    assert {"report.html", "report.json", "latest.json"} <= files
    assert any(name.endswith(".png") for name in files)


def test_a_recipe_without_batch_inference_answers_through_a_temporary_campaign(site: Site, group: str) -> None:
    site.drop(f"{group}/interactions.csv", interactions(seed=3))
    site.settle(group)
    record = evaluate(site, group, recipes=["aws-trending-now"], live=False, split="last-one", requestsPerSecond=1000)
    assert record["outcome"] == "SUCCEEDED"
    assert [one["answered"] for one in report_of(site, group)["contenders"]] == [60, 60, 60]
    assert left(site) == []


def test_a_fault_is_reported_and_nothing_is_made(site: Site, group: str) -> None:
    site.drop(f"{group}/interactions.csv", interactions(users=52))  # 1040 interactions
    site.settle(group)
    record = evaluate(site, group)
    assert record["outcome"] == "FAILED"
    assert "leaves 936 interactions to train on; Personalize needs 1000." in record["summary"]
    assert "which Personalize does not have" in evaluate(site, group, recipes=["aws-magic"])["summary"]
    assert "has no interactions" in evaluate(site, f"{group}-not-there")["summary"]
    arn = start(site, group, splt="last-one")
    wait_until(lambda: site.stepfunctions.describe_execution(executionArn=arn)["status"] == "FAILED")
    assert "Start the evaluation with" in site.stepfunctions.describe_execution(executionArn=arn)["cause"]
    assert left(site) == []


def test_an_evaluation_that_is_stopped_is_cleared_up(site: Site, group: str) -> None:
    site.drop(f"{group}/interactions.csv", interactions(seed=4))
    site.settle(group)
    with slowed():
        arn = start(site, group, live=False)
        wait_until(lambda: any("solution" in arn for arn in left(site)))
        site.stepfunctions.stop_execution(executionArn=arn)
        wait_until(lambda: site.stepfunctions.describe_execution(executionArn=arn)["status"] == "ABORTED")
        wait_until(lambda: left(site) == [])
    assert record_of(site, group, arn)["outcome"] == "FAILED"
    wait_until(lambda: not site.stepfunctions.list_executions(
        stateMachineArn=site.cloud.outputs["EvaluationArn"], statusFilter="RUNNING")["executions"])  # fmt: skip
