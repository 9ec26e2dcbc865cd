"""Answer from a trained model: score, filter, mix, cut."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.core.recipes import ACTIONS, BY_ARN, RANKING, RELATED, Recipe
from usher_local.personalize.core.resources import Backend, Resource, Values
from usher_local.personalize.core.schemas import Field
from usher_local.personalize.core.use_cases import NEEDS, use_case
from usher_local.personalize.data.backend import DataBackend
from usher_local.personalize.data.datasets import GroupData, Mask, Table
from usher_local.personalize.data.interactions import History, InteractionLog, about
from usher_local.personalize.filters.evaluation import ACTION_WINDOW, Scope, select
from usher_local.personalize.filters.grammar import parse
from usher_local.personalize.modelling.candidates import COLD_START, DAY, Catalogue, ColdStart
from usher_local.personalize.modelling.queries import Entry, Filter, Request, Settings
from usher_local.personalize.modelling.reranking import explore, promote, shares, top, unit
from usher_local.personalize.modelling.training import model_folder
from usher_local.personalize.modelling.training_data import TAKEN, Counting, countings, features, schema_of, weigh
from usher_local.recommenders.base import Query, Recommender

NOTHING = np.empty(0, np.intp)
ONCE = np.ones(1, np.float32)


@dataclass(frozen=True, slots=True)
class Question:
    """A request up to the model's part: what to ask the model, and what to make of its scores."""

    queries: Sequence[Query]
    weights: NDArray[np.float32]
    """(queries,): the scores are the sum of what the queries answer, times these."""
    answer: Callable[[NDArray[np.float32]], list[Entry]]
    """From scores (n_items,), which it may change; InvalidInputError for a filter that lacks a value."""


