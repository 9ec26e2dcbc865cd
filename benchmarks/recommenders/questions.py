"""The requests to a recipe, and the scores of its answers: rows of the hold-out, and rows of costs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.recommenders.groups import Groups
from benchmarks.recommenders.holdout import Holdout, List, table
from benchmarks.recommenders.served import Line, Served, served
from benchmarks.report import Row, quantile
from benchmarks.service import REQUESTS, timed
from usher_local.personalize.core.recipes import ACTIONS, POPULAR, RANKING, RELATED, SEGMENTS, USER, Recipe
from usher_local.personalize.core.use_cases import use_case
from usher_local.recommenders.metrics import DEPTH

DEEP = 500
"""The service's longest list, from which de-duplicated ones are cut."""
SEGMENT_LINES = {"aws-item-affinity": 500, "aws-item-attribute-affinity": 10}
"""The maximum number of lines in a job."""
ABOUT_ITEMS = ("aws-semantic-similarity", "aws-item-attribute-affinity")


class NotApplicableError(Exception):
    """The data lacks something that the recipe needs; the message says what."""


@dataclass(frozen=True)
class Questions:
    """The requests to the recipes about one data set."""

    holdout: Holdout
    genres: Sequence[str]
    requests: int = REQUESTS
    """The number of timed requests, and the maximum of their users."""

    def measure(self, groups: Groups, recipe: Recipe) -> tuple[list[Row], Row]:
        """Train a recipe and send the requests. Returns its rows of the hold-out (none for segments and actions), and
        its costs.

        NotApplicableError for recipes that need metadata if there is none.
        """
        if recipe.name in ABOUT_ITEMS and not self.genres:
            raise NotApplicableError("needs titles and genres of items")
        with served(groups.service, groups.of(recipe), recipe) as model:
            how = {SEGMENTS: self._segments, ACTIONS: self._actions}.get(recipe.type, self._lists)
            rows, milliseconds, speed = how(recipe, model)
        costs: Row = {"recipe": recipe.name, "training s": round(model.seconds, 2), "peak MB": round(model.megabytes)}
        for share in (50, 99):
            costs[f"p{share} ms"] = round(quantile(milliseconds, share / 100), 1) if milliseconds else ""
        own = {name: f"{model.metrics[name]:.4f}" for name in OWN if name in model.metrics}
        listed = ", ".join(f"{OWN[name]} {value}" for name, value in own.items())
        return rows, {**costs, "batch lists/s": round(speed) if speed else "", "own metrics": listed}

    def _lists(self, recipe: Recipe, model: Served) -> tuple[list[Row], list[float], float]:
        alone, deep = (self.lines(recipe, deep=deep) for deep in (False, True))
        sample = self._sample(list(alone))
        raw: dict[int, list[str]] = {}

        def ask(number: int) -> None:
            user = sample[number % len(sample)]
            raw[user] = model.ask(alone[user], DEPTH)

        timed(ask, lambda done: done < len(sample) // 5)  # warm-up
        milliseconds, speed = self._timed(ask), 0.0
        # The filter needs the user of a line. A list to rank contains only new items.
        filtered = recipe.type in (USER, POPULAR) or bool(recipe.domain)
        if recipe.batch:
            tries = {"itemExplorationConfig": {"explorationWeight": "0"}} if use_case(recipe).explores else {}
            raw, speed = model.batch(alone, DEPTH, batchInferenceJobConfig=tries)
            more, _ = model.batch(deep, DEEP, filtered=filtered, batchInferenceJobConfig=tries)
        else:
            more = {user: model.ask(deep[user], DEEP, filtered=filtered) for user in sample}
        return self._scored(recipe.name, raw, more), milliseconds, speed

    def _actions(self, _: Recipe, model: Served) -> tuple[list[Row], list[float], float]:
        users = self.holdout.learnt.user_ids
        return [], self._timed(lambda number: model.act(users[number % len(users)])), 0

    def _segments(self, recipe: Recipe, model: Served) -> tuple[list[Row], list[float], float]:
        lines: list[Line] = [{"itemAttributes": f'ITEMS.GENRES = "{genre}"'} for genre in self.genres]
        if recipe.name == "aws-item-affinity":
            learnt = self.holdout.learnt
            lines = [{"itemId": learnt.item_ids[item]} for item in np.unique(learnt.item)]
        most = SEGMENT_LINES[recipe.name]
        return [], [], model.batch(dict(enumerate(lines[:most])), DEPTH, kind="segment")[1]

    def _timed(self, call: Callable[[int], object]) -> list[float]:
        return timed(call, lambda done: done < self.requests)

    def _sample(self, users: Sequence[int]) -> list[int]:
        """A random sample of at most `requests` users."""
        chosen: list[int] = np.random.default_rng(0).permutation(users)[: self.requests].tolist()
        return chosen

    def lines(self, recipe: Recipe, *, deep: bool) -> dict[int, Line]:
        """The line of each user, for a list to de-duplicate if `deep`. Related items need a history.

        Related items are those of the user's newest item; the items to rank are the most popular ones, new to the user
        if `deep`.
        """
        learnt, popular, lines = self.holdout.learnt, self.holdout.popular(), dict[int, Line]()
        for user, history in enumerate(self.holdout.histories):
            line: Line = {"userId": learnt.user_ids[user]}
            if recipe.type == RELATED:
                if not history.size:
                    continue
                related = {"itemId": learnt.item_ids[history[-1]]}
                line = line | related if recipe.domain else related
            if recipe.type == RANKING:
                items = popular[~np.isin(popular, history)] if deep else popular
                line["itemList"] = [learnt.item_ids[item] for item in items[:DEEP]]
            lines[user] = line
        return lines

    def _scored(self, name: str, raw: Mapping[int, list[str]], deep: Mapping[int, list[str]]) -> list[Row]:
        number = {item: place for place, item in enumerate(self.holdout.learnt.item_ids)}

        def numbered(lists: Mapping[int, list[str]]) -> dict[int, List]:
            """Items that the hold-out does not contain become -1, which is never a hit."""
            return {user: np.array([number.get(item, -1) for item in items], np.int64) for user, items in lists.items()}

        return table(name, self.holdout, numbered(raw), numbered(deep))


OWN = {
    "mean_reciprocal_rank_at_25": "MRR@25",
    "normalized_discounted_cumulative_gain_at_25": "NDCG@25",
    "hits_at_1_percent": "hits@1%",
    "recall_at_1_percent": "recall@1%",
    "coverage": "coverage",
}
"""The service's own metrics in the table."""
