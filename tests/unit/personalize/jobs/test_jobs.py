"""Exports of datasets, deletions of users, attributions of metrics."""

import csv
import io
import json
from typing import Any

import pytest

from tests.unit.personalize.world import BUCKET, World, items, users
from usher_local.personalize.core import environment

DENIED = "Insufficient privileges for accessing data in Amazon S3"
COUNT = {"eventType": "watch", "metricName": "watched", "expression": "SAMPLECOUNT()"}


def dataset_of(world: World, group: str, kind: str = "INTERACTIONS") -> str:
    found = world.personalize.list_datasets(datasetGroupArn=group)["datasets"]
    return next(str(one["datasetArn"]) for one in found if one["datasetType"] == kind)


def export(world: World, dataset: str, mode: str | None = None, role: str | None = None) -> dict[str, Any]:
    made = world.personalize.create_dataset_export_job(
        jobName=next(world.names),
        datasetArn=dataset,
        roleArn=role or world.role,
        jobOutput={"s3DataDestination": {"path": f"s3://{BUCKET}/exports"}},
        **({"ingestionMode": mode} if mode else {}),
    )
    return world.settled("datasetExportJob", made["datasetExportJobArn"])


def rows(world: World, job: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(world.text(f"exports/{job['jobName']}.csv"))))


def delete_users(world: World, group: str, source: str, role: str | None = None) -> dict[str, Any]:
    made = world.personalize.create_data_deletion_job(
        jobName=next(world.names),
        datasetGroupArn=group,
        dataSource={"dataLocation": source},
        roleArn=role or world.role,
    )
    return world.settled("dataDeletionJob", made["dataDeletionJobArn"])


def test_an_export_has_the_imported_or_streamed_data_or_both(world: World) -> None:
    group = world.loaded()
    tracking = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
    event = {"sentAt": 1_800_000_000, "eventType": "watch", "itemId": "i3"}
    world.events.put_events(trackingId=tracking, userId="new", sessionId="s", eventList=[event])
    dataset = dataset_of(world, group)
    counts = {mode: len(rows(world, export(world, dataset, mode))) for mode in ("BULK", "PUT", "ALL")}
    assert counts == {"BULK": 1200, "PUT": 1, "ALL": 1201}
    job = export(world, dataset)
    assert job["ingestionMode"] == "PUT"
    row = rows(world, job)[0]
    assert (row["USER_ID"], row["ITEM_ID"], row["TIMESTAMP"]) == ("new", "i3", "1800000000")


def test_exported_data_can_be_imported(world: World) -> None:
    first = world.loaded(items(), "ITEMS")
    job = export(world, dataset_of(world, first, "ITEMS"), "BULK")
    second = world.loaded(world.text(f"exports/{job['jobName']}.csv"), "ITEMS")
    again = export(world, dataset_of(world, second, "ITEMS"), "BULK")
    assert rows(world, again) == rows(world, job)


def test_an_export_needs_permission_and_a_bucket(world: World) -> None:
    dataset = dataset_of(world, world.loaded())
    job = export(world, dataset, role=world.make_role("reader", "s3:GetObject", "s3:ListBucket"))
    assert (job["status"], job["failureReason"]) == ("CREATE FAILED", DENIED)
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="Invalid S3 output path"):
        world.personalize.create_dataset_export_job(
            jobName="web",
            datasetArn=dataset,
            roleArn=world.role,
            jobOutput={"s3DataDestination": {"path": "https://example.com/out"}},
        )


def test_deleted_users_are_in_no_dataset(world: World) -> None:
    group = world.loaded()
    world.loaded(users(), "USERS", group)
    job = delete_users(world, group, world.put("leavers.csv", "USER_ID\nu1\nu2\nnobody\n"))
    assert (job["status"], job["numDeleted"]) == ("COMPLETED", 42)
    for kind in ("INTERACTIONS", "USERS"):
        left = {row["USER_ID"] for row in rows(world, export(world, dataset_of(world, group, kind), "ALL"))}
        assert len(left) == 58
        assert not {"u1", "u2"} & left


def test_deleted_users_are_in_no_segment_of_a_model_that_was_trained_before(world: World) -> None:
    group = world.loaded()
    version = str(world.version(world.solution(group, "item-affinity"))["solutionVersionArn"])
    before = segment(world, version)
    leavers = before[1:3]
    assert delete_users(world, group, world.put("leavers.csv", "USER_ID\n" + "\n".join(leavers)))["numDeleted"]
    after = segment(world, version)
    assert [user for user in before if user not in leavers] == after[: len(before) - 2]
    assert not {*leavers} & {*after}
    kept = next(environment.current.workdir.rglob("users.json")).read_text()
    assert not [user for user in leavers if f'"{user}"' in kept]


