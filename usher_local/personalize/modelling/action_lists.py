"""Lists of the next best actions for a user."""

import time
from collections.abc import Mapping

import numpy as np

from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.core.recipes import ACTIONS
from usher_local.personalize.data.datasets import GroupData, Mask
from usher_local.personalize.filters.evaluation import ACTION_WINDOW, Scope
from usher_local.personalize.modelling.candidates import DAY, Candidates
from usher_local.personalize.modelling.eligibility import eligible, remembered
from usher_local.personalize.modelling.model import Model
from usher_local.personalize.modelling.queries import Entry, Request
from usher_local.personalize.modelling.reranking import top
from usher_local.personalize.modelling.training_data import TAKEN
from usher_local.recommenders.base import Query

DIGITS = 7
"""The digits of a score, which the service rounds."""


def recommend_actions(model: Model, data: GroupData, request: Request) -> list[Entry]:
    """The actions that a user will most likely take, with their propensities."""
    if model.recipe.type != ACTIONS:
        raise InvalidInputError(f"The recipe {model.recipe.name} does not support GetActionRecommendations.")
    candidates = Candidates.of(model.items, data.actions.table, (), newcomers=False)
    log, user = data.action_interactions, request.user or ""
    scope = Scope(
        "ACTION",
        candidates.index,
        candidates.table,
        candidates.rows,
        data.users.table,
        request.user,
        remembered(log, user, log.history(user)),
        window=ACTION_WINDOW,
    )
    taken = {row.item: row.timestamp for row in log.of(user) if (row.type or "").lower() == TAKEN}
    scores = model.recommender.score(Query(model.positions(list(taken))))
    allowed = eligible(model.recipe, scope, request.filter) & _available(candidates, taken)
    best = top(scores, allowed, request.results).tolist()
    return [Entry(model.items[place], round(float(scores[place]), DIGITS)) for place in best]


def _available(candidates: Candidates, taken: Mapping[str, int]) -> Mask:
    """The mask of the actions that have not expired and were not taken in their last REPEAT_FREQUENCY days."""
    now = time.time()
    repeat, *expiries = (
        np.append(candidates.table.column(name).numbers, np.nan)[candidates.rows]
        for name in ("REPEAT_FREQUENCY", "EXPIRATION_TIMESTAMP", "ACTION_EXPIRATION_TIMESTAMP")
    )
    last = np.array([taken.get(action, -np.inf) for action in candidates.ids])
    closed = np.logical_or.reduce([now - last < repeat * DAY, *(expiry < now for expiry in expiries)])
    return np.asarray(~closed, np.bool_)
