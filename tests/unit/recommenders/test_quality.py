"""The main model must stay as good as it is: the newest 10% of everyone's ratings, predicted from the older 90%.

Seen items are left out, or not; position p weighs 1/log2(max(p, 2)), as where the baselines of aws-hrnn were published.
The bars lie a little below what the model reaches; it is deterministic but for rounding, so they do not flake.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from usher_local.demo import movielens
from usher_local.recommenders.base import Interactions
from usher_local.recommenders.metrics import DEPTH, hold_out, measure, rank
from usher_local.recommenders.registry import RECIPES

ROOT = Path(__file__).parents[3]
LATEST_SMALL = ROOT.parent / "shared/data/movielens-latest-small/ratings.csv"
DISCOUNT = 1 / np.log2(np.maximum(np.arange(1, DEPTH + 1), 2))


def read(path: Path, delimiter: str) -> Interactions:
    """Columns: user, item, rating, timestamp."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter)
        next(rows)
        users, items, _, timestamps = zip(*rows, strict=True)
    return Interactions.of(users, items, map(int, timestamps))


@pytest.fixture
def latest_small() -> Interactions:
    if not LATEST_SMALL.exists():
        pytest.skip(f"MovieLens latest-small is not at {LATEST_SMALL}")
    return read(LATEST_SMALL, ",")


@pytest.fixture
def hundred_thousand() -> Interactions:
    try:
        return read(movielens.fetch(ROOT / ".cache/movielens-100k") / movielens.INTERACTIONS, "\t")
    except movielens.DownloadError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("data", "bars"),
    [
        ("hundred_thousand", {"mean_reciprocal_rank": 0.40, "precision": 0.19, "gain": 0.455}),
        ("latest_small", {"mean_reciprocal_rank": 0.255, "precision": 0.105, "gain": 0.325}),
    ],
)
def test_the_main_model_keeps_its_quality(request: pytest.FixtureRequest, data: str, bars: Mapping[str, float]) -> None:
    interactions: Interactions = request.getfixturevalue(data)
    learnt, cases = hold_out(interactions)
    model = RECIPES["aws-user-personalization"].fit(learnt, {})
    for unseen in (True, False):  # nobody rates a film twice: this is learnt, so that it makes no difference
        lists = [rank(model, case.query, unseen=unseen) for case in cases]
        metrics = measure(lists, [case.truth for case in cases], len(interactions.item_ids), DISCOUNT)
        assert metrics["mean_reciprocal_rank_at_25"] >= bars["mean_reciprocal_rank"]
        assert metrics["precision_at_5"] >= bars["precision"]
        assert metrics["normalized_discounted_cumulative_gain_at_25"] >= bars["gain"]
