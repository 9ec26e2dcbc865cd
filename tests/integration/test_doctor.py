"""The checklist against the local cloud: passed, failed and unknown checks."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from usher.aws import client, now
from usher.errors import InputError, Problem

from tests.integration.conftest import ROOT, Site, wait_until
from usher_cli.deployed_stack import DeployedStack
from usher_cli.doctor import examination
from usher_cli.doctor.checks import CHECKS
from usher_local.cloud.cloudwatch import alarms

NOT_HERE = {"role, simulated", "service health"}
"""The checks that the local cloud can't answer."""


Counted = Callable[[], tuple[Counter[str], Counter[str]]]
Examine = Callable[..., dict[str, examination.Result]]


def nothing() -> tuple[Counter[str], Counter[str]]:
    return Counter(), Counter()


@pytest.fixture
def results(environment: None) -> Iterator[Examine]:  # noqa: ARG001
    """Make every check, or one, for a group if `counted` is given."""
    client.cache_clear()

    def examine(name: str = "", counted: Counted | None = None, **other: Any) -> dict[str, examination.Result]:
        group = "films" if counted else None
        deployment = replace(examination.Deployment(DeployedStack("usher"), group, counted or nothing), **other)
        checks = [check for check in CHECKS if name in ("", check.name)]
        return {one.check: one for one in examination.examine(deployment, checks)}

    yield examine
    client.cache_clear()


def outcomes(site: Site, *arguments: str, **environment: str) -> tuple[int, Any]:
    """Exit status and results of the command, in JSON."""
    done = subprocess.run(  # noqa: S603
        [ROOT / "usher", *arguments, "doctor", "--json"],
        env={**os.environ, **site.cloud.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout or "[]")


def test_a_deployed_stack_is_in_order(site: Site, results: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "update_alarm", lambda *_: None)
    site.cloud.alarms.tick()  # returns after the end of a tick that had begun
    cloudwatch = site.cloud.client("cloudwatch")
    for alarm in cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]:
        cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="Other tests' doing.")
    for queue in site.cloud.client("sqs").list_queues()["QueueUrls"]:
        if "DeadLetterQueue" in queue or "RefusedEvents" in queue:
            site.cloud.client("sqs").purge_queue(QueueUrl=queue)
    found = results()
    assert list(found) == [check.name for check in CHECKS]
    assert {name for name, one in found.items() if one.outcome == examination.PROBLEM} == set()
    assert {name for name, one in found.items() if one.outcome == examination.UNKNOWN} == NOT_HERE


def without_bucket_policy(site: Site) -> Callable[[], Any]:
    policy = site.s3.get_bucket_policy(Bucket=site.bucket)["Policy"]
    site.s3.delete_bucket_policy(Bucket=site.bucket)
    return lambda: site.s3.put_bucket_policy(Bucket=site.bucket, Policy=policy)


def with_an_open_out(site: Site) -> Callable[[], Any]:
    policy = site.s3.get_bucket_policy(Bucket=site.bucket)["Policy"]
    content = json.loads(policy)
    content["Statement"] = [one for one in content["Statement"] if "/out/" not in str(one) or one["Effect"] == "Allow"]
    site.s3.put_bucket_policy(Bucket=site.bucket, Policy=json.dumps(content))
    return lambda: site.s3.put_bucket_policy(Bucket=site.bucket, Policy=policy)


def without_trust(site: Site) -> Callable[[], Any]:
    iam, cloudformation = site.cloud.client("iam"), site.cloud.client("cloudformation")
    found = cloudformation.describe_stack_resource(StackName="usher", LogicalResourceId="PersonalizeRole")
    role = found["StackResourceDetail"]["PhysicalResourceId"]
    before = json.dumps(iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"])
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=before.replace("personalize.", "lambda."))
    return lambda: iam.update_assume_role_policy(RoleName=role, PolicyDocument=before)


