"""Lists of items: recommendations, related items and rankings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.core.recipes import RANKING
from usher_local.personalize.core.use_cases import NEEDS, use_case
from usher_local.personalize.data.datasets import GroupData
from usher_local.personalize.data.interactions import History
from usher_local.personalize.modelling.candidates import Candidates
from usher_local.personalize.modelling.eligibility import eligible, item_scope
from usher_local.personalize.modelling.exploration import Exploration
from usher_local.personalize.modelling.model import ONE_QUERY, Model, Question, Scores
from usher_local.personalize.modelling.queries import Entry, Request
from usher_local.personalize.modelling.reranking import promote, shares, top, unit
from usher_local.personalize.modelling.training_data import weigh
from usher_local.recommenders.base import Query

NOTHING = np.empty(0, np.intp)
NO_ITEMS = np.empty(0, np.int32)
DIGITS = 7
"""The digits of a score, which the service rounds."""


def recommend(model: Model, data: GroupData, request: Request) -> Question:
    """The best items for a user, or those related to an item.

    InvalidInputError if the request lacks a member that the recipe needs.
    """
    recipe = model.recipe
    if recipe.type not in NEEDS:
        raise InvalidInputError(f"The recipe {recipe.name} does not support GetRecommendations.")
    for needed in use_case(recipe).needs or NEEDS[recipe.type]:
        if not {"userId": request.user, "itemId": request.item}[needed]:
            raise InvalidInputError(f"{needed} is required for the recipe {recipe.name}.")
    history = data.interactions.history(request.user) if request.user else History()
    ranker = Ranker(model, data, request, history, model.candidates(data))
    return ranker.question(ranker.best)


def rank(model: Model, data: GroupData, request: Request, items: Sequence[str]) -> Question:
    """The given items, best first; items that are not candidates come last, with score 0."""
    if model.recipe.type != RANKING:
        raise InvalidInputError(f"The recipe {model.recipe.name} does not support GetPersonalizedRanking.")
    history = data.interactions.history(request.user or "")
    ranker = Ranker(model, data, request, history, model.candidates(data))
    return ranker.question(lambda scores: ranker.ranked(scores, items))


@dataclass(frozen=True, slots=True)
class Ranker:
    """Turns one request into queries, and the candidates' scores into its list."""

    model: Model
    data: GroupData
    request: Request
    history: History
    candidates: Candidates

    def question(self, answer: Callable[[Scores], list[Entry]]) -> Question:
        """The question whose `answer` takes the scores of all candidates, including newcomers."""
        candidates = self.candidates
        place = candidates.index.get(self.request.item or "")
        met, newest = self._history_positions(), self.history.newest
        queries, weights = [Query(met, place, newest)], ONE_QUERY
        if place is not None and place >= candidates.known:
            # The item has no events yet: use the related items of the items that it resembles.
            like = candidates.likeness[[place - candidates.known]]
            queries = [Query(met, known, newest) for known in like.indices.tolist()] or [Query(met)]
            weights = like.data if len(like.data) else ONE_QUERY
        return Question(queries, weights, lambda scores: answer(self._influenced(candidates.spread(scores))))

    def best(self, scores: Scores) -> list[Entry]:
        """The best eligible items, with promoted and new ones among them."""
        model, request, candidates = self.model, self.request, self.candidates
        case, scope = use_case(model.recipe), item_scope(self.data, candidates, request, self.history)
        allowed = eligible(model.recipe, scope, request.filter)
        chance = Random(f"{request.user} {request.item} {len(self.history.items)}")
        promoted, new = NOTHING, NOTHING
        if request.promotion:
            count = request.results * request.promotion.percent // 100
            promotable = eligible(model.recipe, scope, request.promotion.filter)
            promoted = top(scores, promotable, count) if count else NOTHING
            allowed[promoted] = False
        if case.explores:
            best, new = Exploration(model, self.data, candidates, request).mix(scores, allowed, chance)
        else:
            best = top(scores, allowed, request.results)
        chosen, marks = promote(best, promoted, request.results, chance)
        on_trial, shown = set(new.tolist()), shares(scores)[chosen].tolist()
        _align_scores(shown, [place in on_trial for place in chosen.tolist()])
        return [
            Entry(
                candidates.ids[place],
                round(share, DIGITS) if model.recipe.scored else None,
                request.promotion.name if marked and request.promotion else None,
                _reason(marked, place in on_trial) if case.explains else None,
            )
            for place, share, marked in zip(chosen.tolist(), shown, marks, strict=True)
        ]

    def ranked(self, scores: Scores, items: Sequence[str]) -> list[Entry]:
        """The eligible ones of these items, best first; then those that are not candidates."""
        candidates = self.candidates
        scope = item_scope(self.data, candidates, self.request, self.history)
        allowed = eligible(self.model.recipe, scope, self.request.filter)
        places = [(name, candidates.index.get(name)) for name in dict.fromkeys(items)]
        known = np.array([place for _, place in places if place is not None and allowed[place]], np.intp)
        order = np.argsort(-scores[known], kind="stable")
        shown = zip(known[order].tolist(), shares(scores[known])[order].tolist(), strict=True)
        unknown = [Entry(name, 0.0) for name, place in places if place is None]
        return [Entry(candidates.ids[place], round(share, DIGITS)) for place, share in shown] + unknown

    def _history_positions(self) -> NDArray[np.int32]:
        """The positions of the items in the user's history, from events that count."""
        weights = weigh(self.model.event_rules, self.history.types, self.history.values).tolist()
        return self.model.positions([i for i, weight in zip(self.history.items, weights, strict=True) if weight])

    def _influenced(self, scores: Scores) -> Scores:
        """The scores, with the items' popularity and freshness added by the weights in the settings."""
        influence = self.request.settings.influence
        popular, fresh = influence.get("POPULARITY", 0.0), influence.get("FRESHNESS", 0.0)
        if not popular and not fresh:
            return scores
        popularity = self.candidates.spread(self.model.recommender.score(Query(NO_ITEMS)))
        born = self.candidates.born
        freshness = np.nan_to_num(born, nan=0.0, posinf=float(np.min(born)))
        return np.asarray(unit(scores) + popular * unit(popularity) + fresh * unit(freshness), np.float32)


def _reason(promoted: bool, on_trial: bool) -> str | None:
    return "Promoted item" if promoted else "Exploration" if on_trial else None


def _align_scores(shares: list[float], on_trial: Sequence[bool]) -> None:
    """Give an explored item the score of the next other item, so that scores fall along the list."""
    for place in range(len(shares) - 2, -1, -1):
        if on_trial[place]:
            shares[place] = shares[place + 1]
