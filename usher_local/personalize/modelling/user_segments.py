"""Segments: the users who like given items most."""

from collections.abc import Sequence

import numpy as np

from usher_local.personalize.core.errors import InvalidInputError
from usher_local.personalize.data.datasets import GroupData
from usher_local.personalize.data.interactions import History, about
from usher_local.personalize.filters.evaluation import Scope
from usher_local.personalize.modelling.candidates import Candidates
from usher_local.personalize.modelling.eligibility import eligible
from usher_local.personalize.modelling.model import FORGOTTEN, ONE_QUERY, Model, Question, Scores
from usher_local.personalize.modelling.queries import Entry, Filter
from usher_local.personalize.modelling.reranking import top
from usher_local.recommenders.base import Query


def segment(model: Model, data: GroupData, items: Sequence[str], results: int, user_filter: Filter | None) -> Question:
    """The users who like any of the items most. InvalidInputError if the model knows none of the items."""
    known = model.positions(items)
    if not known.size:
        raise InvalidInputError("None of the items has interactions.")
    candidates = Candidates.of(model.users, data.users.table, (), newcomers=False)
    events = list(about(data.interactions, items)) if user_filter else []
    met = History([user for user, _ in events], [event_type for _, event_type in events])
    table = candidates.table
    scope = Scope("USER", candidates.index, table, candidates.rows, table, None, met, window=len(met.items))

    def answer(scores: Scores) -> list[Entry]:
        allowed = eligible(model.recipe, scope, user_filter) & np.array(
            [not user.startswith(FORGOTTEN) for user in model.users]
        )
        return [Entry(model.users[place]) for place in top(scores, allowed, results).tolist()]

    return Question([Query(known)], ONE_QUERY, answer)
