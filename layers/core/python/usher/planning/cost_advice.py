"""Notes on needless costs of a group: idle campaigns, their provisioned requests, double training. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from usher.config.model import Config, Solution
from usher.config.schedule_expressions import DEFAULT_TRAINING_RATE
from usher.costs.recurring import place_of
from usher.costs.traffic import Traffic, advice
from usher.errors import Problem
from usher.resources.billed import Billed
from usher.resources.comparison import value_at
from usher.resources.kinds import Resource

RATE = "solutionConfig.autoTrainingConfig.schedulingExpression"


def cost_advice(
    config: Config, desired: Sequence[Resource], existing: Mapping[str, Billed], traffic: Mapping[str, Traffic]
) -> Iterator[Problem]:
    """Notes on the parts of a config that cost more than necessary.

    `existing`: the existing resources, by ARN; `traffic`: of campaigns, by ARN.
    """
    for solution in config.solutions:
        yield from _double_training(config, solution)
    for resource in desired:
        if resource.kind == "campaign" and resource.arn in existing and resource.arn in traffic:
            place = f"{config.file}: solutions.{resource.id.partition('/')[2]}.campaign"
            problem = advice(existing[resource.arn], resource.id, place, traffic[resource.arn])
            if problem:
                yield problem


def _double_training(config: Config, solution: Solution) -> Iterator[Problem]:
    """A note if both Personalize and a schedule train a solution."""
    if not solution.settings.get("performAutoTraining"):
        return
    rate = value_at(solution.settings, RATE) or DEFAULT_TRAINING_RATE
    for schedule in config.schedules:
        given = schedule.input
        is_enabled = schedule.settings.get("State") != "DISABLED"
        if is_enabled and given["task"] == "retrain" and given.get("solution", solution.name) == solution.name:
            message = f"trains it at {rate} besides {place_of(schedule)}: each of them is paid."
            remedy = "Keep one of the two."
            yield Problem(f"{config.file}: solutions.{solution.name}.performAutoTraining", message, remedy)
