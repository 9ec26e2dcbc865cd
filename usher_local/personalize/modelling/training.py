"""The training of a solution version or a recommender: fit the trials in a process, and keep the best model."""

import logging
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from usher_local.personalize.core import environment
from usher_local.personalize.core.errors import JobFailedError, KilledError
from usher_local.personalize.core.recipes import BY_ARN
from usher_local.personalize.core.resources import Resource, Values
from usher_local.personalize.data.backend import DataBackend
from usher_local.personalize.modelling import hpo
from usher_local.personalize.modelling.training_data import prepare_interactions
from usher_local.personalize.modelling.training_files import write_interactions
from usher_local.personalize.modelling.training_process import Fitter, InProcessFitter, OnProgress, ProcessFitter, Task

logger = logging.getLogger(__name__)
HOURS_PER_MINUTE = 1.07 / 20
"""Training hours, which count several machines, per minute of waiting: as in published runs."""
ATTEMPTS = ".training-"
"""The prefix of folders with temporary models of a training."""
SILENCE = 10.0
"""The minimum real seconds between two lines of the log about a fit's progress."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fitted model in its folder; `value` is its result by the search's objective."""

    recipe_arn: str
    tuned: hpo.Point
    folder: Path
    metrics: dict[str, float]
    value: float


def run(backend: DataBackend, resource: Resource) -> None:
    """The work: set the metrics, and write the best model into its folder."""
    target, seen = model_folder(resource.arn), backend.data(resource).interactions.size
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=ATTEMPTS) as attempts:
        best, count = _best(backend, resource, Path(attempts))
        with backend.lock:  # the lock that a stop of the training also holds
            _check_wanted(resource)
            shutil.rmtree(target, ignore_errors=True)  # of a training that the end of the process interrupted
            best.folder.rename(target)
    hours = round(resource.kind.minutes * HOURS_PER_MINUTE * count, 3)
    found = {"modelMetrics": best.metrics, "recipeArn": best.recipe_arn, "interactions": seen, "trainingHours": hours}
    if best.tuned:
        tuned = {f"training.{name}": value for name, value in best.tuned.items()}
        found["tunedHPOParams"] = {"algorithmHyperParameters": tuned}
    backend.set_values(resource, **found)
    if resource.values.get("performAutoML"):
        solution = backend.get("Solution", resource.values["solutionArn"])
        backend.set_values(solution, autoMLResult={"bestRecipeArn": best.recipe_arn})


def _best(backend: DataBackend, resource: Resource, folder: Path) -> tuple[Outcome, int]:
    """The best model, and the number of trained models."""
    best, count = None, 0
    try:
        with environment.current.running(_fitter) as fitter:
            resource.life.end = fitter.kill
            for outcome in _outcomes(backend, resource, fitter, folder):
                count += 1
                worse = outcome if best is not None and outcome.value <= best.value else best
                best = best if worse is outcome else outcome
                if worse is not None:
                    shutil.rmtree(worse.folder)
    except KilledError:
        _check_wanted(resource)
        raise JobFailedError("The training process was killed.") from None
    if best is None:
        raise JobFailedError("There is no recipe to try.")
    logger.info("%s is trained", _name(resource))
    return best, count


def _fitter() -> Fitter:
    executor = environment.current.executor
    return InProcessFitter(executor) if executor else ProcessFitter()


def _outcomes(backend: DataBackend, resource: Resource, fitter: Fitter, folder: Path) -> Iterator[Outcome]:
    """Fit one model after the other; a search chooses hyperparameters from the earlier results."""
    goal, most = hpo.objective(resource.values), hpo.jobs(resource.values)
    searched = bool(resource.values.get("performHPO") or resource.values.get("performAutoML"))
    for recipe_arn in hpo.recipes(resource.values):
        _check_wanted(resource)
        recipe, tried = BY_ARN[recipe_arn], list[tuple[hpo.Point, float]]()
        space, data = hpo.space(resource.values, recipe_arn), folder / recipe.name
        if most > 1 and not space:
            logger.info("%s: no hyperparameter of the search affects %s", _name(resource), recipe.name)
        write_interactions(
            prepare_interactions(backend, replace(resource, values=resource.values | {"recipeArn": recipe_arn})), data
        )
        while len(tried) < most and (tuned := hpo.suggest(space, tried)) is not None:
            _check_wanted(resource)
            target = folder / f"{recipe.name}-{len(tried)}"
            task = Task(recipe.name, str(data), parameters(resource.values) | tuned, str(target))
            words = f"{recipe.name}, {len(tried) + 1} of at most {most}" if searched else recipe.name
            metrics = _fit(fitter, task, log(f"{_name(resource)}: {words}"))
            if searched and goal.metric not in metrics:
                raise JobFailedError(f"The metric {goal.metric} of the objective does not exist.")
            tried.append((tuned, goal.sign * metrics.get(goal.metric, 0.0)))
            yield Outcome(recipe_arn, tuned, target, metrics, tried[-1][1])
        shutil.rmtree(data)


def _fit(fitter: Fitter, task: Task, on_progress: OnProgress) -> dict[str, float]:
    try:
        metrics = fitter.fit(task, on_progress)
    except ValueError as error:
        raise JobFailedError(str(error)) from error
    return {name: round(value, 4) for name, value in metrics.items()}


def log(what: str, silence: float = SILENCE) -> OnProgress:
    """Log the beginning, and the progress at intervals of at least `silence` real seconds."""
    logger.info("%s", what)
    last = time.monotonic()

    def log_progress(share: float) -> None:
        nonlocal last
        if time.monotonic() - last >= silence:
            last = time.monotonic()
            logger.info("%s, %.0f %%", what, 100 * share)

    return log_progress


def _check_wanted(resource: Resource) -> None:
    if resource.life.transition:
        raise JobFailedError("The training was stopped.")


def _name(resource: Resource) -> str:
    return resource.arn.rsplit(":", 1)[1]


def model_folder(arn: str) -> Path:
    """The folder of the model of a version or recommender."""
    _, _, _, region, account, tail = arn.split(":", 5)
    return environment.current.workdir / account / region / tail


def parameters(values: Values) -> dict[str, str]:
    """The hyperparameters and feature transformation parameters of a version's solution."""
    config: dict[str, dict[str, str]] = values.get("solutionConfig", {})
    return config.get("algorithmHyperParameters", {}) | config.get("featureTransformationParameters", {})
