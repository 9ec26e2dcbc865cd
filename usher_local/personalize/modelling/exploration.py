"""Exploration: new items among the best ones."""

from dataclasses import dataclass
from random import Random

import numpy as np

from usher_local.personalize.data.datasets import GroupData, Mask
from usher_local.personalize.modelling.candidates import COLD_START, DAY, Candidates, ColdStart
from usher_local.personalize.modelling.model import Model, Scores
from usher_local.personalize.modelling.queries import Request
from usher_local.personalize.modelling.reranking import Positions, explore, top


@dataclass(frozen=True, slots=True)
class Exploration:
    """The new items that a request may show, and their rate."""

    model: Model
    data: GroupData
    candidates: Candidates
    request: Request

    def mix(self, scores: Scores, allowed: Mask, chance: Random) -> tuple[Positions, Positions]:
        """The best items with new ones at some places, and the new items that may be among them.

        Items without events have no score of their own: they are chosen by chance, and ordered by the scores of similar
        items.
        """
        results, weight = self.request.results, self.request.settings.exploration
        cold = self._cold() & allowed
        usual = allowed & ~cold if weight else allowed.copy()
        usual[self.candidates.known :] = False
        new, count = top(scores, cold, results), np.count_nonzero(cold)
        rate = weight * (count / (count + np.count_nonzero(usual) or 1)) ** 0.5
        return explore(top(scores, usual, results), new, float(rate), results, chance), new

    def _cold(self) -> Mask:
        """The mask of new items: those without events or, with aws-hrnn-coldstart, with few."""
        interactions, candidates = self.data.interactions, self.candidates
        if self.model.recipe.name == COLD_START:
            return candidates.cold(interactions, ColdStart.of(self.model.values))
        # An item without a time of creation is as young as the newest interaction.
        age = np.maximum(interactions.newest - candidates.born, 0)
        cold: Mask = age < self.request.settings.age * DAY
        cold[: candidates.known] = False
        return cold
