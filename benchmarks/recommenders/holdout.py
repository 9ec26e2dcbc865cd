"""The temporal hold-out of the published figures of aws-hrnn: each user's newest tenth, predicted from the rest.

Split and metrics are those of AWS's notebook "personalization with temporal hold-out evaluations" in
amazon-personalize-samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from usher.evaluation.metrics import CUTOFFS, DEPTH, METRICS, InteractionSet, compute_metrics

from usher_cli.ratings import Ratings
from usher_local.recommenders.base import Interactions
from usher_local.recommenders.metrics import hold_out

NAMES = ("MRR", *(f"P@{cutoff}" for cutoff in CUTOFFS), *(f"NDCG@{cutoff}" for cutoff in CUTOFFS))
FORMS = ("raw", "d25", "dedup")
COLUMNS = [
    list(METRICS).index(name)
    for name in (
        "mean_reciprocal_rank",
        *(f"precision_at_{cutoff}" for cutoff in CUTOFFS),
        *(f"legacy_ndcg_at_{cutoff}" for cutoff in CUTOFFS),
    )
]
"""The indices of these among Usher's metrics."""
RESAMPLES = 1000

List = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Holdout:
    """A split of interactions; users and items keep their numbers."""

    learnt: Interactions
    histories: list[NDArray[np.int32]]
    """The training items of each user, oldest first."""
    truths: list[NDArray[np.int32]]
    """The held-out items of each user, at least one."""

    @classmethod
    def of(cls, ratings: Ratings) -> Self:
        """Hold out events beyond 90% of their user's, by time; events of equal time keep the file's order."""
        interactions = Interactions.of(ratings.users, ratings.items, ratings.timestamps)
        learnt, cases = hold_out(interactions)
        return cls(learnt, [case.query.history for case in cases], [case.truth for case in cases])

    def popular(self) -> List:
        """All items, by the number of training events, highest first: the notebook's baseline."""
        counts = np.bincount(self.learnt.item, minlength=len(self.learnt.item_ids))
        return np.argsort(-counts, kind="stable")


def shapes(history: List, answered: List, deep: List) -> dict[str, List]:
    """The three forms of one user's list, at most DEPTH items each.

    raw: as `answered`. d25: its new items, then the others, as in the notebook. dedup: the new items of `deep`, a
    longer list, possibly already without known items.
    """
    raw = answered[:DEPTH]
    seen = np.isin(raw, history)
    return {
        "raw": raw,
        "d25": np.concatenate((raw[~seen], raw[seen])),
        "dedup": deep[~np.isin(deep, history)][:DEPTH],
    }


def judge(lists: Sequence[List], truths: Sequence[NDArray[np.int32]]) -> NDArray[np.float64]:
    """The metrics of `NAMES` of each list (n, 7). NDCG is that of the notebook."""
    ranked = np.full((len(lists), DEPTH), -1, np.int32)
    for row, found in zip(ranked, lists, strict=True):
        row[: len(found)] = found
    users, items = np.repeat(np.arange(len(truths)), list(map(len, truths))), np.concatenate(truths)
    width = 1 + max(ranked.max(initial=-1), items.max(initial=-1))
    return compute_metrics(ranked, InteractionSet.of(users, items, width), np.zeros(width))[:, COLUMNS]


def interval(values: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """Half of the width of the 95% bootstrap interval of each column's mean: (n, k) to (k,)."""
    count, chance = len(values), np.random.default_rng(seed)
    means = [chance.multinomial(count, np.full(count, 1 / count)) @ values / count for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return np.asarray((high - low) / 2, np.float64)


def table(
    name: str, holdout: Holdout, answered: Mapping[int, List], deep: Mapping[int, List]
) -> list[dict[str, str | float]]:
    """A row per form: the metrics, half of the width of MRR's 95% interval, and the number of lists, by the user's
    number.

    `short` is the number of lists with fewer than 25 items, because too few items are new to the user.
    """
    formed = {user: shapes(holdout.histories[user], answered[user], deep[user]) for user in answered}
    rows: list[dict[str, str | float]] = []
    for form in FORMS:
        lists = [formed[user][form] for user in formed]
        values = judge(lists, [holdout.truths[user] for user in formed])
        means = dict(zip(NAMES, (round(float(mean), 4) for mean in values.mean(axis=0)), strict=True))
        about: dict[str, str | float] = {"model": name, "form": form, "MRR": means["MRR"]}
        half, short = round(float(interval(values)[0]), 4), sum(len(found) < DEPTH for found in lists)
        rows.append({**about, "±": half, **means, "users": len(lists), "short": short})
    return rows
