"""A folder of the AWS Solution in the bucket: its resources are desired and adopted, and the report names them."""

import json
import re
from typing import Any

import pytest

from tests.command.test_import import EXPRESSION, Old, account  # noqa: F401 - a fixture
from tests.command.world import run_command
from tests.unit.usher.config.test_aws_solution import RECIPE, avro
from tests.unit.usher.world import interactions
from usher_local.simulation.stack import Stack

FIELDS = ("USER_ID", "ITEM_ID", {"name": "TIMESTAMP", "type": "long"})
CONFIG: dict[str, Any] = {
    "datasetGroup": {
        "serviceConfig": {"name": "FilmClub"},
        "workflowConfig": {"schedules": {"import": "cron(0 2 * * ? *)"}, "maxAge": "7 days"},
    },
    "datasets": {
        "interactions": {
            "dataset": {"serviceConfig": {"name": "watched"}},
            "schema": {"serviceConfig": {"name": "watched-schema", "schema": avro("Interactions", *FIELDS)}},
        }
    },
    "filters": [{"serviceConfig": {"name": "unseen", "filterExpression": EXPRESSION}}],
    "solutions": [
        {
            "serviceConfig": {"name": "alike", "recipeArn": f"{RECIPE}aws-sims"},
            "workflowConfig": {"schedules": {"full": "cron(0 4 ? * SUN *)"}},
            "campaigns": [{"serviceConfig": {"name": "alike-live", "minProvisionedTPS": 1}}],
        }
    ],
}


def drop(stack: Stack, config: dict[str, Any] = CONFIG) -> str:
    stack.put("train/films/interactions/1.csv", interactions())
    stack.put("train/films/config.json", json.dumps(config, indent="\t"))
    return stack.drop("train/films/config.json").status


def test_a_solutions_folder_becomes_a_served_group(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert drop(stack) == "SUCCEEDED", stack.executions
    served = json.loads(stack.items("films")["serving"]["map"]["S"])
    assert set(served["solutions"]) == {"alike"}
    assert set(served["filters"]) == {"unseen"}
    (record,) = stack.read(r"films/out/runs/[^/]+/run\.json").values()
    assert record["data"]["interactions"]["files"] == ["train/films/interactions/1.csv"]
    assert [note["place"] for note in record["notes"]] == [
        "train/films/config.json: datasetGroup.workflowConfig.maxAge"
    ]
    text = run_command(capsys, "plan", "films")
    assert "Nothing to do." in text
    assert "Note: train/films/config.json: datasetGroup.workflowConfig.maxAge: is left out" in text


@pytest.mark.usefixtures("account")
def test_the_solutions_resources_remain_live(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """After a person adopts it; only imports and versions, whose data is unknown, are made again."""
    old = Old(stack)
    old.put("old.csv", interactions())
    group = old.make("dataset_group", name="FilmClub")
    old.dataset(group, "interactions", "old.csv", name="watched-schema")
    old.make("filter", datasetGroupArn=group, **CONFIG["filters"][0]["serviceConfig"])
    solution = old.make("solution", datasetGroupArn=group, **CONFIG["solutions"][0]["serviceConfig"])
    other = old.make("solution", datasetGroupArn=group, name="trial", recipeArn=f"{RECIPE}aws-popularity-count")
    version = old.make("solution_version", solutionArn=solution)
    campaign = old.make(
        "campaign", solutionVersionArn=version, **CONFIG["solutions"][0]["campaigns"][0]["serviceConfig"]
    )
    before = set(stack.personalize.resources)
    assert drop(stack) == "FAILED"
    command = "import FilmClub --group films --adopt"
    assert f"usher {command}." in " ".join(run_command(capsys, "status", "films", status=1).split())
    assert set(stack.personalize.resources) == before
    assert "the next run would do all this" in run_command(capsys, *command.split(), status=1)
    assert f"Will be tagged as the stack's: {campaign}" in run_command(capsys, *command.split(), "--anyway")
    assert not stack.read("films/usher.yaml"), "the folder has its config"
    assert drop(stack) == "SUCCEEDED"
    new = [arn.split(":")[5].split("/")[0] for arn in set(stack.personalize.resources) - before]
    assert sorted(new) == ["dataset-import-job", "event-tracker", "solution"]
    served = json.loads(stack.items("films")["serving"]["map"]["S"])["solutions"]["alike"]
    assert served["campaignArn"] == campaign
    assert served["solutionVersionArn"].startswith(f"{solution}/")
    *_, record = stack.read(r"films/out/runs/[^/]+/run\.json").values()
    assert {one["arn"] for one in record["unmanaged"] if not one["deleted"]} >= {other}, (
        "the group is found by its name"
    )


def test_a_job_works_on_its_file_where_the_solution_has_it(stack: Stack) -> None:
    """There is one file per run, on time; without it, neither the Solution nor Usher starts a job."""
    solution = CONFIG["solutions"][0] | {"batchInferenceJobs": [{"serviceConfig": {"numResults": 5}}]}
    config = CONFIG | {"solutions": [solution]}
    assert drop(stack, config) == "SUCCEEDED", stack.executions
    key = "batch/films/alike/job_config.json"
    (record,) = stack.read(r"films/out/runs/[^/]+/run\.json").values()
    assert key in [note["place"] for note in record["notes"]]
    assert not stack.read(r"films/out/batch/.+")
    stack.put(key, '{"itemId": "i1"}\n')
    assert stack.drop("train/films/config.json").status == "SUCCEEDED"
    jobs = [one for one in stack.personalize.resources.values() if one.kind.name == "BatchInferenceJob"]
    (path,) = (one.values["jobInput"]["s3DataSource"]["path"] for one in jobs)
    assert re.fullmatch(r"s3://[^/]+/films/out/input/[^/]+/[^/]+/job_config\.json", path)


def test_its_faults_are_reported_before_anything_is_made(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        drop(stack, CONFIG | {"solutions": [{"serviceConfig": {"name": "alike", "recipeArn": "aws-sim"}}]}) == "FAILED"
    )
    text = run_command(capsys, "status", "films", status=1)
    assert "train/films/config.json: solutions.alike.recipe: names the recipe 'aws-sim'" in text
    assert not stack.items("films").get("serving", {}).get("map")


def test_a_group_has_one_folder(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.put("films/interactions.csv", interactions())
    assert drop(stack) == "FAILED"
    assert "train/films/: conflicts with the folder films/. Keep either" in " ".join(
        run_command(capsys, "status", "films", status=1).split()
    )
