"""What a training tries: the recipes of AutoML, and hyperparameters drawn from ranges."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.personalize.algorithms import ranges
from local.personalize.recipes import BY_ARN, service_arn

if TYPE_CHECKING:
    from local.personalize.resources import Values

CANDIDATES = tuple(service_arn("recipe", name) for name in ("aws-hrnn", "aws-hrnn-metadata", "aws-popularity-count"))
"""What AutoML tries when it is not told."""
DEFAULT_JOBS = 8
OBJECTIVE = "mean_reciprocal_rank_at_25"
DRAW: dict[str, Callable[[random.Random, dict[str, Any]], str]] = {
    "integer": lambda chance, r: str(chance.randint(r["minValue"], r["maxValue"])),
    "continuous": lambda chance, r: str(round(chance.uniform(r["minValue"], r["maxValue"]), 6)),
    "categorical": lambda chance, r: str(chance.choice(r["values"])),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One model to fit: a recipe, and the hyperparameters that a search chose for it."""

    recipe_arn: str
    tuned: dict[str, str]


def trials(values: "Values") -> Iterator[Trial]:
    """What to fit for a version with these members; more than one with performAutoML or performHPO."""
    config = values.get("solutionConfig", {})
    automatic = config.get("autoMLConfig", {}).get("recipeList") or CANDIDATES
    for arn in automatic if values.get("performAutoML") else (values["recipeArn"],):
        if values.get("performHPO"):
            yield from (Trial(arn, drawn) for drawn in _draw(config.get("hpoConfig", {}), BY_ARN[arn].algorithm_name))
        else:
            yield Trial(arn, {})


def objective(values: "Values") -> str:
    """The metric by which the best trial is chosen."""
    name: str = values.get("solutionConfig", {}).get("autoMLConfig", {}).get("metricName", OBJECTIVE)
    return name


def _draw(config: dict[str, Any], algorithm: str, seed: int = 0) -> list[dict[str, str]]:
    """Different sets of hyperparameters, as many as there may be training jobs or as the ranges give."""
    within = config.get("algorithmHyperParameterRanges") or ranges(algorithm)
    jobs = int(config.get("hpoResourceConfig", {}).get("maxNumberOfTrainingJobs", DEFAULT_JOBS))
    chance = random.Random(seed)
    drawn = [
        {
            row["name"]: draw(chance, row)
            for kind, draw in DRAW.items()
            for row in within.get(f"{kind}HyperParameterRanges", ())
        }
        for _ in range(jobs)
    ]
    return list({tuple(sorted(one.items())): one for one in drawn}.values())
