"""Automatic training: a solution makes versions of itself, as time passes and new interactions come."""

import re
import time
from contextlib import suppress

from usher_local.personalize.core import environment
from usher_local.personalize.core.errors import InvalidInputError, PersonalizeError
from usher_local.personalize.core.resources import Resource, Values
from usher_local.personalize.data.backend import DataBackend

HOUR = 3600
DAY = 24 * HOUR
LONGEST = 30
"""Days."""
DEFAULT = "rate(7 days)"


def every(config: Values) -> int:
    """Seconds between two trainings, as a solution's configuration has it."""
    expression = config.get("autoTrainingConfig", {}).get("schedulingExpression", DEFAULT)
    days = re.search(r"\d+", expression)
    if days is None or not 1 <= int(days[0]) <= LONGEST:
        raise InvalidInputError(f"schedulingExpression must be a rate of 1 to {LONGEST} days, not {expression}")
    return int(days[0]) * DAY


def train_when_due(backend: DataBackend, solution: Resource) -> None:
    """Begin a version of a solution when it has none after an hour, or the last is old and there is more to learn.

    The time is that of the clock; on an instant one, where any hour has always passed, it is the real time.
    """
    if not solution.values["performAutoTraining"]:
        return
    newest = next(iter(backend.find("SolutionVersion", solution.arn)), None)
    since, wait = solution.life.created, HOUR
    if newest is not None:
        if newest.life.busy or newest.values.get("interactions") == backend.data(solution).interactions.size:
            return
        since, wait = newest.life.created, every(solution.values["solutionConfig"])
        if _rate_changed(solution, newest):
            wait = HOUR
    if environment.current.clock.simulated_seconds(time.time() - since) >= wait:
        # A full quota puts the training off until the next look.
        with suppress(PersonalizeError):
            backend.create("SolutionVersion", {"solutionArn": solution.arn, **AUTOMATIC})


AUTOMATIC = {"trainingMode": "AUTOTRAIN", "trainingType": "AUTOMATIC"}


def _rate_changed(solution: Resource, newest: Resource) -> bool:
    update = solution.update
    changed = update and update.applied and "autoTrainingConfig" in update.values.get("solutionUpdateConfig", {})
    return bool(changed and update and update.life.created > newest.life.created)
