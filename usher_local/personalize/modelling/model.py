"""A trained model, loaded: it scores items from the interactions that it was trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from usher_local.personalize.core.recipes import Recipe
from usher_local.personalize.core.resources import Values
from usher_local.personalize.core.schemas import Field
from usher_local.personalize.core.use_cases import use_case
from usher_local.personalize.data.datasets import GroupData
from usher_local.personalize.modelling.candidates import Candidates
from usher_local.personalize.modelling.queries import Entry
from usher_local.personalize.modelling.training_data import EventRule, event_rules
from usher_local.recommenders.base import Query, Recommender

Scores = NDArray[np.float32]
FORGOTTEN = "\0"
"""The prefix of the placeholder for a deleted user; no ID has it."""
ONE_QUERY = np.ones(1, np.float32)


@dataclass(frozen=True, slots=True)
class Question:
    """A request split at the model: the queries to score, and the function that makes the list from the scores."""

    queries: Sequence[Query]
    weights: Scores
    """(queries,): the scores are the sum of the queries' scores, times these."""
    answer: Callable[[Scores], list[Entry]]
    """Makes the list from scores (n_items,), which it may change. InvalidInputError for a filter that lacks a value."""


@dataclass
class Model:
    """The model of a solution version or recommender; its arrays stay on disk, memory-mapped."""

    recipe: Recipe
    recommender: Recommender
    items: list[str]
    users: list[str]
    values: Values
    """The members of the version or recommender."""
    fields: Sequence[Field] = ()
    """The fields by which the model compares items."""
    _candidates: Candidates | None = None

    @cached_property
    def index(self) -> dict[str, int]:
        """The position of each item that the model knows."""
        return {item: position for position, item in enumerate(self.items)}

    @cached_property
    def event_rules(self) -> dict[str, EventRule]:
        """The rules of the events that count, by type in lower case."""
        return event_rules(self.values)

    def answer(self, question: Question) -> list[Entry]:
        """Answer a single question."""
        return question.answer(self.scores([question])[0])

    def scores(self, questions: Sequence[Question]) -> Scores:
        """The scores of at least one question, (m, n_items); much faster together than one by one."""
        scores = self.recommender.score_many([query for question in questions for query in question.queries])
        if len(scores) == len(questions):
            return scores
        parts = np.split(scores, np.cumsum([len(question.queries) for question in questions])[:-1])
        return np.stack([question.weights @ part for question, part in zip(questions, parts, strict=True)])

    def positions(self, items: Sequence[str]) -> NDArray[np.int32]:
        """The positions of the given items that the model knows."""
        return np.array([place for item in items if (place := self.index.get(item)) is not None], np.int32)

    def candidates(self, data: GroupData) -> Candidates:
        """The items that can be recommended now; the same object until the items change."""
        candidates, table = self._candidates, data.items.table
        if candidates is None or candidates.table is not table:
            case = use_case(self.recipe)
            candidates = Candidates.of(self.items, table, self.fields, case.newcomers or case.explores)
            self._candidates = candidates
        return candidates
