"""The stack's alarms, and the use of Personalize's quotas."""

from typing import TypedDict

from usher.aws import client
from usher.resources.quota_use import QuotaUse, quota_uses

from usher_cli.deployed_stack import DeployedStack

ORDER = ("ALARM", "INSUFFICIENT_DATA", "OK")


class Alarm(TypedDict):
    """An alarm of the stack."""

    name: str
    """The name in the template."""
    state: str
    """CloudWatch's state: ALARM, INSUFFICIENT_DATA or OK."""
    since: str
    """ISO time of the last change of the state."""
    reason: str
    means: str
    """The description: its meaning and the remedy."""
    silent: bool
    """Whether its actions are disabled, so that no person is notified."""


def alarms(stack: DeployedStack) -> list[Alarm]:
    """The alarms of the stack, those in ALARM first. One call."""
    pages = client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{stack.name}-")
    found = {one["AlarmName"]: one for page in pages for one in page["MetricAlarms"]}
    own = [(name, found[physical]) for name, physical in stack.resources.items() if physical in found]
    return sorted(
        (
            {
                "name": name,
                "state": str(one["StateValue"]),
                "since": one["StateUpdatedTimestamp"].isoformat(),
                "reason": str(one.get("StateReason", "")),
                "means": str(one.get("AlarmDescription", "")),
                "silent": not one.get("ActionsEnabled", True),
            }
            for name, one in own
        ),
        key=lambda one: (ORDER.index(one["state"]), one["name"]),
    )


def quotas_used(stack: DeployedStack) -> list[QuotaUse]:
    """The use of each quota of the region and of the stack's groups, the fullest first."""
    return sorted(quota_uses(stack.clients, stack.target("any").stack_arn), key=lambda one: -one.percent)
