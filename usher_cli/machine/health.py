"""The stack's alarms, and how much of Personalize's quotas is used."""

from collections.abc import Sequence
from typing import TypedDict

from usher.aws import client
from usher.planning.quota_check import count_existing, count_in_region
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS
from usher.resources.quotas import account_quotas, quota_of

from usher_cli.deployed_stack import DeployedStack

ORDER = ("ALARM", "INSUFFICIENT_DATA", "OK")
RUNBOOK = "docs/operations.md#alarms"


class Alarm(TypedDict):
    """An alarm of the stack."""

    name: str
    """In the template."""
    state: str
    """CloudWatch's: ALARM, INSUFFICIENT_DATA or OK."""
    since: str
    """ISO time of its last change."""
    reason: str
    means: str
    """What it means and what to do: its description."""
    silent: bool
    """Whether its actions are disabled, so that nobody is notified."""


class QuotaUse(TypedDict):
    """How many of a kind there are, and may be."""

    kind: str
    """In words, such as `dataset groups`."""
    used: int
    limit: int
    group: str
    """In which there may be so many; empty: in the region."""


def alarms(stack: DeployedStack) -> list[Alarm]:
    """The alarms of the stack, those that are on first. One call."""
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


def quotas_used(stack: DeployedStack, groups: Sequence[str] = ()) -> list[QuotaUse]:
    """How much is used of each quota of a region, and of those of each of some groups, the fullest first."""
    inventory, quotas = (
        Inventory(stack.clients, stack.target("any").stack_arn),
        account_quotas(stack.clients["service-quotas"]),
    )
    counted = {
        "": count_in_region(inventory),
        **{one: count_existing(inventory, stack.target(one), ()) for one in groups},
    }
    found: list[QuotaUse] = [
        {"kind": kind.words, "used": number[kind.name], "limit": quota_of(kind, quotas), "group": group}
        for group, number in counted.items()
        for kind in KINDS.values()
        if kind.quota and kind.in_dataset_group == bool(group)
    ]
    return sorted(found, key=lambda one: one["used"] / one["limit"], reverse=True)
