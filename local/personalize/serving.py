"""Answer from a trained model: score, filter, sort, cut."""

import json
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from local.personalize.datasets import GroupData, Interaction, Mask, Table
from local.personalize.exceptions import InvalidInputError
from local.personalize.filters import Expression
from local.personalize.recipes import POPULAR, RANKING, RELATED, USER, Recipe
from local.personalize.selection import Scope, select
from local.personalize.training import model_folder, wanted_events
from local.recommenders.base import Query, Recommender

if TYPE_CHECKING:
    from local.personalize.resources import Resource, Values

DEFAULT_RESULTS = 25
NEEDS = {USER: "userId", RELATED: "itemId", POPULAR: None}
"""The member that GetRecommendations must have, by type of recipe."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter with the request's values."""

    expression: Expression
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """Item ids, best first, and their scores (None where the recipe tells none)."""

    items: list[str]
    scores: list[float] | None


@dataclass
class Model:
    """A solution version, loaded: the recommender's arrays stay on disk, memory-mapped."""

    recipe: Recipe
    recommender: Recommender
    items: list[str]
    events: "Values"
    """The values of the version that say which events count."""
    _rows: tuple[Table, NDArray[np.intp]] | None = None

    @cached_property
    def index(self) -> dict[str, int]:
        """Position by item id."""
        return {item: position for position, item in enumerate(self.items)}

    def recommend(
        self, data: GroupData, user: str | None, item: str | None, results: int, filtered: Filter | None
    ) -> Answer:
        """The best items for a user, or those related to an item.

        InvalidInputError when the kind of recipe needs the one that is None.
        """
        if self.recipe.type not in NEEDS:
            raise InvalidInputError(f"The recipe {self.recipe.name} does not support GetRecommendations.")
        needed = NEEDS[self.recipe.type]
        if needed and not {"userId": user, "itemId": item}[needed]:
            raise InvalidInputError(f"{needed} is required for the recipe {self.recipe.name}.")
        history = data.interactions.of(user) if user else []
        scores = self._scores(history, item)
        allowed = self._allowed(data, filtered, user, item, history)
        if self.recipe.type == RELATED and item in self.index:
            allowed[self.index[item]] = False
        order = _best(scores, allowed, results)
        return self._answer(order, _shares(scores)[order])

    def rank(self, data: GroupData, user: str, items: Sequence[str], filtered: Filter | None) -> Answer:
        """The given items, best first; those that the model does not know come last with score 0."""
        if self.recipe.type != RANKING:
            raise InvalidInputError(f"The recipe {self.recipe.name} does not support GetPersonalizedRanking.")
        history = data.interactions.of(user)
        allowed = self._allowed(data, filtered, user, None, history)
        asked = list(dict.fromkeys(items))
        known = np.array([i for name in asked if (i := self.index.get(name)) is not None and allowed[i]], np.intp)
        scores = self._scores(history, None)[known]
        order = np.argsort(-scores, kind="stable")
        ranked = self._answer(known[order], _shares(scores)[order])
        unknown = [name for name in asked if name not in self.index]
        return Answer(ranked.items + unknown, (ranked.scores or []) + [0.0] * len(unknown))

    def _scores(self, history: Sequence[Interaction], item: str | None) -> NDArray[np.float32]:
        counted = wanted_events(self.events, [row.type for row in history], [row.value for row in history])
        met = [
            i
            for row, counts in zip(history, counted, strict=True)
            if counts and (i := self.index.get(row.item)) is not None
        ]
        return self.recommender.score(Query(np.array(met, np.int32), self.index.get(item or "")))

    def _allowed(
        self,
        data: GroupData,
        filtered: Filter | None,
        user: str | None,
        item: str | None,
        history: Sequence[Interaction],
    ) -> Mask:
        if filtered is None:
            return np.ones(len(self.items), np.bool_)
        table = data.items.table
        scope = Scope(self.index, table, self._aligned(table), data.users.table, user, history, item)
        return select(filtered.expression, scope, filtered.values)

    def _aligned(self, table: Table) -> NDArray[np.intp]:
        """Of each item of the model its row in the items table; kept as long as the table is the same."""
        known = self._rows
        if known is None or known[0] is not table:
            known = table, np.array([table.index.get(item, -1) for item in self.items], np.intp)
            self._rows = known
        return known[1]

    def _answer(self, order: NDArray[np.intp], shares: NDArray[np.float64]) -> Answer:
        names = [self.items[position] for position in order]
        return Answer(names, [round(share, 7) for share in shares.tolist()] if self.recipe.scored else None)


def _best(scores: NDArray[np.float32], allowed: Mask, results: int) -> NDArray[np.intp]:
    candidates = np.flatnonzero(allowed)
    order: NDArray[np.intp] = candidates[np.argsort(-scores[candidates], kind="stable")][:results]
    return order


def _shares(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Scores as the service tells them: positive, of sum 1. Models score on scales of their own, hence standardised."""
    if not len(scores):
        return np.zeros(0)
    centred = scores.astype(np.float64) - scores.max()
    weights: NDArray[np.float64] = np.exp(centred / (centred.std() or 1.0))
    weights /= weights.sum()
    return weights


@dataclass
class Models:
    """Loaded models by ARN of their version."""

    _loaded: dict[str, Model] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, version: "Resource", recipe: Recipe) -> Model:
        """The model of an ACTIVE version; loaded once."""
        with self._lock:
            if version.arn not in self._loaded:
                self._loaded[version.arn] = load(model_folder(version.arn), recipe, version.values)
            return self._loaded[version.arn]

    def drop(self, arn: str) -> None:
        """Forget a version that was deleted, and its files."""
        with self._lock:
            self._loaded.pop(arn, None)
        shutil.rmtree(model_folder(arn), ignore_errors=True)


def load(folder: Path, recipe: Recipe, events: "Values") -> Model:
    """Read a trained version."""
    from local.recommenders.catalog import RECIPES

    return Model(recipe, RECIPES[recipe.name].load(folder), json.loads((folder / "items.json").read_text()), events)
