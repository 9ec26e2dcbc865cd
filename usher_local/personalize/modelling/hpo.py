"""The trials of a training: the recipes of AutoML, and hyperparameters within ranges.

The search is Bayesian, like the service's: a Gaussian process predicts the results of untried points, and the point
with the greatest expected improvement is next (Jones, Schonlau and Welch, "Efficient Global Optimization of Expensive
Black-Box Functions", 1998). The defaults come first, then as many spread points as the process needs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from usher_local.personalize.core.algorithms import PARAMETERS, ranges
from usher_local.personalize.core.recipes import BY_ARN, service_arn
from usher_local.personalize.core.resources import Values

if TYPE_CHECKING:
    from numpy.typing import NDArray

CANDIDATES = tuple(service_arn("recipe", name) for name in ("aws-hrnn", "aws-hrnn-metadata", "aws-popularity-count"))
"""The recipes that AutoML tries by default."""
DEFAULT_JOBS = 8
OBJECTIVE = "mean_reciprocal_rank_at_25"
POINTS = 1024
"""The number of points from which the next one is chosen; a power of 2, as Sobol sequences need."""
SMOOTHNESS, NOISE = 0.3, 1e-3
"""The Gaussian process's length scale, as a share of a range, and the variance of a result."""
DIGITS = 6
Point = dict[str, str]


@dataclass(frozen=True, slots=True)
class Objective:
    """The metric that compares trials; `sign` is -1 if less is better."""

    metric: str = OBJECTIVE
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Range:
    """The range of one hyperparameter: a number from `low` to `high`, or one of `values`."""

    name: str
    default: str
    low: float = 0
    high: float = 0
    values: tuple[str, ...] = ()

    def text(self, share: float) -> str:
        """The value at a share, 0 to 1, of the range."""
        if self.values:
            return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        return str(round(self.low + share * (self.high - self.low), DIGITS))

    def share(self, text: str) -> float:
        """The share, 0 to 1, of the range at which a value lies; 0.5 for a value outside it."""
        if self.values:
            return (self.values.index(text) + 0.5) / len(self.values) if text in self.values else 0.5
        within = self.low <= float(text) <= self.high and self.high > self.low
        return (float(text) - self.low) / (self.high - self.low) if within else 0.5


@dataclass(frozen=True, slots=True)
class IntegerRange(Range):
    """The range of an integer hyperparameter, whose values are equally likely."""

    def text(self, share: float) -> str:
        """The value at a share, 0 to 1, of the range."""
        return str(min(math.floor(self.low + share * (self.high - self.low + 1)), int(self.high)))

    def share(self, text: str) -> float:
        """The share, 0 to 1, of the range at which a value lies; 0.5 for a value outside it."""
        within = self.low <= float(text) <= self.high
        return (float(text) - self.low + 0.5) / (self.high - self.low + 1) if within else 0.5


def recipes(values: Values) -> Sequence[str]:
    """The ARNs of the recipes to try for a version with these members; several with performAutoML."""
    automatic = values.get("solutionConfig", {}).get("autoMLConfig", {}).get("recipeList") or CANDIDATES
    return automatic if values.get("performAutoML") else (values["recipeArn"],)


def objective(values: Values) -> Objective:
    """The objective by which the best trial is chosen."""
    config = values.get("solutionConfig", {})
    if values.get("performAutoML"):
        return Objective(config.get("autoMLConfig", {}).get("metricName", OBJECTIVE))
    goal = config.get("hpoConfig", {}).get("hpoObjective", {})
    return Objective(goal.get("metricName") or OBJECTIVE, -1 if goal.get("type", "").lower() == "minimize" else 1)


def jobs(values: Values) -> int:
    """The maximum number of models for a recipe."""
    resources = values.get("solutionConfig", {}).get("hpoConfig", {}).get("hpoResourceConfig", {})
    return int(resources.get("maxNumberOfTrainingJobs", DEFAULT_JOBS)) if values.get("performHPO") else 1


def space(values: Values, recipe_arn: str) -> list[Range]:
    """The hyperparameters of a recipe that a search may set and that have an effect; empty without a search."""
    from usher_local.recommenders.registry import INERT

    if not values.get("performHPO"):
        return []
    algorithm = BY_ARN[recipe_arn].algorithm_name
    ranges_given = values.get("solutionConfig", {}).get("hpoConfig", {}).get("algorithmHyperParameterRanges")
    known = PARAMETERS.get(algorithm, {})
    return [
        _range(row, kind, known[row["name"]].default)
        for kind, rows in (ranges_given or ranges(algorithm)).items()
        for row in rows
        if row["name"] in known and row["name"] not in INERT
    ]


def _range(row: dict[str, Any], kind: str, default: str) -> Range:
    bounds = (row["name"], default, row.get("minValue", 0), row.get("maxValue", 0), tuple(row.get("values", ())))
    return IntegerRange(*bounds) if kind.startswith("integer") else Range(*bounds)


def suggest(within: Sequence[Range], tried: Sequence[tuple[Point, float]], seed: int = 0) -> Point | None:
    """The next point to try, given those tried and their results (higher is better); None if no point is left.

    Deterministic for the same arguments.
    """
    shares = [[dimension.share(dimension.default) for dimension in within], *_spread(len(within), seed)]
    named = ({d.name: d.text(share) for d, share in zip(within, row, strict=True)} for row in shares)
    known = [point for point, _ in tried]
    fresh = [point for point in {tuple(p.values()): p for p in named}.values() if point not in known]
    if not fresh or len(tried) <= len(within) + 1:
        return fresh[0] if fresh else None
    seen, points = (np.array([[d.share(point[d.name]) for d in within] for point in some]) for some in (known, fresh))
    return fresh[int(np.argmax(_improvement(seen, np.array([value for _, value in tried]), points)))]


@cache
def _spread(dimensions: int, seed: int) -> list[list[float]]:
    if not dimensions:
        return []
    # The import of scipy.stats is slow; the first search pays for it, not every training.
    from scipy.stats.qmc import Sobol

    rows: list[list[float]] = Sobol(dimensions, rng=seed).random(POINTS).tolist()
    return rows


def _improvement(
    seen: "NDArray[np.float64]", values: "NDArray[np.float64]", points: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """The expected improvement of `points` (m, d) on the best of `values` (n,), found at `seen` (n, d): (m,)."""
    from scipy.linalg import cho_factor, cho_solve
    from scipy.special import ndtr

    def kernel(some: "NDArray[np.float64]") -> "NDArray[np.float64]":
        distances = np.square(some[:, None] - seen).sum(axis=2)
        return np.asarray(np.exp(distances / (-2 * SMOOTHNESS**2)))

    scaled = (values - values.mean()) / (values.std() or 1.0)
    factor = cho_factor(kernel(seen) + NOISE * np.eye(len(seen)))
    near = kernel(points)
    expected = near @ cho_solve(factor, scaled)
    deviation = np.sqrt(np.maximum(1 - np.einsum("ij,ji->i", near, cho_solve(factor, near.T)), 1e-12))
    gain = (expected - scaled.max()) / deviation
    density = np.exp(-(gain**2) / 2) / math.sqrt(2 * math.pi)
    return np.asarray(deviation * (gain * ndtr(gain) + density))
