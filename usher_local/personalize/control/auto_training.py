"""Automatic training: new versions of a solution, made on schedule if there are new interactions."""

import re
import time
from contextlib import suppress

from usher_local.personalize.core import environment
from usher_local.personalize.core.errors import InvalidInputError, PersonalizeError
from usher_local.personalize.core.resources import Resource, Values
from usher_local.personalize.data.backend import DataBackend

HOUR = 3600
DAY = 24 * HOUR
MAX_DAYS = 30
DEFAULT = "rate(7 days)"


def interval(config: Values) -> int:
    """The seconds between two trainings, by a solution's configuration. InvalidInputError if they are out of range."""
    expression = config.get("autoTrainingConfig", {}).get("schedulingExpression", DEFAULT)
    days = re.search(r"\d+", expression)
    if days is None or not 1 <= int(days[0]) <= MAX_DAYS:
        raise InvalidInputError(f"schedulingExpression must be a rate of 1 to {MAX_DAYS} days, not {expression}")
    return int(days[0]) * DAY


def train_when_due(backend: DataBackend, solution: Resource) -> None:
    """Begin a version of a solution if it has none after an hour, or if the last is old and there is new data.

    The time is the clock's. An instant clock has always passed any hour, so the real time counts instead.
    """
    if not solution.values["performAutoTraining"]:
        return
    newest = next(iter(backend.find("SolutionVersion", solution.arn)), None)
    since, wait = solution.life.created, HOUR
    if newest is not None:
        if newest.life.busy or newest.values.get("interactions") == backend.data(solution).interactions.size:
            return
        since, wait = newest.life.created, interval(solution.values["solutionConfig"])
        if _reset_since(solution, newest):
            wait = HOUR
    if environment.current.clock.simulated_seconds(time.time() - since) >= wait:
        # A full quota delays the training until the next check.
        with suppress(PersonalizeError):
            backend.create("SolutionVersion", {"solutionArn": solution.arn, **AUTOMATIC})


AUTOMATIC = {"trainingMode": "AUTOTRAIN", "trainingType": "AUTOMATIC"}


def resets_schedule(solution: Resource, update: Values) -> bool:
    """Whether an update turns automatic training on or sets its rate: a training then begins within the hour.

    See "Updating a solution to change its automatic training configuration" in the developer guide.
    """
    turned_on = update.get("performAutoTraining", False) and not solution.values["performAutoTraining"]
    return turned_on or "autoTrainingConfig" in update.get("solutionUpdateConfig", {})


def _reset_since(solution: Resource, newest: Resource) -> bool:
    """Whether an update has reset the schedule since the newest version was created."""
    update = solution.update
    return bool(
        update and update.applied and update.values["resetsSchedule"] and update.life.created > newest.life.created
    )
