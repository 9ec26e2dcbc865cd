"""Concurrent requests, each race by itself, on the simulated clock."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from usher_local.cloud.access.credentials import REGION
from usher_local.simulation.interleavings import CONFIG, CONFIGS, DATA, GROUP, WRONG, Interleaving, faults_of
from usher_local.simulation.stack import Boundary, Stack

HOUR = 3600
TRAINING = {"CREATE PENDING", "CREATE IN_PROGRESS"}


@pytest.fixture
def group(stack: Stack) -> Interleaving:
    """A group with a config, without a drop."""
    return interleaving(stack)


def interleaving(stack: Stack) -> Interleaving:
    one = Interleaving(stack, 0)
    stack.put(CONFIG, json.dumps(CONFIGS["one"]))
    one.config = "one"
    return one


@pytest.fixture
def served(stack: Stack) -> Interleaving:
    """The group after its first run."""
    one = Interleaving(stack, 0)
    stack.begin(serve)
    stack.after, one.config, one.data = one.after, "one", "a"
    return one


def serve(stack: Stack) -> None:
    one = interleaving(stack)
    one.drop("a")
    one.pass_time()
    assert faults_of(one) == []


def outcomes(group: Interleaving) -> list[str]:
    return [record["outcome"] for record in group.stack.read(f"{GROUP}/out/runs/.*/run.json").values()]


def live_version() -> str:
    """The version of the campaign."""
    personalize: Any = boto3.client("personalize", REGION)
    (campaign,) = personalize.list_campaigns()["campaigns"]
    described = personalize.describe_campaign(campaignArn=campaign["campaignArn"])["campaign"]
    return str(described["solutionVersionArn"])


def served_version(group: Interleaving) -> str:
    """The version of the campaign in the serving map."""
    serving = json.loads(group.stack.items(GROUP)["serving"]["map"]["S"])
    return str(serving["solutions"]["popular"]["solutionVersionArn"])


def versions(group: Interleaving) -> list[Any]:
    there = group.stack.personalize.resources.values()
    return [one for one in there if one.kind.name == "SolutionVersion"]


def test_a_file_that_is_replaced_after_its_check_and_put_back_is_not_read(group: Interleaving) -> None:
    """While Personalize imports, without an event."""
    group.drop("a")
    group.after(600, lambda: group.put("b"))
    group.after(2 * HOUR, lambda: group.put("a"))
    group.pass_time()
    assert outcomes(group) == ["SUCCEEDED"]
    assert faults_of(group) == []


def test_a_file_that_is_replaced_between_its_check_and_its_copy_is_checked_again(group: Interleaving) -> None:
    replaced: list[Boundary] = []

    def replace_once(boundary: Boundary) -> None:
        if boundary.name == "s3:CopyObject" and not replaced:
            replaced.append(boundary)
            group.put("b")

    group.drop("a")
    group.stack.disturb = replace_once
    group.pass_time()
    assert replaced
    assert outcomes(group) == ["SUCCEEDED"]
    assert faults_of(group) == []


@pytest.mark.parametrize("seconds", [1, 20, 600])
def test_a_good_file_a_wrong_one_and_the_good_one_again_end_well(group: Interleaving, seconds: float) -> None:
    group.drop("a")
    group.after(seconds, lambda: group.drop(WRONG))
    group.after(2 * seconds, lambda: group.drop("a"))
    group.pass_time()
    assert outcomes(group)[-1] == "SUCCEEDED"
    assert {one.status for one in group.stack.executions.values()} == {"SUCCEEDED"}
    assert len(versions(group)) == 1
    assert faults_of(group) == []


def test_a_rollback_takes_effect_during_a_training_and_holds_until_that_is_done(served: Interleaving) -> None:
    served.drop("b")
    served.pass_time()
    first, second = versions(served)
    served.stack.stretch = lambda kind: 5 if kind == "SolutionVersion" else 1
    served.drop("c")
    served.pass_time(HOUR)
    assert live_version() == second.arn
    assert versions(served)[-1].status in TRAINING
    served.promote("previous")
    served.pass_time(60)
    assert versions(served)[-1].status in TRAINING
    campaign = next(one for one in served.stack.personalize.resources.values() if one.kind.name == "Campaign")
    assert campaign.update, "the campaign is being updated"
    while live_version() != first.arn:
        assert served_version(served) == second.arn, "an update that was only accepted serves nothing"
        served.pass_time(60)
    served.pass_time(60)
    assert served_version(served) == first.arn
    assert versions(served)[-1].status in TRAINING
    served.pass_time()
    assert live_version() == versions(served)[-1].arn
    served.promoted_data = ""
    assert faults_of(served) == []


def test_a_removal_waits_for_no_training(group: Interleaving) -> None:
    group.stack.stretch = lambda kind: 20 if kind == "SolutionVersion" else 1
    group.drop("a")
    group.pass_time(HOUR)
    (version,) = versions(group)
    assert version.status in TRAINING
    group.remove()
    group.pass_time(HOUR)
    assert faults_of(group) == []


def test_a_slow_event_from_before_a_removal_does_not_bring_the_group_back(served: Interleaving) -> None:
    """The function that takes the event is stuck before it notes the demand for the group."""
    removals: list[Boundary] = []

    def remove_once(boundary: Boundary) -> None:
        if boundary.name == "dynamodb:UpdateItem" and boundary.when == "before" and not removals:
            removals.append(boundary)
            served.stack.clock.shift(1)
            served.remove()

    served.stack.disturb = remove_once
    served.drop("a")
    served.pass_time()
    assert removals
    assert faults_of(served) == []


def test_a_drop_after_a_request_for_removal_makes_the_group_anew(group: Interleaving) -> None:
    """Also before the removal has begun."""
    group.drop("a")
    group.pass_time(HOUR)
    before = versions(group)
    group.remove()
    group.after(5, lambda: group.drop("b"))
    group.pass_time()
    assert before[0].arn not in {one.arn for one in versions(group)}, "the group was removed"
    assert faults_of(group) == []


@pytest.mark.parametrize("seconds", [5, 600])
@pytest.mark.parametrize(
    "given", [{"task": "retrain", "at": "2023-11-15T00:00:00Z"}, {"at": "2023-11-15T00:00:00Z"}, {"task": "import"}]
)
def test_schedules_do_not_bring_back_a_group_that_is_removed(
    served: Interleaving, given: dict[str, str], seconds: float
) -> None:
    """One that fires just before it is deleted joins the removal."""
    served.remove()
    served.after(seconds, lambda: served.start({"group": GROUP, **given}))
    served.pass_time()
    assert faults_of(served) == []


def test_a_second_removal_after_a_drop_leaves_nothing(served: Interleaving) -> None:
    """The drop joins the first removal, and so does the second one."""
    served.remove()
    served.after(20, lambda: served.drop("b"))
    served.after(30, served.remove)
    served.pass_time()
    assert faults_of(served) == []


def test_a_choice_that_is_not_possible_stops_nothing_else(group: Interleaving) -> None:
    """It joins the run of a drop."""
    group.drop("a")
    group.after(5, lambda: group.promote("previous"))
    group.pass_time()
    records = group.stack.read(f"{GROUP}/out/runs/.*/run.json").values()
    assert "has no version previous" in "".join(record["summary"] for record in records)
    group.promoted_data = ""
    assert faults_of(group) == []


def test_requests_that_joined_a_dead_run_are_done_by_the_next(group: Interleaving) -> None:
    group.drop("a")
    group.pass_time(600)
    (running,) = (one for one in group.stack.executions.values() if one.status == "RUNNING")
    group.drop("b")
    group.after(100, lambda: group.stack.stop(running))
    group.pass_time()
    assert outcomes(group) == ["FAILED"]
    group.start({"group": GROUP, "at": "2023-11-15T00:00:00Z"})
    group.pass_time()
    assert outcomes(group) == ["FAILED", "SUCCEEDED"]
    assert faults_of(group) == []


def test_without_the_dataset_group_nothing_of_the_group_is_made(group: Interleaving) -> None:
    """The quota of dataset groups is exhausted; the config has a schedule and filters."""
    config = {**CONFIGS["filtered"], "schedules": {"retrain": "rate(7 days)"}}
    group.stack.put(CONFIG, json.dumps(config))
    group.stack.put(DATA, "")
    personalize: Any = boto3.client("personalize", REGION)
    for number in range(5):
        personalize.create_dataset_group(name=f"other-{number}")
    group.stack.clock.shift(600)
    group.drop("a")
    group.pass_time()
    assert outcomes(group) == ["FAILED"]
    own = [one.arn for one in group.stack.personalize.resources.values() if one.number and "other-" not in one.arn]
    assert own == []
    assert boto3.client("scheduler", REGION).list_schedules(NamePrefix=f"{GROUP}.")["Schedules"] == []


@pytest.mark.parametrize("step", ["s3:ListObjectsV2", "dynamodb:GetItem", "personalize:DescribeDatasetGroup"])
def test_a_function_that_outlives_its_execution_leaves_no_open_record(group: Interleaving, step: str) -> None:
    stopped: list[Boundary] = []

    def stop_once(boundary: Boundary) -> None:
        running = [one for one in group.stack.executions.values() if one.status == "RUNNING"]
        if boundary.name == step and boundary.when == "after" and running and not stopped:
            stopped.append(boundary)
            group.stack.stop(running[0])

    group.drop("a")
    group.stack.disturb = stop_once
    group.pass_time()
    assert stopped
    assert set(outcomes(group)) <= {"FAILED"}
    group.stack.disturb = lambda _: None
    group.drop("a")
    group.pass_time()
    assert outcomes(group)[-1] == "SUCCEEDED"
    assert faults_of(group) == []


def test_two_ends_of_one_execution_notify_people_once(group: Interleaving) -> None:
    """It is stopped at each call with which `publish` reports its end, so that `watch` reports it, too."""
    for place in itertools.count():
        one, calls = Interleaving(group.stack, 0), itertools.count()

        def stop(boundary: Boundary, one: Interleaving = one, calls: Iterator[int] = calls, place: int = place) -> None:
            running = [done for done in one.stack.executions.values() if done.status == "RUNNING"]
            has_ended = any(outcome != "RUNNING" for outcome in outcomes(one))
            if boundary.when == "after" and running and has_ended and next(calls) == place:
                one.stack.stop(running[0])

        one.stack.put(CONFIG, json.dumps(CONFIGS["one"]))
        one.drop(WRONG)
        one.stack.disturb = stop
        one.pass_time()
        assert [message for message in one.stack.notifications() if "TIMESTAMP" in message][1:] == []
        assert faults_of(one) == []
        if next(calls) <= place:
            break
    assert place > 10