def segment(world: World, version: str) -> list[str]:
    """The users of a segment."""
    made = world.personalize.create_batch_segment_job(
        jobName=next(world.names),
        solutionVersionArn=version,
        numResults=10,
        jobInput={"s3DataSource": {"path": world.put("wanted.json", '{"itemId": "i1"}\n')}},
        jobOutput={"s3DataDestination": {"path": f"s3://{BUCKET}/segments/"}},
        roleArn=world.role,
    )
    assert world.settled("batchSegmentJob", made["batchSegmentJobArn"])["status"] == "ACTIVE"
    users: list[str] = json.loads(world.text("segments/wanted.json.out"))["output"]["usersList"]
    return users


def test_a_deletion_fails_in_words_of_its_own(world: World) -> None:
    group = world.loaded()
    job = delete_users(world, group, world.put("bad.csv", "NAME\nu1\n"))
    assert job["status"] == "FAILED"
    assert "missing the following columns" in job["failureReason"]
    location = world.put("leavers.csv", "USER_ID\nu1\n")
    assert delete_users(world, group, location, world.make_role("poor"))["failureReason"] == DENIED


def attribute(world: World, group: str, *metrics: dict[str, str], **config: Any) -> dict[str, Any]:
    made = world.personalize.create_metric_attribution(
        name=next(world.names),
        datasetGroupArn=group,
        metrics=metrics,
        metricsOutputConfig={"roleArn": world.role} | config,
    )
    return world.settled("metricAttribution", made["metricAttributionArn"])


def test_metrics_are_listed_added_and_removed(world: World) -> None:
    client = world.personalize
    group = world.group()
    for kind in ("INTERACTIONS", "ITEMS"):
        world.dataset(group, kind)
    total = COUNT | {"metricName": "worth", "expression": "SUM(Items.YEAR)"}
    arn = attribute(world, group, COUNT, total)["metricAttributionArn"]
    listed = client.list_metric_attribution_metrics(metricAttributionArn=arn, maxResults=1)
    assert listed["metrics"] == [COUNT]
    again = client.list_metric_attribution_metrics(metricAttributionArn=arn, nextToken=listed["nextToken"])
    assert again["metrics"] == [total]
    value = COUNT | {"metricName": "value", "expression": "sum(interactions.event_value)"}
    client.update_metric_attribution(metricAttributionArn=arn, addMetrics=[value], removeMetrics=["watched"])
    assert client.list_metric_attribution_metrics(metricAttributionArn=arn)["metrics"] == [total, value]
    with pytest.raises(client.exceptions.InvalidInputException, match="There is no metric watched"):
        client.update_metric_attribution(metricAttributionArn=arn, removeMetrics=["watched"])
    with pytest.raises(client.exceptions.ResourceInUseException, match="in use by"):
        client.delete_dataset(datasetArn=dataset_of(world, group))


@pytest.mark.parametrize("expression", ["MAX(Items.YEAR)", "SUM(Items.GENRES)", "SUM(Items.PRICE)", "SUM(Users.AGE)"])
def test_only_counts_and_sums_of_numbers_are_metrics(world: World, expression: str) -> None:
    group = world.group()
    world.dataset(group, "ITEMS")
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="Invalid expression"):
        attribute(world, group, COUNT | {"expression": expression})


def test_a_metric_attribution_needs_a_role_that_may_write(world: World) -> None:
    reader = world.make_role("reader", "s3:GetObject", "s3:ListBucket")
    target = {"path": f"s3://{BUCKET}/reports"}
    found = attribute(world, world.group(), COUNT, roleArn=reader, s3DataDestination=target)
    assert (found["status"], found["failureReason"]) == ("CREATE FAILED", DENIED)
    assert attribute(world, world.group(), COUNT, s3DataDestination=target)["status"] == "ACTIVE"


def test_segments_need_a_recipe_for_segments(world: World) -> None:
    version = world.version(world.solution(world.loaded(), "popularity-count"))["solutionVersionArn"]
    with pytest.raises(world.personalize.exceptions.InvalidInputException, match="does not support batch segments"):
        world.personalize.create_batch_segment_job(
            jobName="s",
            solutionVersionArn=version,
            roleArn=world.role,
            jobInput={"s3DataSource": {"path": f"s3://{BUCKET}/in.json"}},
            jobOutput={"s3DataDestination": {"path": f"s3://{BUCKET}/out"}},
        )
