"""Exports, on demand and on schedule."""

import json

from tests.integration.conftest import Site, interactions, wait_until


def test_an_export_writes_a_line_for_everyone_and_points_latest_at_it(site: Site, group: str) -> None:
    site.drop(f"{group}/usher.yaml", "export: {numResults: 7}")
    site.drop(f"{group}/interactions.csv", interactions())
    site.settle(group)
    site.stepfunctions.start_execution(
        stateMachineArn=site.cloud.outputs["ExportArn"], input=json.dumps({"group": group})
    )
    [execution] = site.settle(group, "ExportArn")
    assert execution["status"] == "SUCCEEDED"
    latest = site.read_json(f"{group}/out/export/user-personalization/latest.json")
    assert (latest["lines"], latest["errors"]) == (60, 0)
    lines = site.s3.get_object(Bucket=site.bucket, Key=latest["files"][0])["Body"].read().splitlines()
    first = json.loads(lines[0])
    assert first["input"] == {"userId": "u0"}
    assert len(first["output"]["recommendedItems"]) == 7


def test_the_schedule_exports_every_group_that_is_live(site: Site, group: str) -> None:
    site.drop(f"{group}/interactions.csv", interactions())
    site.settle(group)
    site.days[0] += 1
    site.cloud.scheduler.tick()
    latest = f"{group}/out/export/user-personalization/latest.json"
    wait_until(lambda: latest in site.keys(f"{group}/out/"))
    assert site.read_json(latest)["lines"] == 60


def test_a_group_may_list_for_whom_to_export(site: Site, group: str) -> None:
    site.drop(f"{group}/export/user-personalization/users.jsonl", '{"userId": "u3"}\n{"userId": "u4"}\n')
    site.drop(f"{group}/interactions.csv", interactions())
    site.settle(group)
    site.stepfunctions.start_execution(
        stateMachineArn=site.cloud.outputs["ExportArn"], input=json.dumps({"group": group})
    )
    site.settle(group, "ExportArn")
    assert site.read_json(f"{group}/out/export/user-personalization/latest.json")["lines"] == 2


def test_an_export_of_what_is_not_live_fails_and_says_why(site: Site) -> None:
    site.stepfunctions.start_execution(stateMachineArn=site.cloud.outputs["ExportArn"], input='{"group": "absent"}')
    [execution] = site.settle("absent", "ExportArn")
    assert execution["status"] == "FAILED"
    assert "no live solution" in execution["cause"]
