"""The main model keeps its quality: the newest 10% of each user's ratings, predicted from the older 90%.

Seen items are left out, or not; position p weighs 1/log2(max(p, 2)), as in the published baselines of aws-hrnn. The
thresholds are a little below the model's results; it is deterministic up to rounding, so they do not flake.
"""

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from usher_local.demo import movielens
from usher_local.recommenders.base import Interactions
from usher_local.recommenders.metrics import DEPTH, hold_out, measure, rank
from usher_local.recommenders.registry import RECIPES

pytestmark = pytest.mark.exhaustive


ROOT = Path(__file__).parents[3]
LATEST_SMALL = ROOT.parent / "shared/data/movielens-latest-small/ratings.csv"
MIN_RATINGS = 10
"""The films of latest-small to keep: training on all 9,724 takes ten times as long, and three quarters have few
ratings."""
DISCOUNT = 1 / np.log2(np.maximum(np.arange(1, DEPTH + 1), 2))


def read(path: Path, delimiter: str, min_ratings: int = 1) -> Interactions:
    """Columns: user, item, rating, timestamp. `min_ratings`: of the items that are kept."""
    with path.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file, delimiter=delimiter)
    ratings = Counter(item for _, item, *_ in rows)
    kept = [row for row in rows if ratings[row[1]] >= min_ratings]
    users, items, _, timestamps = zip(*kept, strict=True)
    return Interactions.of(users, items, map(int, timestamps))


@pytest.fixture
def latest_small() -> Interactions:
    if not LATEST_SMALL.exists():
        pytest.skip(f"MovieLens latest-small is not at {LATEST_SMALL}")
    return read(LATEST_SMALL, ",", MIN_RATINGS)


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
        ("latest_small", {"mean_reciprocal_rank": 0.27, "precision": 0.114, "gain": 0.347}),
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
