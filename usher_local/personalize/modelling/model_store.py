"""The trained models of a backend: loaded once, and removed with their version or recommender."""

import json
import shutil
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from usher_local.personalize.core import environment
from usher_local.personalize.core.recipes import BY_ARN
from usher_local.personalize.core.resources import Backend, Resource
from usher_local.personalize.core.use_cases import use_case
from usher_local.personalize.data.backend import DataBackend
from usher_local.personalize.modelling.model import FORGOTTEN, Model
from usher_local.personalize.modelling.training import model_folder, parameters
from usher_local.personalize.modelling.training_data import feature_fields_of, item_schema, prepare_interactions


@dataclass
class ModelStore:
    """Loaded models by the ARN of their version or recommender."""

    _loaded: dict[str, Model] = field(default_factory=dict)
    _fitted: dict[str, tuple[int, float]] = field(default_factory=dict)
    """For models that follow events: the number of events at the last fit, and its time."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, backend: DataBackend, resource: Resource) -> Model:
        """The model of an ACTIVE version or recommender, loaded once, and refitted if its lists follow events."""
        model = self._loaded.get(resource.arn)
        if model is None:
            model = self._keep(resource.arn, load(backend, resource))
        if use_case(model.recipe).follows and self._is_due(backend, resource):
            model = self._keep(resource.arn, refitted(backend, resource, model))
        return model

    def _keep(self, arn: str, model: Model) -> Model:
        with self._lock:
            self._loaded[arn] = model
        return model

    def _is_due(self, backend: DataBackend, resource: Resource) -> bool:
        """Whether there are events and an interval has passed since the last fit; if so, records a new fit."""
        from usher_local.recommenders.trending import DEFAULT_FREQUENCY, seconds

        now, size = time.time(), backend.data(resource).interactions.size
        fitted, since = self._fitted.get(resource.arn, (resource.values.get("interactions"), resource.life.created))
        interval = seconds(parameters(resource.values).get("trend_discovery_frequency", DEFAULT_FREQUENCY))
        if size == fitted or environment.current.clock.simulated_seconds(now - since) < interval:
            return False
        self._fitted[resource.arn] = size, now
        return True

    def forget_users(self, backend: Backend, group: str, users: Collection[str]) -> None:
        """Delete users' IDs from all models of a dataset group, so that no segment contains them."""
        made = [*backend.find("SolutionVersion"), *backend.find("Recommender")]
        for arn in (one.arn for one in made if backend.group_of(one) == group):
            file = model_folder(arn) / "users.json"
            with self._lock:
                if file.exists():
                    known = enumerate(json.loads(file.read_text()))
                    rest = [f"{FORGOTTEN}{place}" if user in users else user for place, user in known]
                    file.write_text(json.dumps(rest))
                    self._loaded.pop(arn, None)

    def drop(self, arn: str) -> None:
        """Delete a model and its files."""
        with self._lock:
            self._loaded.pop(arn, None)
            self._fitted.pop(arn, None)
        shutil.rmtree(model_folder(arn), ignore_errors=True)


class ModelBackend(DataBackend, Protocol):
    """A backend with its trained models."""

    models: ModelStore


def load(backend: Backend, resource: Resource) -> Model:
    """Load the model of a version or recommender."""
    # The import of the models is slow; the first request pays for it, not every installation of the service.
    from usher_local.recommenders.registry import RECIPES

    folder, recipe = model_folder(resource.arn), BY_ARN[resource.values["recipeArn"]]
    items, users = (json.loads((folder / f"{name}.json").read_text()) for name in ("items", "users"))
    fields = feature_fields_of(resource.values, item_schema(backend, resource))
    return Model(recipe, RECIPES[recipe.name].load(folder), items, users, resource.values, fields)


def refitted(backend: DataBackend, resource: Resource, model: Model) -> Model:
    """A model of the same recipe, fitted to the current interactions."""
    from usher_local.recommenders.registry import RECIPES

    learnt = prepare_interactions(backend, resource)
    recommender = RECIPES[model.recipe.name].fit(learnt, parameters(resource.values))
    fields = feature_fields_of(resource.values, item_schema(backend, resource))
    return Model(model.recipe, recommender, list(learnt.item_ids), list(learnt.user_ids), resource.values, fields)
