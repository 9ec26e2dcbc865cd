"""Exports, on demand and on schedule."""

import csv
import io
import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pyarrow.parquet as pq
import pytest
from usher.serving.serving_map import ServingMaps
from usher.storage.table import Table

from tests.integration.conftest import Site, interactions, items, new_group, wait_until
from usher_local.demo.caller import CallError
from usher_local.personalize import Faults, inject

POPULAR = {"recipe": "aws-popularity-count", "campaign": False}


def live(site: Site, group: str, config: dict[str, Any]) -> None:
    """A group that has trained."""
    site.drop(f"{group}/usher.yaml", json.dumps(config))
    site.drop(f"{group}/items.csv", items())
    site.drop(f"{group}/interactions.csv", interactions())
    assert site.run(group)["outcome"] == "SUCCEEDED"


@pytest.fixture(scope="module")
def exporting(site: Site) -> Iterator[str]:
    """A group with two exports, one of which keeps only its newest files."""
    with new_group(site) as name:
        solutions = dict.fromkeys(["first", "second"], POPULAR)
        live(site, name, {"solutions": solutions, "exports": {"first": {}, "second": {"keep": 1}}})
        yield name


def start(site: Site, **given: str) -> None:
    site.stepfunctions.start_execution(stateMachineArn=site.cloud.outputs["ExportArn"], input=json.dumps(given))


def export(site: Site, group: str, **given: str) -> dict[str, Any]:
    """The execution of an export, after its end."""
    start(site, group=group, **given)
    execution: dict[str, Any] = site.settle(group, "ExportArn")[0]
    return execution


def body(site: Site, key: str) -> bytes:
    content: bytes = site.s3.get_object(Bucket=site.bucket, Key=key)["Body"].read()
    return content


def newest(site: Site, group: str, solution: str) -> Any:
    """The manifest of a solution's newest export, or None."""
    key = f"{group}/out/export/{solution}/latest.json"
    return site.read_json(key) if key in site.keys(key) else None


def table(site: Site, key: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body(site, key).decode())))


def test_an_export_for_everyone_is_there_as_answers_csv_and_parquet(site: Site, group: str) -> None:
    exports = {"user-personalization": {"numResults": 7, "formats": ["csv", "parquet"], "metadata": ["GENRES"]}}
    live(site, group, {"exports": exports})
    assert export(site, group)["status"] == "SUCCEEDED"
    latest = site.read_json(f"{group}/out/export/user-personalization/latest.json")
    assert (latest["lines"], latest["errors"], latest["rows"]) == (60, 0, 420)
    first = json.loads(body(site, latest["answers"][0]).splitlines()[0])
    assert first["input"] == {"userId": "u0"}
    assert len(first["output"]["recommendedItems"]) == 7
    rows = table(site, latest["files"][0]["key"])
    assert list(rows[0]) == ["user_id", "rank", "item_id", "score", "GENRES"]
    assert [(row["user_id"], row["item_id"]) for row in rows[:7]] == [
        ("u0", item) for item in first["output"]["recommendedItems"]
    ]
    assert rows[0]["GENRES"] == ("Comedy|Drama" if int(rows[0]["item_id"][1:]) % 2 else "Horror")
    parquet = pq.read_table(io.BytesIO(body(site, latest["files"][1]["key"])))
    assert [str(value) for value in parquet["item_id"]] == [row["item_id"] for row in rows]


def test_older_exports_go_when_a_newer_one_is_complete(site: Site, exporting: str) -> None:
    runs = []
    for _ in range(2):
        assert export(site, exporting, solution="second")["status"] == "SUCCEEDED"
        runs.append(site.read_json(f"{exporting}/out/export/second/latest.json")["run"])
    folders = {key.split("/")[4] for key in site.keys(f"{exporting}/out/export/second/")}
    assert folders == {"latest.json", runs[1]}


def test_the_schedule_exports_every_group_that_is_live(site: Site, exporting: str) -> None:
    before = newest(site, exporting, "first")
    site.days[0] += 1
    site.cloud.scheduler.tick()
    wait_until(lambda: newest(site, exporting, "first") != before)
    assert newest(site, exporting, "first")["lines"] == 60
    site.settle(exporting, "ExportArn")


def test_a_groups_own_lines_are_checked_and_the_good_ones_answered(site: Site, group: str) -> None:
    site.drop(f"{group}/export/popular/users.jsonl", '{"userId": "u3"}\n{"user": "u4"}\n{"userId": "u5"}\n')
    config = {"solutions": {"popular": POPULAR}, "filters": {"genre": "INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)"}}
    options = {"filter": "genre", "filterValues": {"GENRE": "Comedy"}, "numResults": 5}
    live(site, group, {**config, "exports": {"popular": options}})
    assert export(site, group)["status"] == "SUCCEEDED"
    latest = site.read_json(f"{group}/out/export/popular/latest.json")
    assert (latest["lines"], latest["input"]["refused"]) == (2, 1)
    rows = table(site, latest["files"][0]["key"])
    assert {row["user_id"] for row in rows} == {"u3", "u5"}
    assert {int(row["item_id"][1:]) % 2 for row in rows} == {1}, "comedies have odd numbers"
    record = site.read_json(f"{group}/out/runs/{latest['run']}/run.json")
    assert record["notes"][0]["place"] == f"{group}/export/popular/users.jsonl line 2"


