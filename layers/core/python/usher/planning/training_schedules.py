"""The schedules that train a group's solutions, for an erasure to say when each model is trained anew."""

from collections.abc import Mapping
from datetime import UTC

from usher.clients import Clients
from usher.config.model import Schedule
from usher.errors import InputError
from usher.planning.config_file import load_config
from usher.planning.desired import schedule_resource
from usher.resources.kinds import KINDS
from usher.resources.lookup import describe
from usher.resources.target import Target
from usher.run_record import TrainingSchedule
from usher.storage.bucket import Bucket


def training_schedules(bucket: Bucket, target: Target, clients: Clients) -> dict[str, TrainingSchedule]:
    """The schedule that trains each solution; empty if the config can't be read."""
    try:
        config = load_config(bucket, target.group, clients["personalize"])
    except InputError:
        return {}
    return {
        solution.name: _training_schedule(target, schedule, clients)
        for solution in config.solutions
        for schedule in config.schedules
        if trains(schedule.input, solution.name)
    }


def trains(task: Mapping[str, str], solution: str) -> bool:
    """Whether a schedule's task trains a solution. Pure."""
    return task.get("task") == "retrain" and task.get("solution", solution) == solution


def _training_schedule(target: Target, schedule: Schedule, clients: Clients) -> TrainingSchedule:
    """A schedule of the config, with the time of its creation."""
    resource = schedule_resource(target, schedule.name, schedule.input, {})
    made = describe(clients["scheduler"], KINDS["schedule"], resource.arn)
    settings, since = schedule.settings, made.get("StartDate") or made.get("CreationDate")
    return {
        "expression": str(settings["ScheduleExpression"]),
        "zone": str(settings.get("ScheduleExpressionTimezone", "UTC")),
        "since": since.astimezone(UTC).isoformat() if since else "",
    }
