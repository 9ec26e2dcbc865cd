"""Train a solution version or a recommender: fit in another process, and keep the best of what was tried."""

import shutil
from collections.abc import Mapping
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from local.personalize import runtime
from local.personalize.exceptions import JobFailedError
from local.personalize.preparation import prepare
from local.personalize.recipes import BY_ARN
from local.personalize.search import Trial, objective, trials
from local.recommenders.base import Interactions

if TYPE_CHECKING:
    from local.personalize.models import PersonalizeBackend
    from local.personalize.resources import Resource, Values

HOURS_PER_MINUTE = 1.07 / 20
"""Training hours, which count several machines, per minute of waiting: as in published runs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fitted model in its folder."""

    trial: Trial
    folder: Path
    metrics: dict[str, float]


def run(backend: "PersonalizeBackend", resource: "Resource") -> None:
    """The work; metrics are told and the model's folder is there, whole, when it ends."""
    target, seen = model_folder(resource.arn), backend.data(resource).interactions.size
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=".training-") as attempts:
        outcomes = _try_all(backend, resource, Path(attempts))
        best = _best(outcomes, objective(resource.values))
        shutil.rmtree(target, ignore_errors=True)  # of a training that the end of the process cut short
        best.folder.rename(target)
    recipe, tuned = best.trial.recipe_arn, {f"training.{name}": value for name, value in best.trial.tuned.items()}
    hours = round(resource.kind.minutes * HOURS_PER_MINUTE * len(outcomes), 3)
    backend.tell(resource, modelMetrics=best.metrics, recipeArn=recipe, interactions=seen, trainingHours=hours)
    if tuned:
        backend.tell(resource, tunedHPOParams={"algorithmHyperParameters": tuned})
    if resource.values.get("performAutoML"):
        solution = backend.get("Solution", resource.values["solutionArn"])
        backend.tell(solution, autoMLResult={"bestRecipeArn": recipe})


def _best(outcomes: list[Outcome], metric: str) -> Outcome:
    if len(outcomes) == 1:
        return outcomes[0]
    if any(metric not in outcome.metrics for outcome in outcomes):
        raise JobFailedError(f"There is no metric {metric} to choose by.")
    return max(outcomes, key=lambda outcome: outcome.metrics[metric])


def _try_all(backend: "PersonalizeBackend", resource: "Resource", folder: Path) -> list[Outcome]:
    outcomes: list[Outcome] = []
    prepared: dict[str, Interactions] = {}
    for trial in trials(resource.values):
        if resource.life.turn:
            raise JobFailedError("The training was stopped.")
        tried = replace(resource, values=resource.values | {"recipeArn": trial.recipe_arn})
        if trial.recipe_arn not in prepared:
            prepared[trial.recipe_arn] = prepare(backend, tried)
        place = folder / str(len(outcomes))
        wanted = parameters(resource.values) | trial.tuned
        metrics = _fit(BY_ARN[trial.recipe_arn].name, prepared[trial.recipe_arn], wanted, place)
        outcomes.append(Outcome(trial, place, metrics))
    return outcomes


def _fit(recipe: str, interactions: Interactions, wanted: Mapping[str, str], folder: Path) -> dict[str, float]:
    # The models take long to import; the first training pays, not everyone who installs the service.
    from local.recommenders.catalog import train

    trainer = runtime.current.trainer
    try:
        metrics = trainer.submit(train, recipe, interactions, wanted, folder, 0).result()
    except ValueError as error:
        raise JobFailedError(str(error)) from error
    except BrokenExecutor as error:
        runtime.current.replace_trainer(trainer)
        raise JobFailedError("The training process was killed.") from error
    return {name: round(value, 4) for name, value in metrics.items()}


def model_folder(arn: str) -> Path:
    """Where the model of a version or recommender is stored."""
    _, _, _, region, account, tail = arn.split(":", 5)
    return runtime.current.workdir / account / region / tail


def parameters(values: "Values") -> dict[str, str]:
    """Hyperparameters and feature transformation parameters of a version's solution, as the models take them."""
    config: dict[str, dict[str, str]] = values.get("solutionConfig", {})
    return config.get("algorithmHyperParameters", {}) | config.get("featureTransformationParameters", {})