def test_the_api_answers_from_a_loaded_export_where_there_is_no_campaign(site: Site, group: str) -> None:
    live(site, group, {"solutions": {"popular": POPULAR}, "exports": {"popular": {"table": True, "numResults": 10}}})
    with pytest.raises(CallError, match="no export has an answer"):
        site.api.get(f"/{group}/recommendations/u1")
    assert export(site, group, solution="popular")["status"] == "SUCCEEDED"
    answer = site.api.get(f"/{group}/recommendations/u1", numResults=3)
    assert (answer["solution"], answer["source"], len(answer["itemList"])) == ("popular", "export", 3)
    assert site.api.get(f"/{group}/recommendations/nobody")["source"] == "popular"


def test_segments_are_exported_by_attributes_and_by_items(site: Site, group: str) -> None:
    recipes = {"comedies": "aws-item-attribute-affinity", "fans": "aws-item-affinity"}
    exports = {
        "comedies": {"attributes": ['ITEMS.GENRES = "Comedy"', 'ITEMS.GENRES = "Horror"'], "numResults": 10},
        "fans": {"items": ["i1", "i2"], "numResults": 5},
    }
    solutions = {name: {"recipe": recipe, "campaign": False} for name, recipe in recipes.items()}
    live(site, group, {"solutions": solutions, "exports": exports})
    assert export(site, group)["status"] == "SUCCEEDED"
    latest = {name: site.read_json(f"{group}/out/export/{name}/latest.json") for name in recipes}
    assert {name: one["rows"] for name, one in latest.items()} == {"comedies": 20, "fans": 10}
    assert list(table(site, latest["comedies"]["files"][0]["key"])[0]) == ["item_attributes", "rank", "user_id"]
    assert {row["item_id"] for row in table(site, latest["fans"]["files"][0]["key"])} == {"i1", "i2"}


def test_an_export_that_fails_leaves_the_former_latest_and_says_why(site: Site, group: str) -> None:
    filters = {"genre": "INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)"}
    config = {"solutions": {"popular": POPULAR}, "filters": filters}
    options = {"filter": "genre", "filterValues": {"GENRE": "Comedy"}}
    live(site, group, {**config, "exports": {"popular": options}})
    assert export(site, group)["status"] == "SUCCEEDED"
    latest = site.read_json(f"{group}/out/export/popular/latest.json")
    site.drop(f"{group}/usher.yaml", json.dumps({**config, "exports": {"popular": {"filter": "genre"}}}))
    site.settle(group)
    execution = export(site, group)
    assert execution["status"] == "FAILED"
    assert "exports.popular.filterValues: has no value for $GENRE. Give it one" in execution["cause"]
    lines = f"{group}/export/popular/users.jsonl"
    site.drop(lines, json.dumps({"userId": "u1", "filterValues": {"GENRE": "no quotes"}}))
    execution = export(site, group)
    assert execution["status"] == "FAILED"
    assert f"{lines} line 1: has the value no quotes, which is neither a text in quotes" in execution["cause"]
    site.drop(lines, json.dumps({"userId": "u1", "filterValues": {"GENRE": '"Comedy"'}}))
    jobs = site.personalize.list_batch_inference_jobs()["batchInferenceJobs"]
    job = site.personalize.describe_batch_inference_job(batchInferenceJobArn=jobs[0]["batchInferenceJobArn"])
    inject(Faults(refuse=(job["batchInferenceJob"]["roleArn"],)))
    try:
        execution = export(site, group)
    finally:
        inject(Faults())
    assert execution["status"] == "FAILED"
    assert "batch_inference_job/popular: failed: " in execution["cause"]
    assert site.read_json(f"{group}/out/export/popular/latest.json") == latest


def test_an_export_that_cannot_be_read_makes_no_job_and_leaves_the_others_alone(site: Site, exporting: str) -> None:
    serving = ServingMaps(Table(site.cloud.client("dynamodb"), site.cloud.outputs["TableName"]))
    readable, former = serving.read(exporting), newest(site, exporting, "second")
    unreadable: Any = deepcopy(readable)
    del unreadable["exports"]["first"]["keep"]
    serving.write(exporting, unreadable)
    execution = export(site, exporting)
    serving.write(exporting, readable)
    assert execution["status"] == "FAILED"
    assert f"{exporting}/: exports.first: is unreadable: exports.first has no keep." in execution["cause"]
    other = newest(site, exporting, "second")
    assert (other["lines"], other != former) == (60, True)
    key = max(key for key in site.keys(f"{exporting}/out/runs/") if key.endswith("-first-export/run.json"))
    wait_until(lambda: site.read_json(key)["outcome"] == "FAILED")


def test_the_history_of_an_execution_does_not_grow_with_its_exports(site: Site, exporting: str) -> None:
    """Step Functions fails an execution at 25,000 events."""

    def events(execution: dict[str, Any]) -> int:
        assert execution["status"] == "SUCCEEDED"
        pages = site.stepfunctions.get_paginator("get_execution_history").paginate(
            executionArn=execution["executionArn"]
        )
        return sum(len(page["events"]) for page in pages)

    one, both = events(export(site, exporting, solution="first")), events(export(site, exporting))
    assert one == both < 30