@dataclass
class Model:
    """A solution version or recommender, loaded: the recommender's arrays stay on disk, memory-mapped."""

    recipe: Recipe
    recommender: Recommender
    items: list[str]
    users: list[str]
    values: Values
    fields: Sequence[Field] = ()
    _catalogue: Catalogue | None = None

    @cached_property
    def index(self) -> dict[str, int]:
        """Position of each item that was learnt from."""
        return {item: position for position, item in enumerate(self.items)}

    @cached_property
    def countings(self) -> dict[str, Counting]:
        """Which events of a history count."""
        return countings(self.values)

    def answer(self, question: Question) -> list[Entry]:
        """The answer to a single question."""
        return question.answer(self.scores([question])[0])

    def scores(self, questions: Sequence[Question]) -> NDArray[np.float32]:
        """What the model says to at least one question (m, n_items); all at once is much faster than one by one."""
        answers = self.recommender.score_many([query for question in questions for query in question.queries])
        if len(answers) == len(questions):
            return answers
        parts = np.split(answers, np.cumsum([len(question.queries) for question in questions])[:-1])
        return np.stack([question.weights @ part for question, part in zip(questions, parts, strict=True)])

    def recommend(self, data: GroupData, request: Request) -> Question:
        """The best items for a user, or those related to an item.

        InvalidInputError when the recipe needs something that the request lacks.
        """
        if self.recipe.type not in NEEDS:
            raise InvalidInputError(f"The recipe {self.recipe.name} does not support GetRecommendations.")
        for needed in use_case(self.recipe).needs or NEEDS[self.recipe.type]:
            if not {"userId": request.user, "itemId": request.item}[needed]:
                raise InvalidInputError(f"{needed} is required for the recipe {self.recipe.name}.")
        history = data.interactions.history(request.user) if request.user else History()
        return self._question(
            data, request, history, lambda catalogue, scores: self._listed(data, request, history, catalogue, scores)
        )

    def rank(self, data: GroupData, request: Request, items: Sequence[str]) -> Question:
        """The given items, best first; those that nothing is known of come last with score 0."""
        if self.recipe.type != RANKING:
            raise InvalidInputError(f"The recipe {self.recipe.name} does not support GetPersonalizedRanking.")
        history = data.interactions.history(request.user or "")

        def ranked(catalogue: Catalogue, scores: NDArray[np.float32]) -> list[Entry]:
            allowed = self._allowed(_scope(data, catalogue, request, history), request.filter)
            places = [(name, catalogue.index.get(name)) for name in dict.fromkeys(items)]
            known = np.array([place for _, place in places if place is not None and allowed[place]], np.intp)
            order = np.argsort(-scores[known], kind="stable")
            told = zip(known[order].tolist(), shares(scores[known])[order].tolist(), strict=True)
            unknown = [Entry(name, 0.0) for name, place in places if place is None]
            return [Entry(catalogue.ids[place], round(share, 7)) for place, share in told] + unknown

        return self._question(data, request, history, ranked)

    def _question(
        self,
        data: GroupData,
        request: Request,
        history: History,
        answer: Callable[[Catalogue, NDArray[np.float32]], list[Entry]],
    ) -> Question:
        """`answer` gets the scores of the whole catalogue, newcomers among them."""
        catalogue = self.catalogue(data)
        counts = weigh(self.countings, history.types, history.values).tolist()
        met = self._known([item for item, weight in zip(history.items, counts, strict=True) if weight])
        place = catalogue.index.get(request.item or "")
        queries, weights = [Query(met, place, history.newest)], ONCE
        if place is not None and place >= catalogue.known:
            # Nobody has met the item yet: what is related to those that it is like.
            like = catalogue.likeness[[place - catalogue.known]]
            near = [Query(met, known, history.newest) for known in like.indices.tolist()]
            queries, weights = near or [Query(met)], like.data
        settings = request.settings
        return Question(
            queries,
            weights if len(weights) else ONCE,
            lambda scores: answer(catalogue, self._influenced(catalogue, catalogue.spread(scores), settings)),
        )

    def _listed(
        self,
        data: GroupData,
        request: Request,
        history: History,
        catalogue: Catalogue,
        scores: NDArray[np.float32],
    ) -> list[Entry]:
        case, scope = use_case(self.recipe), _scope(data, catalogue, request, history)
        wanted = self._allowed(scope, request.filter)
        chance, promoted, young = Random(f"{request.user} {request.item} {len(history.items)}"), NOTHING, NOTHING
        if request.promotion:
            count = request.results * request.promotion.percent // 100
            allowed = self._allowed(scope, request.promotion.filter)
            promoted = top(scores, allowed, count) if count else NOTHING
            wanted[promoted] = False
        if case.explores:
            best, young = self._explored(data, request, catalogue, scores, wanted, chance)
        else:
            best = top(scores, wanted, request.results)
        chosen, marks = promote(best, promoted, request.results, chance)
        tried, told = set(young.tolist()), shares(scores)[chosen].tolist()
        _level(told, [place in tried for place in chosen.tolist()])
        return [
            Entry(
                catalogue.ids[place],
                round(share, 7) if self.recipe.scored else None,
                request.promotion.name if marked and request.promotion else None,
                ("Promoted item" if marked else "Exploration" if place in tried else None) if case.explains else None,
            )
            for place, share, marked in zip(chosen.tolist(), told, marks, strict=True)
        ]

    def _explored(
        self,
        data: GroupData,
        request: Request,
        catalogue: Catalogue,
        scores: NDArray[np.float32],
        wanted: Mask,
        chance: Random,
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The list, with new items at some places, and which items these may be.

        Nobody's interest is known in what nobody has met: such items come by chance or not at all. Among themselves
        they are ordered by the scores of what they are like.
        """
        cold = self._cold(data, catalogue, request.settings) & wanted
        usual = wanted & ~cold if request.settings.exploration else wanted.copy()
        usual[catalogue.known :] = False
        young, count = top(scores, cold, request.results), np.count_nonzero(cold)
        rate = request.settings.exploration * (count / (count + np.count_nonzero(usual) or 1)) ** 0.5
        best = top(scores, usual, request.results)
        return explore(best, young, float(rate), request.results, chance), young

    def _cold(self, data: GroupData, catalogue: Catalogue, settings: Settings) -> Mask:
        """Items that may be tried: young ones that nobody has met or, with aws-hrnn-coldstart, hardly anybody."""
        if self.recipe.name == COLD_START:
            return catalogue.cold(data.interactions, ColdStart.of(self.values))
        # What does not say when it was created is as young as the newest interaction.
        age = np.maximum(data.interactions.newest - catalogue.born, 0)
        cold: Mask = age < settings.age * DAY
        cold[: catalogue.known] = False
        return cold

    def act(self, data: GroupData, request: Request) -> list[Entry]:
        """The actions that a user will most likely take, with their propensities."""
        if self.recipe.type != ACTIONS:
            raise InvalidInputError(f"The recipe {self.recipe.name} does not support GetActionRecommendations.")
        table = data.actions.table
        catalogue = Catalogue.of(self.items, table, (), newcomers=False)
        log, user = data.action_interactions, request.user or ""
        recent = _remembered(log, user, log.history(user))
        scope = Scope(
            "ACTION",
            catalogue.index,
            table,
            catalogue.rows,
            data.users.table,
            request.user,
            recent,
            window=ACTION_WINDOW,
        )
        taken = {row.item: row.timestamp for row in log.of(user) if (row.type or "").lower() == TAKEN}
        scores = self.recommender.score(Query(self._known(list(taken))))
        allowed = self._allowed(scope, request.filter) & _due(catalogue, table, taken)
        best = top(scores, allowed, request.results).tolist()
        return [Entry(self.items[place], round(float(scores[place]), 7)) for place in best]

    def segment(self, data: GroupData, items: Sequence[str], results: int, filtered: Filter | None) -> Question:
        """The users who like any of the items most; InvalidInputError if the model knows none of the items."""
        known = self._known(items)
        if not known.size:
            raise InvalidInputError("None of the items has interactions.")
        catalogue = Catalogue.of(self.users, data.users.table, (), newcomers=False)
        events = list(about(data.interactions, items)) if filtered else []
        met = History([user for user, _ in events], [kind for _, kind in events])
        table = catalogue.table
        scope = Scope("USER", catalogue.index, table, catalogue.rows, table, None, met, window=len(met.items))

        def segment(scores: NDArray[np.float32]) -> list[Entry]:
            best = top(scores, self._allowed(scope, filtered), results)
            return [Entry(self.users[place]) for place in best.tolist()]

        return Question([Query(known)], ONCE, segment)

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


def _scope(data: GroupData, catalogue: Catalogue, request: Request, history: History) -> Scope:
    recent = _remembered(data.interactions, request.user, history)
    table, users = catalogue.table, data.users.table
    rows, masks = catalogue.rows, catalogue.masks
    return Scope("ITEM", catalogue.index, table, rows, users, request.user, recent, request.item, masks=masks)


def _remembered(log: InteractionLog, user: str | None, history: History) -> History:
    return History() if log.forgotten(user or "") else history


def _level(told: list[float], tried: Sequence[bool]) -> None:
    """Give what is tried the score of the next that is not, so that scores fall along the list."""
    for place in range(len(told) - 2, -1, -1):
        if tried[place]:
            told[place] = told[place + 1]


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


class ModelBackend(DataBackend, Protocol):
    """A backend with its trained models."""

    models: "Models"


@dataclass
class Models:
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
        """Forget a version that was deleted, and its files."""
        with self._lock:
            self._loaded.pop(arn, None)
        shutil.rmtree(model_folder(arn), ignore_errors=True)


def load(backend: Backend, resource: Resource) -> Model:
    """Read a trained version or recommender."""
    from usher_local.recommenders.catalog import RECIPES

    folder, recipe = model_folder(resource.arn), BY_ARN[resource.values["recipeArn"]]
    items, users = (json.loads((folder / f"{name}.json").read_text()) for name in ("items", "users"))
    fields = features(resource.values, schema_of(backend, resource, "ITEMS"))
    return Model(recipe, RECIPES[recipe.name].load(folder), items, users, resource.values, fields)
