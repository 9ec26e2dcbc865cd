"""Train a solution version: choose the events, check that they suffice, fit the model in another process."""

import json
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from local.personalize import runtime
from local.personalize.exceptions import JobFailedError
from local.personalize.recipes import BY_ARN
from local.recommenders.base import Interactions

if TYPE_CHECKING:
    from local.personalize.models import PersonalizeBackend
    from local.personalize.resources import Resource, Values

MIN_INTERACTIONS = 1000
MIN_USERS = 25
MIN_EVENTS = 2
HOURS_PER_MINUTE = 1.07 / 20
"""Training hours, which count several machines, per minute of waiting: as in published runs."""


def run(backend: "PersonalizeBackend", version: "Resource") -> None:
    """The work of a solution version; its metrics and files are there when it ends."""
    # The models take long to import; the first training pays, not everyone who installs the service.
    from local.recommenders.catalog import RECIPES, train

    if "recipeArn" not in version.values:
        raise JobFailedError("AutoML is not available; name a recipe.")
    name = BY_ARN[version.values["recipeArn"]].name
    if name not in RECIPES:
        raise JobFailedError(f"There is no local model for the recipe {name}.")
    events = choose(backend.data(version).interactions.frame(), version.values)
    check_enough(events, version.values.get("eventType"))
    interactions = Interactions.of(list(events["USER_ID"]), list(events["ITEM_ID"]), list(events["TIMESTAMP"]))
    folder = model_folder(version.arn)
    folder.mkdir(parents=True)
    (folder / "items.json").write_text(json.dumps(interactions.item_ids))
    trainer = runtime.current.trainer
    try:
        future = trainer.submit(train, name, interactions, parameters(version.values), folder, 0)
        version.metrics = {key: round(value, 4) for key, value in future.result().items()}
    except ValueError as error:
        raise JobFailedError(str(error)) from error
    except BrokenExecutor as error:
        runtime.current.replace_trainer(trainer)
        raise JobFailedError("The training process was killed.") from error
    version.values["trainingHours"] = round(version.kind.minutes * HOURS_PER_MINUTE, 3)


def model_folder(version_arn: str) -> Path:
    """Where a version's model is stored."""
    _, _, _, region, account, tail = version_arn.split(":", 5)
    return runtime.current.workdir / account / region / tail


def parameters(values: "Values") -> dict[str, str]:
    """Hyperparameters and feature transformation parameters of a version's solution, as the models take them."""
    config: dict[str, dict[str, str]] = values.get("solutionConfig", {})
    return config.get("algorithmHyperParameters", {}) | config.get("featureTransformationParameters", {})


def choose(events: pd.DataFrame, values: "Values") -> pd.DataFrame:
    """The events that a solution learns from, by its event type and its threshold for event values."""
    if "eventType" not in values:
        return events
    wanted = wanted_events(values, events["EVENT_TYPE"].tolist(), events["EVENT_VALUE"].tolist())
    return events[np.asarray(wanted, np.bool_)]


def wanted_events(values: "Values", types: Sequence[str | None], amounts: Sequence[float | None]) -> list[bool]:
    """Which events, given by type and value, count for a solution."""
    kind = values.get("eventType")
    threshold = float(values.get("solutionConfig", {}).get("eventValueThreshold", "-inf"))
    return [
        (not kind or (name or "").lower() == kind.lower())
        and (threshold == -np.inf or (amount is not None and float(amount) >= threshold))
        for name, amount in zip(types, amounts, strict=True)
    ]


def check_enough(events: pd.DataFrame, event_type: str | None) -> None:
    """Raise JobFailedError, in the service's words, when there are too few events or users."""
    if len(events) < MIN_INTERACTIONS:
        after = f" after filtering by event type: {event_type}" if event_type else ""
        raise JobFailedError(f"Dataset has fewer than {MIN_INTERACTIONS} interactions{after}")
    if int((events["USER_ID"].value_counts() >= MIN_EVENTS).sum()) < MIN_USERS:
        raise JobFailedError(f"Dataset has fewer than {MIN_USERS} users with at least {MIN_EVENTS} interactions each.")