def without_rules(site: Site) -> Callable[[], Any]:
    events = site.cloud.client("events")
    names = [one["Name"] for one in events.list_rules()["Rules"] if one["Name"].startswith("usher-Pipeline")]
    for name in names:
        events.disable_rule(Name=name)
    return lambda: [events.enable_rule(Name=name) for name in names]


def test_an_alarm_that_is_on_is_a_problem(site: Site, results: Examine) -> None:
    cloudwatch = site.cloud.client("cloudwatch")
    stack = DeployedStack("usher")
    name = examination.Deployment(stack, None, nothing).resources["AWS::CloudWatch::Alarm"][0]

    def is_told() -> bool:  # the alarm itself may look at its metrics in between
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
        return results("alarms")["alarms"].outcome == examination.PROBLEM

    wait_until(is_told)
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="a test")


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        ("bucket policy", without_bucket_policy),
        ("bucket policy", with_an_open_out),
        ("role's trust", without_trust),
        ("targets", without_rules),
    ],
)
def test_broken_parts_are_reported_with_a_remedy(
    site: Site,
    results: Examine,
    check: str,
    broken: Callable[[Site], Callable[[], Any]],
) -> None:
    mend = broken(site)
    try:
        found = results(check)[check]
    finally:
        mend()
    assert found.outcome == examination.PROBLEM
    assert found.remedy


@pytest.mark.parametrize(
    ("most", "outcome"), [("5", examination.OK), ("9", examination.OK), ("10", examination.PROBLEM)]
)
def test_a_new_account_runs_more_functions_at_once_than_the_default_takes(
    results: Examine, most: str, outcome: str
) -> None:
    class OtherParameters(DeployedStack):
        @property
        def parameters(self) -> dict[str, str]:
            assert super().parameters["MapConcurrency"] == "5"
            return {**super().parameters, "MapConcurrency": most}

    found = results("concurrency", stack=OtherParameters("usher"))["concurrency"]
    assert (found.outcome, found.details) == (
        outcome, f"10 at once, of which a check of large data uses {most} (MapConcurrency)",
    )  # fmt: skip


def test_a_clock_that_is_wrong_is_a_problem(results: Examine) -> None:
    wrong = results("clock", clock=lambda: now() + timedelta(minutes=10))
    assert wrong["clock"].outcome == examination.PROBLEM


def test_a_config_must_have_room_in_the_quotas(results: Examine) -> None:
    def refused() -> tuple[Counter[str], Counter[str]]:
        raise InputError([Problem("films/", "has no room for solution/k.", "Take 1 of them out of usher.yaml.")])

    found = results("quotas", lambda: (Counter(solution=3), Counter(solution=7)))["quotas"]
    assert (found.outcome, "solutions 3+7 of 10" in found.details) == (examination.OK, True)
    found = results("quotas", refused)["quotas"]
    assert (found.outcome, "has no room for solution/k" in found.details) == (examination.PROBLEM, True)


def test_a_caller_without_permissions_sees_which_checks_are_unknown(site: Site) -> None:
    iam = site.cloud.client("iam")
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}
    role = iam.create_role(RoleName="nobody", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    try:
        keys = site.cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="nobody")["Credentials"]
        status, found = outcomes(
            site,
            AWS_ACCESS_KEY_ID=keys["AccessKeyId"],
            AWS_SECRET_ACCESS_KEY=keys["SecretAccessKey"],
            AWS_SESSION_TOKEN=keys["SessionToken"],
        )
    finally:
        iam.delete_role(RoleName="nobody")
    assert status == 0
    told = {one["check"]: one for one in found}
    assert {one["outcome"] for one in told.values()} == {examination.OK, examination.UNKNOWN}
    assert "DescribeStacks" in told["stack"]["details"]


def test_a_stack_that_is_not_there_is_named(site: Site) -> None:
    status, told = outcomes(site, "--stack", "none")
    assert status == 1
    assert "There is no stack none in us-east-1" in str(told)
