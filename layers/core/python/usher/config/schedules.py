"""The schedules of a config: those of the group, of solutions, jobs and exports."""

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import available_timezones

from usher.config.keys import SCHEDULE, SCHEDULES, TRAINING_MODES
from usher.config.model import JOBS, Schedule
from usher.config.problems import Problems, nearest
from usher.config.schedule_expressions import starts

MAX_NAME_LENGTH = 64
"""EventBridge Scheduler's limit; Usher's names are `<group>.<name>`."""


def read_schedules(problems: Problems, group: str, sections: Mapping[str, Any]) -> Iterator[Schedule]:
    """Every schedule of a config. `sections`: those of the file."""
    for path, name, task, block in _blocks(problems, sections):
        if len(f"{group}.{name}") > MAX_NAME_LENGTH:
            problems.note(
                path,
                "makes the name of its schedule too long.",
                "Shorten the name of the group, solution, job or export.",
            )
        members = dict(block) if isinstance(block, Mapping) else {"ScheduleExpression": block}
        settings: Mapping[str, Any] = {}
        if is_schedule_expression(problems, members.get("ScheduleExpression"), path):
            settings = problems.members("CreateSchedule", problems.mapping(members, path, SCHEDULE), path)
        _check_zone(problems, members.get("ScheduleExpressionTimezone"), f"{path}.ScheduleExpressionTimezone")
        yield Schedule(name, task, settings)


def _check_zone(problems: Problems, zone: object, path: str) -> None:
    """Note an unknown time zone, if this machine knows time zones."""
    zones = available_timezones()
    if isinstance(zone, str) and zones and zone not in zones:
        remedy = nearest(zone, zones, ["Europe/Berlin", "America/New_York", "UTC"])
        problems.note(path, f"is {zone[:99]}, which is not a time zone.", remedy)


def is_schedule_expression(problems: Problems, expression: object, path: str) -> bool:
    """Whether a value is a schedule expression; a problem is noted if it is not."""
    try:
        starts(expression if isinstance(expression, str) else "")
    except ValueError:
        remedy = "Write rate(1 day), cron(0 3 * * ? *) with a ? for one kind of days, or at(2030-01-31T03:00:00)."
        if str(expression).count("(") > str(expression).count(")"):
            remedy = "Inside braces, put a schedule with a comma or a ? into quotes."
        problems.note(path, f"is {str(expression)[:99]}, which is not a schedule.", remedy)
        return False
    return True


def _blocks(problems: Problems, sections: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, str], object]]:
    """The path, name, task and block of each schedule."""
    for task, block in problems.mapping(sections["schedules"], "schedules", SCHEDULES).items():
        yield f"schedules.{task}", task, {"task": task}, block
    for name, solution in sections["solutions"].items():
        path = f"solutions.{name}.schedules"
        blocks = solution.get("schedules", {}) if isinstance(solution, Mapping) else {}
        for mode, block in problems.mapping(blocks, path, TRAINING_MODES).items():
            retrain = {"task": "retrain", "solution": name, "trainingMode": mode}
            yield f"{path}.{mode}", f"{name}-{mode.lower()}", retrain, block
    for section in JOBS:
        for name, job in sections[section].items():
            if isinstance(job, Mapping) and "schedule" in job:
                yield f"{section}.{name}.schedule", f"{section}-{name}", {"task": section, "job": name}, job["schedule"]
    exports = sections.get("exports")
    for name, export in exports.items() if isinstance(exports, Mapping) else ():
        if isinstance(export, Mapping) and "schedule" in export:
            path = f"exports.{name}.schedule"
            yield path, f"exports-{name}", {"task": "export", "solution": str(name)}, export["schedule"]
