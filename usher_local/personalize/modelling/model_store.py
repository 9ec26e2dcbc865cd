"""The trained models of a backend: loaded once, and removed with their version or recommender."""

import json
import shutil
import threading
from dataclasses import dataclass, field
from typing import Protocol

from usher_local.personalize.core.recipes import BY_ARN
from usher_local.personalize.core.resources import Backend, Resource
from usher_local.personalize.data.backend import DataBackend
from usher_local.personalize.modelling.model import Model
from usher_local.personalize.modelling.training import model_folder
from usher_local.personalize.modelling.training_data import feature_fields_of, schema_of


@dataclass
class ModelStore:
    """Loaded models by ARN of their version or recommender."""

    _loaded: dict[str, Model] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, backend: Backend, resource: Resource) -> Model:
        """The model of an ACTIVE version or recommender; loaded once."""
        model = self._loaded.get(resource.arn)
        if model is None:
            model = load(backend, resource)
            with self._lock:
                self._loaded[resource.arn] = model
        return model

    def drop(self, arn: str) -> None:
        """Delete a model and its files."""
        with self._lock:
            self._loaded.pop(arn, None)
        shutil.rmtree(model_folder(arn), ignore_errors=True)


class ModelBackend(DataBackend, Protocol):
    """A backend with its trained models."""

    models: ModelStore


def load(backend: Backend, resource: Resource) -> Model:
    """Read a trained version or recommender."""
    # The models take long to import; the first request pays, not everyone who installs the service.
    from usher_local.recommenders.registry import RECIPES

    folder, recipe = model_folder(resource.arn), BY_ARN[resource.values["recipeArn"]]
    items, users = (json.loads((folder / f"{name}.json").read_text()) for name in ("items", "users"))
    fields = feature_fields_of(resource.values, schema_of(backend, resource, "ITEMS"))
    return Model(recipe, RECIPES[recipe.name].load(folder), items, users, resource.values, fields)
