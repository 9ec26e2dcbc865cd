"""The next trainings of a group's solutions, by its schedules."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from usher.aws import now
from usher.config.schedule_expressions import next_start
from usher.resources.kinds import KINDS
from usher.resources.lookup import describe

from usher_cli.deployed_stack import DeployedStack
from usher_cli.parallel import in_parallel


def next_trainings(stack: DeployedStack, group: str, solutions: list[str]) -> dict[str, datetime]:
    """The time of each solution's next training by a schedule. A call for the list of schedules, and one for each."""
    scheduler, kind = stack.clients["scheduler"], KINDS["schedule"]
    pages = scheduler.get_paginator("list_schedules").paginate(
        GroupName=stack.target(group).schedule_group, NamePrefix=f"{group}."
    )
    arns = [one["Arn"] for page in pages for one in page["Schedules"]]
    found = in_parallel(lambda arn: describe(scheduler, kind, arn), arns)
    starts = [(json.loads(one["Target"]["Input"]), next_of(one)) for one in found if one]
    moments = {
        name: [at for task, at in starts if at and task.get("task") == "retrain" and task.get("solution", name) == name]
        for name in solutions
    }
    return {name: min(some) for name, some in moments.items() if some}


def next_of(schedule: Mapping[str, Any]) -> datetime | None:
    """The next start of a schedule, from GetSchedule's answer; None if it never starts, or that is unknown."""
    if schedule.get("State") == "DISABLED":
        return None
    try:
        zone = ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
    except ZoneInfoNotFoundError:  # this machine does not know the zone
        return None
    begun = schedule.get("StartDate") or schedule["CreationDate"]
    return next_start(schedule["ScheduleExpression"], max(now(), begun), zone, begun)
