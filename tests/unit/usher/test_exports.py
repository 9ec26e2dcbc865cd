"""Exports: for whom, as what job, and what is then the latest."""

import json
from typing import Any

import pytest
from usher.errors import InputError
from usher.exports import Setting, prepare, publish
from usher.resources import Resource

from tests.unit.usher.world import ARN_PREFIX, BUCKET, ROLE, World

SETTING = Setting.from_env({"PERSONALIZE_ARN_PREFIX": ARN_PREFIX, "PERSONALIZE_ROLE_ARN": ROLE})
SERVED: dict[str, Any] = {
    "solutions": {"for-you": {"solutionVersionArn": "arn:v"}},
    "filters": {"seen": "arn:f"},
    "export": {"solution": "for-you"},
}
FOLDER = f"s3://{BUCKET}/films/out/export/for-you/run-1"


def job(world: World, group: str = "films", run: str = "run-1", **export: Any) -> Resource:
    return prepare(world.bucket, group, run, SERVED | {"export": SERVED["export"] | export}, SETTING)


def test_everyone_in_the_data_is_exported(world: World) -> None:
    world.put("films/interactions/1.csv", "USER_ID,ITEM_ID,TIMESTAMP\nb,i,1\na,i,1\n")
    world.put("films/interactions/2.csv", "USER_ID,ITEM_ID,TIMESTAMP\nb,i,1\né,i,1\n")
    resource = job(world)
    assert resource.params == {
        "jobName": "films-run-1",
        "solutionVersionArn": "arn:v",
        "roleArn": ROLE,
        "jobInput": {"s3DataSource": {"path": f"{FOLDER}/input/users.jsonl"}},
        "jobOutput": {"s3DataDestination": {"path": f"{FOLDER}/output/"}},
        "numResults": 25,
    }
    assert (resource.id, resource.stage) == ("batch_inference_job/for-you", "export")
    assert resource.arn == f"{ARN_PREFIX}:batch-inference-job/films-run-1"
    users = list(world.bucket.lines("films/out/export/for-you/run-1/input/users.jsonl"))
    assert [json.loads(line)["userId"] for line in users] == ["b", "a", "é"]


def test_a_groups_own_list_of_users_is_taken_as_it_is(world: World) -> None:
    world.put("films/export/for-you/users.jsonl", '{"userId": "u"}\n')
    path = job(world).params["jobInput"]["s3DataSource"]["path"]
    assert path == f"s3://{BUCKET}/films/export/for-you/users.jsonl"
    assert world.bucket.keys("films/out/") == []


def test_wishes_are_passed_on(world: World) -> None:
    params = job(world, numResults=5, filter="seen").params
    assert (params["numResults"], params["filterArn"]) == (5, "arn:f")


def test_job_names_keep_the_limit_and_tell_groups_of_one_execution_apart(world: World) -> None:
    run = "20260101T000000Z-abcd-export"
    names = {job(world, group="g" * 34 + end, run=run).params["jobName"] for end in "ab"}
    assert len(names) == 2
    assert max(map(len, names)) <= 63


@pytest.mark.parametrize(
    ("serving", "message"),
    [
        ({}, "films/: has no live solution to export. Drop data"),
        (SERVED | {"solutions": {}}, "films/: has no live solution to export (for-you). Drop data"),
        (SERVED | {"export": {"solution": None}}, "films/: has no live solution to export. Drop data"),
        (
            SERVED | {"export": {"solution": "for-you", "filter": "gone"}},
            "films/: has no live filter gone to export with. See",
        ),
    ],
)
def test_what_is_not_live_cannot_be_exported(world: World, serving: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        prepare(world.bucket, "films", "run-1", serving, SETTING)
    assert str(caught.value).startswith(message)


def test_the_latest_export_lists_its_files_and_counts(world: World) -> None:
    output = "films/out/export/for-you/run-1/output"
    world.put(f"{output}/a.jsonl.out", '{"input": 1, "error": null}\n{"input": 2, "error": "no such user"}\n')
    world.put(f"{output}/b.jsonl.out", '{"input": 3}\n')
    world.put(f"{output}/_CHECK", "")
    params = {"jobOutput": {"s3DataDestination": {"path": f"s3://{BUCKET}/{output}/"}}}
    latest = publish(world.bucket, {"params": params})
    assert latest["files"] == [f"{output}/a.jsonl.out", f"{output}/b.jsonl.out"]
    assert (latest["lines"], latest["errors"]) == (3, 1)
    assert world.bucket.read_json("films/out/export/for-you/latest.json") == latest


def test_an_export_of_nothing_but_errors_leaves_the_former_latest(world: World) -> None:
    world.put("films/out/export/for-you/latest.json", "{}")
    line = '{"input": {"userId": "a"}, "output": null, "error": "no"}\n'
    world.put("films/out/export/for-you/run-1/output/users.jsonl.out", line)
    with pytest.raises(InputError, match="1 lines, all of them errors"):
        publish(world.bucket, {"params": {"jobOutput": {"s3DataDestination": {"path": f"{FOLDER}/output/"}}}})
    assert world.bucket.read("films/out/export/for-you/latest.json") == b"{}"
