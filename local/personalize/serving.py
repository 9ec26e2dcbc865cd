"""Answer from a trained model: score, filter, mix, cut."""

import json
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from local.personalize.catalogue import Catalogue
from local.personalize.datasets import GroupData, Mask, Table
from local.personalize.exceptions import InvalidInputError
from local.personalize.filters import parse
from local.personalize.interactions import Interaction, InteractionLog, about
from local.personalize.mixing import explore, promote, shares, unit
from local.personalize.preparation import TAKEN, countings, features, schema_of, weigh
from local.personalize.recipes import ACTIONS, BY_ARN, RANKING, RELATED, Recipe
from local.personalize.requests import Entry, Filter, Request, Settings
from local.personalize.schemas import Field
from local.personalize.selection import ACTION_WINDOW, Scope, select
from local.personalize.training import model_folder
from local.personalize.usecases import NEEDS, use_case
from local.recommenders.base import Query, Recommender

if TYPE_CHECKING:
    from local.personalize.models import PersonalizeBackend
    from local.personalize.resources import Resource, Values

DAY = 86400.0
NOTHING = np.empty(0, np.intp)


@dataclass
class Model:
    """A solution version or recommender, loaded: the recommender's arrays stay on disk, memory-mapped."""

    recipe: Recipe
    recommender: Recommender
    items: list[str]
    users: list[str]
    values: "Values"
    fields: Sequence[Field] = ()
    _catalogue: Catalogue | None = None

    @cached_property
    def index(self) -> dict[str, int]:
        """Position of each item that was learnt from."""
        return {item: position for position, item in enumerate(self.items)}

    def recommend(self, data: GroupData, request: Request) -> list[Entry]:
        """The best items for a user, or those related to an item.

        InvalidInputError when the recipe needs something that the request lacks.
        """
        if self.recipe.type not in NEEDS:
            raise InvalidInputError(f"The recipe {self.recipe.name} does not support GetRecommendations.")
        case = use_case(self.recipe)
        for needed in case.needs or NEEDS[self.recipe.type]:
            if not {"userId": request.user, "itemId": request.item}[needed]:
                raise InvalidInputError(f"{needed} is required for the recipe {self.recipe.name}.")
        catalogue = self.catalogue(data)
        history = data.interactions.of(request.user) if request.user else []
        scope = _scope(data, catalogue, request, history)
        scores = self._scores(catalogue, history, request)
        wanted = self._allowed(scope, request.filter)
        chance, best, young = Random(f"{request.user} {request.item} {len(history)}"), _best(scores, wanted), NOTHING
        if case.explores:
            # Nobody's interest is known in the newcomers: they come by chance, or not at all.
            new = best >= catalogue.known
            age = data.interactions.newest - catalogue.born[best[new]]
            best, young = best[~new], best[new][age < request.settings.age * DAY]
            rate = request.settings.exploration * (len(young) / (len(best) + len(young) or 1)) ** 0.5
            best = explore(best, young, rate, 2 * request.results, chance)  # promoted ones are still to be taken out
            scores = _levelled(scores, best, young)
        promoted = NOTHING
        if request.promotion:
            promoted = _best(scores, self._allowed(scope, request.promotion.filter))
            promoted = promoted[: request.results * request.promotion.percent // 100]
        chosen, marks = promote(best[~np.isin(best, promoted)], promoted, request.results, chance)
        tried, told = set(young.tolist()), shares(scores)[chosen].tolist()
        return [
            Entry(
                catalogue.ids[place],
                round(share, 7) if self.recipe.scored else None,
                request.promotion.name if marked and request.promotion else None,
                ("Promoted item" if marked else "Exploration" if place in tried else None) if case.explains else None,
            )
            for place, share, marked in zip(chosen.tolist(), told, marks, strict=True)
        ]

    def rank(self, data: GroupData, request: Request, items: Sequence[str]) -> list[Entry]:
        """The given items, best first; those that nothing is known of come last with score 0."""
        if self.recipe.type != RANKING:
            raise InvalidInputError(f"The recipe {self.recipe.name} does not support GetPersonalizedRanking.")
        catalogue = self.catalogue(data)
        history = data.interactions.of(request.user or "")
        allowed = self._allowed(_scope(data, catalogue, request, history), request.filter)
        places = [(name, catalogue.index.get(name)) for name in dict.fromkeys(items)]
        known = np.array([place for _, place in places if place is not None and allowed[place]], np.intp)
        scores = self._scores(catalogue, history, request)[known]
        order = np.argsort(-scores, kind="stable")
        told = zip(known[order].tolist(), shares(scores)[order].tolist(), strict=True)
        unknown = [Entry(name, 0.0) for name, place in places if place is None]
        return [Entry(catalogue.ids[place], round(share, 7)) for place, share in told] + unknown

    def act(self, data: GroupData, request: Request) -> list[Entry]:
        """The actions that a user will most likely take, with their propensities."""
        if self.recipe.type != ACTIONS:
            raise InvalidInputError(f"The recipe {self.recipe.name} does not support GetActionRecommendations.")
        table = data.actions.table
        catalogue = Catalogue.of(self.items, table, (), newcomers=False)
        history = data.action_interactions.of(request.user or "")
        recent = _remembered(data.action_interactions, request.user, history)
        scope = Scope(
            "ACTION",
            catalogue.index,
            table,
            catalogue.rows,
            data.users.table,
            request.user,
            recent,
            None,
            ACTION_WINDOW,
        )
        taken = {row.item: row.timestamp for row in history if (row.type or "").lower() == TAKEN}
        scores = self.recommender.score(Query(self._known(list(taken))))
        allowed = self._allowed(scope, request.filter) & _due(catalogue, table, taken)
        best = _best(scores, allowed)[: request.results]
        return [Entry(self.items[place], round(float(scores[place]), 7)) for place in best.tolist()]

    def segment(self, data: GroupData, items: Sequence[str], results: int, filtered: Filter | None) -> list[str]:
        """The users who like any of the items most; InvalidInputError if the model knows none of the items."""
        known = self._known(items)
        if not known.size:
            raise InvalidInputError("None of the items has interactions.")
        catalogue = Catalogue.of(self.users, data.users.table, (), newcomers=False)
        met = [Interaction(0, user, kind, None) for user, kind in about(data.interactions, items)] if filtered else []
        scope = Scope(
            "USER", catalogue.index, catalogue.table, catalogue.rows, catalogue.table, None, met, None, len(met)
        )
        best = _best(self.recommender.score(Query(known)), self._allowed(scope, filtered))
        return [self.users[place] for place in best[:results].tolist()]

    def catalogue(self, data: GroupData) -> Catalogue:
        """What can be recommended now; the same object until the items change."""
        known, table = self._catalogue, data.items.table
        if known is None or known.table is not table:
            case = use_case(self.recipe)
            known = Catalogue.of(self.items, table, self.fields, case.newcomers or case.explores)
            self._catalogue = known
        return known

    def _known(self, items: Sequence[str]) -> NDArray[np.int32]:
        return np.array([place for item in items if (place := self.index.get(item)) is not None], np.int32)

    def _scores(self, catalogue: Catalogue, history: Sequence[Interaction], request: Request) -> NDArray[np.float32]:
        counted = weigh(countings(self.values), [row.type for row in history], [row.value for row in history])
        met = self._known([row.item for row, weight in zip(history, counted.tolist(), strict=True) if weight])
        place = catalogue.index.get(request.item or "")
        if place is None or place < catalogue.known:
            scores = self.recommender.score(Query(met, place))
        else:
            # Nobody has met the item yet: what is related to those that it is like.
            like = catalogue.likeness[[place - catalogue.known]]
            related = [self.recommender.score(Query(met, near)) for near in like.indices.tolist()]
            scores = np.asarray(like.data @ np.array(related), np.float32)
        return self._influenced(catalogue, catalogue.spread(scores), request.settings)

    def _influenced(self, catalogue: Catalogue, scores: NDArray[np.float32], settings: Settings) -> NDArray[np.float32]:
        """Scores with the popularity and the freshness of items added, where these are wished for."""
        popular, fresh = (settings.influence.get(name, 0.0) for name in ("POPULARITY", "FRESHNESS"))
        if not popular and not fresh:
            return scores
        popularity = catalogue.spread(self.recommender.score(Query(np.empty(0, np.int32))))
        born = np.nan_to_num(catalogue.born, nan=0.0, posinf=float(np.min(catalogue.born)))
        return np.asarray(unit(scores) + popular * unit(popularity) + fresh * unit(born), np.float32)

    def _allowed(self, scope: Scope, filtered: Filter | None) -> Mask:
        """What the use case and the filter let through; of related items not the item itself."""
        allowed = np.ones(len(scope.index), np.bool_)
        drops = use_case(self.recipe).drops
        if drops:
            allowed &= select(parse(f'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("{drops}")'), scope, {})
        if filtered:
            allowed &= select(filtered.expression, scope, filtered.values)
        own = scope.index.get(scope.item or "")
        if self.recipe.type == RELATED and own is not None:
            allowed[own] = False
        return allowed


def _scope(data: GroupData, catalogue: Catalogue, request: Request, history: Sequence[Interaction]) -> Scope:
    recent = _remembered(data.interactions, request.user, history)
    table, users = catalogue.table, data.users.table
    return Scope("ITEM", catalogue.index, table, catalogue.rows, users, request.user, recent, request.item)


def _remembered(log: InteractionLog, user: str | None, history: Sequence[Interaction]) -> Sequence[Interaction]:
    return [] if log.forgotten(user or "") else history


def _best(scores: NDArray[np.float32], allowed: Mask) -> NDArray[np.intp]:
    candidates = np.flatnonzero(allowed)
    order: NDArray[np.intp] = candidates[np.argsort(-scores[candidates], kind="stable")]
    return order


def _levelled(scores: NDArray[np.float32], best: NDArray[np.intp], young: NDArray[np.intp]) -> NDArray[np.float32]:
    """What is tried gets the score of its place, so that scores fall along the list."""
    if not young.size or not best.size:
        return scores
    levelled = np.array(scores)
    tried = np.isin(best, young)
    levelled[young] = scores[best[~tried]].min(initial=scores.max())
    for place in range(len(best) - 2, -1, -1):
        if tried[place]:
            levelled[best[place]] = levelled[best[place + 1]]
    return levelled


def _due(catalogue: Catalogue, table: Table, taken: dict[str, int]) -> Mask:
    """Actions that have not expired, nor been taken in their last REPEAT_FREQUENCY days."""
    now = time.time()
    repeat, *expiries = (
        np.append(table.column(name).numbers, np.nan)[catalogue.rows]
        for name in ("REPEAT_FREQUENCY", "EXPIRATION_TIMESTAMP", "ACTION_EXPIRATION_TIMESTAMP")
    )
    last = np.array([taken.get(action, -np.inf) for action in catalogue.ids])
    closed = np.logical_or.reduce([now - last < repeat * DAY, *(expiry < now for expiry in expiries)])
    return np.asarray(~closed, np.bool_)


@dataclass
class Models:
    """Loaded models by ARN of their version or recommender."""

    _loaded: dict[str, Model] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, backend: "PersonalizeBackend", resource: "Resource") -> Model:
        """The model of an ACTIVE version or recommender; loaded once."""
        model = self._loaded.get(resource.arn)
        if model is None:
            model = load(backend, resource)
            with self._lock:
                self._loaded[resource.arn] = model
        return model

    def drop(self, arn: str) -> None:
        """Forget a version that was deleted, and its files."""
        with self._lock:
            self._loaded.pop(arn, None)
        shutil.rmtree(model_folder(arn), ignore_errors=True)


def load(backend: "PersonalizeBackend", resource: "Resource") -> Model:
    """Read a trained version or recommender."""
    from local.recommenders.catalog import RECIPES

    folder, recipe = model_folder(resource.arn), BY_ARN[resource.values["recipeArn"]]
    items, users = (json.loads((folder / f"{name}.json").read_text()) for name in ("items", "users"))
    fields = features(resource.values, schema_of(backend, resource, "ITEMS"))
    return Model(recipe, RECIPES[recipe.name].load(folder), items, users, resource.values, fields)
