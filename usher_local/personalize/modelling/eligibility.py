"""The candidates that a list may contain, by the use case and by the request's filter."""

import numpy as np

from usher_local.personalize.core.recipes import RELATED, Recipe
from usher_local.personalize.core.use_cases import use_case
from usher_local.personalize.data.datasets import GroupData, Mask
from usher_local.personalize.data.interactions import History, InteractionLog
from usher_local.personalize.filters.checks import parse_filter
from usher_local.personalize.filters.evaluation import Scope, select
from usher_local.personalize.modelling.candidates import Candidates
from usher_local.personalize.modelling.queries import Filter, Request


def eligible(recipe: Recipe, scope: Scope, item_filter: Filter | None) -> Mask:
    """The mask of the use case and the filter; related items exclude the item itself."""
    mask = np.ones(len(scope.index), np.bool_)
    drops = use_case(recipe).drops
    if drops:
        mask &= select(parse_filter(f'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("{drops}")'), scope, {})
    if item_filter:
        mask &= select(item_filter.expression, scope, item_filter.values)
    own = scope.index.get(scope.item or "")
    if recipe.type == RELATED and own is not None:
        mask[own] = False
    return mask


def item_scope(data: GroupData, candidates: Candidates, request: Request, history: History) -> Scope:
    """The scope of an item filter in a request."""
    recent = remembered(data.interactions, request.user, history)
    table, users = candidates.table, data.users.table
    rows, masks = candidates.rows, candidates.masks
    return Scope("ITEM", candidates.index, table, rows, users, request.user, recent, request.item, masks=masks)


def remembered(log: InteractionLog, user: str | None, history: History) -> History:
    """The user's history for filters: empty if it is too old for them."""
    return History() if log.forgotten(user or "") else history
